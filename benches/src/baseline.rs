//! What everything cost when somebody last looked, and whether it became dearer.
//!
//! Owns: `baseline.json`, from name to instructions per unit.

use anyhow::Context;
use std::collections::BTreeMap;
use std::io::ErrorKind;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/baseline.json");

/// A change of more than this share is worth a word.
const TOLERANCE: f64 = 0.03;

/// One benchmark, held against the baseline.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finding {
    pub(crate) name: String,
    pub(crate) was: Option<f64>,
    pub(crate) is: Option<f64>,
    pub(crate) verdict: Verdict,
}

/// How a benchmark stands; changes in percent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    Same(f64),
    Dearer(f64),
    Cheaper(f64),
    /// Not in the baseline.
    New,
    /// In the baseline only.
    Gone,
}

/// The baseline; empty while there is none.
pub(crate) fn read() -> anyhow::Result<BTreeMap<String, f64>> {
    match std::fs::read_to_string(PATH) {
        Ok(text) => serde_json::from_str(&text).context("baseline.json"),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(error).context("baseline.json"),
    }
}

pub(crate) fn write(counts: &BTreeMap<String, f64>) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(counts)? + "\n";
    std::fs::write(PATH, text).context("baseline.json")
}

/// Holds `counts` against `baseline`; `is_whole` when everything was counted, so that what is missing is gone.
pub(crate) fn compare(
    baseline: &BTreeMap<String, f64>,
    counts: &BTreeMap<String, f64>,
    is_whole: bool,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = counts
        .iter()
        .map(|(name, is)| {
            let was = baseline.get(name).copied();
            let verdict = was.map_or(Verdict::New, |was| judge(was, *is));
            Finding { name: name.clone(), was, is: Some(*is), verdict }
        })
        .collect();
    if is_whole {
        let gone = baseline.iter().filter(|(name, _)| !counts.contains_key(*name));
        findings.extend(gone.map(|(name, was)| Finding {
            name: name.clone(),
            was: Some(*was),
            is: None,
            verdict: Verdict::Gone,
        }));
    }
    findings
}

fn judge(was: f64, is: f64) -> Verdict {
    let percent = (is - was) / was * 100.0;
    if is > was * (1.0 + TOLERANCE) {
        Verdict::Dearer(percent)
    } else if is < was * (1.0 - TOLERANCE) {
        Verdict::Cheaper(percent)
    } else {
        Verdict::Same(percent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(list: &[(&str, f64)]) -> BTreeMap<String, f64> {
        list.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    fn verdicts(baseline: &[(&str, f64)], now: &[(&str, f64)], is_whole: bool) -> Vec<Verdict> {
        let findings = compare(&counts(baseline), &counts(now), is_whole);
        findings.into_iter().map(|finding| finding.verdict).collect()
    }

    #[test]
    fn a_worse_number_is_found() {
        let found = verdicts(&[("a", 100.0), ("b", 100.0)], &[("a", 103.0), ("b", 104.0)], true);
        assert_eq!(found, [Verdict::Same(3.0), Verdict::Dearer(4.0)]);
    }

    #[test]
    fn a_better_number_asks_for_a_new_baseline() {
        let found = verdicts(&[("a", 100.0), ("b", 100.0)], &[("a", 97.0), ("b", 96.0)], true);
        assert_eq!(found, [Verdict::Same(-3.0), Verdict::Cheaper(-4.0)]);
    }

    #[test]
    fn what_is_new_or_gone_is_named() {
        let found = compare(&counts(&[("old", 5.0)]), &counts(&[("young", 7.0)]), true);
        let named: Vec<_> = found.iter().map(|finding| (finding.name.as_str(), finding.verdict)).collect();
        assert_eq!(named, [("young", Verdict::New), ("old", Verdict::Gone)]);
    }

    #[test]
    fn what_was_not_chosen_is_not_gone() {
        assert_eq!(verdicts(&[("a", 5.0), ("b", 5.0)], &[("a", 5.0)], false), [Verdict::Same(0.0)]);
    }
}

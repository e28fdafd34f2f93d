//! What all rounds of all proofs have counted, in docs/evidence.tsv.
//!
//! Owns: the file, and how counts are added up.

use crate::command::root;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

/// Counts by proof and label, in the order in which they were first seen.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeMap<String, Vec<(String, u64)>>);

fn path() -> PathBuf {
    root().join("docs/evidence.tsv")
}

impl Tally {
    pub(super) fn read() -> Result<Self> {
        let mut tally = Self::default();
        let text = fs::read_to_string(path()).unwrap_or_default();
        for (number, line) in text.lines().enumerate() {
            let fields: Vec<&str> = line.split('\t').collect();
            let [name, count, label] = fields[..] else {
                anyhow::bail!("docs/evidence.tsv:{}: a name, a count and a label, with tabs between", number + 1)
            };
            tally.add(name, &format!("{count} {label}"))?;
        }
        Ok(tally)
    }

    pub(super) fn write(&self) -> Result<()> {
        let mut text = String::new();
        for (name, counts) in &self.0 {
            for (label, count) in counts {
                let _ = writeln!(text, "{name}\t{count}\t{label}");
            }
        }
        let new = path().with_extension("tsv.new");
        fs::write(&new, text).and_then(|()| fs::rename(&new, path())).context("writing docs/evidence.tsv")
    }

    pub(super) fn of(&self, name: &str, label: &str) -> u64 {
        let counts = self.0.get(name).into_iter().flatten();
        counts.filter(|(known, _)| known == label).map(|(_, count)| *count).sum()
    }

    pub(super) fn counts(&self, name: &str) -> &[(String, u64)] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// Adds `12 kills, 0 lost`. What is a most of something stays the most; a middle cannot be added up, and is left out.
    pub(super) fn add(&mut self, name: &str, counts: &str) -> Result<()> {
        let known = self.0.entry(name.to_owned()).or_default();
        for one in counts.split(", ") {
            let (count, label) = one.split_once(' ').with_context(|| format!("`{one}` is no count with a label"))?;
            let count: u64 = count.parse().with_context(|| format!("`{one}` begins with no number"))?;
            if label.contains("p50") || label.contains("p99") {
                continue;
            }
            match known.iter_mut().find(|(other, _)| other == label) {
                Some((_, sum)) if label.contains("at most") => *sum = count.max(*sum),
                Some((_, sum)) => *sum += count,
                None => known.push((label.to_owned(), count)),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_added_up_and_the_most_of_something_stays_the_most() {
        let mut tally = Tally::default();
        tally.add("kills", "10 kills, 0 lost, 7 ms to the exit p50, 30 ms to the exit at most").expect("counts");
        tally.add("kills", "5 kills, 0 lost, 20 ms to the exit at most").expect("counts");
        let of = |label| tally.of("kills", label);
        assert_eq!((of("kills"), of("lost"), of("ms to the exit at most"), of("ms to the exit p50")), (15, 0, 30, 0));
        assert!(tally.add("kills", "many kills").is_err());
    }
}

//! What a run found, for people as it comes and for programs at the end.

use super::capability::Capability;
use super::ground::Ground;
use super::options::Planned;
use super::outcome::{Finding, Verdict};
use serde_json::{Value, json};
use std::io::{self, Write};

/// How many cases ended how.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    pub(crate) noted: u32,
    pub(crate) skipped: u32,
}

impl Count {
    pub(crate) const fn add(&mut self, verdict: &Verdict) {
        let count = match verdict {
            Verdict::Passed => &mut self.passed,
            Verdict::Failed(_) => &mut self.failed,
            Verdict::Skipped(_) => &mut self.skipped,
            Verdict::Noted(_) => &mut self.noted,
        };
        *count += 1;
    }
}

/// One case as it ends.
pub(crate) fn progress(finding: &Finding) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in finding.lines() {
        writeln!(out, "{}", harmless(&line))?;
    }
    out.flush()
}

/// The last line for people.
pub(crate) fn total(ground: &Ground, count: Count) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let without: Vec<&str> = ground.abilities.missing().collect();
    if !without.is_empty() {
        writeln!(out, "without: {}", without.join(", "))?;
    }
    let Count { passed, failed, noted, skipped } = count;
    writeln!(out, "{passed} passed, {failed} failed, {noted} notes, {skipped} skipped")
}

/// Everything for programs.
pub(crate) fn json(ground: &Ground, count: Count, findings: &[Finding]) -> io::Result<()> {
    let object = json!({
        "broker": ground.route.to_string(),
        "without": ground.abilities.missing().collect::<Vec<_>>(),
        "passed": count.passed,
        "failed": count.failed,
        "notes": count.noted,
        "skipped": count.skipped,
        "findings": findings.iter().map(Finding::to_json).collect::<Vec<_>>(),
    });
    writeln!(io::stdout().lock(), "{object}")
}

/// Names the cases.
pub(crate) fn list(chosen: &[Planned], json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        let named = |planned: &Planned| -> Value {
            let Planned { case, version } = planned;
            let names = |list: &[Capability]| -> Vec<_> { list.iter().map(|capability| capability.name()).collect() };
            let (needs, lacks) = (names(case.needs), names(case.lacks));
            let clauses = case.clauses(*version);
            json!({"case": case.name, "edition": version.to_string(), "clauses": clauses, "needs": needs, "lacks": lacks})
        };
        let cases: Vec<Value> = chosen.iter().map(named).collect();
        return writeln!(out, "{}", json!({ "cases": cases }));
    }
    for Planned { case, version } in chosen {
        writeln!(out, "{:<7}{}", version.to_string(), case.name)?;
        let clauses = case.clauses(*version);
        if !clauses.is_empty() {
            writeln!(out, "{:7}{}", "", clauses.join(", "))?;
        }
    }
    Ok(())
}

/// What a broker said cannot steer a terminal.
fn harmless(line: &str) -> String {
    line.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}

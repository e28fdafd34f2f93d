//! What was run, how long it took, and whether it held.
//!
//! Owns: headings, times, the table at the end.
//! Never: stops at the first failure, forgets one.

use anyhow::{Result, bail};
use std::time::{Duration, Instant};

/// The steps of one verb.
#[derive(Default)]
pub(crate) struct Ledger {
    rows: Vec<Row>,
}

struct Row {
    name: String,
    took: Duration,
    /// A remark on success, the reason on failure.
    outcome: Result<String, String>,
}

impl Ledger {
    /// Runs one step under a heading. A failing step does not keep the next from running.
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce() -> Result<String>) {
        println!("\n── {name} ──");
        let start = Instant::now();
        let outcome = work().map_err(|error| format!("{error:#}"));
        let took = start.elapsed();
        match &outcome {
            Ok(note) => println!("── {name}: ok in {:.1} s {note}", took.as_secs_f64()),
            Err(why) => println!("── {name}: FAILED in {:.1} s: {why}", took.as_secs_f64()),
        }
        self.rows.push(Row { name: name.to_owned(), took, outcome });
    }

    /// Prints the table; an error if a step failed.
    pub(crate) fn close(self) -> Result<()> {
        let failed: Vec<&str> =
            self.rows.iter().filter(|row| row.outcome.is_err()).map(|row| row.name.as_str()).collect();
        println!("\n── summary ──");
        for row in &self.rows {
            println!("{}", row.line());
        }
        println!("steps: {} passed, {} failed", self.rows.len() - failed.len(), failed.len());
        if !failed.is_empty() {
            bail!("failed: {}", failed.join(", "));
        }
        Ok(())
    }
}

impl Row {
    fn line(&self) -> String {
        let (word, remark) = match &self.outcome {
            Ok(note) => ("ok", note),
            Err(why) => ("FAILED", why),
        };
        let remark = remark.lines().next().unwrap_or_default();
        format!("{:<24} {:<6} {:>7.1} s  {remark}", self.name, word, self.took.as_secs_f64()).trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_step_fails_the_whole_and_the_others_still_run() {
        let mut ledger = Ledger::default();
        let mut ran = Vec::new();
        ledger.step("first", || bail!("broken"));
        ledger.step("second", || {
            ran.push("second");
            Ok("fine".to_owned())
        });
        assert_eq!(ran, ["second"]);
        let error = ledger.close().expect_err("the first step failed");
        assert_eq!(error.to_string(), "failed: first");
    }

    #[test]
    fn a_ledger_without_failures_closes_well() {
        let mut ledger = Ledger::default();
        ledger.step("only", || Ok(String::new()));
        assert!(ledger.close().is_ok());
    }
}

//! Formatting, lints, tidy, clauses, the page of keys: what is looked at after each change.

use crate::command::{cargo, run as run_command};
use crate::ledger::Ledger;
use crate::{clauses, configuration, tidy};
use anyhow::Result;

pub(crate) fn run() -> Result<()> {
    let mut ledger = Ledger::default();
    add_steps(&mut ledger);
    ledger.close()
}

/// The cheapest first, so that a person who looks on learns soon.
pub(crate) fn add_steps(ledger: &mut Ledger) {
    ledger.step("fmt", || run_command(&mut cargo("fmt --all --check")).map(|()| String::new()));
    ledger.step("tidy", tidy::run);
    ledger.step("clauses", clauses::check);
    ledger.step("configuration", configuration::check);
    ledger.step("clippy", || {
        run_command(&mut cargo("clippy --workspace --all-targets --keep-going --quiet -- -D warnings"))
            .map(|()| String::new())
    });
}

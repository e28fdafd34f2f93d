//! Everything, in one order, with the time each step took.
//!
//! Owns: the list of steps.
//! Never: leaves a step out because a tool is missing.

use crate::command::{cargo, run as run_command};
use crate::ledger::Ledger;
use crate::pieces::{self, Missing};
use crate::{check, deny, docs, fuzz, sim, soak};
use anyhow::Result;

pub(crate) fn run(missing: Missing) -> Result<()> {
    pieces::provide(missing)?;
    let targets = fuzz::targets()?;
    let mut ledger = Ledger::default();
    check::add_steps(&mut ledger);
    ledger.step("deny", deny::run);
    ledger.step("tests", tests);
    ledger.step("doc tests", || docs::examples().map(|()| String::new()));
    ledger.step("docs", || docs::run(false).map(|()| String::new()));
    ledger.step("simulator", sim::smoke);
    ledger.step("simulator, crashes", sim::crashes);
    ledger.step("simulator, boundaries", sim::boundaries);
    ledger.step("soak", soak::smoke);
    for target in &targets {
        ledger.step(&format!("fuzz {}", target.name), || {
            target.run_random(FUZZ_SECONDS).map(|()| format!("{FUZZ_SECONDS} s of random input behind the corpus"))
        });
    }
    ledger.close()
}

fn tests() -> Result<String> {
    let mut command = cargo("nextest run --workspace --profile ci");
    run_command(command.envs(pieces::whereabouts())).map(|()| String::new())
}

const FUZZ_SECONDS: u64 = 10;

//! `postrider conformance`: tests any broker from outside against the statements of MQTT 3.1, 3.1.1 and 5.0.
//!
//! Owns: the verb and its exit codes: 0 nothing failed, 1 something did, 2 the broker could not be reached.
//! Never: trusts the broker; whatever it does ends in findings within a bounded time.

mod capability;
mod case;
mod cases;
mod fault;
mod ground;
mod options;
mod outcome;
mod peer;
mod refusals;
mod report;
mod requests;
mod runner;
mod scene;

pub(crate) use options::Conformance;

use ground::Ground;
use std::process::ExitCode;

pub(crate) fn run(args: &Conformance) -> anyhow::Result<ExitCode> {
    let chosen = args.chosen();
    if args.list {
        report::list(&chosen, args.json)?;
        return Ok(ExitCode::SUCCESS);
    }
    match Ground::survey(args) {
        Ok(ground) => runner::run(args, ground, &chosen),
        Err(error) => {
            crate::print_error(&error);
            Ok(ExitCode::from(UNREACHABLE))
        }
    }
}

/// The same code that wrong arguments end with.
const UNREACHABLE: u8 = 2;

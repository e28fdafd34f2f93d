//! `postrider torture`: starts any broker, loads it, kills it, starts it again, and counts what is gone.
//!
//! Owns: the verb and its exit codes: 0 everything that was acknowledged is there, 1 it is not, 2 the broker did not start.
//! Never: leaves the broker's process behind, trusts what it says of itself.

mod broker;
mod fate;
mod findings;
mod leash;
mod line;
mod newcomers;
mod options;
mod orphans;
mod place;
mod publisher;
mod random;
mod recipe;
mod report;
mod retained;
mod round;
mod subscriber;
mod tail;
mod town;
mod verdict;

pub(crate) use options::Torture;

use broker::{Broker, StartError};
use findings::Findings;
use leash::Leash;
use recipe::Recipe;
use std::process::ExitCode;
use town::Town;

pub(crate) fn run(args: &Torture) -> anyhow::Result<ExitCode> {
    let recipe = Recipe::prepare(args)?;
    let leash = Leash::new(recipe.scratch())?;
    let seed = args.seed.unwrap_or_else(random::fresh_seed);
    if !args.quiet {
        report::opening(args, &recipe, seed);
    }
    let mut town = Town::new(args, &recipe, seed);
    let mut broker = Broker::new(&recipe, args.signal, leash);
    match broker.start(town.place()) {
        Ok(_) => {}
        Err(StartError::World(error)) => return Err(error),
        Err(StartError::Broker(why)) => {
            crate::print_error(&anyhow::anyhow!("the broker could not be started: {why}"));
            report::last_words(&broker.last_words());
            return Ok(ExitCode::from(NOT_STARTED));
        }
    }
    let findings = match run_rounds(args, &mut town, &mut broker) {
        Ok(findings) => findings,
        Err(error) => {
            broker.stop();
            crate::print_error(&error);
            report::last_words(&broker.last_words());
            return Ok(ExitCode::FAILURE);
        }
    };
    if args.json {
        report::json(args, seed, &findings)?;
    } else {
        report::table(&findings)?;
    }
    if findings.end.is_some() {
        report::last_words(&broker.last_words());
    }
    Ok(if findings.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn run_rounds(args: &Torture, town: &mut Town<'_>, broker: &mut Broker<'_>) -> anyhow::Result<Findings> {
    town.settle_in()?;
    for number in 1..=args.kills {
        let death = town.live(broker)?;
        match broker.start(town.place()) {
            Ok(took) => town.findings.restarts.push(took),
            Err(StartError::World(error)) => return Err(error),
            Err(StartError::Broker(why)) => {
                town.findings.end = Some(format!("after kill {number} the broker did not come back: {why}"));
                return Ok(town.sum_up());
            }
        }
        let progress = town.inspect(&death)?;
        if !args.quiet {
            report::progress(number, args.kills, &progress);
        }
    }
    town.finish()?;
    broker.stop();
    Ok(town.sum_up())
}

/// The same code that wrong arguments end with.
const NOT_STARTED: u8 = 2;

//! `cargo xtask <verb>`: everything a person does to this repository, from one door.
//!
//! Owns: the verbs and their order.
//! Never: is imported, runs in production, skips a step in silence.

#![allow(clippy::print_stdout, reason = "a command for people speaks to them")]

mod bench;
mod check;
mod clauses;
mod command;
mod configuration;
mod corpus;
mod deny;
mod docs;
mod fuzz;
mod graph;
mod ledger;
mod limits;
mod pieces;
mod prove;
mod pure;
mod sim;
mod soak;
mod test;
mod tidy;

use clap::{Parser, Subcommand};
use pieces::Missing;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Checks, tests, simulates and fuzzes Postrider")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Formatting, lints, the walls of the house and the clauses; under a minute when warm
    Check,
    /// The import law, the purity of floors 1 to 3, sizes and plates
    Tidy,
    /// Everything: check, deny, tests, documents, simulator, fuzz targets
    Test {
        /// Bring the tools that are missing
        #[arg(long)]
        install: bool,
    },
    /// The tests of the pure half only
    Core,
    /// One simulated run as a timeline; arguments go to the simulator: SEED STEPS --seeds N --engines N --disk --quiet
    Sim {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Goes on with a long proof until it is enough, and adds its counts to docs/evidence.md; `prove list` names them
    Prove {
        name: String,
        /// So many rounds, whatever is enough
        #[arg(long)]
        rounds: Option<u64>,
    },
    /// Runs one fuzz target; `fuzz list` names them
    Fuzz {
        target: String,
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Writes the saved fuzz corpus anew from the golden packets and the hostile shapes
    Corpus,
    /// The server under a mixed load for minutes or hours, watched for what grows or becomes slower
    Soak {
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
        minutes: u64,
    },
    /// The load harness; arguments go to it
    Bench {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Writes docs/limits.md anew from the code
    Limits,
    /// Writes docs/conformance.md anew from the comments above the tests
    Clauses {
        /// Writes nothing; fails when the page is out of date, a name is wrong, or a clause has neither a test nor
        /// an excuse
        #[arg(long)]
        check: bool,
    },
    /// Writes docs/configuration.md and docs/mosquitto.md anew from the tables that read them
    Configuration {
        /// Writes nothing; fails when the page is out of date
        #[arg(long)]
        check: bool,
    },
    /// Licences, duplicate versions, sources and advisories of what we depend on
    Deny,
    /// The documentation of our crates
    Docs {
        #[arg(long)]
        open: bool,
    },
    /// What the continuous integration runs: `test --install`
    Ci,
}

fn main() -> ExitCode {
    match open(Cli::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn open(verb: Verb) -> anyhow::Result<()> {
    match verb {
        Verb::Check => check::run(),
        Verb::Tidy => tidy::run().map(|note| println!("{note}")),
        Verb::Test { install: false } => test::run(Missing::Name),
        Verb::Test { install: true } | Verb::Ci => test::run(Missing::Install),
        Verb::Core => pure::run(),
        Verb::Sim { args } => sim::run(&args),
        Verb::Prove { name, rounds } => prove::run(&name, rounds),
        Verb::Fuzz { target, seconds } => fuzz::run(&target, seconds),
        Verb::Soak { minutes } => soak::run(minutes),
        Verb::Corpus => corpus::run(),
        Verb::Bench { args } => bench::run(&args),
        Verb::Limits => limits::run(),
        Verb::Clauses { check: false } => clauses::write(),
        Verb::Clauses { check: true } => clauses::check().map(|note| println!("{note}")),
        Verb::Configuration { check: false } => configuration::write(),
        Verb::Configuration { check: true } => configuration::check().map(|note| println!("{note}")),
        Verb::Deny => deny::run().map(|note| println!("{note}")),
        Verb::Docs { open } => docs::run(open),
    }
}

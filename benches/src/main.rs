//! Counts the instructions of what the broker does most, so that a creeping cost is seen before it hurts.
//!
//! Owns: the workloads, the counting under valgrind, the comparison with `baseline.json`.
//! Never: opens a socket, draws entropy, reads a clock inside a workload.

#![allow(clippy::print_stdout, reason = "a tool for people at a terminal and for programs behind a pipe")]

mod baseline;
mod count;
mod report;
mod stopwatch;
mod summary;
mod workload;

use clap::{Args, Parser, Subcommand};
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(name = "postrider-bench", about = "Counts instructions per iteration, under valgrind")]
#[command(args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    count: Count,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Names every benchmark.
    List,
    /// Runs one workload in this process and says nothing.
    Run {
        name: String,
        #[arg(long)]
        iterations: u64,
    },
    /// Counts instructions; what happens without a command.
    Count(Count),
    /// Compares with baseline.json, and fails when something became dearer.
    Check {
        names: Vec<String>,
        /// Writes what was counted into baseline.json.
        #[arg(long)]
        renew: bool,
    },
    /// Measures nanoseconds, without valgrind.
    Time { names: Vec<String> },
}

#[derive(Debug, Args)]
struct Count {
    /// Which; a name ending in `/` means all that begin with it. Without names: all.
    names: Vec<String>,
    /// Prints an object from name to instructions per unit.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match obey(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("postrider-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn obey(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command.unwrap_or(Command::Count(cli.count)) {
        Command::List => report::print_list(&workload::all()),
        Command::Run { name, iterations } => workload::find(&name)?.prepare().run(iterations),
        Command::Count(Count { names, json }) => {
            let chosen = workload::choose(&names)?;
            let counts = count::count(&chosen)?;
            if json { report::print_json(&counts)? } else { report::print_counts(&chosen, &counts) }
        }
        Command::Check { names, renew } => return check(&names, renew),
        Command::Time { names } => stopwatch::time(&workload::choose(&names)?)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn check(names: &[String], renew: bool) -> anyhow::Result<ExitCode> {
    let mut known = baseline::read()?;
    anyhow::ensure!(renew || !known.is_empty(), "there is no baseline yet; `check --renew` writes one");
    let counts = count::count(&workload::choose(names)?)?;
    let findings = baseline::compare(&known, &counts, names.is_empty());
    report::print_findings(&findings);
    if renew {
        if names.is_empty() {
            known.clear();
        }
        known.extend(counts);
        baseline::write(&known)?;
        println!("baseline.json is renewed");
        return Ok(ExitCode::SUCCESS);
    }
    let is_dearer = findings.iter().any(|finding| matches!(finding.verdict, baseline::Verdict::Dearer(_)));
    Ok(if is_dearer { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

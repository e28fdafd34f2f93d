//! `postrider-sim SEED [STEPS] [--engines N] [--disk] [--quiet]`: prints one run as a timeline.

#![allow(clippy::print_stdout, reason = "a timeline is for reading")]

use postrider_sim::{Options, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut options = Options { is_verbose: true, ..Options::default() };
    let mut numbers = Vec::new();
    let mut seeds = 1;
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut number = || args.next().and_then(|arg| arg.parse::<u64>().ok()).unwrap_or(1);
        match arg.as_str() {
            "--engines" => options.partitions = u16::try_from(number()).unwrap_or(1),
            "--seeds" => seeds = number(),
            "--disk" => options.has_disk = true,
            "--shares" => options.shares_durably = true,
            "--quiet" => options.is_verbose = false,
            other => numbers.extend(other.parse::<u64>().ok()),
        }
    }
    let first = numbers.first().copied().unwrap_or(1);
    if let Some(steps) = numbers.get(1) {
        options.steps = usize::try_from(*steps).unwrap_or(options.steps);
    }
    let mut total = 0;
    for seed in first..first.saturating_add(seeds) {
        match run(seed, options) {
            Ok(report) => {
                total += report.delivered;
                if seeds == 1 {
                    println!("seed {seed}: {report:?}");
                }
            }
            Err(error) => {
                println!("FAILED {error}");
                println!("again: cargo xtask sim {seed}");
                return ExitCode::FAILURE;
            }
        }
    }
    println!("{seeds} seeds from {first}: nothing broken, {total} messages delivered");
    ExitCode::SUCCESS
}

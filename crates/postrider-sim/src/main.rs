//! `postrider-sim SEED [STEPS] [--seeds N] [--engines N] [--disk] [--no-shares] [--quiet]`: prints one run as a timeline,
//! or what many runs came to.

#![allow(clippy::print_stdout, reason = "a timeline is for reading")]

use postrider_sim::{Options, Report, run};
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
            "--disk" => options = Options { is_verbose: options.is_verbose, ..Options::on_disk() },
            "--no-shares" => options.shares_durably = false,
            "--quiet" => options.is_verbose = false,
            other => numbers.extend(other.parse::<u64>().ok()),
        }
    }
    let first = numbers.first().copied().unwrap_or(1);
    if let Some(steps) = numbers.get(1) {
        options.steps = usize::try_from(*steps).unwrap_or(options.steps);
    }
    let mut total = Report::default();
    for seed in first..first.saturating_add(seeds) {
        match run(seed, options) {
            Ok(report) => {
                total.add(&report);
                if seeds == 1 {
                    println!("seed {seed}: {report:?}");
                }
            }
            Err(error) => {
                println!("FAILED {error}");
                println!("again: cargo xtask sim {seed}{}", words(options));
                return ExitCode::FAILURE;
            }
        }
    }
    println!("{seeds} seeds from {first}: nothing broken, {} messages delivered", total.delivered);
    if options.has_disk {
        println!("{}", on_disk(&total));
    }
    ExitCode::SUCCESS
}

/// What repeats a run, behind its seed.
fn words(options: Options) -> String {
    let usual = if options.has_disk { Options::on_disk() } else { Options::default() };
    let mut words = String::new();
    if options.steps != usual.steps {
        words += &format!(" {}", options.steps);
    }
    if options.partitions != usual.partitions {
        words += &format!(" --engines {}", options.partitions);
    }
    words += if options.has_disk { " --disk" } else { "" };
    words + if options.shares_durably == usual.shares_durably { "" } else { " --no-shares" }
}

/// What the disk and the crashes came to. What is lost or doubled has ended the runs before this.
fn on_disk(total: &Report) -> String {
    format!(
        "{} crash points ({} losses of power in the middle of a call, {} behind a refusal of the device, {} with more \
         than one story), {} messages acknowledged to publishers, 0 of them lost, 0 doubled, {} came again at QoS 1, {} \
         sessions resumed behind a crash, {} wills; {} records appended, {} of them lost with nothing seen of them, {} \
         segments removed, {} times full, {} times stopped in order",
        total.crashes,
        total.power_cuts,
        total.faults,
        total.forks,
        total.acked,
        total.returned,
        total.resumed,
        total.wills,
        total.records,
        total.records_lost,
        total.segments_removed,
        total.fillings,
        total.stops,
    )
}

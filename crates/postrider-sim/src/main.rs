//! `postrider-sim SEED [STEPS] [--seeds N] [--engines N] [--disk | --cuts] [--no-shares] [--quiet]`: prints one run as a
//! timeline, or what many runs came to.

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
            "--cuts" => options = Options { is_verbose: options.is_verbose, ..Options::cuts() },
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
    if options.tries_cuts {
        println!("{}", with_cuts(&total, seeds));
    } else if options.has_disk {
        println!("{}", on_disk(&total, seeds));
    }
    ExitCode::SUCCESS
}

/// What repeats a run, behind its seed.
fn words(options: Options) -> String {
    let usual = match options {
        Options { tries_cuts: true, .. } => Options::cuts(),
        Options { has_disk: true, .. } => Options::on_disk(),
        Options { .. } => Options::default(),
    };
    let mut words = String::new();
    if options.steps != usual.steps {
        words += &format!(" {}", options.steps);
    }
    if options.partitions != usual.partitions {
        words += &format!(" --engines {}", options.partitions);
    }
    words += match options {
        Options { tries_cuts: true, .. } => " --cuts",
        Options { has_disk: true, .. } => " --disk",
        Options { .. } => "",
    };
    words + if options.shares_durably == usual.shares_durably { "" } else { " --no-shares" }
}

/// What the disk and the crashes came to. What is lost or doubled has ended the
/// runs before this.
fn on_disk(total: &Report, seeds: u64) -> String {
    let counts = [
        (seeds, "runs"),
        (total.crashes, "crash points"),
        (total.power_cuts, "losses of power in the middle of a call"),
        (total.faults, "behind a refusal of the device"),
        (total.fillings, "times full"),
        (total.stalls, "times slow"),
        (total.decays, "bytes that changed by themselves"),
        (total.decays_noticed, "times noticed by a start or a read"),
        (total.decays_torn, "times in a last group and taken for a torn one"),
        (total.acked, "messages acknowledged"),
        (total.handshakes_in, "handshakes of QoS 2 by publishers"),
        (total.handshakes_out, "by subscribers"),
        (total.returned, "messages of QoS 1 that came again"),
        (total.resumed, "sessions resumed behind a crash"),
        (total.wills, "wills"),
        (total.records, "records appended"),
        (total.records_lost, "of them lost unseen"),
        (total.segments_removed, "segments removed"),
        (total.stops, "stops in order"),
    ];
    proof("crash", &counts)
}

/// What was tried at each change of the disk.
fn with_cuts(total: &Report, seeds: u64) -> String {
    let counts = [
        (seeds, "traces"),
        (total.boundaries, "changes of the disk"),
        (total.cuts_tried, "cuts"),
        (total.records, "records appended"),
        (total.segments_removed, "segments removed"),
    ];
    proof("boundaries", &counts)
}

/// In the form that programs can add up.
fn proof(name: &str, counts: &[(u64, &str)]) -> String {
    let counts: Vec<String> = counts.iter().map(|(count, label)| format!("{count} {label}")).collect();
    format!("proof {name}: {}", counts.join(", "))
}

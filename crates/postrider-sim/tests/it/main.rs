//! Runs of the simulator: no seed may break anything.

#![allow(clippy::expect_used, clippy::panic, clippy::tests_outside_test_module, reason = "tests")]

mod crashes;

use postrider_sim::{Options, Report, run};

/// Where the seeds begin: `POSTRIDER_SEED`, or 1.
fn first_seed() -> u64 {
    std::env::var("POSTRIDER_SEED").map_or(1, |seed| seed.parse().expect("POSTRIDER_SEED is a number"))
}

fn run_all(seeds: std::ops::Range<u64>, options: Options) -> Vec<Report> {
    let first = first_seed();
    seeds.map(|seed| run(first.wrapping_add(seed), options).unwrap_or_else(|error| panic!("{error}"))).collect()
}

/// Runs in which nothing happens prove nothing.
fn expect_busy(reports: &[Report]) {
    let runs = reports.len() as u64;
    let sum = |of: fn(&Report) -> u64| reports.iter().map(of).sum::<u64>();
    assert!(sum(|report| report.published) > runs * 10, "too few messages were published");
    assert!(sum(|report| report.delivered) > runs * 7, "too few messages were delivered");
    assert!(sum(|report| report.cuts) > runs, "too few connections were cut");
    assert!(sum(|report| report.aliased) > runs / 5, "too few messages had an alias");
    assert!(sum(|report| report.held) > runs / 10, "too few messages waited for a rate");
    assert!(sum(|report| report.refused) > runs / 10, "too few connections were refused");
    assert!(sum(|report| report.pressed) > runs, "memory was short too seldom");
    assert!(sum(|report| report.refused_for_memory) > runs / 100, "too little was refused for want of memory");
    assert!(sum(|report| report.dropped_for_memory) >= runs / 200, "too little was dropped for want of memory");
}

/// With one engine groups are shared; with several nobody may.
fn expect_shared(reports: &[Report]) {
    let runs = reports.len() as u64;
    let sum = |of: fn(&Report) -> u64| reports.iter().map(of).sum::<u64>();
    assert!(sum(|report| report.shared) > runs * 2, "too few messages went through groups");
    assert!(sum(|report| report.taken_back) > runs / 10, "too few messages changed their member");
}

#[test]
fn one_engine_breaks_no_promise_in_1000_short_runs() {
    let reports = run_all(0..1000, Options::default());
    expect_busy(&reports);
    expect_shared(&reports);
}

#[test]
fn one_engine_breaks_no_promise_in_1000_other_short_runs() {
    let reports = run_all(1000..2000, Options::default());
    expect_busy(&reports);
    expect_shared(&reports);
}

#[test]
fn one_engine_breaks_no_promise_in_30_long_runs() {
    let options = Options { steps: 6000, ..Options::default() };
    expect_busy(&run_all(10_000..10_030, options));
}

#[test]
fn two_engines_that_forward_to_each_other_break_no_promise_in_1000_runs() {
    expect_busy(&run_all(20_000..21_000, Options { partitions: 2, ..Options::default() }));
}

#[test]
fn three_engines_break_no_promise_in_200_runs() {
    expect_busy(&run_all(30_000..30_200, Options { partitions: 3, ..Options::default() }));
}

/// Without this no failure could be looked at twice.
#[test]
fn the_same_seed_is_the_same_run_to_the_last_byte() {
    for seed in [1, 2, 3, 70, 320, 1987] {
        let options = Options { partitions: 2, steps: 800, ..Options::default() };
        let first = run(seed, options);
        assert_eq!(first, run(seed, options), "seed {seed}");
        assert_ne!(first.map(|report| report.digest), run(seed + 1000, options).map(|report| report.digest));
    }
}

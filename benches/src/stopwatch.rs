//! Wall time of a workload, for putting nanoseconds beside instructions.
//!
//! Never: decides anything; times move from run to run, so no check looks at them.

use crate::workload::Benchmark;
use anyhow::Context;
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;
/// A round lasts about this long, unless it would have more iterations than a workload's state can bear.
const ROUND: Duration = Duration::from_millis(50);
const ITERATIONS_MAX: u64 = 1 << 20;

pub(crate) fn time(chosen: &[Benchmark]) -> anyhow::Result<()> {
    let width = chosen.iter().map(|benchmark| benchmark.name.len()).max().unwrap_or_default();
    println!("{:width$}         ns  for (median of {ROUNDS} rounds)", "benchmark");
    for benchmark in chosen {
        println!("{:width$}  {:>9.1}  {}", benchmark.name, time_one(benchmark), benchmark.about);
    }
    let load = std::fs::read_to_string("/proc/loadavg").context("the load average")?;
    println!("load average: {}", load.split_whitespace().take(3).collect::<Vec<_>>().join(" "));
    Ok(())
}

/// Nanoseconds per unit.
fn time_one(benchmark: &Benchmark) -> f64 {
    let iterations = long_enough(benchmark);
    let mut rounds: Vec<Duration> = (0..ROUNDS).map(|_| round(benchmark, iterations)).collect();
    rounds.sort();
    let units = iterations * benchmark.units;
    #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
    let per_unit = rounds[ROUNDS / 2].as_nanos() as f64 / units as f64;
    per_unit
}

fn long_enough(benchmark: &Benchmark) -> u64 {
    let mut iterations = benchmark.iterations;
    while iterations < ITERATIONS_MAX && round(benchmark, iterations) < ROUND {
        iterations *= 2;
    }
    iterations
}

/// Each round begins with a workload of its own, so that none inherits another's state.
fn round(benchmark: &Benchmark, iterations: u64) -> Duration {
    let mut work = benchmark.prepare();
    work.run(benchmark.iterations.min(64));
    let begin = Instant::now();
    work.run(iterations);
    begin.elapsed()
}

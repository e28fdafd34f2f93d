//! The simulator: a run from a seed, and the many runs of the test command.

use crate::command::{cargo, run as run_command};
use anyhow::Result;

/// Passes everything on; without arguments the simulator takes seed 1.
pub(crate) fn run(args: &[String]) -> Result<()> {
    run_command(cargo("run --quiet --release --package postrider-sim --").args(args))
}

/// A fixed range of seeds, so that a failure here is the same failure everywhere.
pub(crate) fn smoke() -> Result<String> {
    run(&["1", "--seeds", SMOKE_SEEDS, "--quiet"].map(str::to_owned))?;
    Ok(format!("{SMOKE_SEEDS} seeds"))
}

/// The same with a log on a disk, and a broker that crashes.
pub(crate) fn crashes() -> Result<String> {
    run(&["1", "--seeds", CRASH_SEEDS, "--disk", "--quiet"].map(str::to_owned))?;
    Ok(format!("{CRASH_SEEDS} seeds with a disk"))
}

const CRASH_SEEDS: &str = "5000";
const SMOKE_SEEDS: &str = "20000";

//! The load harness.

use crate::command::{cargo, run as run_command};
use anyhow::Result;

pub(crate) fn run(args: &[String]) -> Result<()> {
    run_command(cargo("run --quiet --release --package postrider-bench --").args(args))
}

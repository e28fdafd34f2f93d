//! The documentation of our crates, and the examples in it.

use crate::command::{cargo, run as run_command};
use anyhow::Result;

pub(crate) fn run(open: bool) -> Result<()> {
    // Libraries only: the program `postrider` has the name of one.
    let mut command = cargo("doc --workspace --lib --no-deps --keep-going");
    // A link to nothing is an error here, not a warning nobody reads.
    command.env("RUSTDOCFLAGS", "-D warnings");
    if open {
        command.arg("--open");
    }
    run_command(&mut command)
}

/// Runs the examples.
pub(crate) fn examples() -> Result<()> {
    run_command(&mut cargo("test --doc --workspace"))
}

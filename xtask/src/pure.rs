//! The tests of floors 1 to 3: no socket, no clock, no thread, so they are quick.

use crate::command::{cargo, run as run_command};
use crate::pieces::{Piece, require};
use crate::tidy::floors::PURE_HALF;
use anyhow::Result;

pub(crate) fn run() -> Result<()> {
    require(Piece::Nextest)?;
    let mut command = cargo("nextest run");
    for name in PURE_HALF {
        command.args(["--package", name]);
    }
    run_command(&mut command)
}

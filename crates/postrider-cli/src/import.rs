//! `postrider import`: a data directory made of tables, or of mosquitto's persistence file.
//!
//! Owns: telling the two apart.

use crate::args::Import;
use crate::serve::say;
use crate::take_over;
use postrider::is_of_mosquitto;
use std::process::ExitCode;

/// Makes a data directory.
pub(crate) fn run(args: &Import) -> anyhow::Result<ExitCode> {
    if !is_of_mosquitto(&args.file) {
        return of_tables(args);
    }
    take_over::import(args)?.iter().for_each(|line| say(line));
    say(&format!("start with it:  postrider --data-dir {}", args.new.display()));
    Ok(ExitCode::SUCCESS)
}

#[cfg(feature = "sqlite")]
fn of_tables(args: &Import) -> anyhow::Result<ExitCode> {
    crate::sqlite::import(args)
}

#[cfg(not(feature = "sqlite"))]
fn of_tables(args: &Import) -> anyhow::Result<ExitCode> {
    anyhow::bail!("{} is no file of mosquitto, and this build knows no tables", args.file.display())
}

//! `postrider export` and `postrider import`: a data directory as a SQLite database, and back.
//!
//! Owns: the files; the tables are in `schema.rs`.

mod export;
mod import;
mod rows;
mod schema;

use crate::args::{Export, Import};
use crate::check::explain;
use crate::serve::say;
use anyhow::{Context, bail};
use postrider::Data;
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Writes a database that must not be there yet.
pub(crate) fn export(args: &Export) -> anyhow::Result<ExitCode> {
    let (from, file) = (args.directory.display(), args.file.display());
    if args.file.exists() {
        bail!("{file} is there already; name a file that is not, or remove it");
    }
    let data = Data::open(&args.directory).map_err(explain)?;
    if !(data.damage().is_empty() && data.senseless().is_empty()) {
        bail!(
            "{from} is damaged; `postrider check {from}` lists it, `postrider salvage {from} NEW` copies what is whole"
        );
    }
    let unfinished = Unfinished::of(&args.file);
    let counts = export::write(&data, &unfinished.0).with_context(|| format!("cannot write {file}"))?;
    unfinished.keep(&args.file).with_context(|| format!("cannot write {file}"))?;
    say(&format!("{file}: {counts}"));
    Ok(ExitCode::SUCCESS)
}

/// Makes a data directory.
pub(crate) fn import(args: &Import) -> anyhow::Result<ExitCode> {
    let file = args.file.display();
    let connection = Connection::open_with_flags(&args.file, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let connection =
        connection.with_context(|| format!("cannot open {file}; name a file that `postrider export` made"))?;
    let counts = import::read(&connection, &args.new).with_context(|| format!("cannot import {file}"))?;
    let shown = args.new.display();
    say(&format!("{shown}: {counts}"));
    say(&format!("start with it:  postrider --data-dir {shown}"));
    Ok(ExitCode::SUCCESS)
}

/// A file that gets its name when it is complete.
struct Unfinished(PathBuf);

impl Unfinished {
    fn of(file: &Path) -> Self {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        Self(file.with_file_name(format!("{name}.unfinished-{}", std::process::id())))
    }

    fn keep(&self, file: &Path) -> std::io::Result<()> {
        File::open(&self.0)?.sync_all()?;
        // Never over a file that came meanwhile.
        std::fs::hard_link(&self.0, file)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// How much of what was written.
#[derive(Default)]
struct Counts {
    sessions: u64,
    deliveries: u64,
    messages: u64,
    retained: u64,
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { sessions, deliveries, messages, retained } = self;
        write!(f, "sessions {sessions}, messages {messages}, deliveries of them {deliveries}, retained {retained}")
    }
}

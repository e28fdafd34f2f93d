//! Where the server keeps its data, and what it says about that.
//!
//! Owns: the usual directory, the promise of each mode in words.

use crate::args::Serve;
use crate::concern;
use crate::serve::say;
use anyhow::{Context, bail};
use postrider::{Broker, Builder, Restored};
use postrider_config::Config;
use postrider_config::model::{Durability, Place};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Where messages and sessions are; nothing where they are in memory.
pub(crate) fn directory(config: &Config) -> anyhow::Result<Option<PathBuf>> {
    match &config.data.place {
        Place::Memory => Ok(None),
        Place::Directory(path) => Ok(Some(path.clone())),
        Place::Usual => usual_place().map(Some).context("there is no home; name a directory with --data-dir"),
    }
}

/// A builder that keeps what it is told to keep.
pub(crate) fn keep(
    builder: Builder,
    config: &Config,
    directory: Option<PathBuf>,
    args: &Serve,
) -> anyhow::Result<Builder> {
    let Some(path) = directory else { return Ok(builder) };
    let durability = match config.data.durability {
        Durability::Os => postrider::Durability::Os,
        Durability::Fsync => postrider::Durability::Fsync,
        Durability::Memory => {
            bail!("with durability memory nothing is kept in {}; leave one of the two out", path.display())
        }
    };
    let mut builder = builder.data_directory(path).durability(durability);
    if args.accept_loss {
        builder = builder.accept_loss();
    }
    if config.data.must_exist {
        builder = builder.data_must_exist();
    }
    if !args.quiet && !config.process.daemonize {
        let mut last = Instant::now();
        builder = builder.on_progress(move |records| {
            if last.elapsed() >= PROGRESS {
                last = Instant::now();
                say(&format!("reading the data directory: {records} records so far"));
            }
        });
    }
    Ok(builder)
}

/// What there is to say about the data of a broker that has started.
pub(crate) fn describe(broker: &Broker, config: &Config) -> Vec<String> {
    let Some(restored) = broker.restored() else {
        return vec!["data directory: memory; nothing survives a restart".to_owned()];
    };
    let promise = match config.data.durability {
        Durability::Os => "os: what is acknowledged survives the end of this process",
        Durability::Fsync | Durability::Memory => "fsync: what is acknowledged survives a loss of power",
    };
    let mut lines = vec![format!("data directory: {}; {promise}", restored.directory.display())];
    lines.push(found(restored));
    lines.extend(restored.losses.iter().map(|loss| format!("lost: {loss}")));
    lines.extend(concern::lines(&restored.concerned));
    lines
}

fn found(restored: &Restored) -> String {
    let Restored { records, sessions, messages, retained, took, .. } = restored;
    if *records == 0 {
        return format!("nothing was kept there before ({} ms)", took.as_millis());
    }
    format!(
        "there again: sessions {sessions}, messages for them {messages}, retained messages {retained} ({} ms)",
        took.as_millis()
    )
}

/// Where programs keep what they have to find again.
fn usual_place() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = set("XDG_STATE_HOME").or_else(|| {
        let is_root = rustix::process::geteuid().is_root();
        if is_root { Some(PathBuf::from("/var/lib")) } else { Some(set("HOME")?.join(".local/state")) }
    })?;
    Some(state.join("postrider"))
}

/// Between two lines about what is being read.
const PROGRESS: Duration = Duration::from_secs(1);

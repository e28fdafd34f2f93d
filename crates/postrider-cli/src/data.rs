//! Where the server keeps its data, and what it says about that.
//!
//! Owns: the usual directory, the promise of each mode in words.

use crate::args::{Durability, Serve};
use crate::concern;
use crate::serve::say;
use anyhow::{Context, bail};
use postrider::{Broker, Builder, Limits, Restored, defaults};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where messages and sessions are.
enum Place {
    Memory,
    Directory(PathBuf),
}

/// What clients are allowed where the data is.
pub(crate) fn limits(args: &Serve) -> anyhow::Result<Limits> {
    let limits = defaults::limits();
    Ok(match place(args)? {
        Place::Memory => limits,
        Place::Directory(_) => Limits { mailbox: defaults::mailbox_on_disk(limits.mailbox), ..limits },
    })
}

/// A builder that keeps what it is told to keep.
pub(crate) fn keep(builder: Builder, args: &Serve) -> anyhow::Result<Builder> {
    let path = match place(args)? {
        Place::Memory => return Ok(builder),
        Place::Directory(path) => path,
    };
    let durability = match args.durability {
        Some(Durability::Os) => postrider::Durability::Os,
        Some(Durability::Fsync | Durability::Memory) | None => postrider::Durability::Fsync,
    };
    let mut builder = builder.data_directory(path).durability(durability);
    if args.accept_loss {
        builder = builder.accept_loss();
    }
    if args.data_must_exist {
        builder = builder.data_must_exist();
    }
    if !args.quiet {
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
pub(crate) fn describe(broker: &Broker, args: &Serve) -> Vec<String> {
    let Some(restored) = broker.restored() else {
        return vec!["data directory: memory; nothing survives a restart".to_owned()];
    };
    let promise = match args.durability {
        Some(Durability::Os) => "os: what is acknowledged survives the end of this process",
        Some(Durability::Fsync | Durability::Memory) | None => "fsync: what is acknowledged survives a loss of power",
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

fn place(args: &Serve) -> anyhow::Result<Place> {
    let is_memory = |path: &Path| path == Path::new("memory");
    match (&args.data_dir, args.durability) {
        (Some(path), Some(Durability::Fsync | Durability::Os)) if is_memory(path) => {
            bail!("memory survives nothing; name a directory with --data-dir, or leave --durability out")
        }
        (Some(path), Some(Durability::Memory)) if !is_memory(path) => {
            bail!("with --durability memory nothing is kept in {}; leave one of the two out", path.display())
        }
        (Some(path), _) if is_memory(path) => Ok(Place::Memory),
        (Some(path), _) => Ok(Place::Directory(path.clone())),
        (None, Some(Durability::Memory)) => Ok(Place::Memory),
        (None, _) => usual_place().map(Place::Directory).context("there is no home; name a directory with --data-dir"),
    }
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

//! Opening the data of a broker: lock it, read it all, make an engine of it.
//!
//! Owns: which files and settings the log has, and what is said when it cannot be used.

use crate::data::{Place, concerned};
use crate::error::{Error, ErrorKind};
use crate::log::{Journal, Log, name};
use crate::log_threads::{Closer, LogPost, WakeUp};
use crate::seeds;
use crate::shared::Core;
use postrider_engine::{Concerned, KINDS_KEPT, Limits, RecordError, Recovery, Seeds, Tray, describe_record};
use postrider_journal::{
    Aside, Creation, Damage, Directory, Kinds, OnDamage, OpenError, Options, ReadError, Recovered, Storage, StoreId,
    Waker, Writer, WriterOptions,
};
use postrider_ports::{Counters, PartitionId};
use postrider_session::{Now, Sequence};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What an acknowledgement promises when there is a data directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// What is acknowledged survives a loss of power: the device has said that it is there.
    #[default]
    Fsync,
    /// What is acknowledged survives the end of the process; of a loss of power all but the last 200 ms.
    Os,
}

/// What a broker found in its data directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restored {
    /// Where.
    pub directory: PathBuf,
    /// Records that were read.
    pub records: u64,
    /// Sessions that are there again.
    pub sessions: u64,
    /// Messages that wait for them.
    pub messages: u64,
    /// Retained messages.
    pub retained: u64,
    /// How long it took.
    pub took: Duration,
    /// What is gone, one sentence each, if that was accepted.
    pub losses: Vec<String>,
    /// Whom that concerns, as far as is known.
    pub concerned: Concerned,
}

/// What is decided about the data of a broker.
pub(crate) struct Settings {
    pub(crate) durability: Durability,
    pub(crate) damage: OnDamage,
    pub(crate) is_new_allowed: bool,
    pub(crate) file_bytes: Option<u64>,
    /// Hears how many records have been read, once in a while.
    pub(crate) progress: Option<Box<dyn FnMut(u64)>>,
}

impl Default for Settings {
    fn default() -> Self {
        let (durability, damage) = (Durability::default(), OnDamage::Refuse);
        Self { durability, damage, is_new_allowed: true, file_bytes: None, progress: None }
    }
}

/// What an engine is made with.
pub(crate) struct Making {
    pub(crate) limits: Limits,
    pub(crate) seeds: Seeds,
    pub(crate) now: Now,
}

/// The data, open.
pub(crate) struct Opened {
    pub(crate) core: Core,
    pub(crate) closer: Closer,
    pub(crate) restored: Restored,
}

/// Opens the data in a directory, which is made if it is not there.
pub(crate) fn open_directory(path: &Path, settings: Settings, making: Making) -> Result<Opened, Error> {
    let storage = if settings.is_new_allowed { Directory::open(path) } else { Directory::existing(path) };
    open(storage.map_err(|error| unusable(path, error))?, path, settings, making)
}

/// Opens the data in a storage; `path` is what people call it.
pub(crate) fn open<S: Storage>(
    storage: S,
    path: &Path,
    mut settings: Settings,
    making: Making,
) -> Result<Opened, Error> {
    let started = Instant::now();
    let packet_bytes_max = making.limits.link.packet_bytes_max;
    let (log, mut found) =
        postrider_journal::Log::open(storage, options(&settings)).map_err(|error| refused(path, error))?;
    let last = Sequence(found.last().number());
    let mut losses: Vec<String> = found.losses().iter().map(Damage::to_string).collect();
    losses.extend(found.aside().iter().map(Aside::to_string));
    let mut recovery = Recovery::new(making.limits, PartitionId(0), making.seeds, making.now);
    let (records, unreadable) = replay(&mut found, &mut recovery, &mut settings, path)?;
    let concerned = concerned(&found, &recovery, found.losses(), Place::Aside);
    let concerned = concerned.map_err(|error| unusable(path, error))?;
    drop(found);
    losses.extend(unreadable.iter().map(Unreadable::to_string));
    let mut tray = Tray::new();
    let engine = recovery.finish(making.now, last, &mut tray);
    let wake_up = Arc::new(WakeUp::default());
    let waker = Waker::new({
        let wake_up = wake_up.clone();
        move || wake_up.call()
    });
    let durability = match settings.durability {
        Durability::Fsync => postrider_journal::Durability::Synced,
        Durability::Os => postrider_journal::Durability::Written { sync_after: SYNC_AFTER },
    };
    let queue_bytes = QUEUE_BYTES + 2 * u64::from(packet_bytes_max);
    let options = WriterOptions { queue_bytes, durability, ..WriterOptions::default() };
    let writer = Writer::spawn(log, options, waker).map_err(|fault| refused(path, fault.into()))?;
    let journal: Arc<dyn Journal> = Arc::new(writer.handle().clone());
    for Unreadable { sequence, .. } in unreadable {
        // Accepted once: it does not come back.
        let _ = writer.handle().release(name(sequence));
    }
    let Counters { sessions, deliveries_queued, retained, .. } = engine.counters();
    let restored = Restored {
        directory: path.to_owned(),
        records,
        sessions,
        messages: deliveries_queued,
        retained,
        took: started.elapsed(),
        losses,
        concerned,
    };
    let post = LogPost::new(journal.clone(), wake_up, path.to_owned());
    let core = Core { engine, tray, log: Some((Log::new(journal, last, packet_bytes_max), post)) };
    Ok(Opened { core, closer: Closer::new(move || writer.close()), restored })
}

pub(crate) fn kinds_kept() -> Kinds {
    KINDS_KEPT.iter().fold(Kinds::none(), |kinds, kind| kinds.with(*kind))
}

fn options(settings: &Settings) -> Options {
    // The engine's own seeds are nobody's business.
    let id = StoreId(seeds::random().ids.to_le_bytes());
    let creation = if settings.is_new_allowed { Creation::Allowed(id) } else { Creation::Refused };
    let usual = Options::new(creation);
    Options {
        damage: settings.damage,
        segment_bytes: settings.file_bytes.unwrap_or(usual.segment_bytes),
        reserve_bytes: settings.file_bytes.unwrap_or(usual.reserve_bytes),
        keep_while_older: kinds_kept(),
        ..usual
    }
}

/// A record that is whole and makes no sense, or is not whole.
pub(crate) struct Unreadable {
    pub(crate) sequence: Sequence,
    what: String,
}

impl Unreadable {
    pub(crate) fn new(sequence: Sequence, kind: u8, payload: &[u8], error: &RecordError) -> Self {
        Self { sequence, what: format!("{error} ({})", describe_record(kind, payload)) }
    }
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "record {}: {}", self.sequence.0, self.what)
    }
}

/// Hands every record to the engine that is being made.
fn replay<S: Storage>(
    found: &mut Recovered<S>,
    recovery: &mut Recovery,
    settings: &mut Settings,
    path: &Path,
) -> Result<(u64, Vec<Unreadable>), Error> {
    let (mut payload, mut records, mut unreadable) = (Vec::new(), 0, Vec::new());
    loop {
        payload.clear();
        match found.next(&mut payload) {
            Ok(None) => return Ok((records, unreadable)),
            Ok(Some((sequence, kind))) => {
                let sequence = Sequence(sequence.number());
                if let Err(error) = recovery.replay(sequence, kind, &payload) {
                    unreadable.push(Unreadable::new(sequence, kind, &payload, &error));
                }
                records += 1;
            }
            Err(ReadError::Damaged(damage)) => {
                let sequence = damage.sequences.map_or(Sequence::NONE, |(first, _)| Sequence(first.number()));
                unreadable.push(Unreadable { sequence, what: damage.to_string() });
            }
            Err(ReadError::Fault(fault)) => return Err(refused(path, fault.into())),
            // Nothing is released meanwhile.
            Err(_) => {}
        }
        if settings.damage == OnDamage::Refuse && !unreadable.is_empty() {
            return Err(senseless(path, &unreadable[0]));
        }
        if records % RECORDS_BETWEEN == 0
            && let Some(progress) = &mut settings.progress
        {
            progress(records);
        }
    }
}

/// The directory itself is no use.
pub(crate) fn unusable(path: &Path, error: io::Error) -> Error {
    let shown = path.display();
    let (kind, advice) = if error.kind() == io::ErrorKind::NotFound {
        (ErrorKind::NoStore, "mount the right disk, or name another directory".to_owned())
    } else if path.exists() && !path.is_dir() {
        (ErrorKind::Device, format!("{shown} is a file; name a directory"))
    } else if error.kind() == io::ErrorKind::AlreadyExists {
        (ErrorKind::Device, "name a directory that is not there yet".to_owned())
    } else {
        (ErrorKind::Device, "name a directory that can be written".to_owned())
    };
    Error::of_store(kind, format!("cannot use the data directory {shown}"), error, advice)
}

/// The journal does not open it.
pub(crate) fn refused(path: &Path, error: OpenError) -> Error {
    let shown = path.display().to_string();
    let kind = match error {
        OpenError::InUse { .. } => ErrorKind::InUse,
        OpenError::NoStore => ErrorKind::NoStore,
        OpenError::Newer { .. } => ErrorKind::Newer,
        OpenError::Damaged(_) => ErrorKind::Damaged,
        OpenError::Fault(_) | _ => ErrorKind::Device,
    };
    let advice = error.advice(&shown);
    Error::of_store(kind, format!("cannot use the data directory {shown}"), error, advice)
}

/// A record's bytes are those that were written, and still they say nothing.
fn senseless(path: &Path, unreadable: &Unreadable) -> Error {
    let shown = path.display();
    let what = format!("cannot use the data directory {shown}");
    let advice = format!(
        "`postrider check {shown}` lists everything; `--accept-loss` starts without such records; a later version of \
         postrider may have written them"
    );
    Error::of_store(ErrorKind::Damaged, what, io::Error::other(unreadable.to_string()), advice)
}

/// What the queue takes beside two packets. The engine is told of less, so that nothing is ever refused.
const QUEUE_BYTES: u64 = 16 * 1024 * 1024;
/// How long a written record may wait for its sync.
const SYNC_AFTER: Duration = Duration::from_millis(200);
/// Records read between two reports.
const RECORDS_BETWEEN: u64 = 4096;

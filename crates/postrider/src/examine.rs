//! A data directory as somebody sees it who does not serve from it: checked, or copied as far as it is whole.
//!
//! Never: changes a file of the directory that is looked at.

use crate::clock::Clock;
use crate::data::{Place, Taken, concerned, take_records};
use crate::error::Error;
use crate::store::{kinds_kept, refused, unusable};
use crate::{defaults, seeds};
use postrider_engine::{Concerned, Recovery, Tray};
use postrider_journal::{Creation, Damage, Directory, OpenError, Options, Report, StoreId, View};
use postrider_ports::{Counters, PartitionId};
use postrider_session::Sequence;
use std::io;
use std::path::Path;

/// What is in a data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Examined {
    /// How often it was opened.
    pub openings: u64,
    /// The files with records.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Records that are whole.
    pub records: u64,
    /// Sessions, as a broker would find them.
    pub sessions: u64,
    /// Messages that wait for them.
    pub messages: u64,
    /// Retained messages.
    pub retained: u64,
    /// Places that are not as they were written.
    pub damage: Vec<Damage>,
    /// Records that are whole and make no sense, one sentence each.
    pub senseless: Vec<String>,
    /// Whom the damage concerns, as far as is known.
    pub concerned: Concerned,
    /// What an end without notice has left in the last file, in a sentence; nothing that was promised is in it.
    pub torn: Option<String>,
}

impl Examined {
    /// Nothing can be read, because nobody knows which store it is.
    fn without_records(report: Report) -> Self {
        Self {
            openings: report.epoch,
            files: 0,
            bytes: 0,
            records: 0,
            sessions: 0,
            messages: 0,
            retained: 0,
            damage: report.damage,
            senseless: Vec::new(),
            concerned: Concerned::default(),
            torn: None,
        }
    }

    /// Whether a broker starts from it.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.damage.is_empty() && self.senseless.is_empty()
    }
}

/// What was copied out of a damaged directory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Salvaged {
    /// Records that are in the new directory.
    pub records: u64,
    /// What was left behind.
    pub damage: Vec<Damage>,
    /// Whom that concerns, as far as is known.
    pub concerned: Concerned,
}

/// Reads a data directory that no broker uses, and changes nothing.
///
/// # Errors
/// It is in use, holds no data, was written by a later version, or cannot be read.
pub fn check_data(path: &Path) -> Result<Examined, Error> {
    let storage = Directory::existing(path).map_err(|error| unusable(path, error))?;
    // A directory without a store stays as it is.
    let report = postrider_journal::check(&storage).map_err(|error| refused(path, error))?;
    if report.store_id.is_none() && report.damage.is_empty() {
        return Err(refused(path, OpenError::NoStore));
    }
    if report.store_id.is_none() {
        return Ok(Examined::without_records(report));
    }
    let view = View::open(storage).map_err(|error| refused(path, error))?;
    let now = Clock::new().now();
    let mut recovery = Recovery::new(defaults::limits(), PartitionId(0), seeds::random(), now);
    let mut recovered = view.records();
    let Taken { records, senseless, damage: unreadable } = take_records(&mut recovered, &mut recovery, path)?;
    let mut report = view.report().clone();
    if report.damage.is_empty() {
        // A frame that is broken was found before.
        report.damage = unreadable;
    }
    let concerned = concerned(&recovered, &recovery, &report.damage, Place::Kept);
    let concerned = concerned.map_err(|error| unusable(path, error))?;
    let engine = recovery.finish(now, Sequence(report.last.number()), &mut Tray::new());
    let Counters { sessions, deliveries_queued: messages, retained, .. } = engine.counters();
    Ok(Examined {
        openings: report.epoch,
        files: report.segments.len() as u64,
        bytes: report.segments.iter().map(|segment| segment.bytes).sum(),
        records,
        sessions,
        messages,
        retained,
        damage: report.damage,
        senseless,
        concerned,
        torn: report.tail.map(|tail| format!("{} ends in the middle of a group at byte {}", tail.file, tail.offset)),
    })
}

/// Copies every record that is whole into a directory that is empty or not there yet.
///
/// # Errors
/// One of the directories is in use or cannot be used, or the first holds no data.
pub fn salvage_data(path: &Path, new: &Path) -> Result<Salvaged, Error> {
    // The new directory knows nothing of what is not in it.
    let Examined { concerned, .. } = check_data(path)?;
    let storage = Directory::existing(path).map_err(|error| unusable(path, error))?;
    if new.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        let error = io::Error::new(io::ErrorKind::AlreadyExists, "it is not empty");
        return Err(unusable(new, error));
    }
    let out = Directory::open(new).map_err(|error| unusable(new, error))?;
    let options = Options { keep_while_older: kinds_kept(), ..Options::new(Creation::Allowed(StoreId([0; 16]))) };
    let salvaged = postrider_journal::salvage(storage, out, options).map_err(|error| refused(path, error))?;
    let mut damage = salvaged.found.damage;
    damage.extend(salvaged.unreadable);
    Ok(Salvaged { records: salvaged.records, damage, concerned })
}

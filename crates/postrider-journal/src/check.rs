//! Reads a whole store and reports on it.
//!
//! Never: changes a record, a name or a length.

use crate::error::{Damage, Fault, OpenError, Operation, ReadError};
use crate::frame::StoreId;
use crate::index::Run;
use crate::log::lock;
use crate::names;
use crate::options::Kinds;
use crate::sequence::Sequence;
use crate::storage::Storage;
use crate::survey::{Survey, Tail, survey};
use crate::view::{ALL_INDEXES, View};

/// What is in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Which store it is; nothing if the directory holds none.
    pub store_id: Option<StoreId>,
    /// How often it was opened.
    pub epoch: u64,
    /// Its segments, the oldest first.
    pub segments: Vec<SegmentReport>,
    /// What is not as it was written.
    pub damage: Vec<Damage>,
    /// The torn end that a crash left; the next opening cuts it off, and nothing that was promised is in it.
    pub tail: Option<Tail>,
    /// The last sequence that was given.
    pub last: Sequence,
}

/// What is in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentReport {
    /// Its name.
    pub file: String,
    /// Its length, as far as it counts.
    pub bytes: u64,
    /// Records that were appended here.
    pub records: u64,
    /// Records that were copied here.
    pub copies: u64,
    /// The first and last of all these.
    pub sequences: Option<(Sequence, Sequence)>,
}

/// Reads everything and checks every checksum. Nobody else may have the store open.
pub fn check<S: Storage>(storage: &S) -> Result<Report, OpenError> {
    let names = storage.list().map_err(|error| Fault::new(Operation::List, "the directory", &error))?;
    // An empty directory stays empty.
    let lock = if names.iter().any(|name| name == names::LOCK) { Some(lock(storage)?) } else { None };
    let found = survey(storage)?;
    drop(lock);
    Ok(report(&found))
}

/// The same, and hands over every record that is whole, in the order of their sequences. What turns out to be unreadable
/// only then is added to the damage.
pub fn check_records<S: Storage>(storage: S, mut visit: impl FnMut(Sequence, u8, &[u8])) -> Result<Report, OpenError> {
    let view = match View::of(storage, Kinds::none(), ALL_INDEXES)? {
        Ok(view) => view,
        Err(report) => return Ok(report),
    };
    let (mut recovered, mut report) = (view.records(), view.report().clone());
    let mut payload = Vec::new();
    loop {
        payload.clear();
        match recovered.next(&mut payload) {
            Ok(Some((sequence, kind))) => visit(sequence, kind, &payload),
            Ok(None) => break,
            // A frame that is broken was found before.
            Err(ReadError::Damaged(damage)) if report.damage.is_empty() => report.damage.push(damage),
            Err(ReadError::Damaged(_) | ReadError::Absent) => {}
            Err(ReadError::Fault(fault)) => return Err(fault.into()),
        }
    }
    Ok(report)
}

pub(crate) fn report<F>(found: &Survey<F>) -> Report {
    let segments = found.segments.iter().map(|segment| {
        let runs = segment.index.runs();
        let held = || runs.iter().filter(|run| run.count() > 0);
        let (first, last) = (held().map(Run::first).min(), held().map(Run::last).max());
        SegmentReport {
            file: names::segment(segment.number),
            bytes: segment.end,
            records: runs.first().map_or(0, Run::count),
            copies: runs.iter().skip(1).map(Run::count).sum(),
            sequences: first.zip(last),
        }
    });
    Report {
        store_id: found.identity.map(|identity| identity.store_id),
        epoch: found.epoch_max,
        segments: segments.collect(),
        damage: found.damage.clone(),
        tail: found.tail.clone(),
        last: Sequence::new(found.fresh_next.number() - 1),
    }
}

//! Copies what is whole of a damaged store into a new one.
//!
//! Never: changes the damaged store, or a record's sequence.

use crate::check::Report;
use crate::error::{AppendError, Damage, Fault, OpenError, Operation, ReadError};
use crate::log::Log;
use crate::names;
use crate::options::{Creation, Options};
use crate::sequence::Sequence;
use crate::storage::Storage;
use crate::view::{View, nameless};
use std::io;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Salvaged {
    /// What is in the damaged store.
    pub found: Report,
    /// How many records are in the new one.
    pub records: u64,
    /// Records that turned out to be unreadable while they were copied.
    pub unreadable: Vec<Damage>,
}

/// Copies every record that is whole into an empty directory, with its sequence, and the store's id.
///
/// Records that were released and whose bytes are still there come back, as after any opening.
pub fn salvage<S: Storage, T: Storage>(storage: S, out: T, options: Options) -> Result<Salvaged, OpenError> {
    let view = View::of(storage, options.keep_while_older, options.index_bytes_max)?;
    let view = view.map_err(|_| OpenError::NoStore)?;
    check_empty(&out)?;
    let id = view.report().store_id.ok_or(OpenError::NoStore)?;
    copy_records(&view, out, Options { creation: Creation::Allowed(id), ..options })
}

/// Copies every record of a whole store into an empty directory, with its sequence, as the store that `options` name:
/// files of the two cannot be taken for each other's.
///
/// # Errors
/// Anything is not as it was written.
pub fn restore<S: Storage, T: Storage>(storage: S, out: T, options: Options) -> Result<Report, OpenError> {
    let view = View::of(storage, options.keep_while_older, options.index_bytes_max)?.map_err(nameless)?;
    if !view.report().damage.is_empty() {
        return Err(OpenError::Damaged(view.report().damage.clone()));
    }
    check_empty(&out)?;
    let Salvaged { found, unreadable, .. } = copy_records(&view, out, options)?;
    if unreadable.is_empty() { Ok(found) } else { Err(OpenError::Damaged(unreadable)) }
}

fn copy_records<S: Storage, T: Storage>(view: &View<S>, out: T, options: Options) -> Result<Salvaged, OpenError> {
    let (mut recovered, found) = (view.records(), view.report().clone());
    let (mut log, _) = Log::open(out, options)?;
    log.skip_to(found.last);
    let mut salvaged = Salvaged { found, records: 0, unreadable: Vec::new() };
    let mut payload = Vec::new();
    loop {
        payload.clear();
        match recovered.next(&mut payload) {
            Ok(Some((sequence, kind))) => {
                append(&mut log, sequence, kind, &payload)?;
                salvaged.records += 1;
            }
            Ok(None) => break,
            Err(ReadError::Damaged(damage)) => salvaged.unreadable.push(damage),
            Err(ReadError::Fault(fault)) => return Err(fault.into()),
            Err(ReadError::Absent) => {}
        }
    }
    log.close()?;
    Ok(salvaged)
}

fn append<S: Storage>(log: &mut Log<S>, sequence: Sequence, kind: u8, payload: &[u8]) -> Result<(), Fault> {
    log.append_copy(sequence, kind, payload).map_err(|error| match error {
        AppendError::Fault(fault) => fault,
        AppendError::Full | AppendError::TooLarge => {
            Fault::new(Operation::Write, names::SPARE, &io::ErrorKind::StorageFull.into())
        }
    })
}

pub(crate) fn check_empty(out: &impl Storage) -> Result<(), Fault> {
    let names = out.list().map_err(|error| Fault::new(Operation::List, "the new directory", &error))?;
    let is_free = names.iter().all(|name| name == names::LOCK);
    let taken = || Fault::new(Operation::Open, "the new directory", &io::ErrorKind::AlreadyExists.into());
    if is_free { Ok(()) } else { Err(taken()) }
}

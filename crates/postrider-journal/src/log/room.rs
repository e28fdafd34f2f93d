//! Room for records: the current segment, the next, and the reserve.
//!
//! Owns: preallocation, and who may still write when the device is full.
//! Never: lets a record be named that has no room.

use super::commit::REMOVED_MAX;
use super::{Importance, Log};
use crate::catalog::Segment;
use crate::error::{AppendError, Fault, Operation};
use crate::frame::{FrameKey, HEADER_BYTES};
use crate::group::Group;
use crate::names;
use crate::roster::Roster;
use crate::sequence::Sequence;
use crate::shared::write_index;
use crate::storage::{Storage, StorageFile, read_full};
use std::io;
use std::sync::Arc;

/// The segment that is being written.
#[derive(Debug)]
pub(super) struct Current<F> {
    pub(super) number: u64,
    pub(super) file: Arc<F>,
    pub(super) key: FrameKey,
    pub(super) offset: u64,
    pub(super) capacity: u64,
    pub(super) synced: u64,
    purpose: Purpose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Ordinary,
    Reserve,
}

/// Files that are made ahead.
#[derive(Debug)]
pub(super) struct Space<F> {
    spare: Option<Prepared<F>>,
    reserve: Option<Prepared<F>>,
    /// How often a full device was not asked again.
    pauses: u32,
}

#[derive(Debug)]
struct Prepared<F> {
    file: F,
    capacity: u64,
}

/// How many bytes are certain to find room without asking the device for more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// For any record.
    pub ordinary: u64,
    /// For essential ones.
    pub essential: u64,
}

impl<F> Space<F> {
    pub(super) const fn empty() -> Self {
        Self { spare: None, reserve: None, pauses: 0 }
    }

    /// A file was removed, by us or by others: it is worth asking the device again.
    pub(super) const fn on_returned(&mut self) {
        self.pauses = 0;
    }
}

impl<S: Storage> Log<S> {
    /// Makes sure that what is gathered and `more` bytes of records have room in the current segment.
    pub(super) fn secure(&mut self, more: u64, importance: Importance) -> Result<(), AppendError> {
        let is_in_reserve = self.current.as_ref().is_some_and(|current| current.purpose == Purpose::Reserve);
        if !is_in_reserve && self.fits(more) {
            return Ok(());
        }
        if is_in_reserve && importance == Importance::Essential && self.space.pauses > 0 && self.fits(more) {
            self.space.pauses -= 1;
            return Ok(());
        }
        if self.make_spare(more)? {
            self.write()?;
            self.begin_segment(Purpose::Ordinary)?;
            return Ok(());
        }
        if importance == Importance::Essential {
            if is_in_reserve && self.fits(more) {
                return Ok(());
            }
            if self.space.reserve.as_ref().is_some_and(|reserve| self.needed(more) <= reserve.capacity) {
                self.write()?;
                self.begin_segment(Purpose::Reserve)?;
                return Ok(());
            }
        }
        Err(AppendError::Full)
    }

    /// Makes the next segment ahead if there is not room for so many bytes without it, so that a full device is noticed
    /// before records are named. Says what room there is then.
    pub fn prepare(&mut self, bytes: u64) -> Result<Room, Fault> {
        self.check_fault()?;
        let has_reserve = self.options.reserve_bytes == 0 || self.space.reserve.is_some();
        if !has_reserve || self.room().ordinary < bytes {
            self.make_spare(bytes)?;
        }
        Ok(self.room())
    }

    /// Somebody has reason to believe that the device has room again: it is asked the next time.
    pub(crate) const fn ask_again(&mut self) {
        self.space.on_returned();
    }

    /// The room that needs no new file.
    #[must_use]
    pub fn room(&self) -> Room {
        let usable = |bytes: u64| bytes.saturating_sub(SLACK_BYTES + self.options.group_limit());
        let fresh = |prepared: &Option<Prepared<S::File>>| {
            prepared.as_ref().map_or(0, |prepared| usable(prepared.capacity.saturating_sub(self.roster_bytes())))
        };
        let current = self.current.as_ref();
        let gathered = self.group.bytes() + self.copies.bytes();
        let left = current.map_or(0, |current| usable((current.capacity - current.offset).saturating_sub(gathered)));
        let is_reserve = current.is_some_and(|current| current.purpose == Purpose::Reserve);
        let ordinary = fresh(&self.space.spare) + if is_reserve { 0 } else { left };
        let essential = fresh(&self.space.spare) + left + fresh(&self.space.reserve);
        Room { ordinary, essential }
    }

    fn fits(&self, more: u64) -> bool {
        self.current.as_ref().is_some_and(|current| {
            current.offset + self.group.bytes() + self.copies.bytes() + more + SLACK_BYTES <= current.capacity
        })
    }

    /// How large a new segment must be for `more` bytes of records.
    fn needed(&self, more: u64) -> u64 {
        self.roster_bytes() + 2 * HEADER_BYTES + more + SLACK_BYTES + self.options.group_limit()
    }

    fn roster_bytes(&self) -> u64 {
        HEADER_BYTES + 64 + 20 * (self.shared.catalog().segments().len() as u64 + 1)
    }

    /// Has a next segment with room for `more` bytes, and the reserve too. False if the device is full.
    fn make_spare(&mut self, more: u64) -> Result<bool, Fault> {
        let needed = self.needed(more).max(self.options.segment_bytes);
        let has_spare = self.space.spare.as_ref().is_some_and(|spare| spare.capacity >= needed);
        let has_reserve = self.options.reserve_bytes == 0 || self.space.reserve.is_some();
        if has_spare && has_reserve {
            return Ok(true);
        }
        if self.space.pauses > 0 {
            self.space.pauses -= 1;
            return Ok(false);
        }
        let is_made = self.make_reserve()? && self.make_or_grow_spare(needed)?;
        self.space.pauses = if is_made { 0 } else { PAUSES };
        Ok(is_made)
    }

    pub(super) fn make_reserve(&mut self) -> Result<bool, Fault> {
        let bytes = self.options.reserve_bytes;
        if bytes > 0 && self.space.reserve.is_none() {
            self.space.reserve = self.prepare_file(names::RESERVE, bytes)?;
        }
        Ok(bytes == 0 || self.space.reserve.is_some())
    }

    fn make_or_grow_spare(&mut self, bytes: u64) -> Result<bool, Fault> {
        // One that is too small is made anew; its room is given back first.
        if self.space.spare.as_ref().is_none_or(|spare| spare.capacity < bytes) {
            self.space.spare = None;
            self.space.spare = self.prepare_file(names::SPARE, bytes)?;
        }
        Ok(self.space.spare.is_some())
    }

    /// Nothing if the device is full.
    fn prepare_file(&mut self, name: &str, bytes: u64) -> Result<Option<Prepared<S::File>>, Fault> {
        match prepare(&self.shared.storage, name, bytes) {
            Ok(file) => Ok(Some(Prepared { file, capacity: bytes })),
            Err(error) if is_full(&error) => {
                let _ = self.shared.storage.remove(name);
                Ok(None)
            }
            Err(error) => Err(self.poison(Operation::Open, name, &error)),
        }
    }

    /// Begins a segment with a file that was made ahead. What was gathered is written, and synced here at the latest.
    fn begin_segment(&mut self, purpose: Purpose) -> Result<(), Fault> {
        self.sync()?;
        let (prepared, made) = match purpose {
            Purpose::Ordinary => (self.space.spare.take(), names::SPARE),
            Purpose::Reserve => (self.space.reserve.take(), names::RESERVE),
        };
        let Prepared { file, capacity } = prepared.expect("the caller made it");
        let number = self.number_next;
        let name = names::segment(number);
        let ends = self.shared.catalog().segments().values().map(|segment| (segment.number(), segment.end())).collect();
        let roster = Roster { store_id: self.shared.store_id, number, capacity, ends };
        let fresh_first = Sequence::new(self.written.number() + 1);
        let frame = roster.encode(self.epoch, fresh_first);
        let storage = &self.shared.storage;
        let begun = storage
            .rename(made, &name)
            .map_err(|error| (Operation::Open, error))
            .and_then(|()| file.write_all_at(0, &[&frame]).map_err(|error| (Operation::Write, error)))
            .and_then(|()| file.sync_data().map_err(|error| (Operation::Sync, error)))
            .and_then(|()| storage.sync_directory().map_err(|error| (Operation::Sync, error)));
        if let Err((operation, error)) = begun {
            return Err(self.poison(operation, &name, &error));
        }
        self.number_next += 1;
        self.seal_current();
        let (file, key, offset) = (Arc::new(file), self.shared.key(number), frame.len() as u64);
        self.shared.catalog().add(Segment::growing(number, file.clone(), offset, fresh_first));
        self.current = Some(Current { number, file, key, offset, capacity, synced: offset, purpose });
        Ok(())
    }

    /// The roster of the next segment says where this one ends, so the rest of its room can go.
    fn seal_current(&mut self) {
        let Some(current) = self.current.take() else { return };
        let _ = current.file.set_length(current.offset);
        let index = self.shared.catalog().seal(current.number);
        if let Some(index) = index {
            write_index(&self.shared.storage, current.number, &index.encode(current.key, current.offset));
        }
    }

    /// Takes a whole group that was gathered elsewhere, in exchange for an empty one. There is room for it, or the log
    /// is over: its records have their names.
    pub(crate) fn take_group(&mut self, group: &mut Group) -> Result<(), Fault> {
        self.check_fault()?;
        match self.secure(group.bytes(), Importance::Essential) {
            Ok(()) => std::mem::swap(&mut self.group, group),
            Err(AppendError::Fault(fault)) => return Err(fault),
            Err(AppendError::Full | AppendError::TooLarge) => {
                return Err(self.poison(Operation::Write, names::SPARE, &io::ErrorKind::StorageFull.into()));
            }
        }
        Ok(())
    }

    /// Begins a segment if there is room for one.
    pub(super) fn begin_if_possible(&mut self) -> Result<(), Fault> {
        if self.make_spare(0)? { self.begin_segment(Purpose::Ordinary) } else { Ok(()) }
    }
}

/// A file of this length, all zero and with its room taken: the one that is there, or a new one.
fn prepare<S: Storage>(storage: &S, name: &str, bytes: u64) -> io::Result<S::File> {
    if let Ok(file) = storage.open(name) {
        let mut head = [0; 48];
        let count = read_full(&file, 0, &mut head)?;
        // A segment that was begun and whose new name was lost is not clean.
        if file.length()? == bytes && count == head.len() && head == [0; 48] {
            file.preallocate(bytes)?;
            file.sync_data()?;
            return Ok(file);
        }
        storage.remove(name)?;
    }
    let file = storage.create(name)?;
    file.preallocate(bytes)?;
    // Its length is durable before a roster says how long the segment is.
    file.sync_data()?;
    Ok(file)
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Kept free in each segment for what is not counted: headers, the note of removed segments, the closing frame.
pub(super) const SLACK_BYTES: u64 = 4 * HEADER_BYTES + 10 * REMOVED_MAX as u64;
/// A full device is asked for room once in so many times, unless somebody wants that.
const PAUSES: u32 = 16;

//! Writing and syncing.
//!
//! Owns: the order: write, sync, report; and only then remove what died.

use super::{Importance, Log};
use crate::error::{AppendError, Fault, Operation};
use crate::frame::{Class, HEADER_SIZE};
use crate::group::{Seal, seal};
use crate::index::Entry;
use crate::names;
use crate::roster::encode_removed;
use crate::sequence::Sequence;
use crate::storage::{Storage, StorageFile};

impl<S: Storage> Log<S> {
    /// Makes everything so far durable, and says up to which record that is.
    pub fn commit(&mut self) -> Result<Sequence, Fault> {
        self.check_fault()?;
        let last = if self.group.is_empty() { self.written } else { self.group.last() };
        let mut dead = self.shared.catalog().dead_segments(last, REMOVED_MAX);
        if !dead.is_empty() && !self.has_room_for_notes()? {
            dead.clear();
        }
        self.write_frames(&dead)?;
        self.sync()?;
        for number in dead {
            self.remove_segment(number);
        }
        Ok(self.durable)
    }

    /// Writes everything so far, without waiting for the device: it is safe from the end of the process, not from a
    /// loss of power.
    pub fn write(&mut self) -> Result<Sequence, Fault> {
        self.check_fault()?;
        self.write_frames(&[])?;
        Ok(self.written)
    }

    /// Makes everything durable and says in the log that nothing is missing behind it.
    pub fn close(mut self) -> Result<Sequence, Fault> {
        self.commit()?;
        if let Some(current) = &self.current {
            let mut frame = vec![0; HEADER_SIZE];
            let (epoch, first, synced) = (self.epoch, Sequence::NONE, current.synced);
            seal(&mut frame, current.key, Seal { class: Class::Closed, epoch, first, synced, count: 0 });
            self.write_parts(&[&frame])?;
            self.sync()?;
        }
        Ok(self.durable)
    }

    /// Whether a commit has something to do besides what is appended: a segment is dead, or something is not synced.
    #[must_use]
    pub fn is_unsettled(&self) -> bool {
        let is_unsynced = self.current.as_ref().is_some_and(|current| current.synced < current.offset);
        let is_pending = !self.group.is_empty() || !self.copies.is_empty();
        is_unsynced || is_pending || !self.shared.catalog().dead_segments(self.written, 1).is_empty()
    }

    fn has_room_for_notes(&mut self) -> Result<bool, Fault> {
        match self.secure(0, Importance::Essential) {
            Ok(()) => Ok(true),
            Err(AppendError::Fault(fault)) => Err(fault),
            Err(AppendError::Full | AppendError::TooLarge) => Ok(false),
        }
    }

    /// Writes what is gathered and which segments go, at once.
    pub(super) fn write_frames(&mut self, removed: &[u64]) -> Result<(), Fault> {
        if self.group.is_empty() && self.copies.is_empty() && removed.is_empty() {
            return Ok(());
        }
        let current = self.current.as_ref().expect("room is secured before something is gathered");
        let (number, key, start, synced, epoch) =
            (current.number, current.key, current.offset, current.synced, self.epoch);
        let file = current.file.clone();
        let note = (!removed.is_empty()).then(|| encode_removed(removed, key, epoch, synced));
        let (group_bytes, mut length) = (self.group.bytes(), 0);
        let mut parts: Vec<&[u8]> = Vec::with_capacity(3);
        let (has_group, has_copies) = (!self.group.is_empty(), !self.copies.is_empty());
        if has_group {
            parts.push(self.group.seal(key, epoch, synced));
        }
        if has_copies {
            parts.push(self.copies.seal(key, epoch, synced));
        }
        parts.extend(note.as_deref());
        length += parts.iter().map(|part| part.len() as u64).sum::<u64>();
        if let Err(error) = file.write_all_at(start, &parts) {
            return Err(self.poison(Operation::Write, &names::segment(number), &error));
        }
        let copies_start = if has_group { start + group_bytes } else { start };
        self.install(number, start, copies_start, start + length);
        self.advance(length);
        Ok(())
    }

    fn write_parts(&mut self, parts: &[&[u8]]) -> Result<(), Fault> {
        let Some(current) = &self.current else { return Ok(()) };
        if let Err(error) = current.file.write_all_at(current.offset, parts) {
            let name = names::segment(current.number);
            return Err(self.poison(Operation::Write, &name, &error));
        }
        self.advance(parts.iter().map(|part| part.len() as u64).sum());
        Ok(())
    }

    fn advance(&mut self, length: u64) {
        if let Some(current) = &mut self.current {
            current.offset += length;
            self.shared.catalog().set_end(current.number, current.offset);
        }
    }

    /// Makes known where the records are that were just written.
    fn install(&mut self, number: u64, group_start: u64, copies_start: u64, end: u64) {
        let appended = self.shared.appended();
        let mut catalog = self.shared.catalog();
        catalog.set_end(number, end);
        for (sequence, kind, length, offset) in self.group.records() {
            catalog.add_fresh(number, Entry { sequence, offset: group_start + offset, length, kind });
        }
        for copy in self.copies.copies() {
            let (sequence, kind, length) = (copy.sequence, copy.kind, copy.length);
            let entry = Entry { sequence, offset: copies_start + copy.offset, length, kind };
            catalog.move_to(number, entry, copy.source, appended);
        }
        if !self.group.is_empty() {
            self.written = self.group.last();
        }
        let early = catalog.take_early(self.written);
        drop(catalog);
        self.group.clear();
        self.copies.clear();
        for sequence in early {
            // Its index is in memory: it was written just now.
            let _ = self.shared.release(sequence);
        }
    }

    /// Returns when all that was written is durable.
    pub(super) fn sync(&mut self) -> Result<(), Fault> {
        let Some(current) = &mut self.current else { return Ok(()) };
        if current.synced < current.offset {
            if let Err(error) = current.file.sync_data() {
                let name = names::segment(current.number);
                return Err(self.poison(Operation::Sync, &name, &error));
            }
            current.synced = current.offset;
        }
        self.durable = self.written;
        Ok(())
    }

    /// A segment whose removal is on record. If its file stays for some reason, the next opening removes it.
    fn remove_segment(&mut self, number: u64) {
        let concerned = self.shared.catalog().take(number);
        let _ = self.shared.storage.remove(&names::index(number));
        if self.shared.storage.remove(&names::segment(number)).is_ok() {
            self.space.on_returned();
        }
        for sequence in concerned {
            // What cannot be looked up stays, and is asked for again with the next segment that goes.
            let _ = self.shared.release(sequence);
        }
    }
}

/// How many segments one commit removes at most.
pub(super) const REMOVED_MAX: usize = 64;

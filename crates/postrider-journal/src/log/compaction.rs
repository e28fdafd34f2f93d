//! Copies what is live out of segments that are mostly dead, so that they can go.
//!
//! Owns: one segment at a time, and how far it is copied.
//! Never: changes a record's sequence or kind.

use super::{Importance, Log};
use crate::catalog::{Brought, is_marked};
use crate::error::{AppendError, Damage, Fault, ReadError};
use crate::group::Source;
use crate::index::{At, Entry, Index};
use crate::record;
use crate::sequence::Sequence;
use crate::storage::Storage;
use std::sync::Arc;

/// What one step of compaction did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compaction {
    /// No segment is under a quarter live.
    Idle,
    /// Records of so many bytes were copied; they are written with the next group.
    Copied(u64),
    /// There is no room to copy to.
    Full,
    /// A segment cannot be read, and is left as it is.
    Damaged(Damage),
}

/// A segment that is being copied.
#[derive(Clone, Debug)]
pub(super) struct Compacting {
    number: u64,
    index: Arc<Index>,
    run: usize,
    at: At,
}

/// Beyond so many segments each start has more to open than to read.
const SEGMENTS_MANY: usize = 16;

impl<S: Storage> Log<S> {
    /// Copies at most so many bytes, but one record at least.
    pub fn compact(&mut self, budget_bytes: u64) -> Result<Compaction, Fault> {
        self.check_fault()?;
        if !self.copies.is_empty() {
            self.write()?;
        }
        let compacting = match self.compacting.take() {
            Some(compacting) => compacting,
            None => match self.next_compacting() {
                Ok(Some(compacting)) => compacting,
                Ok(None) => return Ok(Compaction::Idle),
                Err((number, error)) => return self.give_up(number, error),
            },
        };
        self.copy_some(compacting, budget_bytes.min(self.options.segment_bytes / 4))
    }

    /// Whether compaction is worth its writes: more than half is dead, beyond what the next segments to die may hold, or
    /// in so many small ones, of a process that was started again and again, that the next start takes long.
    pub(crate) fn is_wasteful(&self) -> bool {
        let usage = self.usage();
        let spare = if usage.segments > SEGMENTS_MANY { 0 } else { 2 * self.options.segment_bytes };
        self.compacting.is_some() || usage.bytes > 2 * usage.live_bytes + spare
    }

    /// Takes a record of another store, above those before, which keeps its sequence.
    pub(crate) fn append_copy(&mut self, sequence: Sequence, kind: u8, payload: &[u8]) -> Result<(), AppendError> {
        if self.copies.bytes() > self.options.group_limit() {
            self.write()?;
        }
        self.secure(record::encoded_bytes(payload.len() as u64) + 10, Importance::Ordinary)?;
        self.copies.push(None, sequence, kind, payload);
        Ok(())
    }

    fn next_compacting(&self) -> Result<Option<Compacting>, (u64, ReadError)> {
        let mut catalog = self.shared.catalog();
        let Some(number) = catalog.sparsest_segment(&self.not_compacted) else { return Ok(None) };
        let Some(segment) = catalog.segments().get(&number) else { return Ok(None) };
        let (need, resident) = (segment.need(), segment.index().cloned());
        let index = match resident {
            Some(index) => index,
            None => {
                drop(catalog);
                let index = Arc::new(self.shared.load_index(&need).map_err(|error| (number, error))?);
                catalog = self.shared.catalog();
                catalog.bring(Brought { number, index: index.clone() });
                index
            }
        };
        drop(catalog);
        Ok(Some(Compacting { number, index, run: 0, at: At::default() }))
    }

    fn copy_some(&mut self, mut compacting: Compacting, budget: u64) -> Result<Compaction, Fault> {
        let number = compacting.number;
        let before = compacting.clone();
        let chosen = self.choose(&mut compacting, budget);
        let bytes: u64 = chosen.iter().map(|(_, entry)| u64::from(entry.length)).sum();
        match self.secure_copies(bytes + 10 * chosen.len() as u64) {
            Ok(()) => {}
            Err(AppendError::Fault(fault)) => return Err(fault),
            Err(AppendError::Full | AppendError::TooLarge) => {
                self.compacting = Some(before);
                return Ok(Compaction::Full);
            }
        }
        let mut payload = Vec::new();
        for (source, entry) in chosen {
            payload.clear();
            match self.shared.read(entry.sequence, &mut payload) {
                Ok(kind) => self.copies.push(Some(source), entry.sequence, kind, &payload),
                // Released since it was chosen.
                Err(ReadError::Absent) => {}
                Err(error) => return self.give_up(number, error),
            }
        }
        let is_over = compacting.run >= compacting.index.runs().len();
        self.compacting = (!is_over).then_some(compacting);
        Ok(Compaction::Copied(bytes))
    }

    /// The next live records of one run.
    fn choose(&self, compacting: &mut Compacting, budget: u64) -> Vec<(Source, Entry)> {
        let mut chosen = Vec::new();
        let mut bytes = 0;
        let catalog = self.shared.catalog();
        let Some(segment) = catalog.segments().get(&compacting.number) else {
            compacting.run = usize::MAX;
            return chosen;
        };
        let Some(run) = compacting.index.runs().get(compacting.run) else { return chosen };
        loop {
            let ordinal = compacting.at.ordinal;
            let before = compacting.at;
            let Some(entry) = run.next(&mut compacting.at) else {
                (compacting.run, compacting.at) = (compacting.run + 1, At::default());
                return chosen;
            };
            if is_marked(segment.dead(compacting.run), ordinal) {
                continue;
            }
            if bytes + u64::from(entry.length) > budget && !chosen.is_empty() {
                compacting.at = before;
                return chosen;
            }
            bytes += u64::from(entry.length);
            chosen.push((Source { number: compacting.number, run: compacting.run, ordinal }, entry));
        }
    }

    /// Copies make room, so they may use a part of the reserve.
    fn secure_copies(&mut self, bytes: u64) -> Result<(), AppendError> {
        match self.secure(bytes, Importance::Ordinary) {
            Err(AppendError::Full) if bytes < self.options.reserve_bytes / 4 => {
                self.secure(bytes, Importance::Essential)
            }
            result => result,
        }
    }

    fn give_up(&mut self, number: u64, error: ReadError) -> Result<Compaction, Fault> {
        self.not_compacted.insert(number);
        match error {
            ReadError::Damaged(damage) => Ok(Compaction::Damaged(damage)),
            ReadError::Fault(fault) => Err(fault),
            ReadError::Absent => Ok(Compaction::Copied(0)),
        }
    }
}

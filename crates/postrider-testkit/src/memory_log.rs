//! A log that is a map: what was appended, what of it is durable, what was released, and what a crash may leave.
//!
//! Owns: the journal's promises in their weakest form.

use bytes::Bytes;
use postrider_engine::{Importance, KINDS_KEPT, LoadedRecord, Urgency};
use postrider_session::Sequence;
use std::collections::BTreeMap;

/// A log in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryLog {
    entries: BTreeMap<Sequence, Entry>,
    last: Sequence,
    durable: Sequence,
    /// Records that no engine has written may be released in any way.
    is_lenient: bool,
    releases: u64,
}

/// One record.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its kind.
    pub kind: u8,
    /// Its payload.
    pub payload: Bytes,
    /// Whether anything waits for it.
    pub urgency: Urgency,
    /// Whether a full device has to take it.
    pub importance: Importance,
    /// The last record that was appended when this one was released.
    pub released: Option<Sequence>,
    /// How many were released before it.
    order: u64,
}

impl Entry {
    /// Whether this record has to stay as long as an earlier one does that was released before it: it may say that that
    /// one is over. Of two that say such things, the later need not outlive the earlier.
    #[must_use]
    pub fn may_concern(&self, other: &Self) -> bool {
        KINDS_KEPT.contains(&self.kind)
            && !KINDS_KEPT.contains(&other.kind)
            && (self.released.is_none() || other.order < self.order)
    }
}

/// What is found after a crash: numbers, kinds and payloads.
pub type Found = BTreeMap<Sequence, (u8, Bytes)>;

/// What a crash leaves beside what has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remains {
    /// How many of the records that are not durable.
    pub unsynced: usize,
    /// Which of the records that were released.
    pub released: Released,
}

/// What is left of the records that were released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// All of them.
    Kept,
    /// None that may go.
    Dropped,
    /// Some, by this seed.
    Some(u64),
}

impl Remains {
    /// Nothing.
    pub const LEAST: Self = Self { unsynced: 0, released: Released::Dropped };
    /// Everything: only the process died.
    pub const MOST: Self = Self { unsynced: usize::MAX, released: Released::Kept };
}

impl MemoryLog {
    /// From now on it takes no offence at releases of what is not there, as a journal does not.
    pub const fn forgive(&mut self) {
        self.is_lenient = true;
    }

    /// All records that were appended since the last crash or found after it, released or not.
    #[must_use]
    pub const fn entries(&self) -> &BTreeMap<Sequence, Entry> {
        &self.entries
    }

    /// Those that were not released.
    pub fn live(&self) -> impl Iterator<Item = (Sequence, &Entry)> {
        self.entries.iter().filter(|(_, entry)| entry.released.is_none()).map(|(sequence, entry)| (*sequence, entry))
    }

    /// The number of the last record that was appended.
    #[must_use]
    pub const fn last(&self) -> Sequence {
        self.last
    }

    /// The last record that is durable.
    #[must_use]
    pub const fn durable(&self) -> Sequence {
        self.durable
    }

    pub(crate) fn append(&mut self, kind: u8, payload: &[u8], urgency: Urgency, importance: Importance) -> Sequence {
        self.last = self.last.next();
        let payload = Bytes::copy_from_slice(payload);
        self.entries.insert(self.last, Entry { kind, payload, urgency, importance, released: None, order: 0 });
        self.last
    }

    /// # Errors
    /// There is no such record, or it was released before.
    pub(crate) fn release(&mut self, sequence: Sequence) -> Result<(), String> {
        if self.is_lenient {
            self.entries.entry(sequence).and_modify(|entry| entry.released = entry.released.or(Some(self.last)));
            return Ok(());
        }
        let entry = self.entries.get_mut(&sequence).ok_or_else(|| format!("{sequence:?} is released and not there"))?;
        self.releases += 1;
        entry.order = self.releases;
        match entry.released.replace(self.last) {
            None => Ok(()),
            Some(_) => Err(format!("{sequence:?} is released twice")),
        }
    }

    pub(crate) fn commit(&mut self, through: Sequence) {
        self.durable = self.durable.max(through.min(self.last));
    }

    pub(crate) fn load(&self, sequences: &[Sequence]) -> Vec<LoadedRecord> {
        let payload = |sequence| self.entries.get(sequence).map(|entry| entry.payload.clone());
        sequences.iter().map(|sequence| LoadedRecord { sequence: *sequence, payload: payload(sequence) }).collect()
    }

    /// What a crash leaves, and the last number that was given as far as the log knows then.
    #[must_use]
    pub fn remains(&self, remains: Remains) -> (Found, Sequence) {
        let unsynced = u64::try_from(remains.unsynced).unwrap_or(u64::MAX);
        let last = Sequence(self.durable.0.saturating_add(unsynced)).min(self.last);
        // What was released for a record that is not durable is still there.
        let may_go = |entry: &Entry| entry.released.is_some_and(|released| released <= self.durable);
        let mut choice = match remains.released {
            Released::Kept | Released::Dropped => 0,
            Released::Some(seed) => seed | 1,
        };
        let mut goes = |entry: &Entry| match remains.released {
            Released::Kept => false,
            Released::Dropped => may_go(entry),
            Released::Some(_) => {
                choice ^= choice << 13;
                choice ^= choice >> 7;
                choice ^= choice << 17;
                choice & 1 == 0 && may_go(entry)
            }
        };
        let mut found = BTreeMap::new();
        let mut dead: Vec<&Entry> = Vec::new();
        for (sequence, entry) in self.entries.range(..=last) {
            let is_needed = dead.iter().any(|other| entry.may_concern(other));
            if is_needed || !goes(entry) {
                dead.extend(entry.released.map(|_| entry));
                found.insert(*sequence, (entry.kind, entry.payload.clone()));
            }
        }
        (found, last)
    }

    /// What is not released and what the journal keeps with it, as if everything else were gone.
    #[must_use]
    pub fn needed(&self) -> Found {
        let live = self.live().map(|(sequence, entry)| (sequence, (entry.kind, entry.payload.clone())));
        live.collect()
    }

    /// Begins again with what was found.
    pub(crate) fn restart(&mut self, found: &Found, last: Sequence) {
        let entry = |(kind, payload): &(u8, Bytes)| Entry {
            kind: *kind,
            payload: payload.clone(),
            urgency: Urgency::Now,
            importance: Importance::Ordinary,
            released: None,
            order: 0,
        };
        self.entries = found.iter().map(|(sequence, record)| (*sequence, entry(record))).collect();
        (self.last, self.durable) = (last, last);
    }
}

#[cfg(test)]
mod tests;

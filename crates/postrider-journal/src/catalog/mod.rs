//! Which segments there are, which of their records are still needed, and where each record is.
//!
//! Owns: live bytes, dead marks, the records that wait until nothing older remains.
//! Never: reads a file: where an index is not in memory it says so, and the caller brings it.

mod release;
mod segment;

pub(crate) use segment::{Indexed, Segment, is_marked};

use crate::group::Source;
use crate::index::{Entry, Index};
use crate::options::Kinds;
use crate::sequence::Sequence;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct Catalog<F> {
    segments: BTreeMap<u64, Segment<F>>,
    /// The first new record of each segment that has one.
    homes: BTreeMap<Sequence, u64>,
    with_copies: BTreeSet<u64>,
    /// Released, but they say something about what is older.
    waiting: BTreeSet<Sequence>,
    /// Released before they were written.
    early: BTreeSet<Sequence>,
    /// The first record that is not written yet.
    fresh_next: Sequence,
    keep_while_older: Kinds,
    resident_bytes: u64,
    resident_bytes_max: u64,
    uses: u64,
}

/// Where a record is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) number: u64,
    pub(crate) run: usize,
    pub(crate) ordinal: u64,
    pub(crate) entry: Entry,
}

/// An answer of the catalog, or the index that it needs for one.
#[derive(Debug)]
pub(crate) enum Answer<T, F> {
    Known(T),
    Needs(Need<F>),
}

/// A segment whose index is not in memory.
#[derive(Debug)]
pub(crate) struct Need<F> {
    pub(crate) number: u64,
    pub(crate) file: Arc<F>,
    pub(crate) end: u64,
    pub(crate) checksum: u32,
}

/// An index that a question needed. It is kept for the whole question: the catalog may have forgotten it again for
/// another that the same question needs.
#[derive(Clone, Debug)]
pub(crate) struct Brought {
    pub(crate) number: u64,
    pub(crate) index: Arc<Index>,
}

impl<F> Catalog<F> {
    pub(crate) const fn new(keep_while_older: Kinds, resident_bytes_max: u64, fresh_next: Sequence) -> Self {
        Self {
            segments: BTreeMap::new(),
            homes: BTreeMap::new(),
            with_copies: BTreeSet::new(),
            waiting: BTreeSet::new(),
            early: BTreeSet::new(),
            fresh_next,
            keep_while_older,
            resident_bytes: 0,
            resident_bytes_max,
            uses: 0,
        }
    }

    pub(crate) const fn segments(&self) -> &BTreeMap<u64, Segment<F>> {
        &self.segments
    }

    /// Adds a segment with all its records, or one that is only begun.
    pub(crate) fn add(&mut self, segment: Segment<F>) {
        let number = segment.number();
        if let Some(first) = segment.first_of_fresh() {
            self.homes.insert(first, number);
        }
        if segment.has_copies() {
            self.with_copies.insert(number);
        }
        self.resident_bytes += segment.resident_bytes();
        self.segments.insert(number, segment);
        self.make_room(number);
    }

    /// Takes a segment out and says which released records may have waited for it.
    pub(crate) fn take(&mut self, number: u64) -> Vec<Sequence> {
        let Some(segment) = self.segments.remove(&number) else { return Vec::new() };
        self.resident_bytes -= segment.resident_bytes();
        self.with_copies.remove(&number);
        if let Some(first) = segment.first_of_fresh() {
            self.homes.remove(&first);
        }
        self.waiting.iter().copied().collect()
    }

    /// Takes in a new record of the growing segment.
    pub(crate) fn add_fresh(&mut self, number: u64, entry: Entry) {
        let Some(segment) = self.segments.get_mut(&number) else { return };
        if segment.first_of_fresh().is_none() {
            self.homes.insert(entry.sequence, number);
        }
        segment.add_fresh(entry);
        self.fresh_next = Sequence::new(entry.sequence.number() + 1);
    }

    /// Moves a record that was copied to the growing segment there. It is dead there too if it was released meanwhile.
    pub(crate) fn move_to(&mut self, number: u64, entry: Entry, source: Option<Source>, appended: Sequence) {
        let is_live = source.is_none_or(|source| {
            let from = self.segments.get_mut(&source.number);
            from.is_some_and(|from| from.bury(source.run, source.ordinal, entry.length, appended))
        });
        let Some(segment) = self.segments.get_mut(&number) else { return };
        let (run, ordinal) = segment.add_copy(entry);
        if !is_live {
            segment.bury(run, ordinal, entry.length, appended);
        }
        self.with_copies.insert(number);
    }

    /// Says where the growing segment ends now.
    pub(crate) fn set_end(&mut self, number: u64, end: u64) {
        if let Some(segment) = self.segments.get_mut(&number) {
            segment.set_end(end);
        }
    }

    /// The growing segment grows no more; its index, to be written to a file.
    pub(crate) fn seal(&mut self, number: u64) -> Option<Arc<Index>> {
        let index = self.segments.get_mut(&number)?.seal();
        self.resident_bytes += index.bytes();
        self.make_room(number);
        Some(index)
    }

    /// Where a record is that is still needed: in the segment it was appended to, or in the newest that has a copy.
    pub(crate) fn find(&mut self, sequence: Sequence, brought: &[Brought]) -> Answer<Option<Place>, F> {
        self.uses += 1;
        let home = self.homes.range(..=sequence).next_back().map(|(_, number)| *number);
        for number in home.into_iter().chain(self.with_copies.iter().rev().copied()) {
            let Some(segment) = self.segments.get_mut(&number) else { continue };
            match segment.find(sequence, self.uses, brought) {
                Indexed::Found(place) => return Answer::Known(Some(place)),
                Indexed::NotHere => {}
                Indexed::Unknown(need) => return Answer::Needs(need),
            }
        }
        Answer::Known(None)
    }

    /// Where a record is, and the file it is in.
    pub(crate) fn open(&mut self, sequence: Sequence, brought: &[Brought]) -> Answer<Option<(Place, Arc<F>)>, F> {
        match self.find(sequence, brought) {
            Answer::Known(place) => Answer::Known(place.and_then(|place| {
                let segment = self.segments.get(&place.number)?;
                Some((place, segment.file().clone()))
            })),
            Answer::Needs(need) => Answer::Needs(need),
        }
    }

    /// Brings an index that was needed.
    pub(crate) fn bring(&mut self, Brought { number, index }: Brought) {
        self.uses += 1;
        let uses = self.uses;
        let Some(segment) = self.segments.get_mut(&number) else { return };
        self.resident_bytes += segment.bring(index, uses);
        self.make_room(number);
    }

    /// Forgets the indexes that were not used for the longest time; never the one just brought.
    fn make_room(&mut self, keep: u64) {
        while self.resident_bytes > self.resident_bytes_max {
            let others = self.segments.values_mut().filter(|segment| segment.number() != keep);
            let oldest = others.filter(|segment| segment.resident_bytes() > 0).min_by_key(|segment| segment.used());
            let Some(segment) = oldest else { return };
            self.resident_bytes -= segment.forget_index();
        }
    }
}

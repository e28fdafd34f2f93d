//! One segment in the catalog.
//!
//! Owns: its runs' dead marks, its live bytes, and its index as long as that is in memory.

use super::{Brought, Need, Place};
use crate::index::{At, Entry, Index};
use crate::sequence::Sequence;
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct Segment<F> {
    number: u64,
    file: Arc<F>,
    end: u64,
    fresh_first: Sequence,
    places: Places,
    /// Of its index, as soon as it grows no more.
    checksum: u32,
    runs: Vec<Run>,
    live_bytes: u64,
    /// What was appended last when the last of its records died.
    dead_after: Sequence,
    /// The same of its copies.
    copies_dead_after: Sequence,
    used: u64,
}

/// Where its index is.
#[derive(Debug)]
enum Places {
    /// It is being written.
    Growing(Index),
    Resident(Arc<Index>),
    /// To be read or made again.
    Away,
}

/// What must be known of a run without its index.
#[derive(Clone, Debug, Default)]
struct Run {
    first: Sequence,
    last: Sequence,
    count: u64,
    /// Where the last look-up ended.
    hint: At,
    /// A bit for each record that is needed no more; short where the rest is live.
    dead: Vec<u64>,
}

/// Whether a segment has a record.
#[derive(Debug)]
pub(crate) enum Indexed<F> {
    Found(Place),
    NotHere,
    Unknown(Need<F>),
}

impl<F> Segment<F> {
    /// A segment that is to be written.
    pub(crate) fn growing(number: u64, file: Arc<F>, end: u64, fresh_first: Sequence) -> Self {
        let places = Places::Growing(Index::empty());
        let runs = Vec::new();
        let (dead_after, copies_dead_after) = (Sequence::NONE, Sequence::NONE);
        let (checksum, live_bytes, used) = (0, 0, 0);
        Self { number, file, end, fresh_first, places, checksum, runs, live_bytes, dead_after, copies_dead_after, used }
    }

    /// A segment that was written; all its records are live.
    pub(crate) fn sealed(number: u64, file: Arc<F>, end: u64, fresh_first: Sequence, index: Index) -> Self {
        let mut segment = Self::growing(number, file, end, fresh_first);
        for run in index.runs() {
            let mut at = At::default();
            while let Some(entry) = run.next(&mut at) {
                segment.live_bytes += u64::from(entry.length);
            }
            let (hint, dead) = (At::default(), Vec::new());
            segment.runs.push(Run { first: run.first(), last: run.last(), count: run.count(), hint, dead });
        }
        segment.checksum = index.checksum();
        segment.places = Places::Resident(Arc::new(index));
        segment
    }

    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    pub(super) const fn file(&self) -> &Arc<F> {
        &self.file
    }

    pub(crate) const fn end(&self) -> u64 {
        self.end
    }

    pub(crate) const fn live_bytes(&self) -> u64 {
        self.live_bytes
    }

    pub(crate) const fn used(&self) -> u64 {
        self.used
    }

    pub(super) const fn dead_after(&self) -> Sequence {
        self.dead_after
    }

    pub(crate) const fn is_growing(&self) -> bool {
        matches!(self.places, Places::Growing(_))
    }

    pub(crate) fn has_copies(&self) -> bool {
        self.runs.len() > 1
    }

    pub(super) fn first_of_fresh(&self) -> Option<Sequence> {
        self.fresh().map(|(first, _)| first)
    }

    /// The first and the last of its new records.
    pub(crate) fn fresh(&self) -> Option<(Sequence, Sequence)> {
        self.runs.first().filter(|run| run.count > 0).map(|run| (run.first, run.last))
    }

    /// Whether something that died of a record may be in here: what was written before it, and copies that died since.
    pub(super) fn may_concern(&self, sequence: Sequence) -> bool {
        self.fresh_first <= sequence || sequence <= self.copies_dead_after
    }

    /// The memory of its index, where that can be forgotten.
    pub(crate) fn resident_bytes(&self) -> u64 {
        if let Places::Resident(index) = &self.places { index.bytes() } else { 0 }
    }

    /// Its index, and a copy of its dead marks.
    pub(crate) fn marks(&self) -> Vec<Vec<u64>> {
        self.runs.iter().map(|run| run.dead.clone()).collect()
    }

    /// The dead marks of a run.
    pub(crate) fn dead(&self, run: usize) -> &[u64] {
        self.runs.get(run).map_or(&[], |run| &run.dead)
    }

    pub(crate) fn need(&self) -> Need<F> {
        Need { number: self.number, file: self.file.clone(), end: self.end, checksum: self.checksum }
    }

    pub(crate) fn index(&self) -> Option<&Arc<Index>> {
        if let Places::Resident(index) = &self.places { Some(index) } else { None }
    }

    pub(super) const fn set_end(&mut self, end: u64) {
        self.end = end;
    }

    pub(super) fn add_fresh(&mut self, entry: Entry) {
        if let Places::Growing(index) = &mut self.places {
            let run = index.add_fresh(entry);
            self.extend(run, entry);
        }
    }

    /// Says where among the copies it stands.
    pub(super) fn add_copy(&mut self, entry: Entry) -> (usize, u64) {
        let Places::Growing(index) = &mut self.places else { return (0, 0) };
        let run = index.add_copy(entry);
        self.extend(run, entry);
        (run, self.runs[run].count - 1)
    }

    fn extend(&mut self, run: usize, entry: Entry) {
        if self.runs.len() <= run {
            self.runs.resize(run + 1, Run::default());
        }
        let run = &mut self.runs[run];
        if run.count == 0 {
            run.first = entry.sequence;
        }
        (run.last, run.count) = (entry.sequence, run.count + 1);
        self.live_bytes += u64::from(entry.length);
    }

    pub(super) fn seal(&mut self) -> Arc<Index> {
        let places = std::mem::replace(&mut self.places, Places::Away);
        let index = match places {
            Places::Growing(index) => Arc::new(index),
            Places::Resident(index) => index,
            Places::Away => Arc::default(),
        };
        self.checksum = index.checksum();
        self.places = Places::Resident(index.clone());
        index
    }

    /// Says how much memory that takes.
    pub(super) fn bring(&mut self, index: Arc<Index>, used: u64) -> u64 {
        self.used = used;
        if !matches!(self.places, Places::Away) {
            return 0;
        }
        let bytes = index.bytes();
        self.places = Places::Resident(index);
        bytes
    }

    /// Says how much memory that frees.
    pub(super) fn forget_index(&mut self) -> u64 {
        let bytes = self.resident_bytes();
        if bytes > 0 {
            self.places = Places::Away;
        }
        bytes
    }

    /// A record that is not dead.
    pub(super) fn find(&mut self, sequence: Sequence, used: u64, brought: &[Brought]) -> Indexed<F> {
        let holds = |run: &Run| run.count > 0 && run.first <= sequence && sequence <= run.last;
        if !self.runs.iter().any(holds) {
            return Indexed::NotHere;
        }
        self.used = used;
        let index = match &self.places {
            Places::Growing(index) => index,
            Places::Resident(index) => index,
            Places::Away => match brought.iter().find(|brought| brought.number == self.number) {
                Some(brought) => &brought.index,
                None => return Indexed::Unknown(self.need()),
            },
        };
        let runs = self.runs.iter_mut().zip(index.runs()).enumerate();
        let mut found = runs.filter(|(_, (run, _))| holds(run)).filter_map(|(number, (run, places))| {
            let (ordinal, entry) = places.find(sequence, &mut run.hint)?;
            (!is_marked(&run.dead, ordinal)).then_some((number, ordinal, entry))
        });
        found.next_back().map_or(Indexed::NotHere, |(run, ordinal, entry)| {
            Indexed::Found(Place { number: self.number, run, ordinal, entry })
        })
    }

    /// Marks a record as dead; false if it was.
    pub(super) fn bury(&mut self, run: usize, ordinal: u64, length: u32, after: Sequence) -> bool {
        let Some(list) = self.runs.get_mut(run) else { return false };
        let (word, bit) = word_and_bit(ordinal);
        if list.dead.len() <= word {
            list.dead.resize(word + 1, 0);
        }
        if list.dead[word] & bit != 0 {
            return false;
        }
        list.dead[word] |= bit;
        self.live_bytes -= u64::from(length);
        self.dead_after = self.dead_after.max(after);
        if run > 0 {
            self.copies_dead_after = self.copies_dead_after.max(after);
        }
        true
    }
}

pub(crate) fn is_marked(dead: &[u64], ordinal: u64) -> bool {
    let (word, bit) = word_and_bit(ordinal);
    dead.get(word).is_some_and(|word| word & bit != 0)
}

fn word_and_bit(ordinal: u64) -> (usize, u64) {
    (usize::try_from(ordinal / 64).unwrap_or(usize::MAX), 1 << (ordinal % 64))
}

//! Records that are needed no more, and the segments that die of it.
//!
//! Owns: the rule that what made a record dead is durable before its bytes go.

use super::{Answer, Brought, Catalog, Indexed, Place, Segment};
use crate::sequence::Sequence;
use std::collections::BTreeSet;

impl<F> Catalog<F> {
    /// The owner needs a record no more. `appended` is the last that was appended: what made this one unneeded is not
    /// behind it.
    pub(crate) fn release(&mut self, sequence: Sequence, appended: Sequence, brought: &[Brought]) -> Answer<(), F> {
        if sequence >= self.fresh_next {
            if sequence <= appended {
                self.early.insert(sequence);
            }
            return Answer::Known(());
        }
        match self.find(sequence, brought) {
            Answer::Known(Some(place)) => self.bury_or_wait(&place, appended),
            Answer::Known(None) => _ = self.waiting.remove(&sequence),
            Answer::Needs(need) => return Answer::Needs(need),
        }
        Answer::Known(())
    }

    /// What was released before it was written, up to a record.
    pub(crate) fn take_early(&mut self, last: Sequence) -> Vec<Sequence> {
        let mut early = self.early.split_off(&Sequence::new(last.number() + 1));
        std::mem::swap(&mut early, &mut self.early);
        early.into_iter().collect()
    }

    /// An older place of a record that has a newer copy.
    pub(crate) fn bury_older(&mut self, sequence: Sequence, newest: u64, brought: &[Brought]) -> Answer<(), F> {
        let home = self.homes.range(..=sequence).next_back().map(|(_, number)| *number);
        let older = self.with_copies.range(..newest).copied();
        let numbers: Vec<u64> = home.into_iter().chain(older).filter(|number| *number < newest).collect();
        for number in numbers {
            let Some(segment) = self.segments.get_mut(&number) else { continue };
            match segment.find(sequence, 0, brought) {
                Indexed::Unknown(need) => return Answer::Needs(need),
                Indexed::NotHere => {}
                Indexed::Found(place) => {
                    let Place { run, ordinal, entry, .. } = place;
                    segment.bury(run, ordinal, entry.length, Sequence::NONE);
                }
            }
        }
        Answer::Known(())
    }

    fn bury_or_wait(&mut self, place: &Place, appended: Sequence) {
        let sequence = place.entry.sequence;
        if self.keep_while_older.contains(place.entry.kind) && self.has_older(place.number, sequence) {
            self.waiting.insert(sequence);
            return;
        }
        self.waiting.remove(&sequence);
        if let Some(segment) = self.segments.get_mut(&place.number) {
            segment.bury(place.run, place.ordinal, place.entry.length, appended);
        }
    }

    /// Whether a segment remains, other than the one that has this record, with something that died of it.
    fn has_older(&self, number: u64, sequence: Sequence) -> bool {
        let lowest = self.segments.keys().next().into_iter();
        let others = lowest.chain(&self.with_copies).filter(|other| **other != number);
        others.filter_map(|other| self.segments.get(other)).any(|other| other.may_concern(sequence))
    }

    /// Segments that nothing needs, dead of what is at most `appended`.
    pub(crate) fn dead_segments(&self, appended: Sequence, count_max: usize) -> Vec<u64> {
        let is_dead = |segment: &&Segment<F>| {
            segment.live_bytes() == 0 && !segment.is_growing() && segment.dead_after() <= appended
        };
        self.segments.values().filter(is_dead).map(Segment::number).take(count_max).collect()
    }

    /// The segment with the smallest part live, if that is under a quarter.
    pub(crate) fn sparsest_segment(&self, but: &BTreeSet<u64>) -> Option<u64> {
        let is_sparse = |segment: &&Segment<F>| {
            !segment.is_growing()
                && !but.contains(&segment.number())
                && segment.live_bytes() > 0
                && segment.live_bytes() < segment.end() / 4
        };
        let sparse = self.segments.values().filter(is_sparse);
        sparse.min_by_key(|segment| segment.live_bytes() * 1000 / segment.end().max(1)).map(Segment::number)
    }
}

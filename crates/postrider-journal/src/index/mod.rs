//! Where each record of a segment is: sequence to offset.
//!
//! Owns: the delta-coded lists, some five bytes a record; marks in them, so that finding reads at most 32 entries.
//! Never: holds a payload, or knows whether a record is still needed.

mod file;

use crate::coding::{Cursor, put_varint};
use crate::sequence::Sequence;

/// One record's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) sequence: Sequence,
    pub(crate) offset: u64,
    pub(crate) length: u32,
    pub(crate) kind: u8,
}

/// The places of a segment. Run 0 has the new records; each further run has copies in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Index {
    runs: Vec<Run>,
}

/// A list of places, ascending both in sequence and in offset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Run {
    coded: Vec<u8>,
    marks: Vec<Mark>,
    first: Sequence,
    end: At,
}

/// A point between two entries of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct At {
    /// How many entries are before it.
    pub(crate) ordinal: u64,
    position: usize,
    sequence: Sequence,
    offset: u64,
}

/// A point and the sequence behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    sequence: Sequence,
    at: At,
}

impl Index {
    pub(crate) const fn empty() -> Self {
        Self { runs: Vec::new() }
    }

    pub(crate) fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Adds a new record.
    pub(crate) fn add_fresh(&mut self, entry: Entry) -> usize {
        if self.runs.is_empty() {
            self.runs.push(Run::default());
        }
        self.runs[0].push(entry);
        0
    }

    /// Adds a copy and says to which run.
    pub(crate) fn add_copy(&mut self, entry: Entry) -> usize {
        let is_next = self.runs.len() > 1 && self.runs.last().is_some_and(|run| run.last() < entry.sequence);
        if !is_next {
            self.runs.resize(self.runs.len().max(1) + 1, Run::default());
        }
        let number = self.runs.len() - 1;
        self.runs[number].push(entry);
        number
    }

    /// What tells it from every other.
    pub(crate) fn checksum(&self) -> u32 {
        let of_run = |sum, run: &Run| crc32c::crc32c_append(sum, &(run.coded.len() as u64).to_le_bytes());
        self.runs.iter().fold(0, |sum, run| crc32c::crc32c_append(of_run(sum, run), &run.coded))
    }

    /// How much memory it takes.
    pub(crate) fn bytes(&self) -> u64 {
        self.runs.iter().map(|run| run.coded.capacity() + run.marks.capacity() * size_of::<Mark>()).sum::<usize>()
            as u64
    }
}

impl Run {
    pub(crate) const fn first(&self) -> Sequence {
        self.first
    }

    pub(crate) const fn last(&self) -> Sequence {
        self.end.sequence
    }

    pub(crate) const fn count(&self) -> u64 {
        self.end.ordinal
    }

    /// Looks for a record, from `hint` on if that is a little before it: most look-ups follow one another.
    pub(crate) fn find(&self, sequence: Sequence, hint: &mut At) -> Option<(u64, Entry)> {
        let distance = sequence.number().checked_sub(hint.sequence.number());
        let mut at = match distance {
            Some(1..MARK_EVERY) if hint.ordinal > 0 => *hint,
            _ => self.mark_before(sequence)?,
        };
        loop {
            let ordinal = at.ordinal;
            let entry = self.next(&mut at)?;
            if entry.sequence >= sequence {
                if entry.sequence > sequence {
                    return None;
                }
                *hint = at;
                return Some((ordinal, entry));
            }
        }
    }

    fn mark_before(&self, sequence: Sequence) -> Option<At> {
        let behind = self.marks.partition_point(|mark| mark.sequence <= sequence);
        self.marks.get(behind.checked_sub(1)?).map(|mark| mark.at)
    }

    /// The entry behind a point, which moves on.
    pub(crate) fn next(&self, at: &mut At) -> Option<Entry> {
        let mut cursor = Cursor::new(self.coded.get(at.position..)?);
        let (entry, next) = decode(&mut cursor, at)?;
        *at = At { position: self.coded.len() - cursor.remaining(), ..next };
        Some(entry)
    }

    fn push(&mut self, entry: Entry) {
        let before = self.end;
        if before.ordinal == 0 {
            self.first = entry.sequence;
        }
        if before.ordinal.is_multiple_of(MARK_EVERY) {
            self.marks.push(Mark { sequence: entry.sequence, at: before });
        }
        put_varint(&mut self.coded, entry.sequence.number() - before.sequence.number());
        put_varint(&mut self.coded, entry.offset - before.offset);
        put_varint(&mut self.coded, u64::from(entry.length));
        self.coded.push(entry.kind);
        self.end = At {
            ordinal: before.ordinal + 1,
            position: self.coded.len(),
            sequence: entry.sequence,
            offset: entry.offset + u64::from(entry.length),
        };
    }
}

/// One entry of a list and the point behind it, but for its position.
fn decode(cursor: &mut Cursor<'_>, at: &At) -> Option<(Entry, At)> {
    let sequence = Sequence::new(at.sequence.number().checked_add(cursor.varint()?)?);
    let offset = at.offset.checked_add(cursor.varint()?)?;
    let length = u32::try_from(cursor.varint()?).ok()?;
    let entry = Entry { sequence, offset, length, kind: cursor.u8()? };
    let end = offset.checked_add(u64::from(length))?;
    Some((entry, At { ordinal: at.ordinal + 1, position: 0, sequence, offset: end }))
}

const MARK_EVERY: u64 = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_is_found_and_no_other() {
        let mut index = Index::default();
        let entry =
            |sequence: u64| Entry { sequence: Sequence::new(sequence), offset: sequence * 10, length: 7, kind: 3 };
        (1000..1500).for_each(|sequence| assert_eq!(index.add_fresh(entry(sequence)), 0));
        (1..300).step_by(3).for_each(|sequence| assert_eq!(index.add_copy(entry(sequence)), 1));
        assert_eq!(index.add_copy(entry(50)), 2);
        let mut hint = At::default();
        for sequence in (990..1510).chain((990..1510).rev()).chain((990..1510).step_by(7)) {
            let found = index.runs()[0]
                .find(Sequence::new(sequence), &mut hint)
                .map(|(ordinal, entry)| (ordinal, entry.offset));
            assert_eq!(found, (1000..1500).contains(&sequence).then(|| (sequence - 1000, sequence * 10)));
        }
        assert_eq!(index.runs()[1].find(Sequence::new(4), &mut At::default()), Some((1, entry(4))));
        assert_eq!(index.runs()[1].find(Sequence::new(5), &mut At::default()), None);
        assert_eq!(index.runs()[2].count(), 1);
    }
}

//! The first frame of a segment: who it is, and which segments there were when it was begun.
//!
//! Owns: its bytes. The newest roster decides which segments must exist and where each of them ends.
//! Never: lists a segment that is needed no more.

use crate::coding::{Cursor, put_varint};
use crate::frame::{Class, FrameKey, HEADER_SIZE, NUMBER_END, StoreId};
use crate::group::{Seal, seal};
use crate::sequence::Sequence;
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Roster {
    pub(crate) store_id: StoreId,
    pub(crate) number: u64,
    /// The length that was preallocated.
    pub(crate) capacity: u64,
    /// The older segments and where their last frame ends.
    pub(crate) ends: BTreeMap<u64, u64>,
}

impl Roster {
    /// The whole frame.
    pub(crate) fn encode(&self, epoch: u64, fresh_first: Sequence) -> Vec<u8> {
        let mut frame = vec![0; HEADER_SIZE];
        frame.extend_from_slice(&VERSION.to_le_bytes());
        frame.extend_from_slice(&self.store_id.0);
        put_varint(&mut frame, self.number);
        put_varint(&mut frame, self.capacity);
        put_varint(&mut frame, self.ends.len() as u64);
        let mut before = 0;
        for (number, end) in &self.ends {
            put_varint(&mut frame, number - before);
            put_varint(&mut frame, *end);
            before = *number;
        }
        let key = FrameKey::new(self.store_id, self.number);
        seal(&mut frame, key, Seal { class: Class::Roster, epoch, first: fresh_first, synced: 0, count: 1 });
        frame
    }

    /// Reads the body of the frame.
    pub(crate) fn decode(body: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(body);
        if cursor.u16()? != VERSION {
            return None;
        }
        let store_id = StoreId(cursor.array()?);
        let (number, capacity, count) = (cursor.varint()?, cursor.varint()?, cursor.varint()?);
        let mut ends = BTreeMap::new();
        let mut before = 0_u64;
        for _ in 0..count {
            before = before.checked_add(cursor.varint()?).filter(|next| *next > before && *next < number)?;
            ends.insert(before, cursor.varint().filter(|end| *end < NUMBER_END)?);
        }
        (cursor.remaining() == 0 && capacity < NUMBER_END).then_some(Self { store_id, number, capacity, ends })
    }
}

/// Writes the numbers of segments that are needed no more.
pub(crate) fn encode_removed(numbers: &[u64], key: FrameKey, epoch: u64, synced: u64) -> Vec<u8> {
    let mut frame = vec![0; HEADER_SIZE];
    numbers.iter().for_each(|number| put_varint(&mut frame, *number));
    let count = u32::try_from(numbers.len()).expect("few are removed at a time");
    seal(&mut frame, key, Seal { class: Class::Removed, epoch, first: Sequence::NONE, synced, count });
    frame
}

/// Reads the body of such a frame.
pub(crate) fn decode_removed(body: &[u8]) -> Option<Vec<u64>> {
    let mut cursor = Cursor::new(body);
    let mut numbers = Vec::new();
    while cursor.remaining() > 0 {
        numbers.push(cursor.varint()?);
    }
    Some(numbers)
}

/// Of the format of segments.
pub(crate) const VERSION: u16 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roster_comes_back_as_it_was() {
        let ends = BTreeMap::from([(1, 500), (7, 0), (8, NUMBER_END - 1)]);
        let roster = Roster { store_id: StoreId([1; 16]), number: 9, capacity: 4096, ends };
        let frame = roster.encode(3, Sequence::new(5));
        assert_eq!(Roster::decode(&frame[HEADER_SIZE..]), Some(roster));
        for end in HEADER_SIZE..frame.len() {
            assert_eq!(Roster::decode(&frame[HEADER_SIZE..end]), None);
        }
    }
}

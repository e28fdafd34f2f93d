//! The header of a frame: what one write put into a segment, and what was durable before it.
//!
//! Owns: its 48 bytes and their checksum, which begins with the store's id and the segment's number.
//! Never: takes a frame of another store or segment for its own.

use crate::coding::Cursor;
use crate::sequence::Sequence;

/// What the body of a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// New records: `first`, `first + 1` and so on.
    Records = 1,
    /// Records that were elsewhere before, each with its sequence.
    Copies = 2,
    /// The first frame of a segment.
    Roster = 3,
    /// Numbers of segments that are needed no more.
    Removed = 4,
    /// Nothing: the log was closed in order.
    Closed = 5,
}

/// Who may have written a frame: a checksum of the store's id and the segment's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameKey(u32);

impl FrameKey {
    pub(crate) fn new(store_id: StoreId, segment: u64) -> Self {
        Self(crc32c::crc32c_append(crc32c::crc32c(&store_id.0), &segment.to_le_bytes()))
    }
}

impl FrameKey {
    pub(crate) const fn number(self) -> u32 {
        self.0
    }
}

/// The random number that tells one store from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StoreId(pub [u8; 16]);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) class: Class,
    pub(crate) epoch: u64,
    /// Of the first record; in a roster, what the next new record will have.
    pub(crate) first: Sequence,
    /// All bytes of the segment before this offset were durable when the frame was written.
    pub(crate) synced: u64,
    pub(crate) count: u32,
    pub(crate) body_bytes: u32,
    pub(crate) body_checksum: u32,
}

impl Header {
    /// Where the next frame begins if this one is at `offset`.
    pub(crate) const fn end(&self, offset: u64) -> u64 {
        offset.saturating_add(HEADER_BYTES + self.body_bytes as u64)
    }

    pub(crate) fn encode(&self, key: FrameKey) -> [u8; HEADER_SIZE] {
        let mut bytes = [0; HEADER_SIZE];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&self.body_bytes.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.body_checksum.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.first.number().to_le_bytes());
        bytes[32..40].copy_from_slice(&self.synced.to_le_bytes());
        bytes[40..44].copy_from_slice(&self.count.to_le_bytes());
        bytes[44] = self.class as u8;
        let checksum = crc32c::crc32c_append(key.0, &bytes[8..]);
        bytes[4..8].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Nothing if these bytes are not a header of ours.
    pub(crate) fn decode(bytes: &[u8; HEADER_SIZE], key: FrameKey) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        if cursor.array()? != MAGIC || cursor.u32()? != crc32c::crc32c_append(key.0, &bytes[8..]) {
            return None;
        }
        let (body_bytes, body_checksum, epoch) = (cursor.u32()?, cursor.u32()?, cursor.u64()?);
        let (first, synced, count) = (Sequence::new(cursor.u64()?), cursor.u64()?, cursor.u32()?);
        let class = class_of(cursor.u8()?)?;
        let is_sane = [epoch, first.number(), synced].iter().all(|number| *number < NUMBER_END);
        is_sane.then_some(Self { class, epoch, first, synced, count, body_bytes, body_checksum })
    }
}

const fn class_of(code: u8) -> Option<Class> {
    match code {
        1 => Some(Class::Records),
        2 => Some(Class::Copies),
        3 => Some(Class::Roster),
        4 => Some(Class::Removed),
        5 => Some(Class::Closed),
        _ => None,
    }
}

/// Numbers in files are below this, so that adding to them never overflows.
pub(crate) const NUMBER_END: u64 = 1 << 62;
/// How a frame begins, so that one can be looked for.
pub(crate) const MAGIC: [u8; 4] = *b"PRgp";
pub(crate) const HEADER_SIZE: usize = 48;
pub(crate) const HEADER_BYTES: u64 = HEADER_SIZE as u64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_known_again_by_its_own_store_and_segment_only() {
        let key = FrameKey::new(StoreId([7; 16]), 3);
        let header = Header {
            class: Class::Copies,
            epoch: 9,
            first: Sequence::new(12),
            synced: 4096,
            count: 5,
            body_bytes: 100,
            body_checksum: 1,
        };
        let bytes = header.encode(key);
        assert_eq!(Header::decode(&bytes, key), Some(header));
        assert_eq!(Header::decode(&bytes, FrameKey::new(StoreId([7; 16]), 4)), None);
        assert_eq!(Header::decode(&bytes, FrameKey::new(StoreId([8; 16]), 3)), None);
        for bit in 0..HEADER_SIZE * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::decode(&flipped, key), None, "bit {bit}");
        }
    }
}

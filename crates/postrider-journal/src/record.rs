//! The bytes of one record: kind, length, checksum, payload.
//!
//! Owns: the record's own checksum, which covers its sequence, so that a reading at a wrong place is noticed.

use crate::coding::{Cursor, put_varint, varint_bytes};
use crate::sequence::Sequence;

/// A record in somebody's buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    pub(crate) kind: u8,
    pub(crate) payload: &'a [u8],
    checksum: u32,
}

impl<'a> Record<'a> {
    pub(crate) fn decode(cursor: &mut Cursor<'a>) -> Option<Self> {
        let kind = cursor.u8()?;
        let length = usize::try_from(cursor.varint()?).ok()?;
        let checksum = cursor.u32()?;
        Some(Self { kind, payload: cursor.take(length)?, checksum })
    }

    /// Whether these are the bytes that were appended under this sequence.
    pub(crate) fn is_whole(&self, sequence: Sequence) -> bool {
        self.checksum == checksum(sequence, self.kind, &[self.payload])
    }
}

/// Writes a record behind others and says how many bytes it took.
pub(crate) fn put(out: &mut Vec<u8>, sequence: Sequence, kind: u8, payload: &[&[u8]]) -> u64 {
    let before = out.len();
    out.push(kind);
    put_varint(out, bytes_of(payload));
    out.extend_from_slice(&checksum(sequence, kind, payload).to_le_bytes());
    payload.iter().for_each(|part| out.extend_from_slice(part));
    (out.len() - before) as u64
}

/// How many bytes a payload will take as a record.
pub(crate) const fn encoded_bytes(payload_bytes: u64) -> u64 {
    1 + varint_bytes(payload_bytes) as u64 + 4 + payload_bytes
}

pub(crate) fn bytes_of(payload: &[&[u8]]) -> u64 {
    payload.iter().map(|part| part.len() as u64).sum()
}

fn checksum(sequence: Sequence, kind: u8, payload: &[&[u8]]) -> u32 {
    let mut head = [kind; 9];
    head[..8].copy_from_slice(&sequence.number().to_le_bytes());
    payload.iter().fold(crc32c::crc32c(&head), |sum, part| crc32c::crc32c_append(sum, part))
}

//! Records on their way into one frame.
//!
//! Owns: the frame's bytes, gathered behind room for its header, and the length of each record in it.
//! Never: grows beyond what the options allow, but for a single record that is larger.

use crate::coding::put_varint;
use crate::frame::{Class, FrameKey, HEADER_BYTES, HEADER_SIZE, Header};
use crate::record;
use crate::sequence::Sequence;

/// New records, in order.
#[derive(Debug)]
pub(crate) struct Group {
    frame: Vec<u8>,
    first: Sequence,
    lengths: Vec<u32>,
}

impl Group {
    pub(crate) fn new() -> Self {
        Self { frame: vec![0; HEADER_SIZE], first: Sequence::NONE, lengths: Vec::new() }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    pub(crate) const fn count(&self) -> usize {
        self.lengths.len()
    }

    /// Bytes of the whole frame.
    pub(crate) const fn bytes(&self) -> u64 {
        self.frame.len() as u64
    }

    /// The sequence of the first record.
    pub(crate) const fn first(&self) -> Sequence {
        self.first
    }

    /// The sequence of the last record; that before the first if there is none.
    pub(crate) const fn last(&self) -> Sequence {
        Sequence::new(self.first.number() + self.lengths.len() as u64 - 1)
    }

    /// Whether its first record is not behind this one.
    pub(crate) fn is_at_most(&self, last: Sequence) -> bool {
        !self.is_empty() && self.first <= last
    }

    /// Takes a record; `sequence` follows that of the last.
    pub(crate) fn push(&mut self, sequence: Sequence, kind: u8, payload: &[&[u8]]) {
        if self.is_empty() {
            self.first = sequence;
        }
        let length = record::put(&mut self.frame, sequence, kind, payload);
        self.lengths.push(u32::try_from(length).expect("a record is smaller than `record_bytes_max`, a u32"));
    }

    /// The whole frame, with its header.
    pub(crate) fn seal(&mut self, key: FrameKey, epoch: u64, synced: u64) -> &[u8] {
        let count = u32::try_from(self.lengths.len()).expect("a group is smaller than 2^32 records");
        seal(&mut self.frame, key, Seal { class: Class::Records, epoch, first: self.first, synced, count });
        &self.frame
    }

    /// Each record's sequence, kind, length, and offset from the beginning of the frame.
    pub(crate) fn records(&self) -> impl Iterator<Item = (Sequence, u8, u32, u64)> {
        self.lengths.iter().zip(self.first.number()..).scan(HEADER_BYTES, |offset, (length, sequence)| {
            let at = *offset;
            *offset += u64::from(*length);
            let kind = self.frame[usize::try_from(at).ok()?];
            Some((Sequence::new(sequence), kind, *length, at))
        })
    }

    /// Empty again; keeps its memory unless one large record made it large.
    pub(crate) fn clear(&mut self) {
        self.frame.truncate(HEADER_SIZE);
        self.frame.shrink_to(KEPT_BYTES);
        self.lengths.clear();
    }
}

/// Records that are copied forward, in ascending order.
#[derive(Debug)]
pub(crate) struct Copies {
    frame: Vec<u8>,
    copies: Vec<Copied>,
}

/// One record that was copied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Copied {
    pub(crate) sequence: Sequence,
    pub(crate) kind: u8,
    pub(crate) length: u32,
    /// From the beginning of the frame.
    pub(crate) offset: u64,
    /// Nothing if it comes from another store.
    pub(crate) source: Option<Source>,
}

/// Where a record is that is copied: in which segment, and where in its index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    pub(crate) number: u64,
    pub(crate) run: usize,
    pub(crate) ordinal: u64,
}

impl Copies {
    pub(crate) fn new() -> Self {
        Self { frame: vec![0; HEADER_SIZE], copies: Vec::new() }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.copies.is_empty()
    }

    pub(crate) const fn bytes(&self) -> u64 {
        self.frame.len() as u64
    }

    pub(crate) fn copies(&self) -> &[Copied] {
        &self.copies
    }

    /// Takes a copy; `sequence` is above that of the last.
    pub(crate) fn push(&mut self, source: Option<Source>, sequence: Sequence, kind: u8, payload: &[u8]) {
        let before = self.copies.last().map_or(sequence, |copy| copy.sequence);
        put_varint(&mut self.frame, sequence.number() - before.number());
        let offset = self.frame.len() as u64;
        let length = record::put(&mut self.frame, sequence, kind, &[payload]);
        let length = u32::try_from(length).expect("a copy is as long as the record");
        self.copies.push(Copied { sequence, kind, length, offset, source });
    }

    pub(crate) fn seal(&mut self, key: FrameKey, epoch: u64, synced: u64) -> &[u8] {
        let first = self.copies.first().map_or(Sequence::NONE, |copy| copy.sequence);
        let count = u32::try_from(self.copies.len()).expect("a step of compaction is smaller than 2^32 records");
        seal(&mut self.frame, key, Seal { class: Class::Copies, epoch, first, synced, count });
        &self.frame
    }

    pub(crate) fn clear(&mut self) {
        self.frame.truncate(HEADER_SIZE);
        self.frame.shrink_to(KEPT_BYTES);
        self.copies.clear();
    }
}

/// What a header says besides what the body itself tells.
pub(crate) struct Seal {
    pub(crate) class: Class,
    pub(crate) epoch: u64,
    pub(crate) first: Sequence,
    pub(crate) synced: u64,
    pub(crate) count: u32,
}

/// Writes the header into the room kept for it at the beginning of a frame.
pub(crate) fn seal(frame: &mut [u8], key: FrameKey, seal: Seal) {
    let Seal { class, epoch, first, synced, count } = seal;
    let (head, body) = frame.split_at_mut(HEADER_SIZE);
    let body_bytes = u32::try_from(body.len()).expect("a frame is smaller than 4 GiB");
    let header = Header { class, epoch, first, synced, count, body_bytes, body_checksum: crc32c::crc32c(body) };
    head.copy_from_slice(&header.encode(key));
}

/// Memory that an empty group keeps for the next.
const KEPT_BYTES: usize = 2 * 1024 * 1024;

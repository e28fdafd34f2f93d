//! Reads the frames of a segment one after the other, and finds the next behind damage.
//!
//! Owns: what makes a frame whole, and what a tail says about the bytes before it.
//! Never: believes a length before the header's checksum, or one that leads out of the file.

use crate::coding::Cursor;
use crate::error::DamageKind;
use crate::frame::{Class, FrameKey, HEADER_BYTES, HEADER_SIZE, Header, MAGIC, NUMBER_END};
use crate::index::Entry;
use crate::record::Record;
use crate::sequence::Sequence;
use crate::storage::StorageFile;
use crate::window::Window;
use std::io;

pub(crate) struct Scan<'a, F> {
    file: &'a F,
    key: FrameKey,
    limit: u64,
    offset: u64,
    window: Window,
}

/// What is at a place.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    Frame {
        header: Header,
        offset: u64,
        body: &'a [u8],
    },
    /// Nothing whole, and where the next frame may begin, if the header says so.
    Broken {
        what: DamageKind,
        header: Option<Header>,
    },
    End,
}

impl<'a, F: StorageFile> Scan<'a, F> {
    /// Frames before `limit`, which is within the file.
    pub(crate) const fn new(file: &'a F, key: FrameKey, limit: u64) -> Self {
        Self { file, key, limit, offset: 0, window: Window::new(WINDOW_BYTES, limit) }
    }

    /// Where the next frame is expected.
    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) const fn skip_to(&mut self, offset: u64) {
        self.offset = offset;
    }

    /// The next frame; stays where it is if there is none.
    pub(crate) fn next(&mut self) -> io::Result<Found<'_>> {
        if self.offset >= self.limit {
            return Ok(Found::End);
        }
        let Some(header) = self.header_at(self.offset)? else {
            return Ok(Found::Broken { what: DamageKind::Header, header: None });
        };
        let offset = self.offset;
        if header.end(offset) > self.limit {
            return Ok(Found::Broken { what: DamageKind::Short, header: Some(header) });
        }
        let length = index(u64::from(header.body_bytes));
        let body = self.window.read(self.file, offset + HEADER_BYTES, length)?;
        if body.len() < length || crc32c::crc32c(body) != header.body_checksum {
            return Ok(Found::Broken { what: DamageKind::Body, header: Some(header) });
        }
        self.offset = header.end(offset);
        Ok(Found::Frame { header, offset, body })
    }

    /// The bytes at a place, as far as there are any.
    pub(crate) fn bytes(&mut self, offset: u64, length: u64) -> io::Result<&[u8]> {
        let length = index(length.min(self.limit.saturating_sub(offset)));
        self.window.read(self.file, offset, length)
    }

    pub(crate) fn header_at(&mut self, offset: u64) -> io::Result<Option<Header>> {
        if offset + HEADER_BYTES > self.limit {
            return Ok(None);
        }
        let bytes = self.window.read(self.file, offset, HEADER_SIZE)?;
        Ok(bytes.try_into().ok().and_then(|bytes| Header::decode(bytes, self.key)))
    }

    /// The first header at or behind an offset, whether or not its body is whole.
    pub(crate) fn find_header(&mut self, mut offset: u64) -> io::Result<Option<(u64, Header)>> {
        while offset + HEADER_BYTES <= self.limit {
            let length = index((self.limit - offset).min(WINDOW_BYTES as u64));
            let bytes = self.window.read(self.file, offset, length)?;
            let (count, found) = (bytes.len(), find_magic(bytes));
            if count < HEADER_SIZE {
                return Ok(None);
            }
            let Some(at) = found else {
                offset += (count - MAGIC.len() + 1) as u64;
                continue;
            };
            offset += at as u64;
            if let Some(header) = self.header_at(offset)? {
                return Ok(Some((offset, header)));
            }
            offset += 1;
        }
        Ok(None)
    }

    /// Whether there is anything but zeros from an offset on.
    pub(crate) fn is_blank(&mut self, mut offset: u64) -> io::Result<bool> {
        while offset < self.limit {
            let length = index((self.limit - offset).min(WINDOW_BYTES as u64));
            let bytes = self.window.read(self.file, offset, length)?;
            if bytes.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            if bytes.is_empty() {
                return Ok(true);
            }
            offset += bytes.len() as u64;
        }
        Ok(true)
    }
}

/// The records of a frame, each with its place; false if the body is not what the header says.
pub(crate) fn for_each_record(header: &Header, offset: u64, body: &[u8], mut each: impl FnMut(Entry)) -> bool {
    let mut cursor = Cursor::new(body);
    let mut sequence = header.first;
    for at in 0..header.count {
        let is_copy = header.class == Class::Copies;
        let step = if is_copy { cursor.varint() } else { Some(u64::from(at > 0)) };
        // Copies ascend: only the first may repeat the number of the header.
        let step = step.filter(|step| (*step > 0) == (at > 0));
        let Some(next) = step.and_then(|step| sequence.number().checked_add(step).filter(|next| *next < NUMBER_END))
        else {
            return false;
        };
        sequence = Sequence::new(next);
        let start = body.len() - cursor.remaining();
        let Some(record) = Record::decode(&mut cursor) else { return false };
        let length = body.len() - cursor.remaining() - start;
        let Ok(length) = u32::try_from(length) else { return false };
        each(Entry { sequence, offset: offset + HEADER_BYTES + start as u64, length, kind: record.kind });
    }
    cursor.remaining() == 0 && sequence.number() > 0
}

fn find_magic(bytes: &[u8]) -> Option<usize> {
    let mut start = 0;
    loop {
        start += bytes[start..].iter().position(|byte| *byte == MAGIC[0])?;
        if bytes[start..].starts_with(&MAGIC) {
            return Some(start);
        }
        start += 1;
    }
}

fn index(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

const WINDOW_BYTES: usize = 256 * 1024;

//! Reading a `mosquitto.db` from its beginning to its end.
//!
//! Owns: what is damage there, and where.
//! Never: needs more memory for a chunk than the file has bytes.

use super::chunk::{Chunk, Format};
use super::cursor::Cursor;
use super::found::{Found, Place};
use std::fmt;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

/// A place that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// In bytes from the beginning of the file.
    pub offset: u64,
    /// What is wrong there.
    pub what: String,
}

/// Why a file was not read to its end.
#[derive(Debug)]
pub(super) enum Stopped {
    Flaw(Flaw),
    Failed(io::Error),
}

/// A file that is being read.
pub(super) struct Scan<R> {
    source: BufReader<R>,
    pub(super) format: Format,
    offset: u64,
    length: u64,
    body: Vec<u8>,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: {}", self.offset, self.what)
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl<R: Read + Seek> Scan<R> {
    /// Reads the head of the file.
    pub(super) fn begin(source: R) -> Result<Self, Stopped> {
        let mut source = BufReader::with_capacity(BUFFER_BYTES, source);
        let length = source.seek(SeekFrom::End(0))?;
        source.rewind()?;
        let flaw = |offset, what: &str| Err(Stopped::Flaw(Flaw { offset, what: what.to_owned() }));
        if length < HEAD_BYTES as u64 {
            return flaw(0, "it is too short to be a file of mosquitto");
        }
        let mut head = [0; HEAD_BYTES];
        source.read_exact(&mut head)?;
        let Some(rest) = head.strip_prefix(MAGIC) else {
            return flaw(0, "it does not begin as a file of mosquitto does");
        };
        // In front of the format stands a checksum that has always been 0.
        let format = rest.get(4..).and_then(|bytes| Cursor(bytes).u32().ok()).map_or(Format(0), Format);
        if !format.is_known() {
            return flaw(FORMAT_AT, &format!("its format is {}, and 2 to 6 are known here", format.0));
        }
        Ok(Self { source, format, offset: HEAD_BYTES as u64, length, body: Vec::new() })
    }

    /// Reads the next chunk into `found`. A flaw within it leaves the ones behind it readable.
    pub(super) fn step(&mut self, found: &mut Found) -> Result<Step, Stopped> {
        if self.offset == self.length {
            return Ok(Step::End);
        }
        let at = self.offset;
        let flaw = |what: &str| Flaw { offset: at, what: what.to_owned() };
        let head_bytes = self.format.head_bytes();
        if self.length - at < head_bytes as u64 {
            return Ok(Step::Broken(flaw("the file ends in the middle of a chunk")));
        }
        let mut head = [0; HEAD_MAX];
        let Some(head) = head.get_mut(..head_bytes) else { return Ok(Step::End) };
        self.source.read_exact(head)?;
        let (kind, bytes) = match self.format.head(head) {
            Ok(head) => head,
            Err(what) => return Ok(Step::Broken(flaw(what))),
        };
        let place = Place { offset: at + head_bytes as u64, bytes };
        if self.length - place.offset < u64::from(bytes) {
            return Ok(Step::Broken(flaw("a chunk that is longer than what is left of the file")));
        }
        self.offset = place.offset + u64::from(bytes);
        self.read(bytes)?;
        let taken = self.format.chunk(kind, &self.body).and_then(|chunk| found.take(chunk, place));
        Ok(match taken {
            Ok(()) => Step::Taken,
            Err(what) => Step::Skipped(flaw(what)),
        })
    }

    /// The chunk of a message, which was read before.
    pub(super) fn message(&mut self, place: Place) -> io::Result<Chunk<'_>> {
        let here = self.source.stream_position()?;
        let way = i64::try_from(place.offset).ok().zip(i64::try_from(here).ok());
        let (there, here) = way.ok_or(io::ErrorKind::InvalidData)?;
        self.source.seek_relative(there - here)?;
        self.read(place.bytes)?;
        let changed = |_| io::Error::new(io::ErrorKind::InvalidData, "it changed while it was read");
        self.format.chunk(MESSAGE, &self.body).map_err(changed)
    }

    fn read(&mut self, bytes: u32) -> io::Result<()> {
        self.body.clear();
        self.body.shrink_to(KEPT_BYTES);
        let read = self.source.by_ref().take(u64::from(bytes)).read_to_end(&mut self.body)?;
        if read == bytes as usize { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

/// What became of a chunk.
pub(super) enum Step {
    Taken,
    /// It makes no sense, and the next one may.
    Skipped(Flaw),
    /// Nobody knows where the next one begins.
    Broken(Flaw),
    End,
}

const MAGIC: &[u8] = b"\x00\xB5\x00mosquitto db";
/// With the checksum and the format.
const HEAD_BYTES: usize = 23;
const FORMAT_AT: u64 = 19;
const HEAD_MAX: usize = 8;
const MESSAGE: u32 = 2;
const BUFFER_BYTES: usize = 256 * 1024;
const KEPT_BYTES: usize = 1024 * 1024;

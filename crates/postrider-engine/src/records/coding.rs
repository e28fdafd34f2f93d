//! Numbers and texts in records.
//!
//! Owns: that a record is read to its end and never beyond.

use crate::RecordError;
pub(crate) use postrider_session::put_number;
use postrider_session::{NumberError, take_number};

/// Its length, and it.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    put_number(out, text.len() as u64);
    out.extend_from_slice(text);
}

/// A record that is being read.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(record: &'a [u8]) -> Self {
        Self(record)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, RecordError> {
        let (byte, rest) = self.0.split_first().ok_or(SHORT)?;
        self.0 = rest;
        Ok(*byte)
    }

    pub(crate) fn two_bytes(&mut self) -> Result<u16, RecordError> {
        let (bytes, rest) = self.0.split_first_chunk::<2>().ok_or(SHORT)?;
        self.0 = rest;
        Ok(u16::from_le_bytes(*bytes))
    }

    pub(crate) fn number(&mut self) -> Result<u64, RecordError> {
        take_number(&mut self.0).map_err(|error| match error {
            NumberError::TooShort => SHORT,
            NumberError::TooLarge => RecordError { what: "a number of more than 64 bits" },
        })
    }

    pub(crate) fn small(&mut self) -> Result<u32, RecordError> {
        u32::try_from(self.number()?).map_err(|_| RecordError { what: "a number of more than 32 bits" })
    }

    pub(crate) fn text(&mut self) -> Result<&'a [u8], RecordError> {
        let length = usize::try_from(self.number()?).map_err(|_| SHORT)?;
        let (text, rest) = self.0.split_at_checked(length).ok_or(SHORT)?;
        self.0 = rest;
        Ok(text)
    }

    pub(crate) fn utf8(&mut self) -> Result<&'a str, RecordError> {
        core::str::from_utf8(self.text()?).map_err(|_| RecordError { what: "a text that is no UTF-8" })
    }

    /// Everything that is left.
    pub(crate) const fn rest(self) -> &'a [u8] {
        self.0
    }

    pub(crate) const fn end(&self) -> Result<(), RecordError> {
        if self.0.is_empty() { Ok(()) } else { Err(RecordError { what: "bytes behind its end" }) }
    }
}

const SHORT: RecordError = RecordError { what: "it ends too early" };

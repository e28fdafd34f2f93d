//! Walks a packet body field by field, never past its end.

use crate::varint::{Varint, read_varint};
use crate::{DecodeError, PacketId, Text, varint_len};

/// The bytes of a body that have not been read yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    #[inline]
    pub(crate) const fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    #[inline]
    pub(crate) const fn rest(self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    pub(crate) const fn is_empty(self) -> bool {
        self.rest.is_empty()
    }

    #[inline]
    pub(crate) fn take_u8(&mut self) -> Result<u8, DecodeError> {
        let (first, rest) = self.rest.split_first().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*first)
    }

    #[inline]
    pub(crate) fn take_u16(&mut self) -> Result<u16, DecodeError> {
        let (head, rest) = self.rest.split_first_chunk::<2>().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(u16::from_be_bytes(*head))
    }

    #[inline]
    pub(crate) fn take_u32(&mut self) -> Result<u32, DecodeError> {
        let (head, rest) = self.rest.split_first_chunk::<4>().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(u32::from_be_bytes(*head))
    }

    /// A variable byte integer in its shortest form. [MQTT-1.5.5-1]
    #[inline]
    pub(crate) fn take_varint(&mut self) -> Result<u32, DecodeError> {
        if let [byte @ 0..0x80, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(u32::from(*byte));
        }
        self.take_long_varint()
    }

    fn take_long_varint(&mut self) -> Result<u32, DecodeError> {
        match read_varint(self.rest) {
            Varint::Whole { value, width } if width == varint_len(value) => {
                self.take_slice(width)?;
                Ok(value)
            }
            Varint::Whole { .. } => Err(DecodeError::VarintNotMinimal),
            Varint::Partial => Err(DecodeError::Truncated),
            Varint::TooLong => Err(DecodeError::VarintTooLong),
        }
    }

    #[inline]
    pub(crate) fn take_slice(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(head)
    }

    /// Binary data or an unchecked string: two bytes of length, then that many bytes. [1.5.6]
    #[inline]
    pub(crate) fn take_binary(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.take_u16()?;
        self.take_slice(usize::from(len))
    }

    /// A UTF-8 encoded string. [1.5.4]
    #[inline]
    pub(crate) fn take_text(&mut self) -> Result<Text<'a>, DecodeError> {
        Text::parse(self.take_binary()?)
    }

    /// A packet identifier, never 0. [MQTT-2.2.1-3]
    #[inline]
    pub(crate) fn take_packet_id(&mut self) -> Result<PacketId, DecodeError> {
        PacketId::new(self.take_u16()?).ok_or(DecodeError::PacketIdZero)
    }

    /// Nothing may be left.
    #[inline]
    pub(crate) const fn check_end(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::TrailingBytes) }
    }
}

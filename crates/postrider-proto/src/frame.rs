//! Cuts a byte stream into frames: fixed header and body.
//!
//! Owns: the packet type byte and the remaining length.
//! Never: looks into a body, asks for more memory than the bytes that came.
//! Spec: 2.1.

use crate::DecodeError;
use crate::varint::{Varint, read_varint, varint_len};

/// One whole packet as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The first byte: packet type in the upper half, flags in the lower.
    pub header: u8,
    /// What follows the remaining length.
    pub body: &'a [u8],
    /// How many bytes of the input the frame takes, fixed header included.
    pub len: usize,
    /// False when the remaining length was longer than it needed to be, which 5.0 forbids.
    /// [MQTT-1.5.5-1]
    pub is_minimal: bool,
}

/// Cuts the first frame off `input`; `Ok(None)` when more bytes are needed.
///
/// A packet of more than `bytes_max` bytes (fixed header included) is refused as soon as its length
/// is known, before its body came.
///
/// # Errors
/// [`DecodeError::VarintTooLong`], [`DecodeError::PacketTooLarge`].
#[inline]
pub fn split(input: &[u8], bytes_max: usize) -> Result<Option<Frame<'_>>, DecodeError> {
    let Some((&header, rest)) = input.split_first() else {
        return Ok(None);
    };
    let (value, width) = match read_varint(rest) {
        Varint::Whole { value, width } => (value, width),
        Varint::Partial => return Ok(None),
        Varint::TooLong => return Err(DecodeError::VarintTooLong),
    };
    let body_len = value as usize;
    let len = 1 + width + body_len;
    if len > bytes_max {
        return Err(DecodeError::PacketTooLarge);
    }
    let body = rest.get(width..width + body_len);
    Ok(body.map(|body| Frame { header, body, len, is_minimal: width == varint_len(value) }))
}

impl Frame<'_> {
    /// The length of the packet at the head of `input`, as soon as its fixed header is whole.
    #[must_use]
    pub fn announced_len(input: &[u8]) -> Option<usize> {
        match read_varint(input.get(1..)?) {
            Varint::Whole { value, width } => Some(1 + width + value as usize),
            Varint::Partial | Varint::TooLong => None,
        }
    }
}

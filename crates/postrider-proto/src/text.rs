//! UTF-8 encoded strings of the wire.

use crate::DecodeError;

/// A string from the wire: UTF-8 without U+0000, at most 65,535 bytes, kept as the bytes that came.
///
/// U+FEFF is a character like any other and stays. [MQTT-1.5.4-1] to [MQTT-1.5.4-3]
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    /// Checks that `raw` may stand in a packet.
    ///
    /// # Errors
    /// Not UTF-8, a U+0000 within, or longer than 65,535 bytes.
    #[inline]
    pub fn parse(raw: &'a [u8]) -> Result<Self, DecodeError> {
        check_text(raw)?;
        Ok(Self(raw))
    }

    /// Takes bytes that were checked when they were stored.
    #[inline]
    #[must_use]
    pub const fn trusted(raw: &'a [u8]) -> Self {
        Self(raw)
    }

    /// The bytes as they stood on the wire.
    #[inline]
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The same as a string slice.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        core::str::from_utf8(self.0).unwrap_or("\u{FFFD}")
    }

    /// True for the empty string.
    #[inline]
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> From<&'a str> for Text<'a> {
    /// For callers that build packets; decoding goes through [`Text::parse`].
    fn from(text: &'a str) -> Self {
        Self(text.as_bytes())
    }
}

impl core::fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl core::fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// [MQTT-1.5.4-1], [MQTT-1.5.4-2]
#[inline]
pub(crate) fn check_text(raw: &[u8]) -> Result<(), DecodeError> {
    if raw.len() > usize::from(u16::MAX) {
        return Err(DecodeError::StringTooLong);
    }
    if is_plain_ascii(raw) {
        return Ok(());
    }
    if core::str::from_utf8(raw).is_err() {
        return Err(DecodeError::StringNotUtf8);
    }
    if every_word(raw, zeros) { Ok(()) } else { Err(DecodeError::StringHasNul) }
}

/// True when every byte is 0x01 to 0x7F: then nothing more needs to be looked at.
#[inline]
pub(crate) fn is_plain_ascii(raw: &[u8]) -> bool {
    every_word(raw, odd_in_text)
}

/// Whether `odd` finds nothing in `raw`, of which it sees eight bytes at a time.
///
/// Words overlap where the length asks for it, and the letter `a` fills up what is shorter: so `odd` has to judge
/// each byte by itself and to like an `a`.
#[inline]
pub(crate) fn every_word(raw: &[u8], odd: impl Fn(u64) -> u64) -> bool {
    if let Some(last) = raw.last_chunk::<8>() {
        let (words, _) = raw.as_chunks::<8>();
        return words.iter().chain([last]).fold(0, |sum, word| sum | odd(u64::from_le_bytes(*word))) == 0;
    }
    if let (Some(first), Some(last)) = (raw.first_chunk::<4>(), raw.last_chunk::<4>()) {
        return odd(u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))) == 0;
    }
    odd(raw.iter().fold(A_WORD, |word, byte| word << 8 | u64::from(*byte))) == 0
}

/// Not 0 when one of the eight bytes is 0 or above 127.
#[inline]
pub(crate) const fn odd_in_text(word: u64) -> u64 {
    (word | zeros(word)) & HIGH_BITS
}

/// Not 0 when one of the eight bytes is `#` or `+`, which differ in one bit.
#[inline]
pub(crate) const fn wildcards(word: u64) -> u64 {
    zeros((word | eight(b'+' ^ b'#')) ^ eight(b'+'))
}

/// Not 0 when one of the eight bytes is `/`; the lowest bit belongs to the first of them.
#[inline]
pub(crate) const fn slashes(word: u64) -> u64 {
    zeros(word ^ eight(b'/'))
}

/// Not 0 when one of the eight bytes is 0. The lowest bit belongs to the first of them; others may belong to none.
#[inline]
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGH_BITS
}

/// The same byte eight times.
#[inline]
const fn eight(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

const ONES: u64 = eight(1);
const HIGH_BITS: u64 = eight(0x80);
const A_WORD: u64 = eight(b'a');

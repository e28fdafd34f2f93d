//! Topic names.
//!
//! Spec: 4.7.

use crate::levels::Levels;
use crate::text::{check_text, every_word, odd_in_text, wildcards};
use crate::{DecodeError, ReasonCode};

/// A topic name that is legal on the wire: non-empty UTF-8, no wildcard, no NUL, at most 65,535 bytes.
///
/// The one exception is [`Topic::ALIASED`], the empty name of a 5.0 PUBLISH whose alias stands for it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Topic<'a>(&'a [u8]);

/// Why a topic name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TopicError {
    /// [MQTT-4.7.3-1] At least one character.
    Empty,
    /// [MQTT-4.7.3-3] At most 65,535 bytes.
    TooLong,
    /// [MQTT-1.5.4-1] Ill-formed UTF-8.
    NotUtf8,
    /// [MQTT-4.7.3-2] U+0000 within.
    HasNul,
    /// [MQTT-3.3.2-2], [MQTT-4.7.0-1] `+` or `#` within.
    HasWildcard,
}

impl<'a> Topic<'a> {
    /// The empty name that a topic alias stands for. [3.3.2.3.4]
    pub const ALIASED: Topic<'static> = Topic(&[]);

    /// [MQTT-4.7.0-1], [MQTT-4.7.3-1] to [MQTT-4.7.3-3]
    ///
    /// # Errors
    /// Says which of these the name breaks.
    #[inline]
    pub fn parse(raw: &'a [u8]) -> Result<Self, TopicError> {
        if raw.is_empty() {
            return Err(TopicError::Empty);
        }
        if is_plain(raw) && raw.len() <= usize::from(u16::MAX) {
            return Ok(Self(raw));
        }
        Self::parse_slowly(raw)
    }

    #[cold]
    fn parse_slowly(raw: &'a [u8]) -> Result<Self, TopicError> {
        match check_text(raw) {
            Ok(()) => {}
            Err(DecodeError::StringHasNul) => return Err(TopicError::HasNul),
            Err(DecodeError::StringTooLong) => return Err(TopicError::TooLong),
            Err(_) => return Err(TopicError::NotUtf8),
        }
        if !every_word(raw, wildcards) {
            return Err(TopicError::HasWildcard);
        }
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

    /// True for [`Topic::ALIASED`].
    #[inline]
    #[must_use]
    pub const fn is_aliased(self) -> bool {
        self.0.is_empty()
    }

    /// The levels between slashes; an empty level counts. [4.7.1.1]
    #[inline]
    pub fn levels(self) -> impl Iterator<Item = &'a [u8]> {
        Levels::of(self.0)
    }

    /// True when the name begins with `$`, which leading wildcards do not match. [MQTT-4.7.2-1]
    #[inline]
    #[must_use]
    pub fn is_dollar(self) -> bool {
        self.0.first() == Some(&b'$')
    }
}

/// Decides the usual case: all bytes 1 to 127 and neither `#` nor `+`.
#[inline]
fn is_plain(raw: &[u8]) -> bool {
    every_word(raw, |word| odd_in_text(word) | wildcards(word))
}

impl TopicError {
    /// What to tell the sender. [2.4]
    #[must_use]
    pub const fn reason(self) -> ReasonCode {
        match self {
            Self::NotUtf8 | Self::HasNul => ReasonCode::MalformedPacket,
            Self::Empty | Self::TooLong | Self::HasWildcard => ReasonCode::TopicNameInvalid,
        }
    }
}

impl core::fmt::Display for TopicError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Empty => "a topic name needs at least one character",
            Self::TooLong => "a topic name has at most 65,535 bytes",
            Self::NotUtf8 => "a topic name is UTF-8",
            Self::HasNul => "a topic name holds no U+0000",
            Self::HasWildcard => "a topic name holds no wildcard (+ or #)",
        })
    }
}

impl core::error::Error for TopicError {}

impl core::fmt::Debug for Topic<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl core::fmt::Display for Topic<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

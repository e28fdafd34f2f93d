//! Topic filters, shared or not.
//!
//! Spec: 4.7, 4.8.2.

use crate::levels::Levels;
use crate::text::{check_text, every_word, wildcards};
use crate::{DecodeError, ReasonCode, Topic};

/// A topic filter that is legal on the wire, as the client wrote it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Filter<'a>(&'a [u8]);

/// The two halves of `$share/{group}/{filter}`. [4.8.2]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share<'a> {
    /// The share name.
    pub group: &'a [u8],
    /// What the group subscribes to.
    pub filter: Filter<'a>,
}

/// Why a topic filter is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FilterError {
    /// [MQTT-4.7.3-1] At least one character.
    Empty,
    /// [MQTT-4.7.3-3] At most 65,535 bytes.
    TooLong,
    /// [MQTT-1.5.4-1] Ill-formed UTF-8.
    NotUtf8,
    /// [MQTT-4.7.3-2] U+0000 within.
    HasNul,
    /// [MQTT-4.7.1-1] `#` that shares its level or is not last.
    HashMisplaced,
    /// [MQTT-4.7.1-2] `+` that shares its level.
    PlusMisplaced,
    /// [MQTT-4.8.2-1] `$share/` without a share name.
    ShareNameEmpty,
    /// [MQTT-4.8.2-2] A wildcard in the share name.
    ShareNameWildcard,
    /// [MQTT-4.8.2-2] No filter behind the share name.
    ShareFilterMissing,
}

impl<'a> Filter<'a> {
    /// [MQTT-4.7.1-1], [MQTT-4.7.1-2], [MQTT-4.7.3-1] to [MQTT-4.7.3-3]; `$share/` filters by 4.8.2.
    ///
    /// # Errors
    /// Says which of these the filter breaks.
    pub fn parse(raw: &'a [u8]) -> Result<Self, FilterError> {
        if raw.is_empty() {
            return Err(FilterError::Empty);
        }
        match check_text(raw) {
            Ok(()) => {}
            Err(DecodeError::StringHasNul) => return Err(FilterError::HasNul),
            Err(DecodeError::StringTooLong) => return Err(FilterError::TooLong),
            Err(_) => return Err(FilterError::NotUtf8),
        }
        Self::of_text(raw)
    }

    /// The same for bytes that are known to be a text.
    #[inline]
    pub(crate) fn of_text(raw: &'a [u8]) -> Result<Self, FilterError> {
        match raw.strip_prefix(b"$share/") {
            Some(rest) => check_share(rest)?,
            None if raw.is_empty() => return Err(FilterError::Empty),
            None => check_levels(raw)?,
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

    /// The levels between slashes, wildcards among them.
    #[inline]
    pub fn levels(self) -> impl Iterator<Item = &'a [u8]> {
        Levels::of(self.0)
    }

    /// How many levels the filter has, at least 1.
    #[must_use]
    pub fn level_count(self) -> usize {
        self.0.iter().filter(|&&byte| byte == b'/').count() + 1
    }

    /// True when a level is `+` or `#`.
    #[must_use]
    pub fn has_wildcard(self) -> bool {
        !every_word(self.0, wildcards)
    }

    /// The group and the inner filter, when this is a shared subscription's filter.
    #[inline]
    #[must_use]
    pub fn share(self) -> Option<Share<'a>> {
        let rest = self.0.strip_prefix(b"$share/")?;
        let slash = rest.iter().position(|&byte| byte == b'/')?;
        let (group, filter) = rest.split_at_checked(slash)?;
        Some(Share { group, filter: Filter(filter.get(1..)?) })
    }

    /// Whether `topic` matches, level by level; the definition the router is tested against.
    ///
    /// [MQTT-4.7.1-1], [MQTT-4.7.1-2], [MQTT-4.7.2-1]. Linear in both lengths.
    #[must_use]
    pub fn matches(self, topic: Topic<'_>) -> bool {
        if topic.is_dollar() && matches!(self.0.first(), Some(b'+' | b'#')) {
            return false;
        }
        let mut names = topic.levels();
        for level in self.levels() {
            if level == b"#" {
                return true;
            }
            match names.next() {
                Some(name) if level == b"+" || level == name => {}
                _ => return false,
            }
        }
        names.next().is_none()
    }
}

fn check_share(rest: &[u8]) -> Result<(), FilterError> {
    let slash = rest.iter().position(|&byte| byte == b'/').ok_or(FilterError::ShareFilterMissing)?;
    let (group, filter) = rest.split_at_checked(slash).ok_or(FilterError::ShareFilterMissing)?;
    if group.is_empty() {
        return Err(FilterError::ShareNameEmpty);
    }
    if group.iter().any(|&byte| byte == b'+' || byte == b'#') {
        return Err(FilterError::ShareNameWildcard);
    }
    match filter.get(1..) {
        Some(inner) if !inner.is_empty() => check_levels(inner),
        _ => Err(FilterError::ShareFilterMissing),
    }
}

/// Looks at the neighbours of each wildcard.
fn check_levels(raw: &[u8]) -> Result<(), FilterError> {
    if every_word(raw, wildcards) {
        return Ok(());
    }
    let mut before = b'/';
    let mut rest = raw;
    while let [byte, after @ ..] = rest {
        match byte {
            b'#' if before != b'/' || !after.is_empty() => return Err(FilterError::HashMisplaced),
            b'+' if before != b'/' || !matches!(after, [] | [b'/', ..]) => return Err(FilterError::PlusMisplaced),
            _ => {}
        }
        before = *byte;
        rest = after;
    }
    Ok(())
}

impl FilterError {
    /// What to tell the sender. [2.4]
    #[must_use]
    pub const fn reason(self) -> ReasonCode {
        match self {
            Self::NotUtf8 | Self::HasNul => ReasonCode::MalformedPacket,
            Self::Empty
            | Self::TooLong
            | Self::HashMisplaced
            | Self::PlusMisplaced
            | Self::ShareNameEmpty
            | Self::ShareNameWildcard
            | Self::ShareFilterMissing => ReasonCode::TopicFilterInvalid,
        }
    }
}

impl core::fmt::Display for FilterError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Empty => "a topic filter needs at least one character",
            Self::TooLong => "a topic filter has at most 65,535 bytes",
            Self::NotUtf8 => "a topic filter is UTF-8",
            Self::HasNul => "a topic filter holds no U+0000",
            Self::HashMisplaced => "# stands alone in its level, and last",
            Self::PlusMisplaced => "+ stands alone in its level",
            Self::ShareNameEmpty => "a share name needs at least one character",
            Self::ShareNameWildcard => "a share name holds no wildcard",
            Self::ShareFilterMissing => "a shared subscription is $share/{name}/{filter}",
        })
    }
}

impl core::error::Error for FilterError {}

impl core::fmt::Debug for Filter<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl core::fmt::Display for Filter<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

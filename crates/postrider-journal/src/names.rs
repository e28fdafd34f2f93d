//! The names of the files in a store.

use crate::frame::NUMBER_END;

/// What a file is for, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Segment(u64),
    Index(u64),
    /// A segment that was damaged and put aside.
    Quarantined(u64),
    Identity,
    Other,
}

impl Name {
    pub(crate) fn parse(name: &str) -> Self {
        let number = |suffix: &str| {
            let digits = name.strip_suffix(suffix)?;
            let is_plain = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|number| is_plain && *number > 0 && *number < NUMBER_END)
        };
        let numbered = [
            (SEGMENT, Self::Segment as fn(u64) -> Self),
            (INDEX, Self::Index as fn(u64) -> Self),
            (QUARANTINED, Self::Quarantined as fn(u64) -> Self),
        ];
        let named = numbered.iter().find_map(|(suffix, named)| number(suffix).map(named));
        named.unwrap_or(if name == IDENTITY { Self::Identity } else { Self::Other })
    }
}

pub(crate) fn segment(number: u64) -> String {
    format!("{number:0DIGITS$}{SEGMENT}")
}

pub(crate) fn index(number: u64) -> String {
    format!("{number:0DIGITS$}{INDEX}")
}

pub(crate) fn quarantined(number: u64) -> String {
    format!("{number:0DIGITS$}{QUARANTINED}")
}

pub(crate) const IDENTITY: &str = "store";
pub(crate) const LOCK: &str = "lock";
/// The next segment, made ahead.
pub(crate) const SPARE: &str = "spare";
/// The segment that only essential records may begin.
pub(crate) const RESERVE: &str = "reserve";

const SEGMENT: &str = ".segment";
const INDEX: &str = ".index";
const QUARANTINED: &str = ".damaged";
/// As many as the largest number has.
const DIGITS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_the_file_is_for() {
        for number in [1, 77, NUMBER_END - 1] {
            assert_eq!(Name::parse(&segment(number)), Name::Segment(number));
            assert_eq!(Name::parse(&index(number)), Name::Index(number));
            assert_eq!(Name::parse(&quarantined(number)), Name::Quarantined(number));
        }
        assert_eq!(Name::parse(IDENTITY), Name::Identity);
        for name in ["1.segment", "+0000000000000000001.segment", "00000000000000000000.segment", "spare", ""] {
            assert_eq!(Name::parse(name), Name::Other, "{name}");
        }
    }
}

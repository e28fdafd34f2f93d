//! The name of a record.

use std::fmt;

/// Names one record for ever: 1, 2, 3 and so on in the order of appending.
///
/// A number that a commit has reported is never given again, and a record keeps its number when it is copied elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(u64);

impl Sequence {
    /// What stands before the first record.
    pub const NONE: Self = Self(0);

    /// The sequence of this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

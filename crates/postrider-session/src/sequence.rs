//! The number of a record in the log.

/// Which record of the log something comes from, or waits for. Numbers grow by one with each record and are never
/// given twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sequence(pub u64);

impl Sequence {
    /// No record.
    pub const NONE: Self = Self(0);

    /// The record behind this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// Whether a record is named at all.
    #[inline]
    #[must_use]
    pub const fn is_some(self) -> bool {
        self.0 != 0
    }
}

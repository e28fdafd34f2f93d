//! Time as an argument.
//!
//! Owns: the two kinds of instant that the pure floors know, in milliseconds.
//! Never: reads a clock.

/// Milliseconds of a clock that never goes back; its zero means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Mono(pub u64);

/// Milliseconds since 1970-01-01 00:00 UTC; may jump.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Wall(pub u64);

/// The moment at which something is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Now {
    /// For every interval: keep alive, expiry, delay.
    pub mono: Mono,
    /// For what people read and what outlives the process.
    pub wall: Wall,
}

impl Mono {
    /// This instant and some milliseconds; the far end of time instead of an overflow.
    #[inline]
    #[must_use]
    pub const fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// This instant and some seconds.
    #[inline]
    #[must_use]
    pub const fn plus_s(self, seconds: u64) -> Self {
        self.plus_ms(seconds.saturating_mul(1000))
    }

    /// Milliseconds from `earlier` until this instant, 0 if it comes first.
    #[inline]
    #[must_use]
    pub const fn since_ms(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

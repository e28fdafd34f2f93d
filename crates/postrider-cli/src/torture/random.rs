//! Choices that a seed repeats.

use std::ops::RangeInclusive;
use std::time::{SystemTime, UNIX_EPOCH};

/// Xorshift of 64 bits.
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        // 0 would stay 0; seeds that differ little should not begin alike.
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn within(&mut self, range: &RangeInclusive<u64>) -> u64 {
        range.start() + self.next() % (range.end() - range.start() + 1)
    }
}

/// Small enough to be typed again.
pub(super) fn fresh_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (u64::from(now.subsec_nanos()) ^ u64::from(std::process::id()) << 8) % 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_choices_and_a_range_is_kept() {
        let choices = |seed| {
            let mut random = Random::new(seed);
            [0; 50].map(|_| random.within(&(50..=2000)))
        };
        assert_eq!(choices(7), choices(7));
        assert_ne!(choices(7), choices(8));
        assert!(choices(0).iter().all(|choice| (50..=2000).contains(choice)));
        assert_eq!(Random::new(3).within(&(9..=9)), 9);
    }
}

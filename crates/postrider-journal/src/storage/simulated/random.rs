//! Numbers from a seed.

/// A small generator; the same seed gives the same numbers for ever.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is at least 1.
    pub(super) const fn below(&mut self, end: u64) -> u64 {
        self.next_u64() % end
    }

    /// Goes another way from here.
    pub(super) const fn mix(&mut self, seed: u64) {
        self.0 ^= seed.wrapping_mul(0xD1B5_4A32_D192_ED03);
    }
}

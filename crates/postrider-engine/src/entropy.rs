//! Numbers from a seed, for names that must not repeat.

/// Counts up from a seed and mixes; the seed carries all of the entropy.
#[derive(Clone, Debug)]
pub(crate) struct Entropy {
    state: u128,
}

impl Entropy {
    pub(crate) const fn new(seed: u128) -> Self {
        Self { state: seed }
    }

    /// The next number.
    pub(crate) fn next_u64(&mut self) -> u64 {
        // A 128-bit Weyl sequence, folded and mixed.
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        let [low, high] = halves(self.state);
        let mut mixed = low ^ high.rotate_left(29);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the two halves are what is wanted")]
const fn halves(number: u128) -> [u64; 2] {
    [number as u64, (number >> 64) as u64]
}

//! Numbers from a seed, and the seeds that a test runs.

/// The same seed gives the same numbers.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0xD134_2543_DE82_EF95).wrapping_add(1))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    pub(crate) fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).expect("below a usize")
    }

    pub(crate) fn bytes(&mut self, count: u64) -> Vec<u8> {
        let byte = self.next().to_le_bytes()[0];
        (0..count).map(|at| byte.wrapping_add(at.to_le_bytes()[0])).collect()
    }
}

/// The seeds of a test, or the one that `POSTRIDER_SEED` names.
pub(crate) fn seeds(count: u64) -> Vec<u64> {
    match std::env::var("POSTRIDER_SEED") {
        Ok(seed) => vec![seed.parse().expect("POSTRIDER_SEED is a number")],
        Err(_) => (1..=count).collect(),
    }
}

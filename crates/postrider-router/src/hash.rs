//! Hashes of topics, filters and levels.
//!
//! Never: writes a length in front as [`core::hash::Hash`] does for slices; one text is all there is.

use foldhash::fast::FixedState;
use std::hash::{BuildHasher, Hasher};

/// Seeded, so that strangers cannot choose texts that collide.
#[derive(Clone, Debug)]
pub(crate) struct TextHasher(FixedState);

impl TextHasher {
    pub(crate) fn new(seed: u64) -> Self {
        Self(FixedState::with_seed(seed))
    }

    #[inline]
    pub(crate) fn hash(&self, text: &[u8]) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write(text);
        hasher.finish()
    }
}

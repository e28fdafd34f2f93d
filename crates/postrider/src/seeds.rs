//! Entropy for the engine.

use postrider_engine::Seeds;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// Seeds that nobody can guess: the standard library's hash keys come from the system's generator.
pub(crate) fn random() -> Seeds {
    let next = || u128::from(RandomState::new().build_hasher().finish());
    let ids = next() << 64 ^ next().rotate_left(17) ^ u128::from(std::process::id());
    Seeds { hash: RandomState::new().hash_one(ids), ids }
}

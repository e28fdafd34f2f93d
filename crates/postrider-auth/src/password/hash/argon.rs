//! Argon2id as the PHC string format writes it.

use super::super::error::HashError;
use super::{is_equal, number};
use argon2::{Algorithm, Argon2, Params, Version};
use base64ct::{Base64Unpadded, Encoding};
use std::ops::RangeInclusive;
use zeroize::Zeroizing;

/// `$argon2id$v=19$m=KIB,t=PASSES,p=LANES$SALT$HASH`
pub(crate) struct Argon2id {
    params: Params,
    salt: Box<[u8]>,
    hash: Box<[u8]>,
}

impl Argon2id {
    pub(super) fn parse(rest: &str) -> Result<Self, HashError> {
        let fields: Vec<&str> = rest.splitn(5, '$').collect();
        let ["v=19", params, salt, hash] = fields[..] else { return Err(SHAPE) };
        let bytes = |text| Base64Unpadded::decode_vec(text).map(Vec::into_boxed_slice).map_err(|_| SHAPE);
        let (salt, hash) = (bytes(salt)?, bytes(hash)?);
        if !SALT_BYTES.contains(&salt.len()) || !HASH_BYTES.contains(&hash.len()) {
            return Err(SHAPE);
        }
        let fields: Vec<&str> = params.splitn(4, ',').collect();
        let [memory, passes, lanes] = fields[..] else { return Err(SHAPE) };
        let value = |field: &str, name| field.strip_prefix(name).and_then(number).ok_or(SHAPE);
        let (memory, passes, lanes) = (value(memory, "m=")?, value(passes, "t=")?, value(lanes, "p=")?);
        if !MEMORY_KIB.contains(&memory) || !PASSES.contains(&passes) || !LANES.contains(&lanes) {
            return Err(BOUND);
        }
        let params = Params::new(memory, passes, lanes, Some(hash.len())).map_err(|_| BOUND)?;
        Ok(Self { params, salt, hash })
    }

    pub(super) fn is_of(&self, password: &[u8]) -> bool {
        hashed(&self.params, password, &self.salt, self.hash.len()).is_some_and(|found| is_equal(&found, &self.hash))
    }
}

/// As OWASP recommends at least: 19 MiB, two passes.
pub(super) fn make(password: &[u8], salt: &[u8]) -> Option<String> {
    let params = Params::new(MAKE_MEMORY_KIB, MAKE_PASSES, 1, Some(MAKE_HASH_BYTES)).ok()?;
    let hash = hashed(&params, password, salt, MAKE_HASH_BYTES)?;
    let (salt, hash) = (Base64Unpadded::encode_string(salt), Base64Unpadded::encode_string(&hash));
    Some(format!("$argon2id$v=19$m={MAKE_MEMORY_KIB},t={MAKE_PASSES},p=1${salt}${hash}"))
}

fn hashed(params: &Params, password: &[u8], salt: &[u8], len: usize) -> Option<Zeroizing<Vec<u8>>> {
    let mut hash = Zeroizing::new(vec![0; len]);
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    argon.hash_password_into(password, salt, &mut hash).ok()?;
    Some(hash)
}

const SHAPE: HashError = HashError::Shape("$argon2id$v=19$m=KIB,t=PASSES,p=LANES$SALT$HASH");
const BOUND: HashError = HashError::Bound("argon2id may have m=8 to 65536, t=1 to 16 and p=1 to 4 with m at least 8 p");
const MEMORY_KIB: RangeInclusive<u32> = 8..=65_536;
const PASSES: RangeInclusive<u32> = 1..=16;
const LANES: RangeInclusive<u32> = 1..=4;
const SALT_BYTES: RangeInclusive<usize> = 8..=64;
const HASH_BYTES: RangeInclusive<usize> = 16..=64;
const MAKE_MEMORY_KIB: u32 = 19_456;
const MAKE_PASSES: u32 = 2;
const MAKE_HASH_BYTES: usize = 32;

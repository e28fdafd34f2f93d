//! The two hashes of `mosquitto_passwd`.

use super::super::error::HashError;
use super::{is_equal, number};
use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha512};
use std::ops::RangeInclusive;
use zeroize::Zeroizing;

/// `$7$ITERATIONS$SALT$HASH`: PBKDF2 with HMAC-SHA-512.
pub(crate) struct Pbkdf2 {
    iterations: u32,
    salt: Box<[u8]>,
    hash: [u8; HASH_BYTES],
}

/// `$6$SALT$HASH`: SHA-512 of password and salt, once.
pub(crate) struct Salted {
    salt: Box<[u8]>,
    hash: [u8; HASH_BYTES],
}

impl Pbkdf2 {
    pub(super) fn parse(rest: &str) -> Result<Self, HashError> {
        let (iterations, rest) = rest.split_once('$').ok_or(PBKDF2_SHAPE)?;
        let iterations = number(iterations).ok_or(PBKDF2_SHAPE)?;
        let (salt, hash) = salt_and_hash(rest).ok_or(PBKDF2_SHAPE)?;
        if ITERATIONS.contains(&iterations) { Ok(Self { iterations, salt, hash }) } else { Err(PBKDF2_BOUND) }
    }

    pub(super) fn is_of(&self, password: &[u8]) -> bool {
        is_equal(&*pbkdf2(password, &self.salt, self.iterations), &self.hash)
    }
}

impl Salted {
    pub(super) fn parse(rest: &str) -> Result<Self, HashError> {
        let (salt, hash) = salt_and_hash(rest).ok_or(SALTED_SHAPE)?;
        Ok(Self { salt, hash })
    }

    pub(super) fn is_of(&self, password: &[u8]) -> bool {
        is_equal(&*salted(password, &self.salt), &self.hash)
    }
}

pub(super) fn make_pbkdf2(password: &[u8], salt: &[u8], iterations: u32) -> String {
    let hash = Base64::encode_string(&*pbkdf2(password, salt, iterations));
    format!("$7${iterations}${}${hash}", Base64::encode_string(salt))
}

pub(super) fn make_salted(password: &[u8], salt: &[u8]) -> String {
    let hash = Base64::encode_string(&*salted(password, salt));
    format!("$6${}${hash}", Base64::encode_string(salt))
}

fn pbkdf2(password: &[u8], salt: &[u8], iterations: u32) -> Zeroizing<[u8; HASH_BYTES]> {
    Zeroizing::new(::pbkdf2::pbkdf2_hmac_array::<Sha512, HASH_BYTES>(password, salt, iterations))
}

fn salted(password: &[u8], salt: &[u8]) -> Zeroizing<[u8; HASH_BYTES]> {
    Zeroizing::new(Sha512::new().chain_update(password).chain_update(salt).finalize().into())
}

fn salt_and_hash(text: &str) -> Option<(Box<[u8]>, [u8; HASH_BYTES])> {
    let (salt, hash) = text.split_once('$')?;
    let salt = Base64::decode_vec(salt).ok().filter(|salt| SALT_BYTES.contains(&salt.len()))?;
    let hash = Base64::decode_vec(hash).ok()?.try_into().ok()?;
    Some((salt.into_boxed_slice(), hash))
}

const PBKDF2_SHAPE: HashError = HashError::Shape("$7$ITERATIONS$SALT$HASH as mosquitto_passwd writes it");
const PBKDF2_BOUND: HashError = HashError::Bound("$7$ may have 1 to 1000000 iterations");
const SALTED_SHAPE: HashError = HashError::Shape("$6$SALT$HASH as mosquitto_passwd writes it, or as crypt(3) does");
const HASH_BYTES: usize = 64;
const SALT_BYTES: RangeInclusive<usize> = 1..=64;
pub(super) const ITERATIONS: RangeInclusive<u32> = 1..=1_000_000;

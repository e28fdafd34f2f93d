//! bcrypt.

use super::super::error::HashError;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// `$2a$`, `$2b$` or `$2y$`, two digits of cost, `$`, 22 characters of salt and 31 of hash.
pub(crate) struct Bcrypt(Box<str>);

impl Bcrypt {
    /// `text` is all of it, `rest` what follows the kind.
    pub(super) fn parse(text: &str, rest: &str) -> Result<Self, HashError> {
        let (cost, rest) = rest.split_once('$').ok_or(SHAPE)?;
        let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'/';
        if rest.len() != SALT_AND_HASH_LEN || !rest.bytes().all(is_digit) {
            return Err(SHAPE);
        }
        let is_number = cost.len() == 2 && cost.bytes().all(|byte| byte.is_ascii_digit());
        let cost: u32 = cost.parse().ok().filter(|_| is_number).ok_or(SHAPE)?;
        if !COST.contains(&cost) {
            return Err(BOUND);
        }
        bcrypt::HashParts::from_str(text).map_err(|_| SHAPE)?;
        Ok(Self(text.into()))
    }

    /// Bytes behind the 72nd do not count; that is bcrypt.
    pub(super) fn is_of(&self, password: &[u8]) -> bool {
        bcrypt::verify(password, &self.0).unwrap_or(false)
    }
}

const SHAPE: HashError = HashError::Shape("$2b$COST$ with two digits of cost, and 53 characters of salt and hash");
const BOUND: HashError = HashError::Bound("bcrypt may have a cost of 04 to 14");
const COST: RangeInclusive<u32> = 4..=14;
const SALT_AND_HASH_LEN: usize = 53;

//! The SHA-2 hashes of crypt(3), as `mkpasswd` and `openssl passwd` write them.

use super::super::error::HashError;
use super::{is_equal, number};
use sha_crypt::{Params, sha256_crypt, sha512_crypt};
use std::ops::RangeInclusive;
use zeroize::Zeroizing;

/// `$5$` or `$6$`, then `rounds=N$` or not, then `SALT$HASH`.
pub(crate) struct Crypt {
    kind: Kind,
    params: Params,
    salt: Box<str>,
    hash: Box<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sha256,
    Sha512,
}

impl Crypt {
    pub(super) fn parse(kind: Kind, rest: &str) -> Result<Self, HashError> {
        let shape = kind.shape();
        let (rounds, rest) = match rest.strip_prefix("rounds=") {
            Some(rest) => {
                let (rounds, rest) = rest.split_once('$').ok_or(shape)?;
                (number(rounds).ok_or(shape)?, rest)
            }
            None => (Params::RECOMMENDED_ROUNDS, rest),
        };
        let (salt, hash) = rest.split_once('$').ok_or(shape)?;
        if salt.len() > SALT_BYTES_MAX || hash.len() != kind.hash_len() || !hash.bytes().all(|b| DIGITS.contains(&b)) {
            return Err(shape);
        }
        let params = if ROUNDS.contains(&rounds) { Params::new(rounds).ok() } else { None };
        Ok(Self { kind, params: params.ok_or(BOUND)?, salt: salt.into(), hash: hash.into() })
    }

    pub(super) fn is_of(&self, password: &[u8]) -> bool {
        let (salt, found) = (self.salt.as_bytes(), self.hash.as_bytes());
        let text = match self.kind {
            Kind::Sha256 => text_of_256(&Zeroizing::new(sha256_crypt(password, salt, self.params))),
            Kind::Sha512 => text_of_512(&Zeroizing::new(sha512_crypt(password, salt, self.params))),
        };
        is_equal(&text, found)
    }
}

impl Kind {
    const fn shape(self) -> HashError {
        HashError::Shape(match self {
            Self::Sha256 => "$5$SALT$HASH or $5$rounds=N$SALT$HASH with 43 characters of hash, as crypt(3) writes it",
            Self::Sha512 => {
                "$6$SALT$HASH, as mosquitto_passwd writes it with 88 characters of hash, or as crypt(3) does with 86 and \
                 perhaps rounds=N$ before the salt"
            }
        })
    }

    const fn hash_len(self) -> usize {
        match self {
            Self::Sha256 => 43,
            Self::Sha512 => 86,
        }
    }
}

/// Three bytes, a third of the hash apart, become four digits. Which of them comes first goes round.
fn text_of_512(hash: &[u8; 64]) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::with_capacity(86));
    for k in 0..21 {
        let mut places = [k, k + 21, k + 42];
        places.rotate_left(k % 3);
        push_digits(&mut text, places.map(|place| hash[place]), 4);
    }
    push_digits(&mut text, [0, 0, hash[63]], 2);
    text
}

fn text_of_256(hash: &[u8; 32]) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::with_capacity(43));
    for k in 0..10 {
        let mut places = [k, k + 10, k + 20];
        places.rotate_right(k % 3);
        push_digits(&mut text, places.map(|place| hash[place]), 4);
    }
    push_digits(&mut text, [0, hash[31], hash[30]], 3);
    text
}

/// The last byte's lowest bits come first.
fn push_digits(text: &mut Vec<u8>, [high, middle, low]: [u8; 3], count: usize) {
    let mut bits = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
    for _ in 0..count {
        text.push(DIGITS[bits % 64]);
        bits /= 64;
    }
}

const BOUND: HashError = HashError::Bound("$5$ and $6$ may have rounds=1000 to rounds=1000000");
const ROUNDS: RangeInclusive<u32> = 1000..=1_000_000;
const SALT_BYTES_MAX: usize = 16;
const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

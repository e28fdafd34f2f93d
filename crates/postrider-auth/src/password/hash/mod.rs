//! Hashes of passwords: every kind that stands in files.
//!
//! Owns: telling the kinds apart by how they look.
//! Never: accepts one that asks for more memory or time than this file and its neighbours allow.

mod argon;
mod bcrypt;
mod crypt;
mod mosquitto;
mod new;

pub use new::NewHash;

use super::error::HashError;
use argon::Argon2id;
use bcrypt::Bcrypt;
use crypt::{Crypt, Kind};
use mosquitto::{Pbkdf2, Salted};
use subtle::ConstantTimeEq;

/// The longest password. Some kinds take time with the square of the length.
pub const PASSWORD_BYTES_MAX: usize = 512;

/// A hash of one password.
pub(crate) enum Hash {
    Argon2id(Argon2id),
    Pbkdf2(Pbkdf2),
    Salted(Salted),
    Crypt(Crypt),
    Bcrypt(Bcrypt),
}

impl Hash {
    /// The kind is told by its beginning. `$6$` has two meanings: mosquitto's ends with 88 characters of base64, the
    /// last two of them `==`; that of crypt(3) ends with 86 characters of `./0-9A-Za-z`, and neither can end as the other.
    pub(crate) fn parse(text: &str) -> Result<Self, HashError> {
        let (kind, rest) = text.strip_prefix('$').and_then(|text| text.split_once('$')).ok_or(HashError::Unknown)?;
        match kind {
            "argon2id" => Argon2id::parse(rest).map(Self::Argon2id),
            "7" => Pbkdf2::parse(rest).map(Self::Pbkdf2),
            "6" if rest.ends_with("==") => Salted::parse(rest).map(Self::Salted),
            "6" => Crypt::parse(Kind::Sha512, rest).map(Self::Crypt),
            "5" => Crypt::parse(Kind::Sha256, rest).map(Self::Crypt),
            "2a" | "2b" | "2y" => Bcrypt::parse(text, rest).map(Self::Bcrypt),
            _ => Err(HashError::Unknown),
        }
    }

    /// Whether it is the hash of this password. This takes time: it is what hashes are for.
    pub(crate) fn is_of(&self, password: &[u8]) -> bool {
        if password.len() > PASSWORD_BYTES_MAX {
            return false;
        }
        match self {
            Self::Argon2id(hash) => hash.is_of(password),
            Self::Pbkdf2(hash) => hash.is_of(password),
            Self::Salted(hash) => hash.is_of(password),
            Self::Crypt(hash) => hash.is_of(password),
            Self::Bcrypt(hash) => hash.is_of(password),
        }
    }
}

/// Takes the same time wherever they differ.
fn is_equal(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

/// Digits, without a sign and without needless zeros.
fn number(text: &str) -> Option<u32> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if is_plain { text.parse().ok() } else { None }
}

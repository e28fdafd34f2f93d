//! New hashes.

use super::{PASSWORD_BYTES_MAX, argon, mosquitto};
use crate::random;
use std::io;

/// The kinds of hashes that are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NewHash {
    /// Argon2id with 19 MiB and two passes.
    #[default]
    Argon2id,
    /// PBKDF2 with HMAC-SHA-512, so many times; mosquitto reads it.
    Sha512Pbkdf2(u32),
    /// One SHA-512 with salt; mosquitto reads it.
    Sha512,
}

impl NewHash {
    /// Iterations of PBKDF2 unless told otherwise, as OWASP recommends.
    pub const ITERATIONS: u32 = 210_000;

    /// Hashes a password with new salt.
    ///
    /// # Errors
    /// The password is longer than [`PASSWORD_BYTES_MAX`] or empty, the iterations are none or too many, or the system has
    /// no memory or no chance to give.
    pub fn make(self, password: &[u8]) -> io::Result<String> {
        if password.is_empty() || password.len() > PASSWORD_BYTES_MAX {
            let what = format!("a password has 1 to {PASSWORD_BYTES_MAX} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        match self {
            Self::Argon2id => argon::make(password, &random::bytes::<16>()?)
                .ok_or_else(|| io::Error::other("there is not enough memory for argon2id")),
            Self::Sha512Pbkdf2(iterations) if mosquitto::ITERATIONS.contains(&iterations) => {
                Ok(mosquitto::make_pbkdf2(password, &random::bytes::<MOSQUITTO_SALT_BYTES>()?, iterations))
            }
            Self::Sha512Pbkdf2(_) => {
                Err(io::Error::new(io::ErrorKind::InvalidInput, "sha512-pbkdf2 takes 1 to 1000000 iterations"))
            }
            Self::Sha512 => Ok(mosquitto::make_salted(password, &random::bytes::<MOSQUITTO_SALT_BYTES>()?)),
        }
    }
}

/// mosquitto 2.0 reads no other length.
const MOSQUITTO_SALT_BYTES: usize = 12;

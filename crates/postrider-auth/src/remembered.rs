//! Passwords that were right a moment ago, so that everybody who comes back at once need not be hashed again.
//!
//! Owns: the key, which lives as long as the process.
//! Never: holds a password or anything that a password could be found by without the key.

use crate::random;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Stands for a user, its hash and a password. When the hash of the user changes, it is another one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Mark([u8; 32]);

pub(crate) struct Remembered {
    keyed: Hmac<Sha256>,
    until: Mutex<HashMap<Mark, Instant>>,
    time: Duration,
}

impl Remembered {
    /// Remembers for so long.
    pub(crate) fn new(time: Duration) -> std::io::Result<Self> {
        let key = Zeroizing::new(random::bytes::<32>()?);
        let keyed = Hmac::new_from_slice(&*key).map_err(std::io::Error::other)?;
        Ok(Self { keyed, until: Mutex::default(), time })
    }

    pub(crate) fn mark(&self, user: &str, hash: &str, password: &[u8]) -> Mark {
        let mut mac = self.keyed.clone();
        for part in [user.as_bytes(), hash.as_bytes(), password] {
            // With its length in front, no part can pass for the end of another.
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        Mark(mac.finalize().into_bytes().into())
    }

    pub(crate) fn is_right(&self, mark: Mark, now: Instant) -> bool {
        let until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.get(&mark).is_some_and(|until| now < *until)
    }

    pub(crate) fn on_right(&self, mark: Mark, now: Instant) {
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        if until.len() >= MARKS_MAX {
            until.retain(|_, until| now < *until);
        }
        // Full of others that were right just now: this one is hashed again next time.
        if until.len() < MARKS_MAX {
            until.insert(mark, now + self.time);
        }
    }
}

const MARKS_MAX: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_right_counts_for_its_time_and_for_this_user_hash_and_password_only() {
        let time = Duration::from_secs(300);
        let (remembered, now) = (Remembered::new(time).expect("chance"), Instant::now());
        let mark = remembered.mark("anna", "$7$x", b"secret");
        assert!(!remembered.is_right(mark, now));
        remembered.on_right(mark, now);
        assert!(remembered.is_right(mark, now + time - Duration::from_secs(1)));
        assert!(!remembered.is_right(mark, now + time));
        for (user, hash, password) in [
            ("otto", "$7$x", "secret"),
            ("anna", "$7$y", "secret"),
            ("anna", "$7$x", "Secret"),
            ("anna$", "7$x", "secret"),
            ("anna", "$7$", "xsecret"),
        ] {
            assert!(!remembered.is_right(remembered.mark(user, hash, password.as_bytes()), now), "{user} {hash}");
        }
        assert!(!Remembered::new(time).expect("chance").is_right(mark, now), "another start has another key");
    }

    #[test]
    fn the_table_does_not_grow_past_its_bound() {
        let (remembered, now) = (Remembered::new(Duration::from_secs(300)).expect("chance"), Instant::now());
        for number in 0..MARKS_MAX + 100 {
            remembered.on_right(remembered.mark(&number.to_string(), "", b""), now);
        }
        assert_eq!(remembered.until.lock().expect("nobody panicked").len(), MARKS_MAX);
        let later = now + Duration::from_secs(300);
        remembered.on_right(remembered.mark("late", "", b""), later);
        assert_eq!(remembered.until.lock().expect("nobody panicked").len(), 1);
    }
}

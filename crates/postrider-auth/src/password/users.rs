//! The users of a file as they are asked for.
//!
//! Owns: what it costs to ask for somebody who is not there.

use super::error::HashError;
use super::hash::{Hash, PASSWORD_BYTES_MAX};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// One user's hash.
pub(crate) struct Entry {
    hash: Hash,
    text: Box<str>,
}

/// Name and password do not belong together; which of the two is wrong is nobody's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongPassword;

/// Everybody in one file.
pub(crate) struct Users {
    by_name: HashMap<Box<str>, Arc<Entry>>,
    /// The same, to pick from by number.
    all: Vec<Arc<Entry>>,
    /// Picks.
    chance: RandomState,
}

impl Entry {
    pub(crate) fn new(hash: Hash, text: &str) -> Self {
        Self { hash, text: text.into() }
    }

    /// A hash as it stands in a file.
    pub(crate) fn parse(text: &str) -> Result<Self, HashError> {
        Ok(Self::new(Hash::parse(text)?, text))
    }

    /// Whether it is the hash of this password; takes as long as hashes do.
    pub(crate) fn is_of(&self, password: &[u8]) -> bool {
        self.hash.is_of(password)
    }

    /// How it stands in the file.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

impl Users {
    /// `chance` decides what strangers cost, so it stays the same as long as the process lives.
    pub(crate) fn new(users: Vec<(Box<str>, Entry)>, chance: RandomState) -> Self {
        let users: Vec<_> = users.into_iter().map(|(name, entry)| (name, Arc::new(entry))).collect();
        let all = users.iter().map(|(_, entry)| entry.clone()).collect();
        Self { by_name: users.into_iter().collect(), all, chance }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Entry>> {
        self.by_name.get(name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(|name| &**name)
    }

    /// Takes as long for a user who is not there as for one who is: a stranger's password is held against the hash of
    /// some user whom the name picks, always the same one, and is wrong whatever comes out.
    pub(crate) fn check(&self, name: &str, password: &[u8]) -> Result<(), WrongPassword> {
        if password.len() > PASSWORD_BYTES_MAX {
            return Err(WrongPassword);
        }
        match (self.get(name), self.decoy(name)) {
            (Some(entry), _) => entry.is_of(password).then_some(()).ok_or(WrongPassword),
            (None, Some(decoy)) => {
                // Whoever has the same password as the decoy is still nobody.
                let _ = std::hint::black_box(decoy.is_of(password));
                Err(WrongPassword)
            }
            (None, None) => Err(WrongPassword),
        }
    }

    pub(crate) fn decoy(&self, name: &str) -> Option<&Arc<Entry>> {
        let pick = self.chance.hash_one(name).checked_rem(self.all.len() as u64)?;
        self.all.get(usize::try_from(pick).ok()?)
    }
}

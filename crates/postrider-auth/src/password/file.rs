//! A password file that is in use.
//!
//! Owns: who is in it, until another reading succeeds.
//! Never: lets go of what it knows because a file is broken.

use super::error::{FileError, FileFault};
use super::lines::{FILE_BYTES_MAX, read_users};
use super::users::{Users, WrongPassword};
use std::fmt;
use std::fs::File;
use std::hash::RandomState;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A password file, and what it said when it was read.
pub struct PasswordFile {
    path: PathBuf,
    users: Mutex<Arc<Users>>,
    chance: RandomState,
}

/// What another reading brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// How many users there are now.
    pub users: usize,
    /// Who is not there any more, or has another hash: what they were let in with counts no longer. In order.
    pub revoked: Vec<Box<str>>,
}

/// What a file says by now.
pub struct FreshUsers(Users);

impl fmt::Debug for FreshUsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FreshUsers").field(&self.0.len()).finish()
    }
}

impl PasswordFile {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or something in it is wrong; the error says where and what would be right.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, FileError> {
        let (path, chance) = (path.into(), RandomState::new());
        let users = read(&path, &chance)?;
        Ok(Self { path, users: Mutex::new(Arc::new(users)), chance })
    }

    /// Takes `bytes` for what the file says; [`PasswordFile::reload`] looks for itself.
    ///
    /// # Errors
    /// As [`PasswordFile::open`].
    pub fn with_contents(path: impl Into<PathBuf>, bytes: &[u8]) -> Result<Self, FileError> {
        let (path, chance) = (path.into(), RandomState::new());
        let users = understand(&path, bytes, &chance)?;
        Ok(Self { path, users: Mutex::new(Arc::new(users)), chance })
    }

    /// Reads it again: all of it counts from now on, or nothing has changed.
    ///
    /// # Errors
    /// As [`PasswordFile::open`].
    pub fn reload(&self) -> Result<Reloaded, FileError> {
        Ok(self.replace(self.read_again()?))
    }

    /// Reads it again, without an effect before [`PasswordFile::replace`].
    ///
    /// # Errors
    /// As [`PasswordFile::open`].
    pub fn read_again(&self) -> Result<FreshUsers, FileError> {
        Ok(FreshUsers(read(&self.path, &self.chance)?))
    }

    /// From now on what was read again counts.
    pub fn replace(&self, FreshUsers(new): FreshUsers) -> Reloaded {
        let new = Arc::new(new);
        let old = std::mem::replace(&mut *self.users.lock().unwrap_or_else(PoisonError::into_inner), new.clone());
        let is_as_before =
            |name: &&str| new.get(name).map(|entry| entry.text()) == old.get(name).map(|entry| entry.text());
        let mut revoked: Vec<Box<str>> = old.names().filter(|name| !is_as_before(name)).map(Box::from).collect();
        revoked.sort_unstable();
        Reloaded { users: new.len(), revoked }
    }

    /// Whether a password is a user's. This takes the time that hashes are made to take.
    ///
    /// # Errors
    /// It is not, or there is no such user.
    pub fn check(&self, user: &str, password: &[u8]) -> Result<(), WrongPassword> {
        self.users().check(user, password)
    }

    /// Whether there is such a user.
    #[must_use]
    pub fn has(&self, user: &str) -> bool {
        self.users().get(user).is_some()
    }

    /// How many users there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.users().len()
    }

    /// Whether nobody is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says at this moment.
    pub(crate) fn users(&self) -> Arc<Users> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for PasswordFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordFile").field("path", &self.path).field("users", &self.len()).finish()
    }
}

fn read(path: &Path, chance: &RandomState) -> Result<Users, FileError> {
    understand(path, &read_bytes(path)?, chance)
}

fn understand(path: &Path, bytes: &[u8], chance: &RandomState) -> Result<Users, FileError> {
    Ok(Users::new(read_users(path, bytes)?, chance.clone()))
}

/// Waits for nobody: a pipe is refused before it is opened.
pub(super) fn read_bytes(path: &Path) -> Result<Vec<u8>, FileError> {
    let refuse = |fault| FileError::whole(path, fault);
    let unreadable = |error| refuse(FileFault::Unreadable(error));
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(refuse(FileFault::NoFile));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > FILE_BYTES_MAX { Err(refuse(FileFault::TooLarge)) } else { Ok(bytes) }
}

//! Asks a password file who clients are.
//!
//! Spec: 3.1.3.5, 3.1.3.6, 3.1.4, 3.2.2.2.

use crate::door::{Door, Register};
use crate::password::{Entry, FileError, PasswordFile, Reloaded};
use postrider_ports::{Authenticate, AuthenticateAnswer, AuthenticateRequest, Reply};
use std::fmt;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

/// How a password file is asked.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Lets clients in that name no user. Default: no.
    pub allow_anonymous: bool,
    /// Threads that hash; each takes the memory of one hash. Default: 1, so that whoever guesses passwords takes one
    /// processor at most.
    pub threads: NonZero<usize>,
    /// Clients that wait for them; more are told that the server is busy. Default: 256, more than argon2id takes in the
    /// ten seconds after which the broker gives a connection up.
    pub queue: usize,
    /// How long a password that was right is believed without a hash. Default: 5 minutes.
    pub remember: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        let remember = Duration::from_secs(300);
        Self { allow_anonymous: false, threads: NonZero::<usize>::MIN, queue: 256, remember }
    }
}

/// Authentication by a password file. A clone is another handle of the same.
#[derive(Clone)]
pub struct Passwords {
    door: Door<PasswordFile>,
    allow_anonymous: bool,
}

impl Register for PasswordFile {
    fn entry(&self, user: &str) -> Option<Arc<Entry>> {
        self.users().get(user).cloned()
    }

    fn decoy(&self, user: &str) -> Option<Arc<Entry>> {
        self.users().decoy(user).cloned()
    }
}

impl Passwords {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system has no thread or no chance to give.
    pub fn start(file: PasswordFile, settings: Settings) -> std::io::Result<Self> {
        let door = Door::start(file, settings.threads, settings.queue, settings.remember)?;
        Ok(Self { door, allow_anonymous: settings.allow_anonymous })
    }

    /// Reads the file again.
    ///
    /// # Errors
    /// As [`PasswordFile::open`]; then nothing has changed.
    pub fn reload(&self) -> Result<Reloaded, FileError> {
        self.file().reload()
    }

    /// The file that is asked.
    #[must_use]
    pub fn file(&self) -> &PasswordFile {
        self.door.register()
    }
}

impl Authenticate for Passwords {
    fn begin(&self, request: AuthenticateRequest, reply: Reply<AuthenticateAnswer>) {
        self.door.begin(request, self.allow_anonymous, reply);
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Passwords").field(self.file()).finish()
    }
}

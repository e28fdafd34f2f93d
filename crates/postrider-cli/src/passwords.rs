//! The password file of a broker that runs.
//!
//! Owns: reading it again at SIGHUP, and what is said about that.
//! Never: gives up users that are known because the file is broken.

use crate::args::Serve;
use crate::serve::say;
use anyhow::anyhow;
use postrider::{Broker, Builder, Principal};
use postrider_auth::{PasswordFile, Passwords, Settings};

/// Who is let in.
pub(crate) struct Door {
    passwords: Passwords,
    is_quiet: bool,
    allow_anonymous: bool,
}

impl Door {
    /// None if nobody is asked.
    pub(crate) fn of(args: &Serve) -> anyhow::Result<Option<Self>> {
        let Some(path) = &args.password_file else { return Ok(None) };
        let settings = Settings { allow_anonymous: args.allow_anonymous, ..Settings::default() };
        let passwords = Passwords::start(PasswordFile::open(path)?, settings)?;
        Ok(Some(Self { passwords, is_quiet: args.quiet, allow_anonymous: args.allow_anonymous }))
    }

    /// Puts it in front of a broker.
    pub(crate) fn guard(&self, builder: Builder) -> Builder {
        builder.authenticate(self.passwords.clone())
    }

    /// What is asked of clients, in a few words.
    pub(crate) const fn asks(&self) -> &'static str {
        if self.allow_anonymous {
            "a user needs the password, others are anonymous"
        } else {
            "for users with a password"
        }
    }

    pub(crate) fn describe(&self) -> String {
        let file = self.passwords.file();
        format!("password file: {}; users {}; SIGHUP has it read again", file.path().display(), file.len())
    }

    /// Whoever came with a password that counts no longer has to go.
    pub(crate) async fn read_again(&self, broker: &Broker) {
        match self.passwords.reload() {
            Err(error) => {
                crate::print_error(&anyhow!("{error}; nothing has changed, the users are those of before"));
            }
            Ok(reloaded) => {
                let revoked = reloaded.revoked.iter().map(|user| Principal::from(&**user));
                let ended = broker.dismiss(revoked).await.unwrap_or_default();
                if !self.is_quiet {
                    let (users, revoked) = (reloaded.users, reloaded.revoked.len());
                    say(&format!(
                        "password file read again: users {users}, gone or with another password {revoked}, connections \
                         of theirs that were ended {ended}"
                    ));
                }
            }
        }
    }
}

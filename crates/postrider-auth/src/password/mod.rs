//! Password files: read, asked, reloaded, rewritten.
//!
//! Owns: the format, which is mosquitto's with more kinds of hashes.
//! Never: has a password in it that is not hashed.

mod error;
mod file;
mod hash;
mod lines;
mod rewrite;
mod users;

pub use error::{FileError, FileFault, HashError};
pub use file::{FreshUsers, PasswordFile, Reloaded};
pub use hash::{NewHash, PASSWORD_BYTES_MAX};
pub use rewrite::{Rewrite, RewriteError};
pub use users::WrongPassword;

pub(crate) use users::Entry;

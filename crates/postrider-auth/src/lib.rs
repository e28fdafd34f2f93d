//! Who clients are and what they may do, from files: passwords and rules.
//!
//! Owns: what is asked of the disk and of the processor before somebody is let in; the rules that decide then.
//! Never: hashes on a thread of the broker, shows a password, or lets a file decide how much memory it takes.

pub mod acl;
mod door;
pub mod dynamic;
mod password;
pub mod people;
mod plugin;
mod pool;
mod random;
mod remembered;
mod replace;
mod throttle;

pub use password::{
    FileError, FileFault, FreshUsers, HashError, NewHash, PASSWORD_BYTES_MAX, PasswordFile, Reloaded, Rewrite,
    RewriteError, WrongPassword,
};
pub use plugin::{Passwords, Settings};

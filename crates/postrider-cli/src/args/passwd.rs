//! What can be typed about password files; the short options are those of mosquitto_passwd.

use clap::{Args as Group, ValueEnum};
use std::path::PathBuf;

/// A password file to make or to change.
#[derive(Clone, Debug, Group)]
pub(crate) struct Passwd {
    /// The password file
    pub(crate) file: PathBuf,
    /// The user to add, to change, to delete or to check
    #[arg(required_unless_present = "plain", conflicts_with = "plain")]
    pub(crate) user: Option<String>,
    /// With -b: the password. Others can see it in the list of processes
    #[arg(requires = "batch", allow_hyphen_values = true)]
    pub(crate) password: Option<String>,
    /// Take the password from the command line and ask for none
    #[arg(short, long, requires = "password")]
    pub(crate) batch: bool,
    /// Begin a new file, in the place of one that is there
    #[arg(short, long)]
    pub(crate) create: bool,
    /// Delete the user
    #[arg(short = 'D', long, conflicts_with_all = ["batch", "create", "hash", "iterations"])]
    pub(crate) delete: bool,
    /// Hash every password of a file that has plain ones
    #[arg(short = 'U', long, conflicts_with_all = ["batch", "create", "delete"])]
    pub(crate) plain: bool,
    /// Change nothing; succeed if the password is the user's
    #[arg(long, conflicts_with_all = ["create", "delete", "plain", "hash", "iterations"])]
    pub(crate) check: bool,
    /// How to hash; mosquitto reads those whose name begins with sha512
    #[arg(short = 'H', long, value_enum, default_value_t)]
    pub(crate) hash: Kind,
    /// Iterations of sha512-pbkdf2 [default: 210000]
    #[arg(short = 'I', long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) iterations: Option<u32>,
}

/// A kind of hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    #[default]
    Argon2id,
    Sha512Pbkdf2,
    Sha512,
}

//! What can be typed about user stores.

use clap::{Args as Group, Subcommand};
use std::path::PathBuf;

/// Users of a store.
#[derive(Clone, Debug, Group)]
pub(crate) struct User {
    #[command(subcommand)]
    pub(crate) verb: UserVerb,
}

/// What is done to users.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum UserVerb {
    /// Add a user; the file is made if it is not there. From the first one on only users of the list are let in
    Add(Named),
    /// Give a user that is there another password
    Password(Named),
    /// Remove a user
    Remove {
        /// The user store
        file: PathBuf,
        /// The user
        name: String,
    },
    /// Print the users
    List {
        /// The user store
        file: PathBuf,
    },
}

/// A user and a password.
#[derive(Clone, Debug, Group)]
pub(crate) struct Named {
    /// The user store
    pub(crate) file: PathBuf,
    /// The user
    pub(crate) name: String,
    /// The password; it is asked for if this is left out. Others can see it in the list of processes
    #[arg(short = 'b', long, value_name = "PASSWORD", allow_hyphen_values = true)]
    pub(crate) password: Option<String>,
    /// Let the user in with any password, and without one
    #[arg(long, conflicts_with = "password")]
    pub(crate) any_password: bool,
}

/// Client identifiers of a store.
#[derive(Clone, Debug, Group)]
pub(crate) struct Client {
    #[command(subcommand)]
    pub(crate) verb: ClientVerb,
}

/// What is done to client identifiers.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ClientVerb {
    /// Add a client identifier; the file is made if it is not there. From the first one on only those of the list are
    /// let in
    Add {
        /// The user store
        file: PathBuf,
        /// The client identifier
        id: String,
    },
    /// Remove a client identifier; without the last one everybody is let in again
    Remove {
        /// The user store
        file: PathBuf,
        /// The client identifier
        id: String,
    },
    /// Print the client identifiers
    List {
        /// The user store
        file: PathBuf,
    },
}

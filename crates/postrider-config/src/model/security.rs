//! Who is let in by a listener and what they may do.
//!
//! Owns: the questions and the files that answer them; the files are read by the server.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Who is let in and what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Security {
    /// Whether clients without a user name are let in. `None` where nobody said so: then it is allowed only where
    /// nobody but this machine comes in and nobody is asked for anything.
    pub allow_anonymous: Option<bool>,
    /// Lines of `user:hash`.
    pub password_file: Option<PathBuf>,
    /// Users and client identifiers, each a list that keeps all others out if it is not empty.
    pub user_store: Option<PathBuf>,
    /// Rules of who may publish and subscribe to what.
    pub acl_file: Option<PathBuf>,
    /// Lines of `identity:hexkey`.
    pub psk_file: Option<PathBuf>,
    /// Filters by user name, for publishing and subscribing alike; whoever is not in it may do nothing. The empty
    /// name is for clients without one. `None` for no such rules.
    pub topics: Option<BTreeMap<String, Vec<String>>>,
    /// Topics that nobody may use but those of `forbidden_exempt`.
    pub forbidden_topics: Vec<String>,
    /// User names that may use them.
    pub forbidden_exempt: Vec<String>,
    /// Whether an empty client identifier gets one assigned.
    pub assigns_client_ids: bool,
    /// What assigned identifiers begin with.
    pub auto_id_prefix: String,
    /// Whether the user name takes the client identifier's place.
    pub username_as_client_id: bool,
    /// What client identifiers must begin with, one of these; empty for anything.
    pub client_id_prefixes: Vec<String>,
    /// Whether a user name or client identifier with `+`, `#` or `/` may be used in rules.
    pub denies_special_chars: bool,
    /// Where a user name comes from.
    pub username_from: UsernameFrom,
}

/// Where a user name comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsernameFrom {
    /// The CONNECT packet.
    Connect,
    /// The common name of the client's certificate.
    CommonName,
    /// The whole subject of the client's certificate.
    Subject,
    /// The first alternative name of the client's certificate.
    AlternativeName,
    /// The identity of PSK.
    PskIdentity,
}

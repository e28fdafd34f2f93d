//! Where values come from, and what a reader has to say about them.
//!
//! Owns: origins by key, notices.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Where a value comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    #[default]
    Default,
    /// A line of a file, from 1; 0 for the file as a whole.
    File {
        /// As it was named on the command line or by another file.
        file: String,
        /// From 1.
        line: u32,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        name: String,
    },
    /// The command line.
    CommandLine,
}

impl fmt::Display for Origin {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => to.write_str("default"),
            Self::File { file, line: 0 } => to.write_str(file),
            Self::File { file, line } => write!(to, "{file}:{line}"),
            Self::Environment { name } => write!(to, "${name}"),
            Self::CommandLine => to.write_str("command line"),
        }
    }
}

/// Origins by key: `limits.max_packet_size`, `listener.NAME.tls.certificate`, `bridge.NAME.address`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(BTreeMap<String, Origin>);

impl Origins {
    /// From now on the key's value comes from there.
    pub fn note(&mut self, key: impl Into<String>, origin: Origin) {
        self.0.insert(key.into(), origin);
    }

    /// Every file that said something, once.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        let names = self.0.values().filter_map(|origin| match origin {
            Origin::File { file, .. } => Some(file.as_str()),
            Origin::Default | Origin::Environment { .. } | Origin::CommandLine => None,
        });
        names.collect::<BTreeSet<_>>().into_iter()
    }

    /// Where the key's value comes from.
    #[must_use]
    pub fn of(&self, key: &str) -> Origin {
        self.0.get(key).cloned().unwrap_or_default()
    }
}

/// Something that was read and has no effect, or another than its writer may think.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// As it was named.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// What stands there: the name of the option.
    pub what: String,
    /// Why it has no effect, and what to do instead.
    pub reason: String,
}

impl fmt::Display for Notice {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = Origin::File { file: self.file.clone(), line: self.line };
        write!(to, "{origin}: {}: {}", self.what, self.reason)
    }
}

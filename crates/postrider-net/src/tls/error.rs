//! Why TLS cannot be had as it was asked for.

use std::fmt;
use std::path::{Path, PathBuf};

/// What is wrong with TLS, and in which file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsError {
    file: Option<PathBuf>,
    what: String,
}

impl TlsError {
    pub(crate) fn of(file: &Path, what: impl fmt::Display) -> Self {
        Self { file: Some(file.to_owned()), what: what.to_string() }
    }

    pub(crate) fn general(what: impl fmt::Display) -> Self {
        Self { file: None, what: what.to_string() }
    }

    /// The file that is the reason, if one is.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{}: {}", file.display(), self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl std::error::Error for TlsError {}

//! Why a file of dynamic security is not taken.

use std::fmt;
use std::path::{Path, PathBuf};

/// What is wrong with a file, or what the system refused.
#[derive(Debug)]
pub struct DynamicError {
    path: PathBuf,
    what: String,
}

impl DynamicError {
    pub(super) fn new(path: &Path, what: impl fmt::Display) -> Self {
        Self { path: path.to_owned(), what: what.to_string() }
    }

    /// What is wrong, without the file.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }
}

impl fmt::Display for DynamicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.what)
    }
}

/// The cause is part of the sentence, so it is no source of its own.
impl std::error::Error for DynamicError {}

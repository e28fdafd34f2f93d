//! The end of a broker whose log was refused something.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why a broker has stopped by itself: the device that holds its data refused something. Whatever was acknowledged
/// before is there after a restart, and nothing was acknowledged since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    directory: PathBuf,
    reason: String,
}

impl Failure {
    pub(crate) fn new(directory: &Path, reason: impl fmt::Display) -> Self {
        Self { directory: directory.to_owned(), reason: reason.to_string() }
    }

    /// Where the data is.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What to do about it.
    #[must_use]
    pub fn advice(&self) -> String {
        format!("see to the device that holds {}, then start again", self.directory.display())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the data in {} cannot be kept any more: {}", self.directory.display(), self.reason)
    }
}

impl std::error::Error for Failure {}

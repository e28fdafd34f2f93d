//! Why a file of rules is not taken.

use std::fmt;

/// What is wrong with a file of rules, where, and what is allowed there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AclError {
    file: Box<str>,
    line: Option<u32>,
    what: Box<str>,
}

impl AclError {
    pub(super) fn new(file: &str, line: Option<u32>, what: impl Into<Box<str>>) -> Self {
        Self { file: file.into(), line, what: what.into() }
    }

    /// The line it is about, counted from 1; nothing when the file could not be read.
    #[must_use]
    pub const fn line(&self) -> Option<u32> {
        self.line
    }

    /// What is wrong, without the place.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }
}

impl fmt::Display for AclError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

impl std::error::Error for AclError {}

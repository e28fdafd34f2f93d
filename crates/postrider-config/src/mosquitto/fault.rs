//! What is wrong with a file of mosquitto's: all of it, each with its place.
//!
//! Owns: faults, and how they read.

use super::lines::At;
use std::fmt;

/// One line that cannot be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// As it was named.
    pub file: String,
    /// From 1; 0 where it is the file as a whole.
    pub line: u32,
    /// What is wrong and what to do.
    pub what: String,
}

/// Everything that is wrong, in the order of the lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Each fault.
    #[must_use]
    pub fn all(&self) -> &[Fault] {
        &self.0
    }

    pub(super) fn add(&mut self, at: &At, what: impl Into<String>) {
        self.0.push(Fault { file: at.file.to_string(), line: at.line, what: what.into() });
    }

    /// The value, if nothing is wrong.
    pub(super) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(to, "{}: {}", self.file, self.what),
            line => write!(to, "{}:{line}: {}", self.file, self.what),
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(to, "{end}{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

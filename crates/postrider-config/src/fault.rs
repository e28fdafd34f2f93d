//! What is wrong with a configuration, and where.
//!
//! Owns: the sentence that people get.

use crate::model::Origin;
use std::fmt;

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where it was said.
    pub origin: Origin,
    /// The column in its line, from 1; 0 where nobody knows.
    pub column: u32,
    /// Which key; empty where it is none.
    pub key: String,
    /// What is wrong and what to do.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}", self.origin)?;
        if self.column > 0 {
            write!(to, ":{}", self.column)?;
        }
        if self.key.is_empty() { write!(to, ": {}", self.what) } else { write!(to, ": {}: {}", self.key, self.what) }
    }
}

impl std::error::Error for Fault {}

/// Where the lines of a text begin, to say where something stands in it.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    file: &'a str,
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn of(file: &'a str, text: &'a str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { file, text, starts: std::iter::once(0).chain(breaks).collect() }
    }

    /// The line and the column of a byte; columns count letters.
    pub(crate) fn place(&self, at: usize) -> (Origin, u32) {
        let line = self.starts.partition_point(|start| *start <= at).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or_default();
        let column = self.text.get(start..at).map_or(1, |before| before.chars().count() + 1);
        (Origin::File { file: self.file.to_owned(), line: small(line) }, small(column))
    }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

//! The lines of a password file.
//!
//! Owns: which lines say something, and how much a file may hold.
//! Never: passes over a line that it does not understand: what was cut off must not count as complete.

use super::error::{FileError, FileFault};
use super::hash::Hash;
use super::users::Entry;
use std::collections::HashMap;
use std::path::Path;

/// The largest file that is read.
pub(crate) const FILE_BYTES_MAX: usize = 64 << 20;

/// The longest line.
pub(crate) const LINE_BYTES_MAX: usize = 4096;

/// The most users of one file.
pub(crate) const USERS_MAX: usize = 100_000;

/// What a line says.
pub(crate) enum Line<'a> {
    /// A comment, or nothing.
    Nothing,
    /// A user and what is behind the colon.
    User(&'a str, &'a str),
}

/// As mosquitto reads it: `#` in the first column begins a comment, blanks around name and hash do not count.
pub(crate) fn read_line(line: &[u8]) -> Result<Line<'_>, FileFault> {
    if line.len() > LINE_BYTES_MAX {
        return Err(FileFault::LongLine);
    }
    if line.first() == Some(&b'#') || line.trim_ascii().is_empty() {
        return Ok(Line::Nothing);
    }
    let line = std::str::from_utf8(line).map_err(|_| FileFault::NoText)?;
    let (name, rest) = line.split_once(':').ok_or(FileFault::NoColon)?;
    let (name, rest) = (name.trim_matches(BLANK), rest.trim_matches(BLANK));
    if name.is_empty() { Err(FileFault::NoName) } else { Ok(Line::User(name, rest)) }
}

/// Everybody in a file, in its order, or the line that is wrong.
pub(crate) fn read_users(path: &Path, bytes: &[u8]) -> Result<Vec<(Box<str>, Entry)>, FileError> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(FileError::whole(path, FileFault::TooLarge));
    }
    if bytes.trim_ascii().is_empty() {
        return Err(FileError::whole(path, FileFault::Empty));
    }
    let mut users = Vec::new();
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let at = |fault| FileError { path: path.to_owned(), line: Some(index + 1), fault };
        if let Line::User(name, text) = read_line(line).map_err(at)? {
            let hash = Hash::parse(text).map_err(|error| at(FileFault::Hash(error)))?;
            if let Some(first) = seen.insert(name, index + 1) {
                return Err(at(FileFault::Twice(first)));
            }
            if users.len() == USERS_MAX {
                return Err(at(FileFault::TooManyUsers));
            }
            users.push((Box::from(name), Entry::new(hash, text)));
        }
    }
    Ok(users)
}

const BLANK: [char; 3] = [' ', '\t', '\r'];

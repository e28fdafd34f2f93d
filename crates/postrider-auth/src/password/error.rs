//! What is wrong with a password file, where, and what would be right.
//!
//! Never: quotes a hash, which may be a password that somebody forgot to hash.

use super::lines::{FILE_BYTES_MAX, LINE_BYTES_MAX, USERS_MAX};
use std::fmt;
use std::path::PathBuf;

/// A password file that cannot be used.
#[derive(Debug)]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1; none if it is about the file as a whole.
    pub line: Option<usize>,
    /// What is wrong.
    pub fault: FileFault,
}

/// What is wrong with a password file.
#[derive(Debug)]
#[non_exhaustive]
pub enum FileFault {
    /// The system does not give it.
    Unreadable(std::io::Error),
    /// A directory, a pipe or a device.
    NoFile,
    /// More bytes than are read.
    TooLarge,
    /// Nothing is in it, not even a comment.
    Empty,
    /// A line is longer than any that makes sense.
    LongLine,
    /// A line that is not UTF-8.
    NoText,
    /// A line without a colon, such as one that was cut off.
    NoColon,
    /// No user name before the colon.
    NoName,
    /// The user stands on an earlier line too.
    Twice(usize),
    /// More users than are read.
    TooManyUsers,
    /// The hash cannot be used.
    Hash(HashError),
}

/// What is wrong with a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HashError {
    /// It begins like none that is known.
    Unknown,
    /// It begins like one, but is cut off or spelt otherwise. This is how it should look.
    Shape(&'static str),
    /// It asks for more or less work or memory than is allowed. This is what is allowed.
    Bound(&'static str),
}

impl FileError {
    pub(super) fn whole(path: &std::path::Path, fault: FileFault) -> Self {
        Self { path: path.to_owned(), line: None, fault }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path.display(), self.fault),
            None => write!(f, "{}: {}", self.path.display(), self.fault),
        }
    }
}

/// The cause is part of the sentence, so it is no source of its own.
impl std::error::Error for FileError {}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "it cannot be read: {error}"),
            Self::NoFile => write!(f, "it is not a file; name a file with lines `user:hash`"),
            Self::TooLarge => write!(f, "it is too large; {} MiB are allowed", FILE_BYTES_MAX >> 20),
            Self::Empty => write!(
                f,
                "it is empty; add users with `postrider passwd`, or leave a comment in it if nobody is to be let in"
            ),
            Self::LongLine => write!(f, "the line is too long; {LINE_BYTES_MAX} bytes are allowed"),
            Self::NoText => write!(f, "the line is not UTF-8; it should be `user:hash`"),
            Self::NoColon => {
                write!(f, "the line has no colon; it should be `user:hash`, or a comment that begins with #")
            }
            Self::NoName => write!(f, "the line has no user name; it should be `user:hash`"),
            Self::Twice(line) => write!(f, "the user stands on line {line} too; leave one of the two"),
            Self::TooManyUsers => write!(f, "there are too many users; {USERS_MAX} are allowed"),
            Self::Hash(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for HashError {}

impl fmt::Display for HashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => write!(
                f,
                "what is behind the colon is no hash; it begins with $argon2id$, $7$, $6$, $5$, $2a$, $2b$ or $2y$, and \
                 `postrider passwd -U` converts a file of plain passwords"
            ),
            Self::Shape(shape) => write!(f, "the hash is cut off or misspelt; it should be {shape}"),
            Self::Bound(bound) => write!(f, "the hash asks for too much or too little; {bound}"),
        }
    }
}

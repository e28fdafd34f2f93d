//! The file layer: what the log asks of a directory and of the files in it.
//!
//! Owns: the two traits, and the promise each call makes about a loss of power.
//! Never: knows what the bytes mean.

mod directory;
mod simulated;

pub use directory::{Directory, DirectoryFile, DirectoryLock};
pub use simulated::{Call, Loss, Refusal, RefusedCall, SimulatedDisk, SimulatedFile, SimulatedLock};

use std::error::Error;
use std::fmt;
use std::io;

/// One flat directory of files.
///
/// Names are plain: no separators, no dots at the beginning.
/// A change of names is certain to survive a loss of power only after [`sync_directory`](Self::sync_directory).
pub trait Storage: fmt::Debug + Send + Sync + 'static {
    /// An open file.
    type File: StorageFile;
    /// Holds the directory for one owner until it is dropped.
    type Lock: fmt::Debug + Send + 'static;

    /// The names of all files, in any order.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Makes a file that must not exist yet.
    fn create(&self, name: &str) -> io::Result<Self::File>;
    /// Opens a file that exists, to read and to write.
    fn open(&self, name: &str) -> io::Result<Self::File>;
    /// Renames a file, in place of what has the new name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Takes a file's name away; who has it open can still read it.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Returns when all changes of names so far are durable.
    fn sync_directory(&self) -> io::Result<()>;
    /// Makes sure that nobody else has the directory.
    fn lock(&self, name: &str) -> Result<Self::Lock, LockError>;
}

/// One open file.
pub trait StorageFile: fmt::Debug + Send + Sync + 'static {
    /// Reads up to the buffer's length; fewer bytes only at the end of the file.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
    /// Writes the parts one behind the other, all of them or an error.
    fn write_all_at(&self, offset: u64, parts: &[&[u8]]) -> io::Result<()>;
    /// Returns when all bytes and the length are durable. An error means that nobody knows which are.
    fn sync_data(&self) -> io::Result<()>;
    /// The length in bytes.
    fn length(&self) -> io::Result<u64>;
    /// Cuts the file.
    fn set_length(&self, bytes: u64) -> io::Result<()>;
    /// Takes room on the device up to this length, so that writing there needs no more; new bytes are zero.
    fn preallocate(&self, bytes: u64) -> io::Result<()>;
}

/// Why a directory could not be locked.
#[derive(Debug)]
pub enum LockError {
    /// Another owner has it; its process, where it said so.
    Held {
        /// The process that has it.
        process: Option<u32>,
    },
    /// The system refused.
    Io(io::Error),
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { process: Some(process) } => write!(f, "in use by process {process}"),
            Self::Held { process: None } => write!(f, "in use by another process"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl Error for LockError {}

/// Reads a whole range, or says how many bytes of it the file has.
pub(crate) fn read_full(file: &impl StorageFile, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(offset + filled as u64, &mut buffer[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

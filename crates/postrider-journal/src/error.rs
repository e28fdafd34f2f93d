//! What can go wrong, each with the file it concerns and what to do.
//!
//! Owns: the texts that people read when a store does not open.

use crate::sequence::Sequence;
use std::error::Error;
use std::fmt;
use std::io;

/// Why a log did not open.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has it.
    InUse {
        /// Which, where it said so.
        process: Option<u32>,
    },
    /// There is no store here, and none was to be made.
    NoStore,
    /// A later version of this software wrote it.
    Newer {
        /// The version of its format.
        version: u16,
    },
    /// Something is not as it was written.
    Damaged(Vec<Damage>),
    /// The device or the system refused.
    Fault(Fault),
}

impl OpenError {
    /// What to do about it, for people; `directory` is the store's path.
    #[must_use]
    pub fn advice(&self, directory: &str) -> String {
        match self {
            Self::InUse { process: Some(process) } => format!("stop process {process}, or use another directory"),
            Self::InUse { process: None } => "stop the other process, or use another directory".to_owned(),
            Self::NoStore => format!("{directory} holds no store: mount the right disk, or ask for a new store"),
            Self::Newer { .. } => "use the version of postrider that wrote it, or a later one".to_owned(),
            Self::Damaged(_) => format!(
                "`postrider check {directory}` lists everything; `postrider salvage {directory} NEW` copies what is \
                 whole; `--accept-loss` puts the damaged files aside, with what is whole in them, and starts with the rest"
            ),
            Self::Fault(_) => format!("see to the device that holds {directory}, then start again"),
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse { process: Some(process) } => write!(f, "the store is in use by process {process}"),
            Self::InUse { process: None } => write!(f, "the store is in use by another process"),
            Self::NoStore => write!(f, "there is no store here"),
            Self::Newer { version } => {
                write!(f, "the store has format {version}, and this version reads formats up to {FORMAT}")
            }
            Self::Damaged(damage) => {
                write!(f, "the store is damaged")?;
                let shown = damage.iter().take(SHOWN_MAX);
                shown.enumerate().try_for_each(|(at, one)| write!(f, "{} {one}", if at == 0 { ":" } else { ";" }))?;
                match damage.len().checked_sub(SHOWN_MAX + 1) {
                    Some(more) => write!(f, "; and {} more", more + 1),
                    None => Ok(()),
                }
            }
            Self::Fault(fault) => fault.fmt(f),
        }
    }
}

impl Error for OpenError {}

impl From<Fault> for OpenError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// One place that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub file: String,
    /// Where it begins to be wrong.
    pub offset: u64,
    /// How many bytes cannot be trusted.
    pub length: u64,
    /// What is wrong.
    pub what: DamageKind,
    /// The first and last of the records that may be concerned, where that is known.
    pub sequences: Option<(Sequence, Sequence)>,
}

/// What is wrong with a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DamageKind {
    /// The file that says which store this is cannot be read.
    Identity,
    /// The first frame of a segment cannot be read, but others can.
    Roster,
    /// A frame's header cannot be read.
    Header,
    /// A frame's content does not agree with its checksum.
    Body,
    /// A frame's content agrees with its checksum and makes no sense.
    Content,
    /// The file is shorter than it was.
    Short,
    /// The file is not there.
    Missing,
    /// The file was put aside by an earlier start that accepted the loss.
    PutAside,
}

impl fmt::Display for DamageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identity => "the store's identity cannot be read",
            Self::Roster => "the beginning of the segment cannot be read",
            Self::Header => "no frame begins where one should",
            Self::Body => "the checksum is wrong",
            Self::Content => "the content makes no sense",
            Self::Short => "the file is cut short",
            Self::Missing => "the file is missing",
            Self::PutAside => "the file was put aside before",
        })
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} at byte {}, {} bytes", self.file, self.what, self.offset, self.length)?;
        match self.sequences {
            Some((first, last)) => write!(f, ", records {first} to {last}"),
            None => Ok(()),
        }
    }
}

/// The device or the system refused something. The log that saw it is over: it says this for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What was asked for.
    pub operation: Operation,
    /// Of which file.
    pub file: String,
    /// The system's number for the reason, if there is one.
    pub code: Option<i32>,
    /// The reason in words.
    pub reason: String,
}

impl Fault {
    pub(crate) fn new(operation: Operation, file: &str, error: &io::Error) -> Self {
        Self { operation, file: file.to_owned(), code: error.raw_os_error(), reason: error.to_string() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.operation, self.file, self.reason)
    }
}

impl Error for Fault {}

/// What was asked of the file layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// To list the files.
    List,
    /// To make or open a file, or to give it another name.
    Open,
    /// To take the lock.
    Lock,
    /// To read.
    Read,
    /// To write.
    Write,
    /// To make writes durable.
    Sync,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::List => "listing",
            Self::Open => "opening",
            Self::Lock => "locking",
            Self::Read => "reading",
            Self::Write => "writing",
            Self::Sync => "syncing",
        })
    }
}

/// Why a record was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AppendError {
    /// The device has no room but for what is essential. It is worth trying again when something was released.
    Full,
    /// The record is larger than `record_bytes_max`.
    TooLarge,
    /// The log is over.
    Fault(Fault),
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => write!(f, "no space left for records that are not essential"),
            Self::TooLarge => write!(f, "the record is too large"),
            Self::Fault(fault) => fault.fmt(f),
        }
    }
}

impl Error for AppendError {}

impl From<Fault> for AppendError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Why a record could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// It was released, or never written.
    Absent,
    /// Its bytes are not what was written.
    Damaged(Damage),
    /// The device or the system refused.
    Fault(Fault),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => write!(f, "there is no such record"),
            Self::Damaged(damage) => damage.fmt(f),
            Self::Fault(fault) => fault.fmt(f),
        }
    }
}

impl Error for ReadError {}

impl From<Fault> for ReadError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The newest format this version reads and the one it writes.
pub(crate) const FORMAT: u16 = 1;
const SHOWN_MAX: usize = 8;

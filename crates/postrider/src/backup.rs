//! Copies of a data directory: of one that a broker uses, and back.
//!
//! Never: disturbs the broker, or leaves half a copy behind.

use crate::draft::Draft;
use crate::error::Error;
use crate::seeds;
use crate::store::{kinds_kept, refused, unusable};
use postrider_journal::{Creation, Directory, Options, Report, StoreId};
use std::path::Path;

/// What was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Copied {
    /// Files with records.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The number of the last record that is in the copy.
    pub last_record: u64,
}

/// Copies a data directory as it is at one moment, whether or not a broker uses it, into one that is empty or not there
/// yet. Everything that was acknowledged before the call is in the copy, which is a data directory like any other.
///
/// # Errors
/// One of the directories cannot be used, the first holds no data, or it is damaged.
pub fn backup_data(path: &Path, new: &Path) -> Result<Copied, Error> {
    let storage = Directory::existing(path).map_err(|error| unusable(path, error))?;
    let (draft, out) = Draft::of(new)?;
    let report = postrider_journal::copy_live(&storage, &out).map_err(|error| refused(path, error))?;
    draft.keep()?;
    Ok(copied(&report))
}

/// Makes a data directory of a backup, in one that is empty or not there yet. It becomes a store of its own: its files
/// and those of the one that the backup was made of cannot be taken for each other's.
///
/// # Errors
/// One of the directories cannot be used, or the backup is in use, holds no data, or is damaged.
pub fn restore_data(backup: &Path, new: &Path) -> Result<Copied, Error> {
    let storage = Directory::existing(backup).map_err(|error| unusable(backup, error))?;
    let (draft, out) = Draft::of(new)?;
    let report = postrider_journal::restore(storage, out, new_store()).map_err(|error| refused(backup, error))?;
    draft.keep()?;
    Ok(copied(&report))
}

/// A store with a name of its own.
pub(crate) fn new_store() -> Options {
    let id = StoreId(seeds::random().ids.to_le_bytes());
    Options { keep_while_older: kinds_kept(), ..Options::new(Creation::Allowed(id)) }
}

fn copied(report: &Report) -> Copied {
    Copied {
        files: report.segments.len() as u64,
        bytes: report.segments.iter().map(|segment| segment.bytes).sum(),
        last_record: report.last.number(),
    }
}

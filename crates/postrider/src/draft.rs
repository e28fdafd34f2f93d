//! A directory that gets its name when it is complete.
//!
//! Never: leaves half of it behind, unless the process is killed: then under a name that says so.

use crate::error::Error;
use crate::store::unusable;
use postrider_journal::Directory;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A directory beside the place where it is to be.
#[derive(Debug)]
pub(crate) struct Draft {
    place: PathBuf,
    made: PathBuf,
    is_kept: bool,
}

impl Draft {
    /// For a directory that is empty or not there yet.
    pub(crate) fn of(place: &Path) -> Result<(Self, Directory), Error> {
        let failed = |error: io::Error| unusable(place, error);
        let is_taken = match place.read_dir() {
            Ok(mut entries) => entries.next().is_some(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(failed(error)),
        };
        if is_taken {
            return Err(failed(io::Error::new(io::ErrorKind::AlreadyExists, "it is not empty")));
        }
        let name = place.file_name().ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
        let made = place.with_file_name(format!("{}.unfinished-{}", name.to_string_lossy(), std::process::id()));
        let directory = Directory::open(&made).map_err(failed)?;
        let is_free = made.read_dir().map_err(failed)?.next().is_none();
        let draft = Self { place: place.to_owned(), made, is_kept: !is_free };
        if is_free { Ok((draft, directory)) } else { Err(failed(io::ErrorKind::AlreadyExists.into())) }
    }

    /// Leaves a text in it, for people and for whoever comes later.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<(), Error> {
        let written = File::create_new(self.made.join(name)).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        let synced = written.and_then(|()| File::open(&self.made)?.sync_all());
        synced.map_err(|error| unusable(&self.place, error))
    }

    /// It is complete.
    pub(crate) fn keep(mut self) -> Result<(), Error> {
        let failed = |error: io::Error| unusable(&self.place, error);
        std::fs::rename(&self.made, &self.place).map_err(failed)?;
        self.is_kept = true;
        let parent = self.place.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or_else(|| Path::new("."))).and_then(|parent| parent.sync_all()).map_err(failed)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_kept {
            // Ours alone; what stays has a name that says what it is.
            let _ = std::fs::remove_dir_all(&self.made);
        }
    }
}

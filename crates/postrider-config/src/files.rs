//! Files, as far as a configuration needs them.
//!
//! Owns: the only way from here to a disk.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Reads files and lists directories, so that tests and fuzz targets need no disk.
pub trait Files {
    /// The text of a file.
    ///
    /// # Errors
    ///
    /// Whatever the system says, and text that is no UTF-8.
    fn read(&self, path: &Path) -> io::Result<String>;

    /// What stands in a directory, whole paths, in the order of their bytes.
    ///
    /// # Errors
    ///
    /// Whatever the system says.
    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>>;
}

/// The files of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Disk;

/// No configuration is larger; what is was not meant to be one.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<String> {
        use std::io::Read;
        let mut text = String::new();
        let file = std::fs::File::open(path)?;
        let read = file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
        if u64::try_from(read).is_ok_and(|read| read <= FILE_BYTES_MAX) {
            Ok(text)
        } else {
            Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 16 MiB; is it a configuration?"))
        }
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(directory)? {
            paths.push(entry?.path());
        }
        paths.sort();
        Ok(paths)
    }
}

/// No file at all.
#[derive(Clone, Copy, Debug)]
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &Path) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn list(&self, _: &Path) -> io::Result<Vec<PathBuf>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Files that a test wrote down.
impl Files for BTreeMap<PathBuf, String> {
    fn read(&self, path: &Path) -> io::Result<String> {
        self.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(self.keys().filter(|path| path.parent() == Some(directory)).cloned().collect())
    }
}

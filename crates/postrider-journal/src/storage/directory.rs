//! A real directory.
//!
//! Owns: descriptors, permissions (0700 and 0600), writes that came back short or were interrupted.
//! Never: retries what the device refused.

use super::{LockError, Storage, StorageFile};
use rustix::fs::{FlockOperation, flock};
use rustix::io::{Errno, pwritev, retry_on_intr};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, IoSlice, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Files in a directory of the system.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
}

/// One of its files.
#[derive(Debug)]
pub struct DirectoryFile(File);

/// An advisory lock on the whole directory, as long as it lives.
#[derive(Debug)]
pub struct DirectoryLock(#[expect(dead_code, reason = "the lock is held by the open descriptor")] File);

impl Directory {
    /// Opens a directory and makes it, for its owner alone, if it is not there.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        Ok(Self { path })
    }

    /// Opens a directory that is there.
    pub fn existing(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        if path.is_dir() { Ok(Self { path }) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Storage for Directory {
    type File = DirectoryFile;
    type Lock = DirectoryLock;

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in self.path.read_dir()? {
            // A name that is no text is not one of ours.
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<DirectoryFile> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600);
        options.open(self.path.join(name)).map(DirectoryFile)
    }

    fn open(&self, name: &str) -> io::Result<DirectoryFile> {
        OpenOptions::new().read(true).write(true).open(self.path.join(name)).map(DirectoryFile)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path.join(name))
    }

    fn sync_directory(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    fn lock(&self, name: &str) -> Result<DirectoryLock, LockError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(self.path.join(name)).map_err(LockError::Io)?;
        match retry_on_intr(|| flock(&file, FlockOperation::NonBlockingLockExclusive)) {
            Ok(()) => {
                // The name is for people only; on a full disk the lock holds without it.
                let _ = write_process(&mut file);
                Ok(DirectoryLock(file))
            }
            Err(Errno::WOULDBLOCK) => Err(LockError::Held { process: read_process(&mut file) }),
            Err(error) => Err(LockError::Io(error.into())),
        }
    }
}

fn write_process(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.write_all(format!("{}\n", std::process::id()).as_bytes())
}

fn read_process(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

impl StorageFile for DirectoryFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read_at(buffer, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    fn write_all_at(&self, mut offset: u64, parts: &[&[u8]]) -> io::Result<()> {
        let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
        let mut rest = slices.as_mut_slice();
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            let count = retry_on_intr(|| pwritev(&self.0, rest, offset))?;
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            offset += count as u64;
            IoSlice::advance_slices(&mut rest, count);
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        // One call, whatever it says: after an error the next one might succeed without the bytes being there.
        self.0.sync_data()
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn set_length(&self, bytes: u64) -> io::Result<()> {
        self.0.set_len(bytes)
    }

    #[cfg(target_os = "linux")]
    fn preallocate(&self, bytes: u64) -> io::Result<()> {
        use rustix::fs::{FallocateFlags, fallocate};
        match retry_on_intr(|| fallocate(&self.0, FallocateFlags::empty(), 0, bytes)) {
            // Such a file system promises no room; the length is all that can be had.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => self.0.set_len(bytes.max(self.length()?)),
            result => Ok(result?),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn preallocate(&self, bytes: u64) -> io::Result<()> {
        self.0.set_len(bytes)
    }
}

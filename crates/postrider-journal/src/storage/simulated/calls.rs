//! The calls of a storage, on a simulated disk.
//!
//! Owns: which of them count as changes, each of which may be the last before the power goes.

use super::inode::{Change, Inode};
use super::refusal::{broken, gone};
use super::{Call, Fate, Of, SimulatedDisk, SimulatedFile, SimulatedLock};
use crate::storage::{LockError, Storage, StorageFile};
use std::io;

impl Storage for SimulatedDisk {
    type File = SimulatedFile;
    type Lock = SimulatedLock;

    fn list(&self) -> io::Result<Vec<String>> {
        let state = self.state();
        state.check_power(state.boot)?;
        Ok(state.names.list())
    }

    fn create(&self, name: &str) -> io::Result<SimulatedFile> {
        let mut state = self.state();
        state.check_power(state.boot)?;
        if state.names.find(name).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let fate = state.next_change(Call::Create, Of::Name(name));
        if matches!(fate, Fate::Refused(_)) {
            fate.result()?;
        }
        let (inode, number) = (state.inode_next, state.counts.changes);
        state.inode_next += 1;
        state.inodes.insert(inode, Inode::default());
        state.names.set(number, name, Some(inode));
        fate.result().map(|()| self.file(inode, state.boot))
    }

    fn open(&self, name: &str) -> io::Result<SimulatedFile> {
        let state = self.state();
        state.check_power(state.boot)?;
        let inode = state.names.find(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(self.file(inode, state.boot))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        state.check_power(state.boot)?;
        state.rename_or_remove(from, Some(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.check_power(state.boot)?;
        state.rename_or_remove(name, None)
    }

    fn sync_directory(&self) -> io::Result<()> {
        let mut state = self.state();
        state.check_power(state.boot)?;
        let fate = state.next_change(Call::SyncDirectory, Of::Directory);
        state.counts.syncs += 1;
        state.counts.waited_us += state.sync_us;
        if state.sync_fails_at.is_some_and(|at| state.counts.syncs == at) {
            return Err(broken());
        }
        if fate == Fate::Done || (fate == Fate::Cut && state.is_lucky()) {
            state.names.sync();
        }
        fate.result()
    }

    fn lock(&self, _: &str) -> Result<SimulatedLock, LockError> {
        let mut state = self.state();
        state.check_power(state.boot).map_err(LockError::Io)?;
        if state.locked_in == Some(state.boot) {
            return Err(LockError::Held { process: Some(std::process::id()) });
        }
        state.locked_in = Some(state.boot);
        Ok(SimulatedLock { disk: self.clone(), boot: state.boot })
    }
}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.locked_in == Some(self.boot) {
            state.locked_in = None;
        }
    }
}

impl SimulatedFile {
    /// A number that no other file of the disk has, or had.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.inode
    }

    /// Writes as the system does: all of it, or the beginning.
    pub fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.disk.state();
        state.check_power(self.boot)?;
        state.write(self.inode, offset, bytes)
    }
}

impl StorageFile for SimulatedFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let state = self.disk.state();
        state.check_power(self.boot)?;
        Ok(state.inodes.get(&self.inode).ok_or_else(gone)?.read(offset, buffer))
    }

    fn write_all_at(&self, offset: u64, parts: &[&[u8]]) -> io::Result<()> {
        let bytes = parts.concat();
        let mut done = 0;
        loop {
            done += self.write_at(offset + done as u64, &bytes[done..])?;
            if done == bytes.len() {
                return Ok(());
            }
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.check_power(self.boot)?;
        state.sync(self.inode)
    }

    fn length(&self) -> io::Result<u64> {
        let state = self.disk.state();
        state.check_power(self.boot)?;
        Ok(state.inodes.get(&self.inode).ok_or_else(gone)?.length())
    }

    fn set_length(&self, bytes: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.check_power(self.boot)?;
        state.change(self.inode, Call::SetLength, Change::Cut(bytes))
    }

    fn preallocate(&self, bytes: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.check_power(self.boot)?;
        state.change(self.inode, Call::Preallocate, Change::Grow(bytes))
    }
}

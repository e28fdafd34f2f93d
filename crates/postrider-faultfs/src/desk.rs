//! What the mount and the threads that serve it share.
//!
//! Owns: files by number, calls that hang since the power was cut, the time a sync takes.

use fuser::Errno;
use postrider_journal::{Loss, SimulatedDisk, SimulatedFile, Storage, StorageFile};
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(crate) struct Desk {
    disk: SimulatedDisk,
    state: Mutex<State>,
    thawed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// As they were looked up last; numbers are never used again.
    files: HashMap<u64, Arc<SimulatedFile>>,
    sync_takes: Duration,
    is_thawed: bool,
    refused_at: Option<Instant>,
}

impl Desk {
    pub(crate) fn new(disk: SimulatedDisk) -> Self {
        Self { disk, state: Mutex::default(), thawed: Condvar::new() }
    }

    pub(crate) const fn disk(&self) -> &SimulatedDisk {
        &self.disk
    }

    pub(crate) fn slow_sync(&self, delay: Duration) {
        self.state().sync_takes = delay;
    }

    pub(crate) fn thaw(&self) {
        self.state().is_thawed = true;
        self.thawed.notify_all();
    }

    pub(crate) fn restart(&self, loss: Loss) {
        self.thaw();
        self.disk.restart(loss);
        let mut state = self.state();
        state.files.clear();
        (state.is_thawed, state.refused_at) = (false, None);
    }

    pub(crate) fn refused_at(&self) -> Option<Instant> {
        self.state().refused_at
    }

    /// Opens a file by its name.
    pub(crate) fn find(&self, name: &str) -> Result<Arc<SimulatedFile>, Errno> {
        self.known(self.disk.open(name))
    }

    pub(crate) fn create(&self, name: &str) -> Result<Arc<SimulatedFile>, Errno> {
        self.known(self.disk.create(name))
    }

    /// A file that was found before, whether it still has a name or not.
    pub(crate) fn file(&self, number: u64) -> Result<Arc<SimulatedFile>, Errno> {
        self.state().files.get(&number).cloned().ok_or(Errno::ENOENT)
    }

    pub(crate) fn write(&self, number: u64, offset: u64, bytes: &[u8]) -> Result<usize, Errno> {
        let written = self.file(number)?.write_at(offset, bytes);
        if written.as_ref().is_ok_and(|count| *count < bytes.len()) {
            self.note_refusal();
        }
        self.settle(written)
    }

    /// What was written until about the middle of the time is durable at the end.
    pub(crate) fn sync(&self, number: u64) -> Result<(), Errno> {
        let (file, half) = (self.file(number)?, self.state().sync_takes / 2);
        sleep(half);
        let synced = self.settle(file.sync_data());
        sleep(half);
        synced
    }

    pub(crate) fn sync_names(&self) -> Result<(), Errno> {
        let half = self.state().sync_takes / 2;
        sleep(half);
        let synced = self.settle(self.disk.sync_directory());
        sleep(half);
        synced
    }

    /// What a call gets; nothing, as long as there is no power.
    pub(crate) fn settle<R>(&self, result: io::Result<R>) -> Result<R, Errno> {
        let error = match result {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        if self.disk.is_off() {
            let hangs = |state: &mut State| self.disk.is_off() && !state.is_thawed;
            drop(self.thawed.wait_while(self.state(), hangs).unwrap_or_else(PoisonError::into_inner));
            return Err(Errno::EIO);
        }
        self.note_refusal();
        // The disk's own answers about names have no number.
        if error.kind() == io::ErrorKind::NotFound {
            return Err(Errno::ENOENT);
        }
        Err(if error.kind() == io::ErrorKind::AlreadyExists { Errno::EEXIST } else { error.into() })
    }

    fn known(&self, opened: io::Result<SimulatedFile>) -> Result<Arc<SimulatedFile>, Errno> {
        let file = Arc::new(self.settle(opened)?);
        self.state().files.insert(file.id(), file.clone());
        Ok(file)
    }

    fn note_refusal(&self) {
        if self.disk.refused().is_some() {
            self.state().refused_at.get_or_insert_with(Instant::now);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! A device that does what a test says: it keeps syncs waiting, and it fails.

use postrider_journal::{LockError, SimulatedDisk, SimulatedFile, SimulatedLock, Storage, StorageFile};
use std::io;
use std::sync::{Arc, Condvar, Mutex};

/// A disk in memory whose syncs a test can stop. Clones are the same disk.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    disk: SimulatedDisk,
    brake: Arc<Brake>,
}

#[derive(Debug, Default)]
struct Brake {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_held: bool,
    /// Syncs that wait.
    waiting: usize,
    syncs: u64,
}

#[derive(Debug)]
pub(crate) struct DeviceFile {
    file: SimulatedFile,
    brake: Arc<Brake>,
}

impl Device {
    pub(crate) fn new() -> Self {
        Self { disk: SimulatedDisk::new(1), brake: Arc::default() }
    }

    /// The disk as somebody finds it who was not there before.
    pub(crate) const fn disk(&self) -> &SimulatedDisk {
        &self.disk
    }

    /// Every sync waits until this is dropped.
    pub(crate) fn hold(&self) -> Held {
        self.brake.state.lock().expect("nobody panics here").is_held = true;
        Held(self.brake.clone())
    }

    /// Whether a sync waits.
    pub(crate) fn is_waiting(&self) -> bool {
        self.brake.state.lock().expect("as above").waiting > 0
    }

    /// How many syncs have begun.
    pub(crate) fn syncs(&self) -> u64 {
        self.brake.state.lock().expect("as above").syncs
    }

    fn file(&self, file: SimulatedFile) -> DeviceFile {
        DeviceFile { file, brake: self.brake.clone() }
    }
}

/// Syncs wait as long as this lives.
pub(crate) struct Held(Arc<Brake>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.state.lock().expect("as above").is_held = false;
        self.0.moved.notify_all();
    }
}

impl Storage for Device {
    type File = DeviceFile;
    type Lock = SimulatedLock;

    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn create(&self, name: &str) -> io::Result<DeviceFile> {
        self.disk.create(name).map(|file| self.file(file))
    }

    fn open(&self, name: &str) -> io::Result<DeviceFile> {
        self.disk.open(name).map(|file| self.file(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.disk.sync_directory()
    }

    fn lock(&self, name: &str) -> Result<SimulatedLock, LockError> {
        self.disk.lock(name)
    }
}

impl StorageFile for DeviceFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, buffer)
    }

    fn write_all_at(&self, offset: u64, parts: &[&[u8]]) -> io::Result<()> {
        self.file.write_all_at(offset, parts)
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.brake.state.lock().expect("as above");
        state.syncs += 1;
        state.waiting += 1;
        state = self.brake.moved.wait_while(state, |state| state.is_held).expect("as above");
        state.waiting -= 1;
        drop(state);
        self.file.sync_data()
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn set_length(&self, bytes: u64) -> io::Result<()> {
        self.file.set_length(bytes)
    }

    fn preallocate(&self, bytes: u64) -> io::Result<()> {
        self.file.preallocate(bytes)
    }
}

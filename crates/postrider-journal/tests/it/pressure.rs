//! A writer that never comes to rest.

use crate::owner::options;
use postrider_journal::{
    Durability, Handle, LockError, Log, Refused, SimulatedDisk, SimulatedFile, SimulatedLock, Storage, StorageFile,
    Urgency, Waker, Writer, WriterOptions,
};
use std::io;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

/// A disk on which somebody appends the next record before the last is written.
#[derive(Clone, Debug)]
struct Busy {
    disk: SimulatedDisk,
    crowd: Arc<Crowd>,
}

#[derive(Debug)]
struct Crowd {
    handle: OnceLock<Handle<Busy>>,
    last_sync: Mutex<Instant>,
    /// Told how long the records waited that a sync has made durable.
    waited: Mutex<Sender<Duration>>,
}

#[derive(Debug)]
struct BusyFile {
    file: SimulatedFile,
    crowd: Arc<Crowd>,
}

impl Busy {
    fn file(&self, file: SimulatedFile) -> BusyFile {
        BusyFile { file, crowd: self.crowd.clone() }
    }
}

impl Storage for Busy {
    type File = BusyFile;
    type Lock = SimulatedLock;

    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn create(&self, name: &str) -> io::Result<BusyFile> {
        self.disk.create(name).map(|file| self.file(file))
    }

    fn open(&self, name: &str) -> io::Result<BusyFile> {
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

impl StorageFile for BusyFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, buffer)
    }

    fn write_all_at(&self, offset: u64, parts: &[&[u8]]) -> io::Result<()> {
        self.file.write_all_at(offset, parts)?;
        // A device takes some time for it.
        std::thread::sleep(Duration::from_millis(1));
        match self.crowd.handle.get().map(|handle| handle.try_append(1, &[b"next"], Urgency::Now)) {
            None | Some(Ok(_) | Err(Refused::Closed)) => Ok(()),
            Some(Err(other)) => panic!("{other}"),
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()?;
        let mut last = self.crowd.last_sync.lock().expect("nobody panics here");
        // Who has seen enough does not listen.
        let _ = self.crowd.waited.lock().expect("as above").send(last.elapsed());
        *last = Instant::now();
        Ok(())
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

#[test]
fn what_was_written_is_synced_in_time_though_there_is_always_more_to_write() {
    let (sender, waited) = channel();
    let crowd = Crowd { handle: OnceLock::new(), last_sync: Mutex::new(Instant::now()), waited: Mutex::new(sender) };
    let busy = Busy { disk: SimulatedDisk::new(1), crowd: Arc::new(crowd) };
    // All of it fits into one segment: the next one would be synced at its beginning.
    let options = postrider_journal::Options { segment_bytes: 64 << 20, ..options() };
    let (log, _) = Log::open(busy.clone(), options).expect("open");
    let sync_after = Duration::from_millis(20);
    let options = WriterOptions { durability: Durability::Written { sync_after }, ..WriterOptions::default() };
    let writer = Writer::spawn(log, options, Waker::new(|| ())).expect("spawn");
    busy.crowd.handle.set(writer.handle().clone()).expect("once");
    writer.handle().try_append(1, &[b"first"], Urgency::Now).expect("room");
    for _ in 0..10 {
        let waited = waited.recv_timeout(Duration::from_secs(5)).expect("a sync");
        assert!(waited < Duration::from_secs(1), "{waited:?}");
    }
    writer.close().expect("well");
}

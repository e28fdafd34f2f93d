//! The log itself: records go in, become durable in groups, and go when they are released.
//!
//! Owns: the group being gathered, the current segment, the fault that ends it all.
//! Never: acknowledges anything after a write or a sync was refused, or asks for the same again.

mod commit;
mod compaction;
mod opening;
mod room;

pub use compaction::Compaction;
pub(crate) use opening::{lock, share};
pub use room::Room;

use crate::error::{AppendError, Fault, Operation, ReadError};
use crate::frame::StoreId;
use crate::group::{Copies, Group};
use crate::options::{Creation, Options};
use crate::record;
use crate::recovered::Recovered;
use crate::sequence::Sequence;
use crate::shared::{Reader, Shared};
use crate::storage::Storage;
use compaction::Compacting;
use room::{Current, Space};
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

/// An append-only log of records in a [`Storage`].
///
/// Records are gathered by [`append`](Self::append) and become durable together, by [`commit`](Self::commit).
/// After a crash, what is there is all that was appended up to some record, and at least what a commit has reported.
///
/// ```
/// use postrider_journal::{Creation, Log, Options, SimulatedDisk, StoreId};
///
/// let options = Options { segment_bytes: 65_536, ..Options::new(Creation::Allowed(StoreId([7; 16]))) };
/// let (mut log, _) = Log::open(SimulatedDisk::new(1), options)?;
/// let sequence = log.append(1, &[b"hello, ", b"world"])?;
/// assert_eq!(log.commit()?, sequence);
/// let mut payload = Vec::new();
/// assert_eq!(log.read(sequence, &mut payload)?, 1);
/// assert_eq!(payload, b"hello, world");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Log<S: Storage> {
    shared: Arc<Shared<S>>,
    options: Options,
    epoch: u64,
    number_next: u64,
    current: Option<Current<S::File>>,
    space: Space<S::File>,
    group: Group,
    copies: Copies,
    written: Sequence,
    durable: Sequence,
    compacting: Option<Compacting>,
    not_compacted: BTreeSet<u64>,
    fault: Option<Fault>,
    #[expect(dead_code, reason = "the directory is held as long as this lives")]
    lock: S::Lock,
}

/// Who may use the reserve when the device is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Importance {
    /// Refused before the reserve is touched.
    Ordinary,
    /// What makes room or must not be lost: acknowledgements, removals.
    Essential,
}

impl<S: Storage> Log<S> {
    /// Opens the store and reads it, or makes one.
    pub fn open(storage: S, options: Options) -> Result<(Self, Recovered<S>), crate::OpenError> {
        opening::open(storage, options)
    }

    /// Takes a record into the group being gathered, and names it.
    pub fn append(&mut self, kind: u8, payload: &[&[u8]]) -> Result<Sequence, AppendError> {
        self.append_as(Importance::Ordinary, kind, payload)
    }

    /// The same for a record that may use the reserve.
    pub fn append_essential(&mut self, kind: u8, payload: &[&[u8]]) -> Result<Sequence, AppendError> {
        self.append_as(Importance::Essential, kind, payload)
    }

    fn append_as(&mut self, importance: Importance, kind: u8, payload: &[&[u8]]) -> Result<Sequence, AppendError> {
        self.check_fault()?;
        let length = record::encoded_bytes(record::bytes_of(payload));
        if length > u64::from(self.options.record_bytes_max) {
            return Err(AppendError::TooLarge);
        }
        let is_over = self.group.bytes() + length > self.options.group_limit();
        if !self.group.is_empty() && (is_over || self.group.count() >= self.options.group_records_max) {
            self.write()?;
        }
        self.secure(length, importance)?;
        let sequence = Sequence::new(self.shared.appended().number() + 1);
        self.group.push(sequence, kind, payload);
        self.shared.set_appended(sequence);
        Ok(sequence)
    }

    /// Appends the payload of a record to a buffer and says its kind. A record can be read once it is written.
    pub fn read(&self, sequence: Sequence, payload: &mut Vec<u8>) -> Result<u8, ReadError> {
        self.shared.read(sequence, payload)
    }

    /// Says that a record is needed no more. If another record is the reason, that one was appended before.
    ///
    /// This is not recorded: after a reopening every record that still has its bytes comes back, and the owner releases
    /// again what its records tell it to. So a record that makes others unneeded is of a kind in
    /// [`keep_while_older`](Options::keep_while_older) and is released after them; it stays as long as they may come
    /// back.
    pub fn release(&self, sequence: Sequence) -> Result<(), ReadError> {
        self.shared.release(sequence)
    }

    /// Reads records from other threads.
    #[must_use]
    pub fn reader(&self) -> Reader<S> {
        Reader(self.shared.clone())
    }

    /// The last record that was written; readable, and safe from the end of the process.
    #[must_use]
    pub const fn written(&self) -> Sequence {
        self.written
    }

    /// The last record that is durable, and with it all before.
    #[must_use]
    pub const fn durable(&self) -> Sequence {
        self.durable
    }

    /// Which store this is.
    #[must_use]
    pub fn store_id(&self) -> StoreId {
        self.shared.store_id
    }

    /// How often the store was opened, this time included.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// What ended the log, if something did.
    #[must_use]
    pub const fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// How many segments there are, and how many bytes of records in them are live.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let catalog = self.shared.catalog();
        let segments = catalog.segments().values();
        let (live_bytes, bytes) = segments.fold((0, 0), |(live, all), s| (live + s.live_bytes(), all + s.end()));
        Usage { segments: catalog.segments().len(), bytes, live_bytes }
    }

    /// Lets new records begin behind this one, in a store that is still empty.
    pub(crate) fn skip_to(&mut self, last: Sequence) {
        (self.written, self.durable) = (last, last);
        self.shared.set_appended(last);
    }

    pub(crate) const fn options(&self) -> &Options {
        &self.options
    }

    fn check_fault(&self) -> Result<(), Fault> {
        self.fault.clone().map_or(Ok(()), Err)
    }

    /// The end: what was refused once is never asked for again.
    fn poison(&mut self, operation: Operation, name: &str, error: &io::Error) -> Fault {
        self.fault.get_or_insert_with(|| Fault::new(operation, name, error)).clone()
    }
}

/// How much of the device is used for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Files with records.
    pub segments: usize,
    /// Their bytes, without what is preallocated.
    pub bytes: u64,
    /// Bytes of records that were not released.
    pub live_bytes: u64,
}

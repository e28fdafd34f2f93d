//! What the log and its readers have in common: the files and the catalog.
//!
//! Owns: the catalog's lock, held for look-ups only and never while a file is read.
//! Never: appends.

use crate::catalog::{Answer, Brought, Catalog, Need, Place};
use crate::error::{Damage, DamageKind, Fault, Operation, ReadError};
use crate::frame::{FrameKey, StoreId};
use crate::index::Index;
use crate::names;
use crate::record::Record;
use crate::scan::{Found, Scan, for_each_record};
use crate::sequence::Sequence;
use crate::storage::{Storage, StorageFile, read_full};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Debug)]
pub(crate) struct Shared<S: Storage> {
    pub(crate) storage: S,
    pub(crate) store_id: StoreId,
    catalog: Mutex<Catalog<S::File>>,
    appended: AtomicU64,
}

impl<S: Storage> Shared<S> {
    pub(crate) const fn new(storage: S, store_id: StoreId, catalog: Catalog<S::File>, appended: Sequence) -> Self {
        Self { storage, store_id, catalog: Mutex::new(catalog), appended: AtomicU64::new(appended.number()) }
    }

    pub(crate) fn catalog(&self) -> MutexGuard<'_, Catalog<S::File>> {
        self.catalog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn key(&self, number: u64) -> FrameKey {
        FrameKey::new(self.store_id, number)
    }

    /// The last record that was given a sequence.
    pub(crate) fn appended(&self) -> Sequence {
        Sequence::new(self.appended.load(Ordering::Acquire))
    }

    pub(crate) fn set_appended(&self, sequence: Sequence) {
        self.appended.store(sequence.number(), Ordering::Release);
    }

    pub(crate) fn release(&self, sequence: Sequence) -> Result<(), ReadError> {
        let appended = self.appended();
        self.ask(|catalog, brought| catalog.release(sequence, appended, brought))
    }

    pub(crate) fn bury_older(&self, sequence: Sequence, newest: u64) -> Result<(), ReadError> {
        self.ask(|catalog, brought| catalog.bury_older(sequence, newest, brought))
    }

    /// Appends the payload of a record to a buffer and says its kind.
    pub(crate) fn read(&self, sequence: Sequence, payload: &mut Vec<u8>) -> Result<u8, ReadError> {
        let opened = self.ask(|catalog, brought| catalog.open(sequence, brought))?;
        let (place, file) = opened.ok_or(ReadError::Absent)?;
        read_place(&*file, &place, payload)
    }

    /// Asks the catalog, and brings the indexes that it needs.
    fn ask<T>(
        &self,
        mut question: impl FnMut(&mut Catalog<S::File>, &[Brought]) -> Answer<T, S::File>,
    ) -> Result<T, ReadError> {
        let mut brought = Vec::new();
        loop {
            let answer = question(&mut self.catalog(), &brought);
            match answer {
                Answer::Known(known) => return Ok(known),
                Answer::Needs(need) => {
                    let new = Brought { number: need.number, index: Arc::new(self.load_index(&need)?) };
                    brought.push(new.clone());
                    self.catalog().bring(new);
                }
            }
        }
    }

    /// From its file, or from the segment if that is missing or wrong.
    pub(crate) fn load_index(&self, need: &Need<S::File>) -> Result<Index, ReadError> {
        // The file may be whole and of another history of this store.
        match self.read_index(need).filter(|index| index.checksum() == need.checksum) {
            Some(index) => Ok(index),
            None => {
                let index = self.rebuild_index(need)?;
                write_index(&self.storage, need.number, &index.encode(self.key(need.number), need.end));
                Ok(index)
            }
        }
    }

    fn read_index(&self, need: &Need<S::File>) -> Option<Index> {
        let file = self.storage.open(&names::index(need.number)).ok()?;
        let length = file.length().ok()?;
        // A record takes at least six bytes, its place at most some twenty.
        if length > need.end.saturating_mul(4) + 4096 {
            return None;
        }
        let mut bytes = vec![0; usize::try_from(length).ok()?];
        let count = read_full(&file, 0, &mut bytes).ok()?;
        Index::decode(&bytes[..count], self.key(need.number), need.end)
    }

    fn rebuild_index(&self, need: &Need<S::File>) -> Result<Index, ReadError> {
        let name = names::segment(need.number);
        let mut scan = Scan::new(&*need.file, self.key(need.number), need.end);
        let mut index = Index::default();
        loop {
            let offset = scan.offset();
            match scan.next().map_err(|error| Fault::new(Operation::Read, &name, &error))? {
                Found::End => return Ok(index),
                Found::Broken { what, .. } => return Err(damaged(name, offset, need.end - offset, what)),
                Found::Frame { header, offset, body } => {
                    let is_copy = header.class == crate::frame::Class::Copies;
                    if !is_copy && header.class != crate::frame::Class::Records {
                        continue;
                    }
                    let is_whole = for_each_record(&header, offset, body, |entry| {
                        if is_copy {
                            index.add_copy(entry);
                        } else {
                            index.add_fresh(entry);
                        }
                    });
                    if !is_whole {
                        return Err(damaged(name, offset, need.end - offset, DamageKind::Content));
                    }
                }
            }
        }
    }
}

/// Writes the file of an index. It is a convenience: nothing depends on it.
pub(crate) fn write_index(storage: &impl Storage, number: u64, bytes: &[u8]) {
    let name = names::index(number);
    let _ = storage.remove(&name);
    let _ = storage.create(&name).and_then(|file| file.write_all_at(0, &[bytes]));
}

/// Reads a record and checks that it is the one.
fn read_place(file: &impl StorageFile, place: &Place, payload: &mut Vec<u8>) -> Result<u8, ReadError> {
    let (number, entry) = (place.number, place.entry);
    let before = payload.len();
    let result = read_entry(file, entry, payload);
    let sequences = Some((entry.sequence, entry.sequence));
    let fault = |error: io::Error| ReadError::Fault(Fault::new(Operation::Read, &names::segment(number), &error));
    result.map_err(fault)?.ok_or_else(|| {
        payload.truncate(before);
        let (file, length) = (names::segment(number), u64::from(entry.length));
        ReadError::Damaged(Damage { file, offset: entry.offset, length, what: DamageKind::Body, sequences })
    })
}

fn read_entry(file: &impl StorageFile, entry: crate::index::Entry, payload: &mut Vec<u8>) -> io::Result<Option<u8>> {
    let before = payload.len();
    let length = usize::try_from(entry.length).unwrap_or(usize::MAX);
    payload.resize(before + length, 0);
    let count = read_full(file, entry.offset, &mut payload[before..])?;
    let mut cursor = crate::coding::Cursor::new(&payload[before..before + count]);
    let Some(record) = Record::decode(&mut cursor).filter(|record| record.is_whole(entry.sequence)) else {
        return Ok(None);
    };
    let (kind, bytes) = (record.kind, record.payload.len());
    payload.drain(before..before + count - bytes);
    Ok(Some(kind))
}

fn damaged(file: String, offset: u64, length: u64, what: DamageKind) -> ReadError {
    ReadError::Damaged(Damage { file, offset, length, what, sequences: None })
}

/// Reads records by sequence, from any thread and without waiting for the log.
#[derive(Debug)]
pub struct Reader<S: Storage>(pub(crate) Arc<Shared<S>>);

impl<S: Storage> Clone for Reader<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: Storage> Reader<S> {
    /// Appends the payload of a record to a buffer and says its kind. A record can be read once it is written.
    pub fn read(&self, sequence: Sequence, payload: &mut Vec<u8>) -> Result<u8, ReadError> {
        self.0.read(sequence, payload)
    }
}

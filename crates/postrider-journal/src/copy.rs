//! Copies a store as it was at one moment, while its owner goes on writing it.
//!
//! Owns: which files belong together, and where the newest of them is cut.
//! Never: takes the lock, or changes a file of the store that is copied.

use crate::check::{Report, report};
use crate::error::{Damage, DamageKind, Fault, OpenError, Operation};
use crate::frame::{Class, FrameKey, Header, StoreId};
use crate::identity::{self, Identity, Known};
use crate::names::{self, Name};
use crate::roster::{Roster, decode_removed};
use crate::scan::{Found, Scan};
use crate::storage::{Storage, StorageFile, read_full};
use crate::survey::{next_that_knows, survey};
use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::io;

/// Copies into an empty directory what the log says at one moment: everything that was written before this was called,
/// perhaps more, and a prefix of what was appended. The copy is checked, and is a store like any other.
///
/// What makes that sound: a sealed segment never changes; the newest one only grows, and is cut behind its last whole
/// frame; a segment is removed only after the newest one says so. So all files are opened first, which keeps those that
/// are removed meanwhile, and the newest is read afterwards: it says which of the others are needed.
pub fn copy_live<S: Storage, T: Storage>(storage: &S, out: &T) -> Result<Report, OpenError> {
    crate::salvage::check_empty(out)?;
    let store_id = identity_of(storage)?.store_id;
    let held = hold(storage, store_id)?;
    if let Some(newest) = &held.newest {
        for (number, end) in &newest.needed {
            if let Some(file) = held.files.get(number) {
                copy_file(file, out, &names::segment(*number), (*end, *end))?;
            }
        }
        if let Some(file) = held.files.get(&newest.number) {
            copy_file(file, out, &names::segment(newest.number), (newest.end, newest.capacity))?;
        }
    }
    // Read again: an owner that came meanwhile has counted itself, and its segments may be among the copies.
    write_identity(out, identity_of(storage)?)?;
    let found = survey(out)?;
    if found.damage.is_empty() { Ok(report(&found)) } else { Err(OpenError::Damaged(found.damage)) }
}

/// The files of a store, open: they can be read although their names may be gone.
struct Held<F> {
    files: BTreeMap<u64, F>,
    newest: Option<Newest>,
}

/// What the newest segment says.
struct Newest {
    number: u64,
    capacity: u64,
    /// Where its last whole frame ends.
    end: u64,
    /// The older segments that are needed, and where each ends.
    needed: BTreeMap<u64, u64>,
}

/// Opens the files that make up the store at one moment. What is open stays so: after the first look only segments that
/// were begun since have to be found before they are removed again.
fn hold<S: Storage>(storage: &S, store_id: StoreId) -> Result<Held<S::File>, OpenError> {
    let mut files = BTreeMap::new();
    let mut attempts = 0;
    loop {
        attempts += 1;
        // Were the newest one gone already, what was written before this began might be in it alone.
        let has_last = open_new(storage, &mut files)?.is_none_or(|last| files.contains_key(&last));
        let mut newest = None;
        for (number, file) in files.iter().rev() {
            newest = read_newest(file, *number, store_id)?;
            if newest.is_some() {
                break;
            }
        }
        let has_all = newest.iter().all(|newest| newest.needed.keys().all(|number| files.contains_key(number)));
        // What is missing every time is missing, and the check of the copy will say so.
        if has_last && (has_all || attempts >= ATTEMPTS) {
            return Ok(Held { files, newest });
        }
        if attempts >= ATTEMPTS {
            let error = io::Error::from(io::ErrorKind::NotFound);
            return Err(Fault::new(Operation::Open, "the newest segment", &error).into());
        }
    }
}

/// Says which one is the newest.
fn open_new<S: Storage>(storage: &S, files: &mut BTreeMap<u64, S::File>) -> Result<Option<u64>, Fault> {
    let numbers = segments(storage)?;
    for number in numbers.iter().rev().copied() {
        let Entry::Vacant(place) = files.entry(number) else { continue };
        match storage.open(&names::segment(number)) {
            Ok(file) => _ = place.insert(file),
            // Removed meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Fault::new(Operation::Open, &names::segment(number), &error)),
        }
    }
    Ok(numbers.last().copied())
}

fn segments(storage: &impl Storage) -> Result<BTreeSet<u64>, Fault> {
    let names = storage.list().map_err(|error| Fault::new(Operation::List, "the directory", &error))?;
    let number = |name: String| match Name::parse(&name) {
        Name::Segment(number) => Some(number),
        Name::Index(_) | Name::Quarantined(_) | Name::Identity | Name::Other => None,
    };
    Ok(names.into_iter().filter_map(number).collect())
}

/// Nothing if the segment was only begun: its roster is durable before anything follows it.
fn read_newest<F: StorageFile>(file: &F, number: u64, store_id: StoreId) -> Result<Option<Newest>, OpenError> {
    let (name, key) = (names::segment(number), FrameKey::new(store_id, number));
    let failed = |error: io::Error| Fault::new(Operation::Read, &name, &error);
    let length = file.length().map_err(failed)?;
    let mut reading = Reading::default();
    loop {
        let mut scan = Scan::new(file, key, length);
        scan.skip_to(reading.end);
        let before = reading.end;
        reading.take_frames(&mut scan).map_err(failed)?;
        let Some((header, roster)) = &reading.roster else {
            if scan.find_header(0).map_err(failed)?.is_none() {
                return Ok(None);
            }
            if reading.is_second_look {
                let what = DamageKind::Roster;
                return Err(OpenError::Damaged(vec![Damage { file: name, offset: 0, length, what, sequences: None }]));
            }
            // It was written since.
            reading.is_second_look = true;
            continue;
        };
        // Somebody has written on since we came to the end. Should there be nothing new, those bytes are damaged; they
        // are copied as they are, and the check of the copy says what they were.
        let goes_on = next_that_knows(&mut scan, reading.end, header.epoch).map_err(failed)?.is_some();
        if goes_on && (reading.end > before || !reading.is_second_look) {
            reading.is_second_look = true;
            continue;
        }
        let needed = roster.ends.iter().filter(|(number, _)| !reading.removed.contains(number));
        let needed = needed.map(|(number, end)| (*number, *end)).collect();
        let end = if goes_on { length } else { reading.end };
        return Ok(Some(Newest { number, capacity: roster.capacity, end, needed }));
    }
}

/// How far the newest segment was read.
#[derive(Default)]
struct Reading {
    roster: Option<(Header, Roster)>,
    removed: BTreeSet<u64>,
    end: u64,
    is_second_look: bool,
}

impl Reading {
    /// Takes whole frames as far as they go.
    fn take_frames<F: StorageFile>(&mut self, scan: &mut Scan<'_, F>) -> io::Result<()> {
        while let Found::Frame { header, offset, body } = scan.next()? {
            if offset == 0 && header.class == Class::Roster {
                self.roster = Roster::decode(body).map(|roster| (header, roster));
            }
            if header.class == Class::Removed {
                self.removed.extend(decode_removed(body).into_iter().flatten());
            }
            self.end = scan.offset();
        }
        Ok(())
    }
}

fn identity_of(storage: &impl Storage) -> Result<Identity, OpenError> {
    let failed = |operation| move |error: io::Error| Fault::new(operation, names::IDENTITY, &error);
    let file = match storage.open(names::IDENTITY) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(OpenError::NoStore),
        Err(error) => return Err(failed(Operation::Open)(error).into()),
    };
    match Identity::read(&file).map_err(failed(Operation::Read))? {
        Known::Identity(identity) => Ok(identity),
        Known::Newer(version) => Err(OpenError::Newer { version }),
        Known::Unreadable => {
            let (file, what) = (names::IDENTITY.to_owned(), DamageKind::Identity);
            let length = identity::FILE_BYTES;
            Err(OpenError::Damaged(vec![Damage { file, offset: 0, length, what, sequences: None }]))
        }
    }
}

fn write_identity(out: &impl Storage, identity: Identity) -> Result<(), Fault> {
    let failed = |error: io::Error| Fault::new(Operation::Write, names::IDENTITY, &error);
    let file = out.create(names::IDENTITY).map_err(failed)?;
    file.preallocate(identity::FILE_BYTES).map_err(failed)?;
    // Both slots, so that one may be lost.
    Identity { epoch: identity.epoch.saturating_sub(1), ..identity }.write(&file).map_err(failed)?;
    identity.write(&file).map_err(failed)?;
    out.sync_directory().map_err(|error| Fault::new(Operation::Sync, "the new directory", &error))
}

/// Copies the beginning of a file; `length` is how long the copy is, with zeros behind `end`.
fn copy_file<S: StorageFile>(file: &S, out: &impl Storage, name: &str, (end, length): (u64, u64)) -> Result<(), Fault> {
    let failed = |operation| move |error: io::Error| Fault::new(operation, name, &error);
    let copy = out.create(name).map_err(failed(Operation::Open))?;
    // Without taking room for the zeros: nobody writes there any more.
    copy.set_length(length).map_err(failed(Operation::Write))?;
    let mut bytes = vec![0; COPIED_AT_ONCE];
    let mut offset = 0;
    while offset < end {
        let wanted = usize::try_from(end - offset).unwrap_or(usize::MAX).min(bytes.len());
        let count = read_full(file, offset, &mut bytes[..wanted]).map_err(failed(Operation::Read))?;
        if count == 0 {
            // Shorter than it was said to be: so is the copy, and the check of it says so.
            copy.set_length(offset).map_err(failed(Operation::Write))?;
            break;
        }
        copy.write_all_at(offset, &[&bytes[..count]]).map_err(failed(Operation::Write))?;
        offset += count as u64;
    }
    copy.sync_data().map_err(failed(Operation::Sync))
}

/// How often the files are looked at before something counts as missing.
const ATTEMPTS: u32 = 64;
const COPIED_AT_ONCE: usize = 1024 * 1024;

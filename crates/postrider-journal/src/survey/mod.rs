//! Reads a whole store and says what is there, without changing anything.
//!
//! Owns: which segments must exist, where each ends, what is damage and what only the tail of a crash.
//! Never: writes, or guesses: what is not as it was written is listed.

mod segment;

use crate::error::{Damage, DamageKind, Fault, OpenError, Operation};
use crate::frame::{Class, FrameKey, HEADER_BYTES, HEADER_SIZE, Header, StoreId};
use crate::identity::{FILE_BYTES, Identity, Known};
use crate::index::Index;
use crate::names::{self, Name};
use crate::roster::Roster;
use crate::scan::{Found, Scan};
use crate::sequence::Sequence;
use crate::storage::{Storage, StorageFile, read_full};
pub(crate) use segment::next_that_knows;
use segment::{Ending, Rest};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is in a store.
pub(crate) struct Survey<F> {
    /// Nothing if the directory holds no store.
    pub(crate) identity: Option<Identity>,
    /// In ascending order of their numbers; of damaged ones, what is whole.
    pub(crate) segments: Vec<Surveyed<F>>,
    pub(crate) damage: Vec<Damage>,
    /// Files that are needed no more.
    pub(crate) stale: Vec<String>,
    /// What a crash left behind the last whole frame.
    pub(crate) tail: Option<Tail>,
    /// What the next new record will be called.
    pub(crate) fresh_next: Sequence,
    pub(crate) number_next: u64,
    pub(crate) epoch_max: u64,
}

/// The torn end of the last segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The file.
    pub file: String,
    /// Where its last whole frame ends.
    pub offset: u64,
}

pub(crate) struct Surveyed<F> {
    pub(crate) number: u64,
    pub(crate) file: Arc<F>,
    pub(crate) end: u64,
    /// Up to here its last frame knew it to be durable.
    pub(crate) synced: u64,
    pub(crate) fresh_first: Sequence,
    pub(crate) index: Index,
    pub(crate) is_damaged: bool,
}

/// What the names say.
#[derive(Default)]
struct Files {
    segments: BTreeSet<u64>,
    indexes: BTreeSet<u64>,
    quarantined: BTreeSet<u64>,
    has_identity: bool,
}

pub(crate) fn survey<S: Storage>(storage: &S) -> Result<Survey<S::File>, OpenError> {
    let files = Files::list(storage)?;
    let mut survey = Survey {
        identity: None,
        segments: Vec::new(),
        damage: Vec::new(),
        stale: Vec::new(),
        tail: None,
        fresh_next: Sequence::new(1),
        number_next: files.highest() + 1,
        epoch_max: 0,
    };
    survey.identity = survey.read_identity(storage, &files)?;
    if let Some(identity) = survey.identity {
        survey.epoch_max = identity.epoch;
        survey.read_segments(storage, &files, identity.store_id)?;
    }
    Ok(survey)
}

impl Files {
    fn list(storage: &impl Storage) -> Result<Self, Fault> {
        let mut files = Self::default();
        for name in storage.list().map_err(|error| Fault::new(Operation::List, "the directory", &error))? {
            match Name::parse(&name) {
                Name::Segment(number) => _ = files.segments.insert(number),
                Name::Index(number) => _ = files.indexes.insert(number),
                Name::Quarantined(number) => _ = files.quarantined.insert(number),
                Name::Identity => files.has_identity = true,
                Name::Other => {}
            }
        }
        Ok(files)
    }

    fn highest(&self) -> u64 {
        let sets = [&self.segments, &self.indexes, &self.quarantined];
        sets.iter().filter_map(|set| set.last()).max().copied().unwrap_or(0)
    }
}

impl<F: StorageFile> Survey<F> {
    fn read_identity<S: Storage<File = F>>(
        &mut self,
        storage: &S,
        files: &Files,
    ) -> Result<Option<Identity>, OpenError> {
        let known = if files.has_identity {
            let file = storage.open(names::IDENTITY).map_err(|error| opening(names::IDENTITY, &error))?;
            Identity::read(&file).map_err(|error| reading(names::IDENTITY, &error))?
        } else {
            Known::Unreadable
        };
        match known {
            Known::Identity(identity) => return Ok(Some(identity)),
            Known::Newer(version) => return Err(OpenError::Newer { version }),
            Known::Unreadable if files.segments.is_empty() => return Ok(None),
            Known::Unreadable => {}
        }
        let (what, length) = match files.has_identity {
            true => (DamageKind::Identity, FILE_BYTES),
            false => (DamageKind::Missing, 0),
        };
        self.damage.push(Damage { file: names::IDENTITY.to_owned(), offset: 0, length, what, sequences: None });
        // Each segment names its store too.
        for number in &files.segments {
            if let Some((header, roster)) = read_roster(storage, *number, None)? {
                return Ok(Some(Identity { store_id: roster.store_id, epoch: header.epoch }));
            }
        }
        Ok(None)
    }

    fn read_segments<S: Storage<File = F>>(
        &mut self,
        storage: &S,
        files: &Files,
        store_id: StoreId,
    ) -> Result<(), OpenError> {
        let mut newest = None;
        for number in files.segments.iter().rev() {
            if let Some((header, roster)) = read_roster(storage, *number, Some(store_id))? {
                newest = Some((header, roster));
                break;
            }
            self.judge_without_roster(storage, *number, store_id)?;
        }
        let (mut listed, mut removed) = (BTreeSet::new(), BTreeSet::new());
        if let Some((header, roster)) = newest {
            let is_last = Some(&roster.number) == files.segments.last() || self.damage.is_empty();
            let last = segment::read_last(self, storage, &header, &roster, is_last)?;
            removed = last.removed;
            for (number, end) in roster.ends.iter().filter(|(number, _)| !removed.contains(number)) {
                listed.insert(*number);
                self.read_listed(storage, files, store_id, (*number, *end))?;
            }
            listed.insert(roster.number);
            self.segments.push(last.segment);
        }
        self.segments.sort_by_key(|segment| segment.number);
        self.name_lost_ends();
        self.list_stale(files, &listed, &removed);
        Ok(())
    }

    /// The roster is synced before anything follows it: without it, there is nothing, or there is damage.
    fn judge_without_roster<S: Storage<File = F>>(
        &mut self,
        storage: &S,
        number: u64,
        store_id: StoreId,
    ) -> Result<(), OpenError> {
        let name = names::segment(number);
        let (file, length) = open(storage, &name)?;
        let mut scan = Scan::new(&file, FrameKey::new(store_id, number), length);
        let mut found = scan.find_header(0).map_err(|error| reading(&name, &error))?;
        while let Some((offset, header)) = found
            && header.class == Class::Roster
        {
            found = scan.find_header(offset + 1).map_err(|error| reading(&name, &error))?;
        }
        let Some((offset, first)) = found else {
            self.stale.push(name);
            return Ok(());
        };
        self.damage.push(Damage { file: name, offset: 0, length: offset, what: DamageKind::Roster, sequences: None });
        let known = Surveyed {
            number,
            file: Arc::new(file),
            end: length,
            synced: length,
            fresh_first: if first.class == Class::Records { first.first } else { Sequence::NONE },
            index: Index::default(),
            is_damaged: true,
        };
        let rest = Rest { from: offset, synced: 0, epoch: None, ending: Ending::Open };
        let (segment, _) = segment::read_rest(self, known, rest, store_id)?;
        self.segments.push(segment);
        Ok(())
    }

    fn read_listed<S: Storage<File = F>>(
        &mut self,
        storage: &S,
        files: &Files,
        store_id: StoreId,
        (number, end): (u64, u64),
    ) -> Result<(), OpenError> {
        if !files.segments.contains(&number) {
            let is_aside = files.quarantined.contains(&number);
            let what = if is_aside { DamageKind::PutAside } else { DamageKind::Missing };
            let file = if is_aside { names::quarantined(number) } else { names::segment(number) };
            self.damage.push(Damage { file, offset: 0, length: end, what, sequences: None });
            return Ok(());
        }
        let segment = segment::read_sealed(self, storage, store_id, number, end)?;
        self.segments.push(segment);
        Ok(())
    }

    /// Where the end of a segment is lost, the beginning of the next says which records it may have had.
    fn name_lost_ends(&mut self) {
        for damage in self.damage.iter_mut().filter(|damage| damage.sequences.is_none()) {
            let Some(at) = self.segments.iter().position(|segment| names::segment(segment.number) == damage.file)
            else {
                continue;
            };
            let known = self.segments[at].index.runs().first().filter(|run| run.count() > 0);
            let next = known.map(|run| run.last().number() + 1);
            let next = next.unwrap_or_else(|| self.segments[at].fresh_first.number());
            let end = self.segments.get(at + 1).map_or(next, |next| next.fresh_first.number());
            if next < end {
                damage.sequences = Some((Sequence::new(next), Sequence::new(end - 1)));
            }
        }
    }

    fn list_stale(&mut self, files: &Files, listed: &BTreeSet<u64>, removed: &BTreeSet<u64>) {
        let known = |number: &u64| self.segments.iter().any(|segment| segment.number == *number);
        let newest = listed.last().copied().unwrap_or(0);
        let is_stale = |number: &&u64| !known(number) && (**number < newest || removed.contains(*number));
        let mut stale: Vec<String> = files.segments.iter().filter(is_stale).map(|n| names::segment(*n)).collect();
        let indexes = files.indexes.iter().filter(|number| !known(number));
        stale.extend(indexes.map(|number| names::index(*number)));
        self.stale.extend(stale);
    }
}

/// The first frame of a segment. Without a store's id, it is believed about its own.
fn read_roster<S: Storage>(
    storage: &S,
    number: u64,
    store_id: Option<StoreId>,
) -> Result<Option<(Header, Roster)>, OpenError> {
    let name = names::segment(number);
    let (file, length) = open(storage, &name)?;
    let store_id = match store_id {
        Some(store_id) => store_id,
        None => {
            let mut id = [0; 16];
            // Behind the header and the version.
            read_full(&file, HEADER_BYTES + 2, &mut id).map_err(|error| reading(&name, &error))?;
            StoreId(id)
        }
    };
    let mut scan = Scan::new(&file, FrameKey::new(store_id, number), length);
    match scan.next().map_err(|error| reading(&name, &error))? {
        Found::Frame { header, body, .. } if header.class == Class::Roster => {
            let roster = Roster::decode(body).filter(|roster| roster.number == number && roster.store_id == store_id);
            Ok(roster.map(|roster| (header, roster)))
        }
        Found::Frame { .. } | Found::Broken { .. } | Found::End => Ok(None),
    }
}

fn open<S: Storage>(storage: &S, name: &str) -> Result<(S::File, u64), OpenError> {
    let file = storage.open(name).map_err(|error| opening(name, &error))?;
    let length = file.length().map_err(|error| opening(name, &error))?;
    Ok((file, length))
}

fn opening(name: &str, error: &std::io::Error) -> Fault {
    Fault::new(Operation::Open, name, error)
}

fn reading(name: &str, error: &std::io::Error) -> Fault {
    Fault::new(Operation::Read, name, error)
}

const _: () = assert!(HEADER_SIZE as u64 == HEADER_BYTES);

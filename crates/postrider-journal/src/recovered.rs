//! The records of a store that was opened, in the order of their sequences.
//!
//! Owns: one position in each list of places, and a buffer for each: memory does not grow with the store.
//! Never: is disturbed by what is released or compacted meanwhile.

use crate::catalog::{Need, is_marked};
use crate::error::{Damage, DamageKind, Fault, Operation, ReadError};
use crate::index::{At, Entry, Index};
use crate::names;
use crate::record::Record;
use crate::sequence::Sequence;
use crate::shared::Shared;
use crate::storage::Storage;
use crate::window::Window;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::sync::Arc;

/// What [`Log::open`](crate::Log::open) found. Feed it to whatever the records make up, and release what is needed no
/// more.
#[derive(Debug)]
pub struct Recovered<S: Storage> {
    shared: Arc<Shared<S>>,
    lists: Vec<List<S>>,
    /// The next record of each list that has one.
    heads: BinaryHeap<Reverse<(Sequence, usize)>>,
    entries: Vec<Option<Entry>>,
    losses: Vec<Damage>,
    aside: Vec<Aside>,
    last: Sequence,
    given: Sequence,
}

/// A file with records that was put aside because a part of it is damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aside {
    /// What it was called.
    pub file: String,
    /// What it is called now.
    pub now: String,
    /// How many records in it are whole: they went with it.
    pub whole: u64,
}

impl fmt::Display for Aside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, now, whole } = self;
        write!(f, "{file}: put aside as {now}, and with it records that are whole: {whole}")
    }
}

/// Lists of places that follow one another, and the position in the first.
#[derive(Debug)]
struct List<S: Storage> {
    /// In reverse order.
    parts: Vec<Part<S>>,
    open: Option<Arc<Index>>,
    at: At,
    window_bytes: usize,
    window: Window,
}

#[derive(Debug)]
struct Part<S: Storage> {
    need: Need<S::File>,
    run: usize,
    dead: Vec<u64>,
}

impl<S: Storage> Recovered<S> {
    pub(crate) fn new(shared: Arc<Shared<S>>, losses: Vec<Damage>, last: Sequence) -> Self {
        let mut lists = Vec::new();
        let (mut fresh, mut behind) = (Vec::new(), Sequence::NONE);
        for segment in shared.catalog().segments().values() {
            let (first, last) = segment.fresh().unwrap_or((behind, behind));
            for (run, dead) in segment.marks().into_iter().enumerate() {
                let part = Part { need: segment.need(), run, dead };
                // Of a store that is salvaged, the new records of one segment may not be behind those of the last.
                if run == 0 && first >= behind {
                    fresh.push(part);
                    behind = last;
                } else {
                    lists.push(List::new(vec![part], COPIES_WINDOW_BYTES));
                }
            }
        }
        fresh.reverse();
        lists.push(List::new(fresh, FRESH_WINDOW_BYTES));
        let entries = vec![None; lists.len()];
        Self {
            shared,
            lists,
            heads: BinaryHeap::new(),
            entries,
            losses,
            aside: Vec::new(),
            last,
            given: Sequence::NONE,
        }
    }

    /// What is not as it was written, if the loss was accepted.
    #[must_use]
    pub fn losses(&self) -> &[Damage] {
        &self.losses
    }

    /// Files that were put aside for that: each goes as a whole, whatever part of it is damaged.
    #[must_use]
    pub fn aside(&self) -> &[Aside] {
        &self.aside
    }

    pub(crate) fn with_aside(self, aside: Vec<Aside>) -> Self {
        Self { aside, ..self }
    }

    /// The last sequence that was given.
    #[must_use]
    pub const fn last(&self) -> Sequence {
        self.last
    }

    /// Hands over what is whole of the records in a damaged place: each has a checksum of its own. A file that was put
    /// aside is found under its new name; with [`DamageKind::Missing`] there is nothing to read.
    pub fn remains(&self, damage: &Damage, visit: impl FnMut(Sequence, u8, &[u8])) -> Result<(), Fault> {
        crate::remains::read(&self.shared, damage, visit)
    }

    /// Appends the payload of the next record to a buffer, and says its sequence and kind.
    pub fn next(&mut self, payload: &mut Vec<u8>) -> Result<Option<(Sequence, u8)>, ReadError> {
        if self.heads.is_empty() {
            for list in 0..self.lists.len() {
                self.advance(list)?;
            }
        }
        while let Some(Reverse((sequence, list))) = self.heads.pop() {
            let entry = self.entries[list].take().expect("a head has its entry");
            let is_again = sequence == self.given;
            let kind = if is_again { Ok(0) } else { self.lists[list].read(entry, payload) };
            self.given = sequence;
            // Behind a record that cannot be read, the next can be.
            self.advance(list)?;
            // A frame that stands twice, by whose fault ever, gives its records once.
            if !is_again {
                return Ok(Some((sequence, kind?)));
            }
        }
        Ok(None)
    }

    fn advance(&mut self, list: usize) -> Result<(), ReadError> {
        if let Some(entry) = self.lists[list].next_live(&self.shared)? {
            self.entries[list] = Some(entry);
            self.heads.push(Reverse((entry.sequence, list)));
        }
        Ok(())
    }
}

impl<S: Storage> List<S> {
    fn new(parts: Vec<Part<S>>, window_bytes: usize) -> Self {
        Self { parts, open: None, at: At::default(), window_bytes, window: Window::new(window_bytes, 0) }
    }

    fn next_live(&mut self, shared: &Shared<S>) -> Result<Option<Entry>, ReadError> {
        loop {
            let Some(part) = self.parts.last() else { return Ok(None) };
            if self.open.is_none() {
                let resident = shared.catalog().segments().get(&part.need.number).and_then(|s| s.index().cloned());
                let index = match resident {
                    Some(index) => index,
                    None => Arc::new(shared.load_index(&part.need)?),
                };
                (self.open, self.at) = (Some(index), At::default());
                self.window = Window::new(self.window_bytes, part.need.end);
            }
            let run = self.open.as_ref().and_then(|index| index.runs().get(part.run));
            while let Some(ordinal) = run.map(|_| self.at.ordinal)
                && let Some(entry) = run.and_then(|run| run.next(&mut self.at))
            {
                if !is_marked(&part.dead, ordinal) {
                    return Ok(Some(entry));
                }
            }
            self.parts.pop();
            self.open = None;
        }
    }

    fn read(&mut self, entry: Entry, payload: &mut Vec<u8>) -> Result<u8, ReadError> {
        let part = self.parts.last().expect("an entry comes from the last part");
        let name = names::segment(part.need.number);
        let length = usize::try_from(entry.length).unwrap_or(usize::MAX);
        let bytes = self.window.read(&*part.need.file, entry.offset, length);
        let bytes = bytes.map_err(|error| Fault::new(Operation::Read, &name, &error))?;
        let record = Record::decode(&mut crate::coding::Cursor::new(bytes));
        let Some(record) = record.filter(|record| record.is_whole(entry.sequence)) else {
            let (sequences, length) = (Some((entry.sequence, entry.sequence)), u64::from(entry.length));
            let what = DamageKind::Body;
            return Err(ReadError::Damaged(Damage { file: name, offset: entry.offset, length, what, sequences }));
        };
        payload.extend_from_slice(record.payload);
        Ok(record.kind)
    }
}

const FRESH_WINDOW_BYTES: usize = 256 * 1024;
const COPIES_WINDOW_BYTES: usize = 32 * 1024;

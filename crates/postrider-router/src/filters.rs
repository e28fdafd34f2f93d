//! All filters that somebody subscribes to, by text and by number.
//!
//! Owns: the text of each filter and its subscribers.

use crate::hash::TextHasher;
use crate::subscribers::Subscribers;
use hashbrown::HashTable;

/// Names a filter while it has subscribers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FilterId(pub(crate) u32);

impl FilterId {
    /// The number, for who keeps it among others.
    #[must_use]
    pub const fn to_bits(self) -> u32 {
        self.0
    }

    /// What [`FilterId::to_bits`] gave.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct FilterEntry {
    pub(crate) text: Box<[u8]>,
    pub(crate) subscribers: Subscribers,
}

#[derive(Clone, Debug)]
pub(crate) struct Filters {
    hasher: TextHasher,
    all: Vec<Option<FilterEntry>>,
    free: Vec<u32>,
    index: HashTable<u32>,
}

impl Filters {
    pub(crate) fn new(seed: u64) -> Self {
        Self { hasher: TextHasher::new(seed), all: Vec::new(), free: Vec::new(), index: HashTable::new() }
    }

    #[inline]
    pub(crate) fn find(&self, text: &[u8]) -> Option<FilterId> {
        let all = &self.all;
        let same = |at: &u32| all[*at as usize].as_ref().is_some_and(|entry| *entry.text == *text);
        self.index.find(self.hasher.hash(text), same).map(|at| FilterId(*at))
    }

    #[inline]
    pub(crate) fn get(&self, id: FilterId) -> Option<&FilterEntry> {
        self.all.get(id.0 as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, id: FilterId) -> Option<&mut FilterEntry> {
        self.all.get_mut(id.0 as usize)?.as_mut()
    }

    /// Adds a filter that [`Filters::find`] did not find.
    pub(crate) fn insert(&mut self, text: &[u8], subscribers: Subscribers) -> FilterId {
        let entry = Some(FilterEntry { text: text.into(), subscribers });
        let at = match self.free.pop() {
            Some(at) => {
                self.all[at as usize] = entry;
                at
            }
            None => {
                self.all.push(entry);
                u32::try_from(self.all.len() - 1).unwrap_or(u32::MAX)
            }
        };
        let (hasher, all) = (self.hasher.clone(), &self.all);
        let rehash = |at: &u32| all[*at as usize].as_ref().map_or(0, |entry| hasher.hash(&entry.text));
        self.index.insert_unique(hasher.hash(text), at, rehash);
        FilterId(at)
    }

    /// Removes a filter and gives back its text.
    pub(crate) fn remove(&mut self, id: FilterId) -> Option<Box<[u8]>> {
        let entry = self.all.get_mut(id.0 as usize)?.take()?;
        if let Ok(found) = self.index.find_entry(self.hasher.hash(&entry.text), |at| *at == id.0) {
            found.remove();
        }
        self.free.push(id.0);
        Some(entry.text)
    }

    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }
}

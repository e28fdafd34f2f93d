//! Names of topic levels, each kept once.
//!
//! Owns: the text of every level that stands in a filter with wildcards.

use crate::hash::TextHasher;
use hashbrown::HashTable;

/// Names a level's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LevelId(pub(crate) u32);

#[derive(Clone, Debug)]
struct Level {
    text: Box<[u8]>,
    uses: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Levels {
    hasher: TextHasher,
    all: Vec<Level>,
    free: Vec<u32>,
    index: HashTable<u32>,
}

impl Levels {
    pub(crate) fn new(seed: u64) -> Self {
        Self { hasher: TextHasher::new(seed), all: Vec::new(), free: Vec::new(), index: HashTable::new() }
    }

    /// What the other operations want to know of a text.
    #[inline]
    pub(crate) fn hash(&self, text: &[u8]) -> u64 {
        self.hasher.hash(text)
    }

    #[inline]
    pub(crate) fn text(&self, id: LevelId) -> &[u8] {
        &self.all[id.0 as usize].text
    }

    /// The level's id, one use more.
    pub(crate) fn acquire(&mut self, text: &[u8], hash: u64) -> LevelId {
        let all = &self.all;
        if let Some(at) = self.index.find(hash, |at| *all[*at as usize].text == *text) {
            self.all[*at as usize].uses += 1;
            return LevelId(*at);
        }
        let level = Level { text: text.into(), uses: 1 };
        let at = match self.free.pop() {
            Some(at) => {
                self.all[at as usize] = level;
                at
            }
            None => {
                self.all.push(level);
                u32::try_from(self.all.len() - 1).unwrap_or(u32::MAX)
            }
        };
        let (hasher, all) = (&self.hasher, &self.all);
        self.index.insert_unique(hash, at, |at| hasher.hash(&all[*at as usize].text));
        LevelId(at)
    }

    /// One use less; forgets the text with the last one.
    pub(crate) fn release(&mut self, id: LevelId, hash: u64) {
        let level = &mut self.all[id.0 as usize];
        level.uses -= 1;
        if level.uses > 0 {
            return;
        }
        level.text = Box::default();
        if let Ok(found) = self.index.find_entry(hash, |at| *at == id.0) {
            found.remove();
        }
        self.free.push(id.0);
    }

    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }
}

//! Names of topic levels, each kept once.
//!
//! Owns: the text of every level that stands in a filter with wildcards.

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

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
    hasher: FixedState,
    all: Vec<Level>,
    free: Vec<u32>,
    index: HashTable<u32>,
}

impl Levels {
    pub(crate) fn new(seed: u64) -> Self {
        Self { hasher: FixedState::with_seed(seed), all: Vec::new(), free: Vec::new(), index: HashTable::new() }
    }

    #[inline]
    pub(crate) fn find(&self, text: &[u8]) -> Option<LevelId> {
        let all = &self.all;
        self.index.find(self.hasher.hash_one(text), |at| *all[*at as usize].text == *text).map(|at| LevelId(*at))
    }

    /// The level's id, one use more.
    pub(crate) fn acquire(&mut self, text: &[u8]) -> LevelId {
        if let Some(id) = self.find(text) {
            self.all[id.0 as usize].uses += 1;
            return id;
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
        let (hasher, all) = (self.hasher.clone(), &self.all);
        self.index.insert_unique(hasher.hash_one(text), at, |at| hasher.hash_one(&*all[*at as usize].text));
        LevelId(at)
    }

    /// One use less; forgets the text with the last one.
    pub(crate) fn release(&mut self, id: LevelId) {
        let level = &mut self.all[id.0 as usize];
        level.uses -= 1;
        if level.uses > 0 {
            return;
        }
        let text = core::mem::take(&mut level.text);
        let hash = self.hasher.hash_one(&*text);
        if let Ok(found) = self.index.find_entry(hash, |at| *at == id.0) {
            found.remove();
        }
        self.free.push(id.0);
    }

    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }
}

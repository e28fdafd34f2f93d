//! The directory of a simulated disk: names as they are now, and as they would be found after a loss of power.

use super::Loss;
use super::random::Random;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    now: BTreeMap<String, u64>,
    durable: BTreeMap<String, u64>,
    /// Not synced yet, each with the number of the call; a rename is one of them.
    unsynced: Vec<(u64, Rename)>,
}

/// Takes one name away, gives another, or both.
#[derive(Clone, Debug)]
struct Rename {
    from: Option<String>,
    to: Option<(String, u64)>,
}

impl Names {
    pub(super) fn new(names: BTreeMap<String, u64>) -> Self {
        Self { now: names.clone(), durable: names, unsynced: Vec::new() }
    }

    pub(super) fn list(&self) -> Vec<String> {
        self.now.keys().cloned().collect()
    }

    pub(super) fn find(&self, name: &str) -> Option<u64> {
        self.now.get(name).copied()
    }

    pub(super) fn name_of(&self, inode: u64) -> Option<&str> {
        self.now.iter().find(|(_, one)| **one == inode).map(|(name, _)| name.as_str())
    }

    /// The files that have a name now.
    pub(super) fn inodes(&self) -> impl Iterator<Item = &u64> {
        self.now.values()
    }

    /// The first change that is not synced.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.unsynced.first().map(|(number, _)| *number)
    }

    pub(super) fn set(&mut self, number: u64, name: &str, inode: Option<u64>) {
        let name = name.to_owned();
        let change = match inode {
            Some(inode) => Rename { from: None, to: Some((name, inode)) },
            None => Rename { from: Some(name), to: None },
        };
        change.apply(&mut self.now);
        self.unsynced.push((number, change));
    }

    /// Makes one change of the last one, which took the old name away.
    pub(super) fn rename(&mut self, number: u64, from: &str, to: &str, inode: u64) {
        self.unsynced.pop();
        let change = Rename { from: Some(from.to_owned()), to: Some((to.to_owned(), inode)) };
        change.apply(&mut self.now);
        self.unsynced.push((number, change));
    }

    pub(super) fn sync(&mut self) {
        self.durable.clone_from(&self.now);
        self.unsynced.clear();
    }

    /// What is found after the power came back.
    pub(super) fn survivors(&self, loss: Loss, point: u64, random: &mut Random) -> BTreeMap<String, u64> {
        let mut names = self.durable.clone();
        for (number, change) in &self.unsynced {
            let is_kept = match loss {
                Loss::Nothing => true,
                Loss::Unsynced => false,
                Loss::Tail | Loss::Sectors => *number < point,
                Loss::Names => random.below(2) == 0,
            };
            if is_kept {
                change.apply(&mut names);
            }
        }
        names
    }
}

impl Rename {
    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        if let Some(from) = &self.from {
            names.remove(from);
        }
        if let Some((to, inode)) = &self.to {
            names.insert(to.clone(), *inode);
        }
    }
}

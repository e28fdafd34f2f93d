//! The bytes of one simulated file: as they are read now, and as they would be found after a loss of power.
//!
//! Owns: which changes are not synced, and how they are torn.

use super::Loss;
use super::content::Content;
use super::random::Random;

/// One call that changed a file.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Write {
        offset: u64,
        bytes: Vec<u8>,
    },
    /// To exactly this length.
    Cut(u64),
    /// To at least this length, with room for it.
    Grow(u64),
}

impl Change {
    /// What is there of a write that broke off.
    pub(super) fn half(self) -> Self {
        match self {
            Self::Write { offset, mut bytes } => {
                bytes.truncate(bytes.len() / 2);
                Self::Write { offset, bytes }
            }
            Self::Cut(_) | Self::Grow(_) => self,
        }
    }

    /// Whether it says what a byte is.
    fn decides(&self, at: u64) -> bool {
        match self {
            Self::Write { offset, bytes } => at >= *offset && at - offset < bytes.len() as u64,
            Self::Cut(bytes) => at >= *bytes,
            Self::Grow(_) => false,
        }
    }

    fn apply(&self, content: &mut Content) {
        match self {
            Self::Write { offset, bytes } => content.write(*offset, bytes),
            Self::Cut(bytes) => content.resize(*bytes),
            Self::Grow(bytes) => content.grow(*bytes),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Inode {
    content: Content,
    durable: Content,
    allocated: u64,
    /// Not synced yet, each with the number of the call.
    unsynced: Vec<(u64, Change)>,
    /// Bytes that changed by themselves, and which of their bits.
    decayed: Vec<(u64, u8)>,
}

impl Inode {
    pub(super) const fn allocated(&self) -> u64 {
        self.allocated
    }

    pub(super) const fn length(&self) -> u64 {
        self.content.length()
    }

    /// The first change that is not synced.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.unsynced.first().map(|(number, _)| *number)
    }

    pub(super) fn read(&self, offset: u64, buffer: &mut [u8]) -> usize {
        self.content.read(offset, buffer)
    }

    /// How much more room a change takes.
    pub(super) fn growth(&self, change: &Change) -> u64 {
        let end = match change {
            Change::Write { offset, bytes } => offset + bytes.len() as u64,
            Change::Grow(bytes) => *bytes,
            Change::Cut(_) => 0,
        };
        end.saturating_sub(self.allocated)
    }

    pub(super) fn apply(&mut self, number: u64, change: Change) {
        self.allocated += self.growth(&change);
        if let Change::Cut(bytes) = change {
            self.allocated = self.allocated.min(bytes);
        }
        self.heal_where(|at| change.decides(at));
        change.apply(&mut self.content);
        self.unsynced.push((number, change));
    }

    pub(super) fn sync(&mut self) {
        for (_, change) in self.unsynced.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    pub(super) fn forget_unsynced(&mut self) {
        self.unsynced.clear();
    }

    pub(super) fn flip(&mut self, offset: u64, bits: u8) -> bool {
        let is_there = self.content.flip(offset, bits);
        self.durable.flip(offset, bits) || is_there
    }

    pub(super) fn decay(&mut self, offset: u64, bits: u8) -> bool {
        let is_synced = self.unsynced.is_empty() && self.content.length() == self.durable.length();
        let is_done = is_synced && self.flip(offset, bits);
        self.decayed.extend(is_done.then_some((offset, bits)));
        is_done
    }

    pub(super) fn decayed(&self) -> impl Iterator<Item = u64> {
        self.decayed.iter().map(|(offset, _)| *offset)
    }

    pub(super) fn heal(&mut self) {
        self.heal_where(|_| true);
    }

    fn heal_where(&mut self, is_meant: impl Fn(u64) -> bool) {
        for (offset, bits) in std::mem::take(&mut self.decayed) {
            if is_meant(offset) {
                self.flip(offset, bits);
            } else {
                self.decayed.push((offset, bits));
            }
        }
    }

    /// Becomes what is found after the power came back. `point` is the number of a call.
    pub(super) fn lose(&mut self, loss: Loss, point: u64, random: &mut Random) {
        for (number, change) in std::mem::take(&mut self.unsynced) {
            match loss {
                Loss::Nothing => change.apply(&mut self.durable),
                Loss::Unsynced => {}
                Loss::Tail if number < point => change.apply(&mut self.durable),
                Loss::Tail if number == point => tear(&change, &mut self.durable, random),
                Loss::Tail => {}
                Loss::Sectors | Loss::Names => scatter(&change, &mut self.durable, random),
            }
        }
        self.content.clone_from(&self.durable);
        self.allocated = self.length();
    }
}

/// Keeps the sectors before some point.
fn tear(change: &Change, durable: &mut Content, random: &mut Random) {
    if let Change::Write { offset, bytes } = change {
        let end = index(random.below(bytes.len() as u64 + 1));
        let aligned = (index(*offset) + end) / SECTOR_BYTES * SECTOR_BYTES;
        let keep = aligned.saturating_sub(index(*offset));
        durable.write(*offset, &bytes[..keep]);
    }
}

/// Keeps each sector or not.
fn scatter(change: &Change, durable: &mut Content, random: &mut Random) {
    match change {
        Change::Write { offset, bytes } => {
            let (mut start, mut rest) = (index(*offset), bytes.as_slice());
            while !rest.is_empty() {
                let (sector, behind) = rest.split_at((SECTOR_BYTES - start % SECTOR_BYTES).min(rest.len()));
                if random.below(2) == 0 {
                    durable.write(start as u64, sector);
                }
                (start, rest) = (start + sector.len(), behind);
            }
        }
        Change::Cut(_) | Change::Grow(_) if random.below(2) == 0 => change.apply(durable),
        Change::Cut(_) | Change::Grow(_) => {}
    }
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

const SECTOR_BYTES: usize = 512;

//! A disk in memory that loses and breaks what a real one may: for tests and for simulation.
//!
//! Owns: names and bytes as a program sees them, and as they would be found after a loss of power.
//! Never: uses a clock or chance of its own; the same seed and the same calls give the same disk.

mod calls;
mod content;
mod decay;
mod history;
mod inode;
mod names;
mod random;
mod refusal;

pub use refusal::{Call, Refusal, RefusedCall};

use inode::{Change, Inode};
use names::Names;
use random::Random;
use refusal::{Plan, broken, full, gone};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a loss of power takes of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Nothing: only the process died. What was not synced still is not.
    Nothing,
    /// Everything.
    Unsynced,
    /// All behind some point in time; the write at that point is torn at a sector.
    Tail,
    /// Any sectors of any write; names from some point on.
    Sectors,
    /// Any changes of names, and any sectors.
    Names,
}

impl Loss {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Nothing, Self::Unsynced, Self::Tail, Self::Sectors, Self::Names];
}

/// A disk in memory. Clones are the same disk.
#[derive(Clone, Debug)]
pub struct SimulatedDisk(Arc<Mutex<State>>);

/// An open file of a [`SimulatedDisk`]; worth nothing after a restart.
#[derive(Debug)]
pub struct SimulatedFile {
    disk: SimulatedDisk,
    inode: u64,
    boot: u64,
}

/// The lock on a [`SimulatedDisk`].
#[derive(Debug)]
pub struct SimulatedLock {
    disk: SimulatedDisk,
    boot: u64,
}

#[derive(Clone, Debug)]
struct State {
    random: Random,
    names: Names,
    inodes: BTreeMap<u64, Inode>,
    inode_next: u64,
    /// How often it was started: what was opened before is gone.
    boot: u64,
    locked_in: Option<u64>,
    counts: Counts,
    cut_at: Option<u64>,
    is_off: bool,
    write_fails_at: Option<u64>,
    sync_fails_at: Option<u64>,
    plan: Plan,
    space_bytes: Option<u64>,
    sync_us: u64,
    /// Before each change, if that is wanted.
    history: Option<Vec<SimulatedDisk>>,
}

#[derive(Clone, Debug, Default)]
struct Counts {
    changes: u64,
    writes: u64,
    syncs: u64,
    waited_us: u64,
}

impl SimulatedDisk {
    /// An empty disk.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            random: Random::new(seed),
            names: Names::default(),
            inodes: BTreeMap::new(),
            inode_next: 1,
            boot: 0,
            locked_in: None,
            counts: Counts::default(),
            cut_at: None,
            is_off: false,
            write_fails_at: None,
            sync_fails_at: None,
            plan: Plan::default(),
            space_bytes: None,
            sync_us: 0,
            history: None,
        })))
    }

    /// Another disk with the same content, which nobody has opened yet.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        let copy = self.state().clone();
        let disk = Self(Arc::new(Mutex::new(copy)));
        disk.restart(Loss::Nothing);
        disk
    }

    /// How many calls have changed or synced something so far.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.state().counts.changes
    }

    /// Cuts the power at the change of this number (see [`changes`](Self::changes)), which may or may not happen.
    pub fn cut_power_at(&self, change: u64) {
        self.state().cut_at = Some(change);
    }

    /// Cuts the power now.
    pub fn cut_power(&self) {
        self.state().is_off = true;
    }

    /// Whether the power has been cut.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.state().is_off
    }

    /// Takes the power away, and with it what the kind of loss says, and starts again without any fault asked for.
    pub fn restart(&self, loss: Loss) {
        let mut state = self.state();
        let state = &mut *state;
        // A point in time among what was not synced.
        let end = state.counts.changes + 1;
        let oldest = state.inodes.values().filter_map(Inode::oldest).chain(state.names.oldest()).min().unwrap_or(end);
        let point = oldest + state.random.below(end - oldest + 1);
        if loss != Loss::Nothing {
            let survivors = state.names.survivors(loss, point, &mut state.random);
            state.inodes.retain(|inode, _| survivors.values().any(|kept| kept == inode));
            for inode in state.inodes.values_mut() {
                inode.lose(loss, point, &mut state.random);
            }
            state.names = Names::new(survivors);
        }
        state.boot += 1;
        (state.is_off, state.cut_at, state.locked_in) = (false, None, None);
        (state.write_fails_at, state.sync_fails_at, state.space_bytes) = (None, None, None);
        state.plan = Plan::default();
    }

    /// Makes the n-th write from now fail, counted from 1; half of it may be there.
    pub fn fail_write(&self, nth: u64) {
        let mut state = self.state();
        state.write_fails_at = Some(state.counts.writes + nth);
    }

    /// Makes the n-th sync from now fail, counted from 1. As in a real cache, what it should have written is then
    /// forgotten: a further sync succeeds and does not bring it back.
    pub fn fail_sync(&self, nth: u64) {
        let mut state = self.state();
        state.sync_fails_at = Some(state.counts.syncs + nth);
    }

    /// Refuses the n-th change from now (see [`changes`](Self::changes)), counted from 1, and no other.
    pub fn refuse(&self, nth: u64, refusal: Refusal) {
        let mut state = self.state();
        state.plan = Plan::new(state.counts.changes + nth, refusal);
    }

    /// What was refused, since it was last asked for or since the last start.
    #[must_use]
    pub fn refused(&self) -> Option<RefusedCall> {
        self.state().plan.met().cloned()
    }

    /// How many bytes the disk holds; none is no limit.
    pub fn limit_space(&self, bytes: Option<u64>) {
        self.state().space_bytes = bytes;
    }

    /// How many bytes are taken.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.state().used_bytes()
    }

    /// How long each sync takes.
    pub fn slow_sync(&self, microseconds: u64) {
        self.state().sync_us = microseconds;
    }

    /// How long all syncs took, in the disk's own time.
    #[must_use]
    pub fn waited_us(&self) -> u64 {
        self.state().counts.waited_us
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, inode: u64, boot: u64) -> SimulatedFile {
        SimulatedFile { disk: self.clone(), inode, boot }
    }
}

impl State {
    fn check_power(&self, boot: u64) -> io::Result<()> {
        if self.is_off || self.boot != boot { Err(gone()) } else { Ok(()) }
    }

    /// Counts a change, and says whether the device does it.
    fn next_change(&mut self, call: Call, of: Of<'_>) -> Fate {
        self.note_history();
        self.counts.changes += 1;
        self.is_off = self.cut_at.is_some_and(|at| self.counts.changes >= at);
        let name = || match of {
            Of::Name(name) => name.to_owned(),
            Of::Inode(inode) => self.names.name_of(inode).unwrap_or_default().to_owned(),
            Of::Directory => String::new(),
        };
        match self.plan.meet(self.counts.changes, call, name) {
            _ if self.is_off => Fate::Cut,
            Some(refusal) => Fate::Refused(refusal),
            None => Fate::Done,
        }
    }

    /// Half of what is cut off in the middle happened all the same.
    fn is_lucky(&mut self) -> bool {
        self.random.below(2) == 0
    }

    fn used_bytes(&self) -> u64 {
        self.names.inodes().filter_map(|inode| self.inodes.get(inode)).map(Inode::allocated).sum()
    }

    fn check_space(&self, more_bytes: u64) -> io::Result<()> {
        match self.space_bytes {
            Some(space) if more_bytes > 0 && self.used_bytes() + more_bytes > space => Err(full()),
            _ => Ok(()),
        }
    }

    fn rename_or_remove(&mut self, from: &str, to: Option<&str>) -> io::Result<()> {
        let inode = self.names.find(from).ok_or(io::ErrorKind::NotFound)?;
        let call = if to.is_some() { Call::Rename } else { Call::Remove };
        let fate = self.next_change(call, Of::Name(from));
        if fate == Fate::Done || (fate == Fate::Cut && self.is_lucky()) {
            let number = self.counts.changes;
            self.names.set(number, from, None);
            if let Some(to) = to {
                self.names.rename(number, from, to, inode);
            }
        }
        fate.result()
    }

    fn change(&mut self, inode: u64, call: Call, change: Change) -> io::Result<()> {
        let more_bytes = self.inodes.get(&inode).ok_or_else(gone)?.growth(&change);
        self.check_space(more_bytes)?;
        let fate = self.next_change(call, Of::Inode(inode));
        if matches!(fate, Fate::Refused(_)) {
            return fate.result();
        }
        self.inodes.get_mut(&inode).ok_or_else(gone)?.apply(self.counts.changes, change);
        fate.result()
    }

    /// Says how many bytes were written.
    fn write(&mut self, inode: u64, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let whole = Change::Write { offset, bytes: bytes.to_vec() };
        self.check_space(self.inodes.get(&inode).ok_or_else(gone)?.growth(&whole))?;
        let fate = self.next_change(Call::Write, Of::Inode(inode));
        self.counts.writes += 1;
        let is_failing = self.write_fails_at.is_some_and(|at| self.counts.writes == at);
        let count = match fate {
            Fate::Refused(Refusal::Full) => return Err(full()),
            Fate::Refused(Refusal::Broken | Refusal::Short) => bytes.len() / 2,
            Fate::Done | Fate::Cut if is_failing => bytes.len() / 2,
            Fate::Done | Fate::Cut => bytes.len(),
        };
        let change = if count == bytes.len() { whole } else { whole.half() };
        self.inodes.get_mut(&inode).ok_or_else(gone)?.apply(self.counts.changes, change);
        match fate {
            Fate::Refused(Refusal::Short) if count > 0 => Ok(count),
            Fate::Done if is_failing => Err(broken()),
            Fate::Done | Fate::Cut | Fate::Refused(_) => fate.result().map(|()| count),
        }
    }

    fn sync(&mut self, inode: u64) -> io::Result<()> {
        let fate = self.next_change(Call::Sync, Of::Inode(inode));
        self.counts.syncs += 1;
        self.counts.waited_us += self.sync_us;
        let is_failing = self.sync_fails_at.is_some_and(|at| self.counts.syncs == at);
        let is_reached = fate == Fate::Done || (fate == Fate::Cut && self.is_lucky());
        let inode = self.inodes.get_mut(&inode).ok_or_else(gone)?;
        if is_failing || matches!(fate, Fate::Refused(_)) {
            inode.forget_unsynced();
            return if is_failing { Err(broken()) } else { fate.result() };
        }
        if is_reached {
            inode.sync();
        }
        fate.result()
    }
}

/// What a call is about.
#[derive(Clone, Copy)]
enum Of<'a> {
    Name(&'a str),
    Inode(u64),
    Directory,
}

/// What becomes of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Done,
    /// The power goes with it; it may or may not have happened.
    Cut,
    Refused(Refusal),
}

impl Fate {
    fn result(self) -> io::Result<()> {
        match self {
            Self::Done => Ok(()),
            Self::Cut => Err(gone()),
            // A write that cannot be shorter is none.
            Self::Refused(Refusal::Broken | Refusal::Short) => Err(broken()),
            Self::Refused(Refusal::Full) => Err(full()),
        }
    }
}

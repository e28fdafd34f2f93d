//! What a device answers instead of doing what it was asked for.
//!
//! Owns: the one refusal a test has asked for, and what it hit.

use std::io;

/// How a call to the device goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `EIO`. Half of a write may be there, and what a sync should have written is forgotten.
    Broken,
    /// `ENOSPC`, and nothing of it happened; what a sync should have written is forgotten.
    Full,
    /// A write does half of what it should and says so. Calls of other kinds go well: the next write is the one.
    Short,
}

impl Refusal {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Broken, Self::Full, Self::Short];
}

/// A call that changes something on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Makes a file.
    Create,
    /// Gives a file another name.
    Rename,
    /// Takes a file's name away.
    Remove,
    /// Writes bytes.
    Write,
    /// Makes a file durable.
    Sync,
    /// Makes names durable.
    SyncDirectory,
    /// Cuts a file.
    SetLength,
    /// Takes room for a file.
    Preallocate,
}

/// A call that did not get what it asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedCall {
    /// What was asked for.
    pub call: Call,
    /// Of which file; empty for the directory, and for a file without a name.
    pub file: String,
    /// The answer.
    pub refusal: Refusal,
}

/// What is asked for, and what came of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    next: Option<(u64, Refusal)>,
    met: Option<RefusedCall>,
}

impl Plan {
    pub(super) const fn new(change: u64, refusal: Refusal) -> Self {
        Self { next: Some((change, refusal)), met: None }
    }

    pub(super) const fn met(&self) -> Option<&RefusedCall> {
        self.met.as_ref()
    }

    /// Whether the change of this number is refused, and how.
    pub(super) fn meet(&mut self, change: u64, call: Call, file: impl FnOnce() -> String) -> Option<Refusal> {
        let (at, refusal) = self.next?;
        if change < at || (refusal == Refusal::Short && call != Call::Write) {
            return None;
        }
        self.next = None;
        self.met = Some(RefusedCall { call, file: file(), refusal });
        Some(refusal)
    }
}

pub(super) fn gone() -> io::Error {
    rustix::io::Errno::NODEV.into()
}

pub(super) fn broken() -> io::Error {
    rustix::io::Errno::IO.into()
}

pub(super) fn full() -> io::Error {
    rustix::io::Errno::NOSPC.into()
}

//! What a thread keeps at hand between batches, so that idle connections own no buffers.
//!
//! Owns: the thread's read buffer, its pool of backlogs, and the lists that one batch fills.

use crate::backlog::Backlog;
use crate::conn::Conn;
use crate::log::Load;
use bytes::BytesMut;
use postrider_engine::{Judge, LinkId};
use postrider_journal::Refused;
use postrider_ports::{Event, Ticket};
use std::cell::Cell;
use std::sync::Arc;
use std::task::Waker;

/// One thread's workspace.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    read: BytesMut,
    #[expect(clippy::vec_box, reason = "boxes move between the pool and outboxes without being copied")]
    backlogs: Vec<Box<Backlog>>,
    /// Bytes of capacity in the pool.
    pooled: usize,
    /// Wakes the task that flushes when all others of this thread have had their turn; only threads of the
    /// broker's own have one.
    flusher: Option<Waker>,
    /// The flusher is awake and will run.
    pub(crate) is_deferred: bool,
    /// Bytes put into outboxes since the last flush.
    pub(crate) unflushed: usize,
    /// Connections with something new to write.
    pub(crate) dirty: Vec<Arc<Conn>>,
    /// Room to report to the engine.
    pub(crate) rooms: Vec<(LinkId, u32)>,
    /// How many more times room may be reported before others get their turn.
    pub(crate) rounds: u32,
    /// The engine has work left that was cut into slices, and whoever has the workspace goes on with it: since it
    /// began somebody does until there is none, or hands it over.
    pub(crate) has_work: bool,
    /// Questions for plugins.
    pub(crate) judges: Vec<(Ticket, Judge)>,
    /// What observers hear.
    pub(crate) events: Vec<Event>,
    /// Records to read back.
    pub(crate) loads: Vec<Load>,
    /// It is time to look at the memory.
    pub(crate) must_look: bool,
    /// Memory is short: nothing is kept at hand.
    pub(crate) is_pressed: bool,
    /// The log sleeps and has something to write.
    pub(crate) must_ring: bool,
    /// Records are to be released, and the log may not advance for long.
    pub(crate) must_release: bool,
    /// The log has refused a record.
    pub(crate) refused: Option<Refused>,
}

/// Bytes of one read.
pub(crate) const READ_BYTES: usize = 64 * 1024;
/// Bytes that a thread keeps in its pool of backlogs.
const POOL_BYTES: usize = 512 * 1024;
/// Bytes that may wait for the end of the turn.
const UNFLUSHED_MAX: usize = 256 * 1024;

thread_local! {
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

/// Lends the thread's workspace to `work`; a nested call gets one of its own.
pub(crate) fn with<R>(work: impl FnOnce(&mut Scratch) -> R) -> R {
    let mut scratch = SCRATCH.take().unwrap_or_default();
    let result = work(&mut scratch);
    SCRATCH.set(Some(scratch));
    result
}

impl Scratch {
    /// The read buffer, whole and filled with whatever was read last.
    pub(crate) fn take_read_buffer(&mut self) -> BytesMut {
        let buffer = core::mem::take(&mut self.read);
        if buffer.len() == READ_BYTES { buffer } else { BytesMut::zeroed(READ_BYTES) }
    }

    /// Gives the read buffer back, if nobody kept a part of it.
    pub(crate) fn give_read_buffer(&mut self, buffer: bytes::Bytes) {
        if let Ok(buffer) = buffer.try_into_mut() {
            self.read = buffer;
        }
    }

    pub(crate) fn take_backlog(&mut self) -> Box<Backlog> {
        let Some(backlog) = self.backlogs.pop() else { return Box::default() };
        self.pooled -= backlog.capacity();
        backlog
    }

    pub(crate) fn give_backlog(&mut self, mut backlog: Box<Backlog>) {
        backlog.clear();
        if !self.is_pressed && self.pooled + backlog.capacity() <= POOL_BYTES {
            self.pooled += backlog.capacity();
            self.backlogs.push(backlog);
        }
    }

    /// Gives back what is at hand.
    pub(crate) fn shrink(&mut self) {
        self.backlogs = Vec::new();
        self.pooled = 0;
    }

    /// Whether flushing can wait until the other tasks of this thread have had their turn: then what several
    /// of them send to one socket goes out in one system call.
    ///
    /// `is_burst` begins the waiting; once somebody waits, everybody does.
    pub(crate) fn defer(&mut self, is_burst: bool) -> bool {
        if self.unflushed > UNFLUSHED_MAX {
            return false;
        }
        if self.is_deferred {
            return true;
        }
        if let Some(flusher) = self.flusher.as_ref().filter(|_| is_burst) {
            flusher.wake_by_ref();
            self.is_deferred = true;
        }
        self.is_deferred
    }

    /// This thread has a task that flushes.
    pub(crate) fn set_flusher(&mut self, waker: &Waker) {
        if !self.flusher.as_ref().is_some_and(|flusher| flusher.will_wake(waker)) {
            self.flusher = Some(waker.clone());
        }
    }
}

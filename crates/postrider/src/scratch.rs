//! What a thread keeps at hand between batches, so that idle connections own no buffers.
//!
//! Owns: the thread's read buffer, its pool of backlogs, and the lists that one batch fills.

use crate::backlog::Backlog;
use crate::conn::Conn;
use bytes::BytesMut;
use postrider_engine::{Judge, LinkId};
use postrider_ports::{Event, Ticket};
use std::cell::Cell;
use std::sync::Arc;

/// One thread's workspace.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    read: BytesMut,
    #[expect(clippy::vec_box, reason = "boxes move between the pool and outboxes without being copied")]
    backlogs: Vec<Box<Backlog>>,
    /// Connections with something new to write.
    pub(crate) dirty: Vec<Arc<Conn>>,
    /// Room to report to the engine.
    pub(crate) rooms: Vec<(LinkId, u32)>,
    /// How many more times room may be reported before others get their turn.
    pub(crate) rounds: u32,
    /// The engine has work left that was cut into slices.
    pub(crate) has_work: bool,
    /// Questions for plugins.
    pub(crate) judges: Vec<(Ticket, Judge)>,
    /// What observers hear.
    pub(crate) events: Vec<Event>,
}

/// Bytes of one read.
pub(crate) const READ_BYTES: usize = 64 * 1024;
/// Backlogs that a thread keeps.
const POOL: usize = 64;

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
        self.backlogs.pop().unwrap_or_default()
    }

    pub(crate) fn give_backlog(&mut self, mut backlog: Box<Backlog>) {
        if self.backlogs.len() < POOL {
            backlog.clear();
            self.backlogs.push(backlog);
        }
    }
}

//! What waits for one link's socket, and who is writing it.
//!
//! Owns: the order of two lanes. As long as the socket keeps up there is one queue; once it does not, control
//! packets overtake messages at the next end of a packet.
//! Never: is locked during a system call.
//!
//! ```text
//!            push ─▶ data ─────────────────────────▶ socket          the socket keeps up
//!
//!   push(control) ─▶ control ──────┐
//!                                  ▼
//!                    current ─▶ control ─▶ data ───▶ socket          it does not
//!   push(data) ────▶ data            (the rest of one packet first)
//! ```

use crate::backlog::{Backlog, owned};
use postrider_engine::{Body, Lane, LinkId};
use std::task::Waker;

/// The mutable half of a connection, behind a lock of its own.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// The rest of a packet that was written in part.
    current: Option<Box<Backlog>>,
    /// Control packets, while the socket does not keep up.
    control: Option<Box<Backlog>>,
    data: Option<Box<Backlog>>,
    /// Wakes the task that owns the connection.
    pub(crate) waker: Option<Waker>,
    /// The link's name in the partition, once it has one.
    pub(crate) link: Option<LinkId>,
    /// Bytes of messages that wait or are being written.
    charged: u32,
    /// Bytes of messages that were written and not yet reported as room.
    unreported: u32,
    /// In some thread's list of outboxes to flush.
    pub(crate) is_dirty: bool,
    /// Some thread is writing.
    pub(crate) is_flushing: bool,
    /// The socket took less than it was offered; the owner waits for it.
    pub(crate) is_blocked: bool,
    pub(crate) mail: Mail,
}

/// What the engine, on whatever thread, has to say to the task that owns the connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mail {
    /// The client is in: keep alive in seconds, largest packet it takes.
    pub(crate) accepted: Option<(u16, u32)>,
    /// An authentication exchange goes on.
    pub(crate) is_exchanging: bool,
    /// The held packet may be offered again.
    pub(crate) is_resumed: bool,
    /// The link's deadline has come.
    pub(crate) is_due: bool,
    pub(crate) closing: Closing,
}

impl Mail {
    pub(crate) fn close(&mut self, closing: Closing) {
        self.closing = self.closing.max(closing);
    }
}

/// How a connection is to end; a later word counts if it is the stronger one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Closing {
    #[default]
    No,
    /// When everything is written and the far end has had time to read it.
    Lingering,
    /// When everything is written.
    Flushed,
    /// At once.
    Now,
}

/// Control bytes beyond which a client that does not read is not read either.
pub(crate) const CONTROL_BYTES_MAX: usize = 64 * 1024;

impl Outbox {
    /// Appends packets; true when somebody has to flush and nobody else will.
    pub(crate) fn push(&mut self, bytes: &[u8], lane: Lane, take: impl FnOnce() -> Box<Backlog>) -> bool {
        match lane {
            Lane::Control if self.is_blocked => self.control.get_or_insert_with(take).push_control(bytes),
            Lane::Control => self.data.get_or_insert_with(take).push_control(bytes),
            Lane::Data => {
                self.charged = self.charged.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
                self.data.get_or_insert_with(take).push(bytes);
            }
        }
        self.mark()
    }

    /// Appends one packet with a shared payload; true as above.
    pub(crate) fn push_shared(&mut self, head: &[u8], body: Body, take: impl FnOnce() -> Box<Backlog>) -> bool {
        let bytes = u32::try_from(head.len() + body.bytes.len()).unwrap_or(u32::MAX);
        self.charged = self.charged.saturating_add(bytes);
        // It will wait for longer than the buffer it came in should live.
        let body = if self.is_blocked { owned(body) } else { body };
        self.data.get_or_insert_with(take).push_shared(head, body);
        self.mark()
    }

    fn mark(&mut self) -> bool {
        !core::mem::replace(&mut self.is_dirty, true)
    }

    /// What is to be written next. At the end nothing overtakes: a DISCONNECT is the last packet.
    /// [MQTT-3.14.4-1]
    pub(crate) fn take_batch(&mut self) -> Option<Box<Backlog>> {
        let (first, second) = match self.mail.closing {
            Closing::No => (&mut self.control, &mut self.data),
            Closing::Lingering | Closing::Flushed | Closing::Now => (&mut self.data, &mut self.control),
        };
        self.current.take().or_else(|| first.take()).or_else(|| second.take())
    }

    /// The socket took no more of a batch than `written` bytes.
    pub(crate) fn put_back(&mut self, mut batch: Box<Backlog>, written: usize) {
        self.release(written);
        self.is_blocked = true;
        batch.unshare();
        let mut behind = batch.split_behind_packet();
        if !batch.is_empty() {
            self.current = Some(batch);
        }
        // From here on control packets overtake messages, but never each other.
        let mut control = behind.take_control();
        if let Some(waiting) = self.control.take() {
            control.append(*waiting);
        }
        if let Some(mut newer) = self.data.take() {
            // It came while the batch was being written.
            newer.unshare();
            control.append(newer.take_control());
            behind.append(*newer);
        }
        self.control = (!control.is_empty()).then(|| Box::new(control));
        self.data = (!behind.is_empty()).then(|| Box::new(behind));
    }

    /// A batch was written whole.
    pub(crate) fn release(&mut self, written: usize) {
        let bytes = u32::try_from(written).unwrap_or(u32::MAX).min(self.charged);
        self.charged -= bytes;
        self.unreported = self.unreported.saturating_add(bytes);
    }

    /// Whether there is enough room to report.
    pub(crate) const fn has_room(&self, enough: u32) -> bool {
        self.unreported >= enough && self.link.is_some()
    }

    /// Bytes to report as room.
    pub(crate) fn take_room(&mut self) -> Option<(LinkId, u32)> {
        Some((self.link?, core::mem::take(&mut self.unreported)))
    }

    /// True when nothing waits.
    pub(crate) const fn is_empty(&self) -> bool {
        self.current.is_none() && self.control.is_none() && self.data.is_none()
    }

    /// Bytes of control packets that wait because the socket does not keep up.
    pub(crate) fn control_len(&self) -> usize {
        self.control.as_ref().map_or(0, |backlog| backlog.len())
    }

    /// Forgets what waits.
    pub(crate) fn clear(&mut self) {
        self.current = None;
        self.control = None;
        self.data = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn payloads_that_come_while_a_batch_is_written_hold_no_read_buffer_when_it_is_stuck() {
        let mut outbox = Outbox::default();
        let read = Bytes::from(vec![0; 64 * 1024]);
        let body = || Body { bytes: read.slice(..4096), is_borrowed: true };
        outbox.push_shared(b"\x30\x83\x20\0\x01a", body(), Box::default);
        let batch = outbox.take_batch().expect("something to write");
        outbox.push_shared(b"\x30\x83\x20\0\x01a", body(), Box::default);
        outbox.put_back(batch, 10);
        assert!(read.is_unique(), "somebody holds a part of the buffer");
    }
}

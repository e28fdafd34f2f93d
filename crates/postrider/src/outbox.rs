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
//!
//! What waits for the log stands behind gates, in front of all this.

use crate::backlog::{Backlog, owned};
use crate::gates::{Gates, Wait, Waits};
use crate::scratch::Scratch;
use postrider_engine::{Body, Lane, LinkId};
use postrider_session::Sequence;
use std::task::Waker;

/// The mutable half of a connection, behind a lock of its own.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// The rest of a packet that was written in part.
    current: Option<Box<Backlog>>,
    /// Control packets, while the socket does not keep up.
    control: Option<Box<Backlog>>,
    data: Option<Box<Backlog>>,
    /// What must not leave yet.
    gates: Gates,
    /// What has to wait.
    pub(crate) waits: Waits,
    /// The owner waits until fewer answers stand behind gates.
    is_held: bool,
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
    /// Room is reported in small amounts, as there is little of it.
    pub(crate) is_small: bool,
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

/// What the caller has to do when something was put into an outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// Flush, as nobody else will.
    Dirty,
    /// Nothing: somebody else does.
    Noted,
    /// See to it that the outbox is opened when the log is as far as was asked for and this link waits for.
    Gated(Waits),
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
    /// Appends packets.
    pub(crate) fn push(&mut self, bytes: &[u8], lane: Lane, wait: Wait, take: impl FnOnce() -> Box<Backlog>) -> Pushed {
        if !(wait.is_not() && self.gates.is_empty()) && self.must_wait(wait) {
            return self.push_gated(bytes, lane, wait, take);
        }
        if self.is_blocked {
            self.make_room(lane, bytes.len());
        }
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

    /// What waits for a socket that takes nothing has little room to spare: there may be very many of these.
    #[cold]
    fn make_room(&mut self, lane: Lane, bytes: usize) {
        let backlog = match lane {
            Lane::Control => &mut self.control,
            Lane::Data => &mut self.data,
        };
        backlog.get_or_insert_default().reserve_little(bytes);
    }

    #[cold]
    fn push_gated(&mut self, bytes: &[u8], lane: Lane, wait: Wait, take: impl FnOnce() -> Box<Backlog>) -> Pushed {
        let place = self.gates.place(wait, take);
        match lane {
            Lane::Control => {
                place.backlog.push_control(bytes);
                *place.control_bytes += bytes.len();
            }
            Lane::Data => {
                self.charged = self.charged.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
                place.backlog.push(bytes);
            }
        }
        if place.is_new { Pushed::Gated(self.waits) } else { Pushed::Noted }
    }

    /// Whether there is something to wait for, or something that waits already.
    fn must_wait(&self, wait: Wait) -> bool {
        !self.gates.is_empty() || wait.holds(self.waits)
    }

    /// Appends one packet with a shared payload.
    pub(crate) fn push_shared(
        &mut self,
        head: &[u8],
        body: Body,
        wait: Wait,
        take: impl FnOnce() -> Box<Backlog>,
    ) -> Pushed {
        let bytes = u32::try_from(head.len() + body.bytes.len()).unwrap_or(u32::MAX);
        self.charged = self.charged.saturating_add(bytes);
        // It will wait for longer than the buffer it came in should live.
        if !(wait.is_not() && self.gates.is_empty()) && self.must_wait(wait) {
            let place = self.gates.place(wait, take);
            place.backlog.push_shared(head, owned(body));
            return if place.is_new { Pushed::Gated(self.waits) } else { Pushed::Noted };
        }
        let body = if self.is_blocked { owned(body) } else { body };
        self.data.get_or_insert_with(take).push_shared(head, body);
        self.mark()
    }

    fn mark(&mut self) -> Pushed {
        if core::mem::replace(&mut self.is_dirty, true) { Pushed::Noted } else { Pushed::Dirty }
    }

    /// The log is durable and written up to there: what waited for that may leave.
    pub(crate) fn open(&mut self, durable: Sequence, written: Sequence, scratch: &mut Scratch) -> Pushed {
        let through = if self.waits == Waits::Durable { durable } else { written };
        let Some(mut open) = self.gates.take_open(through, |empty| scratch.give_backlog(empty)) else {
            return Pushed::Noted;
        };
        if self.is_blocked {
            let control = open.take_control();
            append(&mut self.control, (!control.is_empty()).then(|| Box::new(control)), scratch);
        }
        append(&mut self.data, Some(open).filter(|open| !open.is_empty()), scratch);
        self.mark()
    }

    /// How the connection is to end. What waits for the log is thrown away, as it may never have happened, but for the
    /// last word.
    pub(crate) fn close(&mut self, closing: Closing) -> Pushed {
        self.mail.closing = self.mail.closing.max(closing);
        if self.gates.is_empty() {
            return Pushed::Noted;
        }
        let Some(farewell) = self.gates.take_farewell() else { return Pushed::Noted };
        // It comes last, whichever lane that is now; see `take_batch`.
        let last = if self.control.is_some() { &mut self.control } else { &mut self.data };
        last.get_or_insert_default().push_control(&farewell);
        self.mark()
    }

    /// Whether a client whose answers wait for the log has enough of them. If so, its owner is woken when that is over.
    pub(crate) fn check_held(&mut self) -> bool {
        self.is_held = self.gates.control_len() > CONTROL_BYTES_MAX;
        self.is_held
    }

    /// True once when the owner can go on.
    pub(crate) fn take_released(&mut self) -> bool {
        self.is_held && self.gates.control_len() <= CONTROL_BYTES_MAX && core::mem::take(&mut self.is_held)
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
        let enough = if self.is_small { 1 } else { enough };
        self.unreported >= enough && self.unreported > 0 && self.link.is_some()
    }

    /// Bytes that were written and are still to be reported.
    pub(crate) const fn unreported(&self) -> u32 {
        self.unreported
    }

    /// Bytes to report as room.
    pub(crate) fn take_room(&mut self) -> Option<(LinkId, u32)> {
        Some((self.link?, core::mem::take(&mut self.unreported)))
    }

    /// True when nothing waits that may leave.
    pub(crate) const fn is_empty(&self) -> bool {
        self.current.is_none() && self.control.is_none() && self.data.is_none()
    }

    /// Whether too many control packets wait because the socket does not keep up.
    pub(crate) fn is_choked(&self) -> bool {
        let most = if self.is_small { CONTROL_BYTES_MAX / SMALL_PART } else { CONTROL_BYTES_MAX };
        self.control.as_ref().is_some_and(|backlog| backlog.len() > most)
    }

    /// Forgets the messages that wait for a socket that takes nothing; what is said to the client stays.
    pub(crate) fn shed_if(&mut self, must: bool) {
        if must && self.is_blocked {
            self.data = None;
        }
    }

    /// Forgets what waits.
    pub(crate) fn clear(&mut self) {
        self.current = None;
        self.control = None;
        self.data = None;
        self.gates = Gates::default();
    }
}

/// While memory is short an outbox has a sixteenth of its room or less, and reports whatever it gets back.
const SMALL_PART: usize = 16;

fn append(lane: &mut Option<Box<Backlog>>, more: Option<Box<Backlog>>, scratch: &mut Scratch) {
    match (lane.as_mut(), more) {
        (Some(waiting), Some(mut more)) => {
            waiting.drain(&mut more);
            scratch.give_backlog(more);
        }
        (None, more) => *lane = more,
        (Some(_), None) => {}
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
        outbox.push_shared(b"\x30\x83\x20\0\x01a", body(), Wait::NOT, Box::default);
        let batch = outbox.take_batch().expect("something to write");
        outbox.push_shared(b"\x30\x83\x20\0\x01a", body(), Wait::NOT, Box::default);
        outbox.put_back(batch, 10);
        assert!(read.is_unique(), "somebody holds a part of the buffer");
    }
}

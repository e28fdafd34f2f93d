//! What others hold of a writer: to append, to release, to read, to see what is durable.

use super::queue::{Queue, Verdict};
use super::{Desk, Urgency};
use crate::error::{Fault, ReadError};
use crate::frame::HEADER_BYTES;
use crate::log::Importance;
use crate::record;
use crate::sequence::Sequence;
use crate::shared::Reader;
use crate::storage::Storage;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Gives records to a [`Writer`](crate::Writer), from any thread.
#[derive(Debug)]
pub struct Handle<S: Storage> {
    pub(super) reader: Reader<S>,
    pub(super) desk: Arc<Desk>,
}

impl<S: Storage> Clone for Handle<S> {
    fn clone(&self) -> Self {
        Self { reader: self.reader.clone(), desk: self.desk.clone() }
    }
}

impl<S: Storage> Handle<S> {
    /// Puts a record into the queue and names it. Names follow the order in the queue.
    pub fn try_append(&self, kind: u8, payload: &[&[u8]], urgency: Urgency) -> Result<Sequence, Refused> {
        self.append_as(Importance::Ordinary, kind, payload, urgency)
    }

    /// The same for a record that may use the reserve.
    pub fn try_append_essential(&self, kind: u8, payload: &[&[u8]], urgency: Urgency) -> Result<Sequence, Refused> {
        self.append_as(Importance::Essential, kind, payload, urgency)
    }

    fn append_as(
        &self,
        importance: Importance,
        kind: u8,
        payload: &[&[u8]],
        urgency: Urgency,
    ) -> Result<Sequence, Refused> {
        let mut queue = self.desk.queue();
        let result = self.put(&mut queue, importance, kind, payload, urgency);
        // When it was refused for want of room, the thread is to see whether there is more.
        let is_ringing = matches!(result, Ok(true) | Err(Refused::Busy | Refused::Full)) && queue.take_bell();
        let last = queue.last();
        drop(queue);
        if is_ringing {
            self.ring();
        }
        result.map(|_| last)
    }

    /// Puts records into the queue, one behind the other and with nothing between them.
    ///
    /// The thread is not told: if [`Appended::needs_ring`], the caller has to [`ring`](Self::ring) soon, which is a
    /// system call. If one is refused, those before it have been taken and the thread knows.
    pub fn append_all<'a>(&self, records: impl IntoIterator<Item = NewRecord<'a>>) -> Result<Appended, Refused> {
        let (mut queue, mut is_news) = (self.desk.queue(), false);
        for NewRecord { kind, payload, urgency, importance } in records {
            match self.put(&mut queue, importance, kind, &[payload], urgency) {
                Ok(is_more) => is_news |= is_more,
                Err(refused) => {
                    let is_ringing = queue.take_bell();
                    drop(queue);
                    if is_ringing {
                        self.ring();
                    }
                    return Err(refused);
                }
            }
        }
        let needs_ring = is_news && queue.take_bell();
        Ok(Appended { last: queue.last(), together_from: queue.together_from(), needs_ring })
    }

    /// Wakes the thread, as [`append_all`](Self::append_all) asked for.
    pub fn ring(&self) {
        self.desk.bell.notify_one();
    }

    /// Puts one record into the queue; true when it is news to the thread.
    fn put(
        &self,
        queue: &mut Queue,
        importance: Importance,
        kind: u8,
        payload: &[&[u8]],
        urgency: Urgency,
    ) -> Result<bool, Refused> {
        if let Some(fault) = &queue.fault {
            return Err(Refused::Fault(fault.clone()));
        }
        if queue.is_closing {
            return Err(Refused::Closed);
        }
        let length = record::encoded_bytes(record::bytes_of(payload));
        match queue.judge(length, importance) {
            Verdict::Taken => {
                let is_timed = queue.lazy_since.is_some();
                let sequence = queue.push(kind, payload, length, urgency);
                // Before the lock goes: what is released next was named before.
                self.reader.0.set_appended(sequence);
                // A lazy one is news only to a thread that has no time to wake at.
                Ok(urgency == Urgency::Now || !is_timed)
            }
            Verdict::TooLarge => Err(Refused::TooLarge),
            Verdict::Busy => Err(Refused::Busy),
            Verdict::NoRoom => Err(if queue.is_exhausted { Refused::Full } else { Refused::Busy }),
        }
    }

    /// What is durable and what room there is, at one moment. The room is kept for whoever asked last.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let mut queue = self.desk.queue();
        let (durable, written) = (self.durable(), self.desk.written.load(Ordering::Acquire));
        Standing {
            durable,
            written: durable.max(Sequence::new(written)),
            room: queue.promise(),
            is_full: queue.is_exhausted,
            fault: queue.fault.clone(),
        }
    }

    /// From now on the waker is called also when something is written and not synced yet, which costs the thread a call
    /// for each group.
    pub fn tell_written(&self) {
        self.desk.tells_written.store(true, Ordering::Release);
    }

    /// Bytes of records that were taken and are not written, with their headers.
    #[must_use]
    pub fn waiting_bytes(&self) -> u64 {
        self.desk.queue().waiting_bytes()
    }

    /// Lets a full device be asked again, which tries to make files there: not more than now and then. The waker is
    /// called when it was.
    pub fn want_room(&self) {
        let mut queue = self.desk.queue();
        queue.want_room();
        let is_ringing = queue.take_bell();
        drop(queue);
        if is_ringing {
            self.ring();
        }
    }

    /// The last record that is durable, and with it all before.
    #[must_use]
    pub fn durable(&self) -> Sequence {
        Sequence::new(self.desk.durable.load(Ordering::Acquire))
    }

    /// What ended the log, if something did.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        self.desk.queue().fault.clone()
    }

    /// Appends the payload of a record to a buffer and says its kind; it can be read once it is written.
    pub fn read(&self, sequence: Sequence, payload: &mut Vec<u8>) -> Result<u8, ReadError> {
        self.reader.read(sequence, payload)
    }

    /// Says that a record is needed no more; see [`Log::release`](crate::Log::release).
    pub fn release(&self, sequence: Sequence) -> Result<(), ReadError> {
        self.reader.0.release(sequence)
    }
}

/// A record for [`Handle::append_all`].
#[derive(Clone, Copy, Debug)]
pub struct NewRecord<'a> {
    /// What kind it is, to its owner.
    pub kind: u8,
    /// Its payload.
    pub payload: &'a [u8],
    /// Whether somebody waits for it.
    pub urgency: Urgency,
    /// Whether it may use the reserve.
    pub importance: Importance,
}

/// What became of records that were appended together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Appended {
    /// The name of the last one.
    pub last: Sequence,
    /// All records from this one to the last become durable at one moment.
    pub together_from: Sequence,
    /// The thread sleeps and does not know yet.
    pub needs_ring: bool,
}

/// How a log stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The last record that is durable, and with it all before.
    pub durable: Sequence,
    /// The last that is safe from the end of the process, if not from a loss of power; no less than what is durable. It
    /// is news only after [`Handle::tell_written`].
    pub written: Sequence,
    /// Bytes of ordinary records that will be taken for certain, each with [`Standing::OVERHEAD_BYTES`] beside its
    /// payload.
    pub room: u64,
    /// The device refused more room than that.
    pub is_full: bool,
    /// What ended the log, if something did.
    pub fault: Option<Fault>,
}

impl Standing {
    /// What a record takes beside its payload, at the most: it may be alone in its frame.
    pub const OVERHEAD_BYTES: u64 = HEADER_BYTES + 16;
}

/// Why a record was not taken into the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// The queue is at its bound. The waker is called when there is room again.
    Busy,
    /// The device has no room but for what is essential.
    Full,
    /// The record is larger than `record_bytes_max`.
    TooLarge,
    /// The writer is being closed.
    Closed,
    /// The log is over.
    Fault(Fault),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => write!(f, "the queue is full"),
            Self::Full => write!(f, "no space left for records that are not essential"),
            Self::TooLarge => write!(f, "the record is too large"),
            Self::Closed => write!(f, "the log is being closed"),
            Self::Fault(fault) => fault.fmt(f),
        }
    }
}

impl Error for Refused {}

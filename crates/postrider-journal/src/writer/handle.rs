//! What others hold of a writer: to append, to release, to read, to see what is durable.

use super::queue::Verdict;
use super::{Desk, Urgency};
use crate::error::{Fault, ReadError};
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
        let length = record::encoded_bytes(record::bytes_of(payload));
        let mut queue = self.desk.queue();
        if let Some(fault) = &queue.fault {
            return Err(Refused::Fault(fault.clone()));
        }
        if queue.is_closing {
            return Err(Refused::Closed);
        }
        match queue.judge(length, importance) {
            Verdict::Taken => {
                let is_timed = queue.lazy_since.is_some();
                let sequence = queue.push(kind, payload, length, urgency);
                // A lazy one is news only to a thread that has no time to wake at.
                let is_ringing = (urgency == Urgency::Now || !is_timed) && queue.take_bell();
                // Before the lock goes: what is released next was named before.
                self.reader.0.set_appended(sequence);
                drop(queue);
                if is_ringing {
                    self.desk.bell.notify_one();
                }
                Ok(sequence)
            }
            Verdict::TooLarge => Err(Refused::TooLarge),
            Verdict::Busy => Err(Refused::Busy),
            Verdict::NoRoom => {
                let refused = if queue.is_exhausted { Refused::Full } else { Refused::Busy };
                let is_ringing = queue.take_bell();
                drop(queue);
                if is_ringing {
                    self.desk.bell.notify_one();
                }
                Err(refused)
            }
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

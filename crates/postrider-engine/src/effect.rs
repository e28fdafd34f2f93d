//! Everything an engine can ask of the world, and the tray in which it does so.

use crate::{Durability, LinkId};
use bytes::Bytes;
use core::ops::Range;
use postrider_ports::{
    Answer, AuthenticateRequest, AuthorizeRequest, Cause, ControlRequest, Event, PartitionId, Ticket,
};
use postrider_session::{Message, Sequence};

/// Something to be done, in the order of the tray.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Append these bytes of the tray to a link's outbox.
    Send {
        /// Whose.
        link: LinkId,
        /// Which bytes of [`Tray::bytes`].
        range: Range<u32>,
        /// Whether they are charged.
        lane: Lane,
    },
    /// Append these bytes of the tray and then a shared payload to a link's outbox.
    SendShared {
        /// Whose.
        link: LinkId,
        /// Which bytes of [`Tray::bytes`].
        head: Range<u32>,
        /// Index into [`Tray::bodies`].
        body: u32,
    },
    /// The client is in: its link may read on, under this keep alive.
    Accepted {
        /// Which link.
        link: LinkId,
        /// Seconds; 0 is off.
        keep_alive_s: u16,
        /// The largest packet the client takes.
        packet_bytes_max: u32,
    },
    /// An authentication exchange goes on: the link may read AUTH.
    Exchange {
        /// Which link.
        link: LinkId,
    },
    /// The link may offer its next packet.
    Resume {
        /// Which link.
        link: LinkId,
    },
    /// Send what is in the outbox and close. Nothing of this link is taken any more.
    Part {
        /// Which link.
        link: LinkId,
        /// Why.
        cause: Cause,
    },
    /// Ask a plugin; the answer is [`crate::Input::Judged`].
    Judge {
        /// Comes back with the answer.
        ticket: Ticket,
        /// The question.
        question: Box<Judge>,
    },
    /// Hand a message to another partition, in order.
    Forward {
        /// Which partition.
        to: PartitionId,
        /// The message.
        message: Message,
        /// Whether it is retained.
        retain: bool,
    },
    /// Answer an administrator.
    Answer {
        /// Of the question.
        ticket: Ticket,
        /// The answer.
        answer: Answer,
    },
    /// Tell whoever watches.
    Observe(Box<Event>),
    /// Append a record to the log. Records are numbered in the order of these effects, without holes.
    Append {
        /// What kind of record it is.
        kind: u8,
        /// Its payload, of [`Tray::bytes`].
        range: Range<u32>,
        /// Whether anything waits for it.
        urgency: Urgency,
        /// Whether a full device has to take it all the same.
        importance: Importance,
    },
    /// Whatever follows for any link leaves when the log is durable up to this record, and so does what comes later
    /// for the same link. The end of the input ends that, and where another one follows in the same tray, it begins with
    /// [`Sequence::NONE`].
    After(Sequence),
    /// The client of this link is promised less than others: what follows for it waits for no more than that.
    /// [`Effect::After`] is not for links that are promised [`Durability::Memory`].
    Promised {
        /// Which link.
        link: LinkId,
        /// What it is promised.
        durability: Durability,
    },
    /// A record is needed no more. It was appended before this effect.
    Release(Sequence),
    /// Read records back; the answer is [`crate::Input::Loaded`].
    Load {
        /// Comes back with the answer.
        ticket: Ticket,
        /// Which ones. They have been appended, perhaps not written.
        sequences: Box<[Sequence]>,
    },
}

/// Whether a record is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Something waits: it begins a sync as soon as the device is free.
    Now,
    /// Nothing does: it rides with the next one, or goes within 200 ms.
    Lazy,
}

/// Who may still write when the device is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Importance {
    /// Something new: there is room as long as [`crate::Input::Committed`] said so.
    Ordinary,
    /// What makes room or keeps a promise that was made; it may use the reserve.
    Essential,
}

/// Which of an outbox's two lanes bytes go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Answers of a few bytes: never dropped, never charged, first when the socket is slow.
    Control,
    /// Messages: charged against the link's credit.
    Data,
}

/// A question for a plugin.
#[derive(Clone, Debug)]
pub enum Judge {
    /// Who is this client?
    Authenticate(AuthenticateRequest),
    /// May this be done?
    Authorize(AuthorizeRequest),
    /// What comes of this command?
    Control(ControlRequest),
}

/// A large payload.
#[derive(Clone, Debug)]
pub struct Body {
    /// The payload.
    pub bytes: Bytes,
    /// True when it is part of the buffer that [`crate::Input::Received`] brought: whoever keeps it for longer
    /// than the call copies it, so that a few bytes do not hold a whole buffer.
    pub is_borrowed: bool,
}

/// Where an engine writes what must happen. The driver owns it, empties it and hands it in again.
#[derive(Clone, Debug, Default)]
pub struct Tray {
    /// Encoded packets; effects refer to ranges, and several may refer to the same one.
    pub bytes: Vec<u8>,
    /// Large payloads that are sent without copying.
    pub bodies: Vec<Body>,
    /// What must happen, in order.
    pub effects: Vec<Effect>,
    /// Packets sent that are no PUBLISH, and that the engine has not counted.
    answers: u64,
    /// What is sent now waits for this record.
    after: Sequence,
}

/// Above this capacity an emptied tray gives its memory back.
const KEPT_BYTES_MAX: usize = 1 << 20;

impl Tray {
    /// An empty tray.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), bodies: Vec::new(), effects: Vec::new(), answers: 0, after: Sequence::NONE }
    }

    /// Forgets everything but what the engine has to count; keeps a moderate amount of memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bodies.clear();
        self.effects.clear();
        self.after = Sequence::NONE;
        if self.bytes.capacity() > KEPT_BYTES_MAX {
            self.bytes = Vec::new();
        }
        if self.effects.capacity() * size_of::<Effect>() > KEPT_BYTES_MAX {
            self.effects = Vec::new();
        }
    }

    /// True when nothing is asked for.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.effects.is_empty()
    }

    /// Where the next byte will stand.
    #[inline]
    pub(crate) fn mark(&self) -> u32 {
        u32::try_from(self.bytes.len()).unwrap_or(u32::MAX)
    }

    /// Sends an answer, one packet, that was written since `start`.
    #[inline]
    pub(crate) fn send_since(&mut self, link: LinkId, start: u32, lane: Lane) {
        // No check for overflow: 64 bits last.
        self.answers = self.answers.wrapping_add(1);
        self.send(link, start..self.mark(), lane);
    }

    /// How many answers were sent since the last time.
    pub(crate) const fn take_answers(&mut self) -> u64 {
        core::mem::replace(&mut self.answers, 0)
    }

    /// Sends a range of the tray; neighbouring ranges for one link become one effect.
    #[inline]
    pub(crate) fn send(&mut self, link: LinkId, range: Range<u32>, lane: Lane) {
        if let Some(Effect::Send { link: last_link, range: last, lane: last_lane }) = self.effects.last_mut()
            && *last_link == link
            && *last_lane == lane
            && last.end == range.start
        {
            last.end = range.end;
            return;
        }
        self.effects.push(Effect::Send { link, range, lane });
    }

    /// What follows in this input waits for a record, and for those that it waited for before.
    #[inline]
    pub(crate) fn wait_for(&mut self, sequence: Sequence) {
        if sequence > self.after {
            self.after = sequence;
            self.effects.push(Effect::After(sequence));
        }
    }

    /// What follows waits for this record.
    pub(crate) const fn waits_for(&self) -> Sequence {
        self.after
    }

    /// Another input begins.
    #[inline]
    pub(crate) fn wait_no_more(&mut self) {
        if self.after.is_some() {
            self.end_wait();
        }
    }

    #[cold]
    fn end_wait(&mut self) {
        self.after = Sequence::NONE;
        self.effects.push(Effect::After(Sequence::NONE));
    }

    /// Adds a payload that several links may be sent.
    pub(crate) fn add_body(&mut self, body: Body) -> u32 {
        self.bodies.push(body);
        u32::try_from(self.bodies.len() - 1).unwrap_or(u32::MAX)
    }

    #[inline]
    pub(crate) fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }
}

//! Everything that can happen to an engine. If it is not here, it does not exist.

use crate::{Limits, Pressure};
use bytes::Bytes;
use postrider_ports::{Access, AuthenticateAnswer, Cause, PartitionId, Peer, Question, Ticket};
use postrider_proto::{Connect, Packet};
use postrider_session::{Message, Sequence, Violation};

/// Names a link: the place the driver gave it, and how many links had that place before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId {
    /// Index in the driver's table; small numbers are reused.
    pub slot: u32,
    /// Tells this link from earlier ones in the same place.
    pub epoch: u32,
}

/// Something that happened.
#[derive(Debug)]
pub enum Input<'a> {
    /// A link has sent its CONNECT.
    Linked {
        /// A link the engine has not heard of yet.
        link: LinkId,
        /// What it sent.
        connect: &'a Connect<'a>,
        /// Where it comes from.
        peer: &'a Peer,
    },
    /// A packet came on a link whose client is in (or, for AUTH and DISCONNECT, is about to be).
    Received {
        /// Which link.
        link: LinkId,
        /// The packet, topic alias resolved.
        packet: &'a Packet<'a>,
        /// The buffer that the packet borrows from, so that a large payload can be shared.
        source: &'a Bytes,
    },
    /// A link is gone, and its client did not say DISCONNECT.
    Parted {
        /// Which link.
        link: LinkId,
        /// Why.
        cause: Cause,
    },
    /// A link broke the protocol in a way its own half has seen and answered.
    Broke {
        /// Which link.
        link: LinkId,
        /// How.
        violation: Violation,
    },
    /// An answer to [`crate::Effect::Judge`].
    Judged {
        /// The ticket of the question.
        ticket: Ticket,
        /// The answer.
        verdict: Verdict,
    },
    /// The socket of a link took bytes that were charged to its outbox.
    Room {
        /// Which link.
        link: LinkId,
        /// How many bytes since the last time.
        bytes: u32,
    },
    /// A message that another partition took.
    Remote {
        /// Which partition.
        from: PartitionId,
        /// The message.
        message: Message,
        /// Whether it is retained.
        retain: bool,
    },
    /// What the driver has counted since the last time.
    Passed(Box<Passed>),
    /// Other limits are to hold from now on.
    Adopted(Box<Limits>),
    /// Memory is short, or is not any more.
    Pressed {
        /// How short.
        pressure: Pressure,
        /// What of it the outboxes may have together until that is over.
        outboxes_bytes: u64,
    },
    /// An administrator asks.
    Asked {
        /// Comes back with the answer.
        ticket: Ticket,
        /// The question.
        question: Question,
    },
    /// The log is durable up to here, or has room again.
    Committed {
        /// The last record that is durable, and with it all before.
        through: Sequence,
        /// Room for more ordinary records, in bytes, beside what has been appended.
        room: u64,
        /// The device has no more room than that.
        is_full: bool,
    },
    /// An answer to [`crate::Effect::Load`].
    Loaded {
        /// The ticket of the question.
        ticket: Ticket,
        /// What was found, in the order it was asked for.
        records: Vec<LoadedRecord>,
    },
    /// Go on with work that was cut into slices; see [`crate::Engine::has_work`].
    Continue,
    /// Time passed; see [`crate::Engine::next_deadline`].
    Tick,
}

/// A record that was read back.
#[derive(Clone, Debug)]
pub struct LoadedRecord {
    /// Which one.
    pub sequence: Sequence,
    /// What is in it; `None` when it could not be read.
    pub payload: Option<Bytes>,
}

/// What passes through the driver and only it can count.
#[derive(Clone, Copy, Debug, Default)]
pub struct Passed {
    /// Connections that were opened.
    pub sockets: u64,
    /// Packets that the engine took, or the driver for it.
    pub packets_received: u64,
    /// Their bytes.
    pub bytes_received: u64,
    /// Packets that are not the engine's: answers to pings, last words of a link's own half.
    pub packets_sent: u64,
    /// Bytes of all packets that were given to links.
    pub bytes_sent: u64,
}

/// What a plugin decided.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// To [`crate::Judge::Authenticate`].
    Authenticate(AuthenticateAnswer),
    /// To [`crate::Judge::Authorize`], one for each action.
    Authorize(Vec<Access>),
    /// To [`crate::Judge::Control`]: the payload of a response.
    Control(Option<Box<[u8]>>),
}

/// How an input was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Done with it.
    Done,
    /// Done with it, but the link's next packet has to wait for [`crate::Effect::Resume`].
    Pause,
    /// Not taken: offer the same packet again after [`crate::Effect::Resume`], and nothing in between.
    Hold,
    /// The link is over; nothing more of it is taken.
    Gone,
}

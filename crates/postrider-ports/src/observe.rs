//! The power to watch, and to stop nothing.

use crate::{ClientId, Peer, Principal};
use postrider_proto::{Qos, ReasonCode, Version};
use std::sync::Arc;

/// Hears what happens. Events wait in a bounded queue; when it is full they are counted and left out.
pub trait Observe: Send + 'static {
    /// One event, in the order things happened.
    fn observe(&mut self, event: &Event);
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The client sent DISCONNECT.
    Disconnect(ReasonCode),
    /// The far end closed the connection or it broke.
    Closed,
    /// The far end broke the protocol or a limit; what it was told, and the clause.
    Violation(ReasonCode, &'static str),
    /// Silent for one and a half keep-alive times. [MQTT-3.1.2-22]
    KeepAlive,
    /// Another connection took the session. [MQTT-3.1.4-3]
    TakenOver,
    /// It took nothing of what was sent to it for too long.
    Slow,
    /// The broker is out of memory, and what it kept for this client was most.
    Memory,
    /// An administrator ended it, or what clients may do has changed; what the client was told.
    Administrative(ReasonCode),
    /// The broker stops.
    Shutdown,
}

/// Why a message was not delivered to a session. Every such message is counted under one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum DropReason {
    /// QoS 0 for a session without a connection.
    Offline = 0,
    /// The session's mailbox was full.
    MailboxFull = 1,
    /// Its lifetime ended before it could be sent. [MQTT-3.3.2-5]
    Expired = 2,
    /// Larger than the client takes. [MQTT-3.1.2-25]
    TooLarge = 3,
    /// The session ended with messages waiting.
    SessionEnded = 4,
    /// It could not be read back from the log.
    Unreadable = 5,
    /// Its client may not have it any more.
    NotAllowed = 6,
    /// The broker is short of memory, and the client does not keep up.
    Memory = 7,
}

impl DropReason {
    /// Every reason, in the order of the counters.
    pub const ALL: [Self; 8] = [
        Self::Offline,
        Self::MailboxFull,
        Self::Expired,
        Self::TooLarge,
        Self::SessionEnded,
        Self::Unreadable,
        Self::NotAllowed,
        Self::Memory,
    ];

    /// A word for counters and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::MailboxFull => "mailbox-full",
            Self::Expired => "expired",
            Self::TooLarge => "too-large",
            Self::SessionEnded => "session-ended",
            Self::Unreadable => "unreadable",
            Self::NotAllowed => "not-allowed",
            Self::Memory => "memory",
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A connection was made. Nothing is known of its client yet.
    Opened {
        /// Where it comes from.
        peer: Peer,
        /// The port it came to; 0 where there is none.
        port: u16,
    },
    /// A connection ended before there was a CONNECT.
    Left {
        /// Where it came from.
        peer: Peer,
        /// Why.
        cause: Cause,
    },
    /// A client is in.
    Connected {
        /// Its identifier.
        client_id: ClientId,
        /// Where it comes from.
        peer: Peer,
        /// What it speaks.
        version: Version,
        /// Whether a stored session goes on.
        session_present: bool,
        /// Whether it asked for a new one. [3.1.2.4]
        is_clean: bool,
        /// The keep alive that holds, in seconds.
        keep_alive_s: u16,
        /// Who it is; `None` for anonymous clients.
        principal: Option<Principal>,
    },
    /// A client was refused.
    Refused {
        /// The identifier it asked for.
        client_id: ClientId,
        /// Where it comes from.
        peer: Peer,
        /// What it speaks.
        version: Version,
        /// What it was told.
        reason: ReasonCode,
    },
    /// A connection ended before a client could speak: its TLS, WebSocket or PROXY header was not what was expected.
    HandshakeFailed {
        /// Where it comes from.
        peer: Peer,
        /// Why, for people.
        reason: Box<str>,
    },
    /// A client is gone.
    Disconnected {
        /// Its identifier.
        client_id: ClientId,
        /// Why.
        cause: Cause,
    },
    /// A session ended and what it held with it.
    SessionEnded {
        /// Its identifier.
        client_id: ClientId,
    },
    /// A subscription was made.
    Subscribed {
        /// Who.
        client_id: ClientId,
        /// To what.
        filter: Box<str>,
        /// The granted QoS, or why not.
        granted: Result<Qos, ReasonCode>,
        /// What the plugin says of it, if it denied it.
        why: Option<Arc<str>>,
    },
    /// A subscription ended.
    Unsubscribed {
        /// Who.
        client_id: ClientId,
        /// From what.
        filter: Box<str>,
    },
    /// A subscription ended because its client may not have it any more.
    Revoked {
        /// Whose.
        client_id: ClientId,
        /// To what.
        filter: Box<str>,
        /// What the plugin says of it.
        why: Option<Arc<str>>,
    },
    /// A publish was not allowed.
    PublishDenied {
        /// Who.
        client_id: ClientId,
        /// To what topic.
        topic: Box<str>,
        /// Why.
        reason: ReasonCode,
        /// What the plugin says of it, if it denied it.
        why: Option<Arc<str>>,
    },
    /// A will was published.
    WillPublished {
        /// Whose.
        client_id: ClientId,
        /// Where.
        topic: Box<str>,
    },
    /// Messages owed to a session were dropped. Said for the first of a series, counted always.
    Dropped {
        /// Whose.
        client_id: ClientId,
        /// Why.
        reason: DropReason,
    },
    /// Messages owed to a shared subscription were dropped before a member got them. Said at one, three, seven ...
    ShareDropped {
        /// The whole filter.
        filter: Box<str>,
        /// Why.
        reason: DropReason,
    },
    /// A client identifier stays outside for a while.
    Banned {
        /// Whose.
        client_id: ClientId,
        /// Seconds.
        for_s: u32,
    },
    /// The observer was too slow for this many events.
    Missed(u64),
}

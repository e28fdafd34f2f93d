//! What the world may ask of the broker.

use crate::{ClientId, DropReason, Principal};
use postrider_proto::ReasonCode;

/// A question to the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Question {
    /// How much of everything.
    Counters,
    /// What the broker says of itself below `$SYS/broker`, without averages.
    Figures,
    /// One session.
    Session(ClientId),
    /// End the connection of a client with reason 0x98.
    Disconnect(ClientId),
    /// End the connections of these principals with this reason; `None` are those who are anonymous. Sorted.
    Dismiss(Box<[Option<Principal>]>, ReasonCode),
    /// What clients may do has changed: forget what was answered, and ask anew about every subscription there is.
    Review,
    /// Publish something in the broker's own name, to those who subscribe to it now; nothing keeps it.
    Say {
        /// Where.
        topic: Box<str>,
        /// What.
        text: Box<[u8]>,
    },
    /// Tell everybody 0x8B (server shutting down) and end all connections. The answer comes when the log, if there is
    /// one, has been given all there is to know.
    Shutdown,
}

/// The answer to a [`Question`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// To [`Question::Counters`].
    Counters(Box<Counters>),
    /// To [`Question::Figures`]: topics and texts.
    Figures(Vec<(String, String)>),
    /// To [`Question::Session`]; `None` when there is no such session.
    Session(Option<Box<SessionInfo>>),
    /// To [`Question::Say`]: false if that is no topic.
    Said(bool),
    /// To [`Question::Review`]: how many sessions are looked at, not how far that has come.
    Reviewing(u64),
    /// To [`Question::Disconnect`], [`Question::Dismiss`] and [`Question::Shutdown`]: how many connections it ended.
    Ended(u64),
}

/// Messages not delivered, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops([u64; DropReason::ALL.len()]);

impl Drops {
    /// Counts `count` messages more.
    pub fn add(&mut self, reason: DropReason, count: u64) {
        if let Some(counter) = self.0.get_mut(reason as usize) {
            *counter += count;
        }
    }

    /// How many were dropped for `reason`.
    #[must_use]
    pub fn of(&self, reason: DropReason) -> u64 {
        self.0.get(reason as usize).copied().unwrap_or(0)
    }

    /// How many were dropped in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// What passed in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Packets of every kind.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// PUBLISH packets among them, repeated ones too.
    pub publishes: u64,
    /// Bytes of their payloads.
    pub payload_bytes: u64,
}

impl core::ops::AddAssign for Traffic {
    #[inline]
    fn add_assign(&mut self, more: Self) {
        self.packets += more.packets;
        self.bytes += more.bytes;
        self.publishes += more.publishes;
        self.payload_bytes += more.payload_bytes;
    }
}

/// What a partition has counted since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// What clients sent, packet by whole packet.
    pub received: Traffic,
    /// What was put into the outboxes of clients.
    pub sent: Traffic,
    /// Connections opened to the broker.
    pub sockets_opened: u64,
    /// CONNECT packets.
    pub connects_received: u64,
    /// PUBLISH packets taken from clients, duplicates left out.
    pub messages_received: u64,
    /// Copies of messages that matched a session, retained replays among them.
    pub deliveries_owed: u64,
    /// Copies sent, the first time.
    pub deliveries_sent: u64,
    /// Copies not sent and never to be.
    pub drops: Drops,
    /// Copies that wait in mailboxes now.
    pub deliveries_queued: u64,
    /// Bytes charged for them.
    pub queued_bytes: u64,
    /// Connections with an accepted client now.
    pub clients_connected: u64,
    /// The most there have been at one time.
    pub clients_maximum: u64,
    /// Sessions now, connected or not.
    pub sessions: u64,
    /// Sessions that nobody came back to in time.
    pub sessions_expired: u64,
    /// Subscriptions now, shared ones among them.
    pub subscriptions: u64,
    /// Memberships of shared subscriptions now.
    pub shared_subscriptions: u64,
    /// Retained messages of clients now.
    pub retained: u64,
    /// Bytes charged for them.
    pub retained_bytes: u64,
    /// Acknowledgements for identifiers that were not in use.
    pub stray_acks: u64,
    /// Wills published.
    pub wills_published: u64,
    /// Times that a PUBLISH had to wait because of a rate.
    pub publishes_held: u64,
    /// CONNECT packets refused because of a rate.
    pub connects_over_rate: u64,
    /// SUBSCRIBE filters refused because the client has too many.
    pub subscriptions_over: u64,
    /// Topics and filters refused because they have too many levels.
    pub levels_over: u64,
    /// Times that a client identifier was banned.
    pub clients_banned: u64,
    /// CONNECT packets refused because of a ban.
    pub banned_refused: u64,
    /// New sessions refused because memory is short.
    pub sessions_refused: u64,
    /// Times that a PUBLISH had to wait because memory is short.
    pub publishes_paced: u64,
    /// PUBLISH packets refused because memory is short.
    pub publishes_refused: u64,
    /// Connections ended because memory is short.
    pub clients_shed: u64,
}

/// One session as an administrator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    /// Its identifier.
    pub client_id: ClientId,
    /// Whom it belongs to.
    pub principal: Option<Principal>,
    /// Whether it has a connection.
    pub is_connected: bool,
    /// How many subscriptions it has.
    pub subscriptions: usize,
    /// Messages that wait for it.
    pub queued: usize,
    /// Bytes charged for them.
    pub queued_bytes: u64,
    /// Messages sent and not acknowledged to their end.
    pub in_flight: usize,
    /// QoS 2 messages from it that wait for PUBREL.
    pub awaiting_pubrel: usize,
    /// What it lost, by reason.
    pub drops: Drops,
}

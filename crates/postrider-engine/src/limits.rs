//! What the engine allows, as plain data.
//!
//! Owns: nothing but numbers. There is no `Default`: whoever builds an engine says what holds, and the
//! product's defaults stand in one place, with the configuration.

use crate::{BanRule, Rates};
use postrider_proto::Qos;
use postrider_session::{Bounds, LinkLimits};

/// What clients are allowed and what is announced to them.
#[derive(Clone, Debug)]
pub struct Limits {
    /// What a link's own half checks.
    pub link: LinkLimits,
    /// Receive Maximum that we announce: QoS 1 and 2 messages a 5.0 client may have unacknowledged. 3.1 and
    /// 3.1.1 clients are bounded by identifiers alone.
    pub receive_maximum: u16,
    /// QoS 1 and 2 messages that a client may owe us acknowledgements for, whatever it announced itself.
    pub in_flight_max: u16,
    /// Topic aliases that we use towards a client which allows them; 0 for none.
    pub topic_alias_out_max: u16,
    /// Highest QoS of a PUBLISH and of a grant.
    pub qos_max: Qos,
    /// Whether messages can be retained.
    pub retain_available: bool,
    /// Whether filters may have wildcards.
    pub wildcards_available: bool,
    /// What becomes of a payload that says it is UTF-8.
    pub payload_format: PayloadFormat,
    /// Where clients of 5.0 are sent when the broker stops; without, they hear 0x8B alone. [3.14.2.2.5]
    pub server_reference: Option<Box<str>>,
    /// Which member of a shared subscription gets a message.
    pub share_strategy: ShareStrategy,
    /// Longest time a session outlives its connection, in seconds; `u32::MAX` is for ever.
    pub session_expiry_s_max: u32,
    /// That time for 3.1 and 3.1.1 clients, which cannot say.
    pub session_expiry_v3_s: u32,
    /// Longest keep alive in seconds; 0 switches the limit off.
    pub keep_alive_s_max: u16,
    /// Whether an empty client identifier gets one assigned.
    pub assigns_client_ids: bool,
    /// What assigned identifiers begin with.
    pub client_id_prefix: Box<str>,
    /// Subscriptions of one client.
    pub subscriptions_max: u32,
    /// Bytes that the subscriptions of one client take: each its filter's text and 64, and 64 for each level where the
    /// filter has a wildcard.
    pub subscription_bytes_max: u32,
    /// What waits for one session.
    pub mailbox: Bounds,
    /// Bytes on their way to one link's socket.
    pub outbox_bytes_max: u32,
    /// Retained messages in all.
    pub retained_messages_max: u64,
    /// Their bytes in all.
    pub retained_bytes_max: u64,
    /// Sessions in all, connected or not.
    pub sessions_max: u32,
    /// What one connection may do, beside what is announced.
    pub client_rates: Rates,
    /// What all clients of one listener may do together, by [`postrider_ports::ListenerId`]; none for those beyond.
    pub listener_rates: Vec<Rates>,
    /// What all clients may do together.
    pub broker_rates: Rates,
    /// When a client identifier is banned; `None` for never.
    pub ban: Option<BanRule>,
    /// Deliveries of one message that are done at a stretch.
    pub fanout_slice: u32,
    /// Response Information for clients that ask for it. [3.2.2.3.15]
    pub response_information: Option<Box<str>>,
    /// Who decides who a client is.
    pub authenticate: Who,
    /// Who decides what a client may do.
    pub authorize: Who,
    /// Whether anybody watches; without, no event is made.
    pub is_observed: bool,
    /// How many partitions there are, this one among them.
    pub partitions: u16,
    /// Seconds between two looks at what the broker publishes of itself below `$SYS/broker`; 0 switches that off.
    pub sys_interval_s: u16,
    /// What an acknowledgement promises.
    pub durability: Durability,
    /// Whether clients of 5.0 hear that in CONNACK, as the user property `durability`. [3.2.2.3.10]
    pub tells_durability: bool,
}

impl Limits {
    /// Whether clients may share subscriptions: members in another partition would get copies of their own.
    #[must_use]
    pub const fn shares_available(&self) -> bool {
        self.partitions == 1
    }

    /// Whether the broker publishes what it says of itself: one partition would say it for all.
    pub(crate) const fn has_sys(&self) -> bool {
        self.sys_interval_s > 0 && self.partitions == 1
    }
}

/// What becomes of an acknowledged message and of a session when something ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Durability {
    /// They end with the process.
    Memory,
    /// They survive the end of the process.
    Os,
    /// They survive a loss of power.
    Fsync,
}

impl Durability {
    /// A word for clients and people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Os => "os",
            Self::Fsync => "fsync",
        }
    }
}

/// Which member of a shared subscription gets a message. Those without a connection are passed over, and so are,
/// except by [`ShareStrategy::Sticky`] and [`ShareStrategy::Hash`], those that cannot take it at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ShareStrategy {
    /// One after the other.
    RoundRobin,
    /// Any.
    Random,
    /// The same one until it leaves.
    Sticky,
    /// Always the same one for what one client publishes; when a member leaves, only its share moves.
    Hash,
    /// The one with the fewest unacknowledged messages, of 64 that are looked at.
    LeastInFlight,
}

/// What becomes of a payload whose Payload Format Indicator says that it is UTF-8. [3.3.2.3.2]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PayloadFormat {
    /// It is passed on as it is.
    Passed,
    /// It is looked at: a message or will that is no UTF-8 is refused with 0x99.
    Checked,
}

/// Who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Nobody: everything is allowed.
    Nobody,
    /// A plugin, asked through [`crate::Effect::Judge`].
    Plugin,
}

/// Numbers that must be hard to guess in production and the same again in a simulation.
#[derive(Clone, Copy, Debug)]
pub struct Seeds {
    /// For hash tables.
    pub hash: u64,
    /// For assigned client identifiers.
    pub ids: u128,
}

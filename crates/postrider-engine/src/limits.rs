//! What the engine allows, as plain data.
//!
//! Owns: nothing but numbers. There is no `Default`: whoever builds an engine says what holds, and the
//! product's defaults stand in one place, with the configuration.

use crate::{BanRule, Rates};
use postrider_ports::ListenerId;
use postrider_proto::{Qos, Version};
use postrider_session::{Bounds, LinkLimits};
use std::sync::Arc;

/// What clients are allowed and what is announced to them.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Names of plugins that take what is published to `$CONTROL/NAME/v1`, if somebody says who may.
    pub controls: Vec<Box<str>>,
    /// What a link's own half checks.
    pub link: LinkLimits,
    /// Receive Maximum that we announce: QoS 1 and 2 messages a 5.0 client may have unacknowledged. 3.1 and
    /// 3.1.1 clients are bounded by identifiers alone.
    pub receive_maximum: u16,
    /// QoS 1 and 2 messages that a client may owe us acknowledgements for, whatever it announced itself.
    pub in_flight_max: u16,
    /// Bytes of payloads of these; `u64::MAX` for no limit. One message that passes it may go, and no other until there
    /// are fewer.
    pub in_flight_bytes_max: u64,
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
    /// What the client identifiers of all clients begin with, one of these; anything if there are none.
    pub client_id_prefixes: Vec<Box<str>>,
    /// Largest payload in bytes. A larger one is acknowledged and goes nowhere; 5.0 clients hear 0x97.
    pub payload_bytes_max: u32,
    /// Whether a subscriber gets messages with the QoS it was granted also where they were published with a lower one,
    /// which the specification does not know.
    pub raises_qos: bool,
    /// Whether messages with QoS 0 wait for clients that are away. They wait in memory alone.
    pub queues_qos0: bool,
    /// Whether a retained message goes to a new subscription only while its author may publish it.
    pub rechecks_authors: bool,
    /// Whether a client of 5.0 that has sent more than the Receive Maximum is disconnected. [MQTT-3.3.4-9]
    pub is_receive_maximum_strict: bool,
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
    /// Seconds after which a retained message goes, whatever it says itself; `u32::MAX` for never.
    pub retained_expiry_s_max: u32,
    /// Sessions in all, connected or not.
    pub sessions_max: u32,
    /// What one connection may do, beside what is announced.
    pub client_rates: Rates,
    /// Where the clients of a listener are allowed something else, by [`postrider_ports::ListenerId`]; nothing else
    /// for those beyond.
    pub listeners: Vec<ListenerLimits>,
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
    /// Whether that is asked before a subscription ends at its client's wish, too.
    pub authorizes_unsubscribe: bool,
    /// Whether anybody watches; without, no event is made.
    pub is_observed: bool,
    /// How many partitions there are, this one among them.
    pub partitions: u16,
    /// Seconds between two looks at what the broker publishes of itself below `$SYS/broker`; 0 switches that off.
    pub sys_interval_s: u16,
    /// Whether some of it is said below `$SOL/broker` too, as the C broker Sol does.
    pub has_sol_topics: bool,
    /// Whether birth certificates of Sparkplug are retained below `$sparkplug/certificates` as well.
    pub is_sparkplug_aware: bool,
    /// What an acknowledgement promises.
    pub durability: Durability,
    /// Whether clients of 5.0 hear that in CONNACK, as the user property `durability`. [3.2.2.3.10]
    pub tells_durability: bool,
}

impl Limits {
    /// What differs for a listener.
    pub(crate) fn at(&self, listener: ListenerId) -> Option<&ListenerLimits> {
        self.listeners.get(usize::from(listener.0))
    }

    /// What the own half of a link checks that came through this listener.
    #[must_use]
    pub fn link_at(&self, listener: ListenerId) -> LinkLimits {
        *self.link_of(listener)
    }

    pub(crate) fn link_of(&self, listener: ListenerId) -> &LinkLimits {
        self.at(listener).and_then(|own| own.link.as_ref()).unwrap_or(&self.link)
    }

    pub(crate) fn qos_max_at(&self, listener: ListenerId) -> Qos {
        self.at(listener).and_then(|own| own.qos_max).unwrap_or(self.qos_max)
    }

    pub(crate) fn receive_maximum_at(&self, listener: ListenerId) -> u16 {
        self.at(listener).and_then(|own| own.receive_maximum).unwrap_or(self.receive_maximum)
    }

    pub(crate) fn in_flight_max_at(&self, listener: ListenerId) -> u16 {
        self.at(listener).and_then(|own| own.in_flight_max).unwrap_or(self.in_flight_max)
    }

    pub(crate) fn in_flight_bytes_max_at(&self, listener: ListenerId) -> u64 {
        self.at(listener).and_then(|own| own.in_flight_bytes_max).unwrap_or(self.in_flight_bytes_max)
    }

    /// The highest QoS of a grant.
    pub(crate) fn granted_qos_max_at(&self, listener: ListenerId) -> Qos {
        let own = self.at(listener).and_then(|own| own.granted_qos_max);
        self.qos_max_at(listener).min(own.unwrap_or(Qos::ExactlyOnce))
    }

    pub(crate) fn topic_alias_out_max_at(&self, listener: ListenerId) -> u16 {
        self.at(listener).and_then(|own| own.topic_alias_out_max).unwrap_or(self.topic_alias_out_max)
    }

    pub(crate) fn keep_alive_s_max_at(&self, listener: ListenerId) -> u16 {
        self.at(listener).and_then(|own| own.keep_alive_s_max).unwrap_or(self.keep_alive_s_max)
    }

    /// What an acknowledgement to a client of this listener promises.
    #[must_use]
    pub fn durability_at(&self, listener: ListenerId) -> Durability {
        let own = self.at(listener).and_then(|own| own.durability);
        own.map_or(self.durability, |own| own.min(self.durability))
    }

    /// The listener of this name.
    pub(crate) fn listener_named(&self, name: &str) -> Option<ListenerId> {
        let at = self.listeners.iter().position(|own| own.name.as_deref() == Some(name))?;
        u16::try_from(at).ok().map(ListenerId)
    }

    pub(crate) fn has_forgetful(&self) -> bool {
        self.listeners.iter().any(|own| own.durability == Some(Durability::Memory))
    }

    pub(crate) fn mount_point_at(&self, listener: ListenerId) -> Option<&str> {
        self.at(listener)?.mount_point.as_deref()
    }

    pub(crate) const fn has_payload_rules(&self) -> bool {
        matches!(self.payload_format, PayloadFormat::Checked) || self.payload_bytes_max < u32::MAX
    }

    pub(crate) fn has_mounts(&self) -> bool {
        self.listeners.iter().any(|own| own.mount_point.is_some())
    }

    /// The lowest of all highest QoS.
    pub(crate) fn qos_max_least(&self) -> Qos {
        self.listeners.iter().filter_map(|own| own.qos_max).fold(self.qos_max, Qos::min)
    }

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

/// Where the clients of one listener are allowed something else than all others; `None` where not.
#[derive(Clone, Debug, Default)]
pub struct ListenerLimits {
    /// By what name the log knows it, if it does: rules are those of the listener that a session's client came through
    /// last, also after a restart.
    pub name: Option<Arc<str>>,
    /// See [`Limits::link`]; the most levels of a topic are the same for all.
    pub link: Option<LinkLimits>,
    /// See [`Limits::receive_maximum`].
    pub receive_maximum: Option<u16>,
    /// See [`Limits::in_flight_max`].
    pub in_flight_max: Option<u16>,
    /// See [`Limits::in_flight_bytes_max`].
    pub in_flight_bytes_max: Option<u64>,
    /// See [`Limits::topic_alias_out_max`].
    pub topic_alias_out_max: Option<u16>,
    /// See [`Limits::qos_max`].
    pub qos_max: Option<Qos>,
    /// Highest QoS of a grant alone.
    pub granted_qos_max: Option<Qos>,
    /// See [`Limits::keep_alive_s_max`].
    pub keep_alive_s_max: Option<u16>,
    /// See [`Limits::assigns_client_ids`].
    pub assigns_client_ids: Option<bool>,
    /// See [`Limits::client_id_prefix`].
    pub client_id_prefix: Option<Box<str>>,
    /// Editions of MQTT that are not let in.
    pub refused_versions: Vec<Version>,
    /// Whether the user name takes the place of the client identifier; a client without one is refused.
    pub client_id_is_user_name: bool,
    /// What stands before every topic and filter of these clients, without them seeing it. It has no wildcard.
    pub mount_point: Option<Box<str>>,
    /// What they may do together.
    pub rates: Option<Rates>,
    /// See [`Limits::durability`]; what would be more than that is no more. A session that begins where this is
    /// [`Durability::Memory`] stands in no log.
    pub durability: Option<Durability>,
}

/// What becomes of an acknowledged message and of a session when something ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// Always the same one for what one client publishes; when a member leaves, only its share moves. What had to wait
    /// for a member goes by its topic instead.
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

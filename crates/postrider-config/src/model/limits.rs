//! What clients are allowed: by the whole broker, and by one listener.
//!
//! Owns: nothing but numbers. `u32::MAX` and `u64::MAX` are "no limit", and `0` is "off" where a comment says so.

use super::Durability;

/// What the whole broker allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory beyond which it takes nothing new; `u64::MAX` for no limit, `None` for what its control group lets
    /// it have.
    pub memory_bytes_max: Option<u64>,
    /// Connections in all; `u32::MAX` for no limit.
    pub connections_max: u32,
    /// Sessions in all, connected or not; `u32::MAX` for no limit.
    pub sessions_max: u32,
    /// Messages of QoS 1 and 2 that wait for one session; `None` for what fits where data are kept.
    pub queued_messages_max: Option<u32>,
    /// Messages of QoS 0 that wait for one connected client.
    pub queued_qos0_max: u32,
    /// Bytes of messages that wait for one session; `None` for what fits where data are kept.
    pub queued_bytes_max: Option<u64>,
    /// Of these, bytes in memory, where the log has them too.
    pub queued_memory_bytes_max: u64,
    /// What gives way when that is full.
    pub overflow: Overflow,
    /// Bytes on their way to one socket.
    pub outbox_bytes_max: u32,
    /// Whether messages can be retained.
    pub retain_available: bool,
    /// Retained messages in all; `u64::MAX` for no limit.
    pub retained_messages_max: u64,
    /// Their bytes in all.
    pub retained_bytes_max: u64,
    /// Seconds after which a retained message goes; `u32::MAX` for never.
    pub retained_expiry_s: u32,
    /// Whether filters may have wildcards.
    pub wildcards_available: bool,
    /// What becomes of a payload that says it is UTF-8.
    pub payload_format: PayloadFormat,
    /// Bytes of a payload; a message with more is acknowledged and dropped. `u32::MAX` for no limit.
    pub payload_bytes_max: u32,
    /// Which member of a shared subscription gets a message.
    pub share_strategy: ShareStrategy,
    /// Seconds that a session outlives its connection at most; `u32::MAX` for ever.
    pub session_expiry_s_max: u32,
    /// That time for 3.1 and 3.1.1 clients, which cannot say.
    pub session_expiry_v3_s: u32,
    /// Subscriptions of one client.
    pub subscriptions_max: u32,
    /// Bytes that these take.
    pub subscription_bytes_max: u32,
    /// What one client may do.
    pub client_rates: Rates,
    /// What all clients may do together.
    pub broker_rates: Rates,
    /// When a client identifier is kept out.
    pub ban: Ban,
    /// Deliveries of one message that are done at a stretch.
    pub fanout_slice: u32,
    /// Where clients of 5.0 are sent when the broker stops.
    pub server_reference: Option<String>,
    /// Response Information for clients that ask for it.
    pub response_information: Option<String>,
    /// Whether clients of 5.0 hear in CONNACK what an acknowledgement promises.
    pub tells_durability: bool,
}

/// What one listener allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerLimits {
    /// Connections at a time; `u32::MAX` for no limit.
    pub connections_max: u32,
    /// Largest packet, fixed header included.
    pub packet_bytes_max: u32,
    /// Largest property block.
    pub property_bytes_max: u32,
    /// Largest property block of a CONNECT.
    pub connect_property_bytes_max: u32,
    /// Bytes that may come before a CONNECT is accepted.
    pub pre_auth_bytes_max: u32,
    /// Milliseconds until a CONNECT must be accepted.
    pub connect_ms_max: u32,
    /// Longest keep alive in seconds; 0 for any.
    pub keep_alive_s_max: u16,
    /// Milliseconds beyond one and a half keep-alive times until a silent client is disconnected.
    pub keep_alive_grace_ms: u32,
    /// Highest QoS of a PUBLISH and of a grant: 0, 1 or 2.
    pub qos_max: u8,
    /// Highest QoS that is granted to a subscription, at most `qos_max`.
    pub granted_qos_max: u8,
    /// Receive Maximum that we announce; 0 for as many as there are packet identifiers.
    pub receive_maximum: u16,
    /// QoS 1 and 2 messages that a client may owe us acknowledgements for; 0 for as many as there are identifiers.
    pub in_flight_max: u16,
    /// Bytes of these; `u64::MAX` for no limit.
    pub in_flight_bytes_max: u64,
    /// Topic aliases that a client may use.
    pub topic_alias_in_max: u16,
    /// Topic aliases that we use.
    pub topic_alias_out_max: u16,
    /// Levels of a topic or filter.
    pub levels_max: u16,
    /// Editions of MQTT.
    pub versions: Versions,
    /// What an acknowledgement promises, where it is less than `data.durability`; `None` for that.
    pub durability: Option<Durability>,
    /// What stands before all topics of its clients.
    pub mount_point: String,
    /// What all its clients may do together.
    pub rates: Rates,
}

/// Editions of MQTT that are spoken. At least one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// 3.1.
    pub v3_1: bool,
    /// 3.1.1.
    pub v3_1_1: bool,
    /// 5.0.
    pub v5: bool,
}

/// So many a second; 0 for no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// A second; 0 for no limit.
    pub per_s: u32,
    /// At once after a pause; 0 for a quarter of a second's worth.
    pub burst: u32,
}

/// How often something may be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// PUBLISH packets.
    pub messages: Rate,
    /// Their bytes.
    pub bytes: Rate,
    /// CONNECT packets.
    pub connects: Rate,
}

/// When a client identifier is kept out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ban {
    /// After so many breaches of the protocol or of a limit, and take-overs; 0 for never.
    pub strikes: u32,
    /// Within so many seconds.
    pub within_s: u32,
    /// For so many seconds.
    pub for_s: u32,
}

/// What gives way when what waits for a session is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The new message; a 5.0 publisher hears 0x97 if nobody else could take it.
    Reject,
    /// The new message; the publisher hears success.
    DropNewest,
    /// The oldest waiting one.
    DropOldest,
}

/// What becomes of a payload that says it is UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadFormat {
    /// It is passed on as it is.
    Passed,
    /// It is refused with 0x99 when it is not.
    Checked,
}

/// Which member of a shared subscription gets a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareStrategy {
    /// One after the other.
    RoundRobin,
    /// Any.
    Random,
    /// The same one until it leaves.
    Sticky,
    /// Always the same one for what one client publishes.
    Hash,
    /// The one with the fewest unacknowledged messages.
    LeastInFlight,
}

//! Keys of what the whole broker allows.
//!
//! Owns: their rows.

use super::{Key, Kind, key};
use crate::model::{Overflow, PayloadFormat, ShareStrategy};
use crate::value::Words;

pub(super) const LIMITS: &[Key] = &[
    key!(
        Broker, "limits.memory", [limits.] memory_bytes_max, LIMITS,
        Kind::bytes(1 << 20, u64::MAX).or("unlimited", u64::MAX).or_auto(), Live, "memory_limit",
        "Memory beyond which the broker takes nothing new."
    ),
    key!(
        Broker, "limits.max_connections", [limits.] connections_max, LIMITS,
        Kind::count(1, u32::MAX as u64).or("unlimited", u32::MAX as u64), Restart, "global_max_connections",
        "Connections of all listeners."
    ),
    key!(
        Broker, "limits.max_sessions", [limits.] sessions_max, LIMITS,
        Kind::count(1, u32::MAX as u64).or("unlimited", u32::MAX as u64), Live, "global_max_clients",
        "Sessions, connected or not."
    ),
    key!(
        Broker, "limits.max_queued_messages", [limits.] queued_messages_max, LIMITS,
        Kind::count(1, u32::MAX as u64).or("unlimited", u32::MAX as u64).or_auto(), Live, "max_queued_messages",
        "Messages of QoS 1 and 2 that wait for one session."
    ),
    key!(
        Broker, "limits.max_queued_qos0", [limits.] queued_qos0_max, LIMITS,
        Kind::count(0, u32::MAX as u64).or("unlimited", u32::MAX as u64), Live, "",
        "Messages of QoS 0 that wait for one connected client."
    ),
    key!(
        Broker, "limits.max_queued_bytes", [limits.] queued_bytes_max, LIMITS,
        Kind::bytes(1024, u64::MAX).or("unlimited", u64::MAX).or_auto(), Live, "max_queued_bytes",
        "Bytes of messages that wait for one session."
    ),
    key!(
        Broker, "limits.max_queued_memory", [limits.] queued_memory_bytes_max, LIMITS,
        Kind::bytes(0, u64::MAX).or("unlimited", u64::MAX), Live, "",
        "Of these, bytes that stay in memory where the disk has them too."
    ),
    key!(
        Broker, "limits.overflow", [limits.] overflow, LIMITS,
        Kind::Word(Overflow::WORDS), Live, "",
        "What gives way when too much waits for a session."
    ),
    key!(
        Broker, "limits.max_outbox", [limits.] outbox_bytes_max, LIMITS,
        Kind::bytes(4096, 1 << 30), Restart, "",
        "Bytes on their way to one socket."
    ),
    key!(
        Broker, "limits.retain", [limits.] retain_available, LIMITS,
        Kind::Flag, Live, "retain_available",
        "Whether messages can be retained."
    ),
    key!(
        Broker, "limits.max_retained_messages", [limits.] retained_messages_max, LIMITS,
        Kind::count(0, u64::MAX).or("unlimited", u64::MAX), Live, "",
        "Retained messages."
    ),
    key!(
        Broker, "limits.max_retained_bytes", [limits.] retained_bytes_max, LIMITS,
        Kind::bytes(0, u64::MAX).or("unlimited", u64::MAX), Live, "",
        "Bytes of retained messages."
    ),
    key!(
        Broker, "limits.retained_expiry", [limits.] retained_expiry_s, LIMITS,
        Kind::seconds(1, u32::MAX as u64).or("never", u32::MAX as u64), Live, "retain_expiry_interval",
        "Time after which a retained message goes, whatever its own expiry says; time passes while the broker does not run."
    ),
    key!(
        Broker, "limits.wildcards", [limits.] wildcards_available, LIMITS,
        Kind::Flag, Live, "",
        "Whether filters may have wildcards."
    ),
    key!(
        Broker, "limits.payload_format", [limits.] payload_format, LIMITS,
        Kind::Word(PayloadFormat::WORDS), Live, "",
        "Whether a payload that says it is UTF-8 is looked at."
    ),
    key!(
        Broker, "limits.max_payload_size", [limits.] payload_bytes_max, LIMITS,
        Kind::bytes(0, u32::MAX as u64).or("unlimited", u32::MAX as u64), Live, "message_size_limit",
        "Largest payload; a message with more is acknowledged and dropped."
    ),
    key!(
        Broker, "limits.share_strategy", [limits.] share_strategy, LIMITS,
        Kind::Word(ShareStrategy::WORDS), Live, "",
        "Which member of a shared subscription gets a message."
    ),
    key!(
        Broker, "limits.max_session_expiry", [limits.] session_expiry_s_max, LIMITS,
        Kind::seconds(0, u32::MAX as u64).or("never", u32::MAX as u64), Live, "",
        "Longest time a session outlives its connection."
    ),
    key!(
        Broker, "limits.session_expiry_v3", [limits.] session_expiry_v3_s, LIMITS,
        Kind::seconds(0, u32::MAX as u64).or("never", u32::MAX as u64), Live, "persistent_client_expiration",
        "Time a session of a 3.1 or 3.1.1 client outlives its connection."
    ),
    key!(
        Broker, "limits.max_subscriptions", [limits.] subscriptions_max, LIMITS,
        Kind::count(1, u32::MAX as u64).or("unlimited", u32::MAX as u64), Live, "",
        "Subscriptions of one client."
    ),
    key!(
        Broker, "limits.max_subscription_bytes", [limits.] subscription_bytes_max, LIMITS,
        Kind::bytes(1024, u32::MAX as u64).or("unlimited", u32::MAX as u64), Live, "",
        "Bytes that the subscriptions of one client take."
    ),
    key!(
        Broker, "limits.client_rate.messages", [limits.] client_rates.messages, LIMITS,
        Kind::Form("`off`, `N/s` or `N/s burst M`"), Live, "",
        "PUBLISH packets that one client may send; what is over waits."
    ),
    key!(
        Broker, "limits.client_rate.bytes", [limits.] client_rates.bytes, LIMITS,
        Kind::Form("`off`, `N/s` or `N/s burst M`"), Live, "",
        "Bytes of PUBLISH packets that one client may send; what is over waits."
    ),
    key!(
        Broker, "limits.client_rate.connects", [limits.] client_rates.connects, LIMITS,
        Kind::Form("`off`, `N/s` or `N/s burst M`"), Live, "",
        "CONNECT packets that one client may send; what is over is refused with 0x9F."
    ),
    key!(
        Broker, "limits.broker_rate.messages", [limits.] broker_rates.messages, LIMITS,
        Kind::Form("`off`, `N/s` or `N/s burst M`"), Live, "",
        "PUBLISH packets that all clients together may send; what is over waits."
    ),
    key!(
        Broker, "limits.broker_rate.bytes", [limits.] broker_rates.bytes, LIMITS,
        Kind::Form("`off`, `N/s` or `N/s burst M`"), Live, "",
        "Bytes of PUBLISH packets that all clients together may send; what is over waits."
    ),
    key!(
        Broker, "limits.broker_rate.connects", [limits.] broker_rates.connects, LIMITS,
        Kind::Form("`off`, `N/s` or `N/s burst M`"), Live, "",
        "CONNECT packets that all clients together may send; what is over is refused with 0x9F."
    ),
    key!(
        Broker, "limits.ban.after", [limits.] ban.strikes, LIMITS,
        Kind::count(0, u32::MAX as u64).or("never", 0), Live, "",
        "Breaches of the protocol or of a limit, and take-overs, after which a client identifier is kept out."
    ),
    key!(
        Broker, "limits.ban.within", [limits.] ban.within_s, LIMITS,
        Kind::seconds(1, u32::MAX as u64), Live, "",
        "Time within which they have to happen."
    ),
    key!(
        Broker, "limits.ban.for", [limits.] ban.for_s, LIMITS,
        Kind::seconds(1, u32::MAX as u64), Live, "",
        "Time for which it is kept out."
    ),
    key!(
        Broker, "limits.fanout_slice", [limits.] fanout_slice, LIMITS,
        Kind::count(1, 1 << 20), Live, "",
        "Deliveries of one message that are done at a stretch."
    ),
    key!(
        Broker, "limits.server_reference", [limits.] server_reference, LIMITS,
        Kind::Text, Live, "",
        "Where clients of 5.0 are sent when the broker stops."
    ),
    key!(
        Broker, "limits.response_information", [limits.] response_information, LIMITS,
        Kind::Text, Live, "",
        "Response Information for clients that ask for it."
    ),
    key!(
        Broker, "limits.tell_durability", [limits.] tells_durability, LIMITS,
        Kind::Flag, Live, "",
        "Whether clients of 5.0 hear in CONNACK what an acknowledgement promises."
    ),
];

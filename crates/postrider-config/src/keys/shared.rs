//! Keys that hold for all listeners, and that each listener may have anew.
//!
//! Owns: their rows.

use super::{Key, Kind, key};
use crate::model::{Durability, UsernameFrom};
use crate::value::{EDITIONS, Words};

pub(super) const LIMITS: &[Key] = &[
    key!(
        Limits, "limits.max_listener_connections", [] connections_max, LISTENER_LIMITS,
        Kind::count(0, u32::MAX as u64).or("unlimited", u32::MAX as u64), Live, "max_connections",
        "Connections of one listener."
    ),
    key!(
        Limits, "limits.max_packet_size", [] packet_bytes_max, LISTENER_LIMITS,
        Kind::bytes(20, 268_435_460), Live, "max_packet_size",
        "Largest packet, fixed header included."
    ),
    key!(
        Limits, "limits.max_properties", [] property_bytes_max, LISTENER_LIMITS,
        Kind::bytes(0, 268_435_455), Live, "",
        "Largest property block of a packet."
    ),
    key!(
        Limits, "limits.max_connect_properties", [] connect_property_bytes_max, LISTENER_LIMITS,
        Kind::bytes(0, 268_435_455), Live, "",
        "Largest property block of a CONNECT."
    ),
    key!(
        Limits, "limits.max_pre_auth_bytes", [] pre_auth_bytes_max, LISTENER_LIMITS,
        Kind::bytes(128, 268_435_460), Live, "",
        "Bytes that may come before a CONNECT is accepted."
    ),
    key!(
        Limits, "limits.connect_timeout", [] connect_ms_max, LISTENER_LIMITS,
        Kind::milliseconds(100, 3_600_000), Live, "",
        "Time until a CONNECT must be accepted."
    ),
    key!(
        Limits, "limits.max_keepalive", [] keep_alive_s_max, LISTENER_LIMITS,
        Kind::seconds(0, u16::MAX as u64).or("off", 0), Live, "max_keepalive",
        "Longest keep alive; 5.0 clients are told, 3.1.1 clients that want more are refused."
    ),
    key!(
        Limits, "limits.keepalive_grace", [] keep_alive_grace_ms, LISTENER_LIMITS,
        Kind::milliseconds(0, 3_600_000), Live, "",
        "Time beyond one and a half keep-alive times until a silent client is disconnected."
    ),
    key!(
        Limits, "limits.max_qos", [] qos_max, LISTENER_LIMITS,
        Kind::count(0, 2), Live, "max_qos",
        "Highest QoS of a PUBLISH and of a grant."
    ),
    key!(
        Limits, "limits.max_granted_qos", [] granted_qos_max, LISTENER_LIMITS,
        Kind::count(0, 2), Live, "",
        "Highest QoS that is granted to a subscription."
    ),
    key!(
        Limits, "limits.receive_maximum", [] receive_maximum, LISTENER_LIMITS,
        Kind::count(0, u16::MAX as u64).or("unlimited", 0), Live, "max_inflight_messages",
        "QoS 1 and 2 messages that a 5.0 client may have unacknowledged."
    ),
    key!(
        Limits, "limits.max_in_flight", [] in_flight_max, LISTENER_LIMITS,
        Kind::count(0, u16::MAX as u64).or("unlimited", 0), Live, "max_inflight_messages",
        "QoS 1 and 2 messages that a client may owe us acknowledgements for; 1 keeps a strict order."
    ),
    key!(
        Limits, "limits.max_in_flight_bytes", [] in_flight_bytes_max, LISTENER_LIMITS,
        Kind::bytes(1024, u64::MAX).or("unlimited", u64::MAX), Live, "max_inflight_bytes",
        "Bytes of payloads of these; the message that passes them goes, and no other until there are fewer."
    ),
    key!(
        Limits, "limits.max_topic_alias_in", [] topic_alias_in_max, LISTENER_LIMITS,
        Kind::count(0, u16::MAX as u64), Live, "max_topic_alias",
        "Topic aliases that a client may use."
    ),
    key!(
        Limits, "limits.max_topic_alias_out", [] topic_alias_out_max, LISTENER_LIMITS,
        Kind::count(0, u16::MAX as u64), Live, "max_topic_alias_broker",
        "Topic aliases that the broker uses."
    ),
    key!(
        Limits, "limits.max_topic_levels", [] levels_max, LISTENER_LIMITS,
        Kind::count(1, u16::MAX as u64), Live, "",
        "Levels of a topic or filter."
    ),
    key!(
        Limits, "limits.versions", [] versions, LISTENER_LIMITS,
        Kind::Words(EDITIONS), Live, "accept_protocol_versions",
        "Editions of MQTT that are spoken."
    ),
    key!(
        Limits, "limits.durability", [] durability, LISTENER_LIMITS,
        Kind::WordOrAuto(Durability::WORDS), Restart, "",
        "What an acknowledgement promises here, where that is less than `data.durability`; a session that begins where it \
         is `memory` is in no log."
    ),
    key!(
        Limits, "limits.mount_point", [] mount_point, LISTENER_LIMITS,
        Kind::Text, Restart, "mount_point",
        "What stands before all topics of these clients."
    ),
    key!(
        Limits, "limits.listener_rate.messages", [] rates.messages, LISTENER_LIMITS,
        Kind::Form("`off`, `N/s` or `N/s burst M`"), Live, "",
        "PUBLISH packets that all clients of one listener may send; what is over waits."
    ),
    key!(
        Limits, "limits.listener_rate.bytes", [] rates.bytes, LISTENER_LIMITS,
        Kind::Form("`off`, `N/s` or `N/s burst M`"), Live, "",
        "Bytes of PUBLISH packets that all clients of one listener may send; what is over waits."
    ),
    key!(
        Limits, "limits.listener_rate.connects", [] rates.connects, LISTENER_LIMITS,
        Kind::Form("`off`, `N/s` or `N/s burst M`"), Live, "",
        "CONNECT packets that all clients of one listener may send; what is over is refused with 0x9F."
    ),
];

pub(super) const AUTH: &[Key] = &[
    key!(
        Security, "auth.allow_anonymous", [] allow_anonymous, SECURITY,
        Kind::FlagOrAuto, Live, "allow_anonymous, listener_allow_anonymous",
        "Whether clients without a user name are let in."
    ),
    key!(
        Security, "auth.password_file", [] password_file, SECURITY,
        Kind::Path, Live, "password_file",
        "Lines of `user:hash`, as `postrider passwd` writes them."
    ),
    key!(
        Security, "auth.user_store", [] user_store, SECURITY,
        Kind::Path, Live, "",
        "Users and client identifiers, as `postrider user` and `postrider client` write them; a list that is not empty keeps all others out."
    ),
    key!(
        Security, "auth.psk_file", [] psk_file, SECURITY,
        Kind::Path, Live, "psk_file",
        "Lines of `identity:hexkey`."
    ),
    key!(
        Security, "auth.username_from", [] username_from, SECURITY,
        Kind::Word(UsernameFrom::WORDS), Live, "use_identity_as_username, use_subject_as_username",
        "Where a user name comes from."
    ),
    key!(
        Security, "auth.username_as_client_id", [] username_as_client_id, SECURITY,
        Kind::Flag, Live, "use_username_as_clientid",
        "Whether the user name takes the client identifier's place."
    ),
    key!(
        Security, "auth.assign_client_ids", [] assigns_client_ids, SECURITY,
        Kind::Flag, Live, "allow_zero_length_clientid",
        "Whether an empty client identifier gets one assigned."
    ),
    key!(
        Security, "auth.auto_id_prefix", [] auto_id_prefix, SECURITY,
        Kind::Text, Live, "auto_id_prefix, listener_auto_id_prefix",
        "What assigned identifiers begin with."
    ),
    key!(
        Security, "auth.client_id_prefixes", [] client_id_prefixes, SECURITY,
        Kind::Texts, Live, "clientid_prefixes",
        "What client identifiers must begin with, one of these; an empty list for anything."
    ),
    key!(
        Security, "acl.file", [] acl_file, SECURITY,
        Kind::Path, Live, "acl_file",
        "Rules of who may publish and subscribe to what."
    ),
    key!(
        Security, "acl.users", [] topics, SECURITY,
        Kind::Map, Live, "",
        "Filters by user name, for publishing and subscribing alike; whoever is not in it may do nothing."
    ),
    key!(
        Security, "acl.forbidden_topics", [] forbidden_topics, SECURITY,
        Kind::Texts, Live, "",
        "Topics that nobody may use."
    ),
    key!(
        Security, "acl.forbidden_exempt", [] forbidden_exempt, SECURITY,
        Kind::Texts, Live, "",
        "User names that may use them all the same."
    ),
    key!(
        Security, "acl.deny_special_chars", [] denies_special_chars, SECURITY,
        Kind::Flag, Live, "auth_plugin_deny_special_chars",
        "Whether user names and client identifiers with `+`, `#` or `/` are refused in rules that name them."
    ),
];

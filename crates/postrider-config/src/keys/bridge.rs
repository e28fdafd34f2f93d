//! Keys of one bridge.
//!
//! Owns: their rows, but for the name.

use super::{Key, Kind, key};
use crate::defaults;
use crate::model::{BridgeReload, BridgeStart, BridgeVersion, TlsVersion};
use crate::value::Words;

pub(super) const BRIDGE: &[Key] = &[
    key!(
        Bridge, "addresses", [] addresses, BRIDGE,
        Kind::Forms("`host:port`, or `host` for port 1883"), Restart, "address, addresses",
        "Where the other broker is; the first is the preferred one."
    ),
    key!(
        Bridge, "round_robin", [] round_robin, BRIDGE,
        Kind::Flag, Restart, "round_robin",
        "Whether all addresses are equal."
    ),
    key!(
        Bridge, "topics", [] rules, BRIDGE,
        Kind::Forms("`FILTER [out|in|both] [QOS] [LOCAL_PREFIX] [REMOTE_PREFIX]`"), Restart, "topic",
        "What is carried."
    ),
    key!(
        Bridge, "remote.client_id", [] remote.client_id, BRIDGE,
        Kind::Text, Restart, "remote_clientid",
        "Client identifier at the other broker."
    ),
    key!(
        Bridge, "remote.username", [] remote.username, BRIDGE,
        Kind::Text, Restart, "remote_username",
        "User name at the other broker."
    ),
    key!(
        Bridge, "remote.password", [] remote.password, BRIDGE,
        Kind::Secret, Restart, "remote_password",
        "Password at the other broker."
    ),
    key!(
        Bridge, "remote.clean", [] remote.clean, BRIDGE,
        Kind::FlagOrAuto, Restart, "cleansession",
        "Whether the session there begins anew with each connection."
    ),
    key!(
        Bridge, "local.client_id", [] local.client_id, BRIDGE,
        Kind::Text, Restart, "local_clientid",
        "Client identifier here."
    ),
    key!(
        Bridge, "local.username", [] local.username, BRIDGE,
        Kind::Text, Restart, "local_username",
        "User name here, for the rules."
    ),
    key!(
        Bridge, "local.password", [] local.password, BRIDGE,
        Kind::Secret, Restart, "local_password",
        "Password here."
    ),
    key!(
        Bridge, "local.clean", [] local.clean, BRIDGE,
        Kind::FlagOrAuto, Restart, "local_cleansession",
        "Whether the session here begins anew with each connection."
    ),
    key!(
        Bridge, "version", [] version, BRIDGE,
        Kind::Word(BridgeVersion::WORDS), Restart, "bridge_protocol_version",
        "Edition of MQTT."
    ),
    key!(
        Bridge, "start", [] start, BRIDGE,
        Kind::Word(BridgeStart::WORDS), Restart, "start_type",
        "When it connects."
    ),
    key!(
        Bridge, "restart.base", [] restart.base_s, BRIDGE,
        Kind::seconds(1, 3600), Restart, "restart_timeout",
        "Time until it connects again, at first."
    ),
    key!(
        Bridge, "restart.cap", [] restart.cap_s, BRIDGE,
        Kind::seconds(1, 7200), Restart, "restart_timeout",
        "That time at most."
    ),
    key!(
        Bridge, "restart.stable", [] restart.stable_s, BRIDGE,
        Kind::seconds(0, u32::MAX as u64), Restart, "restart_timeout",
        "Time of a connection after which the wait is the first one again."
    ),
    key!(
        Bridge, "keepalive", [] keep_alive_s, BRIDGE,
        Kind::seconds(5, u16::MAX as u64), Restart, "keepalive_interval",
        "Keep alive."
    ),
    key!(
        Bridge, "idle_timeout", [] idle_s, BRIDGE,
        Kind::seconds(1, u32::MAX as u64), Restart, "idle_timeout",
        "Time without messages after which a lazy bridge ends."
    ),
    key!(
        Bridge, "threshold", [] threshold, BRIDGE,
        Kind::count(1, u32::MAX as u64), Restart, "threshold",
        "Waiting messages that start a lazy bridge."
    ),
    key!(
        Bridge, "say_bridge", [] says_bridge, BRIDGE,
        Kind::Flag, Restart, "try_private",
        "Whether it says that it is a bridge."
    ),
    key!(
        Bridge, "unsubscribe", [] unsubscribes, BRIDGE,
        Kind::Flag, Restart, "bridge_attempt_unsubscribe",
        "Whether it ends subscriptions there that no rule asks for."
    ),
    key!(
        Bridge, "outgoing_retain", [] outgoing_retain, BRIDGE,
        Kind::Flag, Restart, "bridge_outgoing_retain",
        "Whether messages keep their retain flag."
    ),
    key!(
        Bridge, "max_packet_size", [] packet_bytes_max, BRIDGE,
        Kind::bytes(0, 268_435_460), Restart, "bridge_max_packet_size",
        "Larger packets are not sent; 0 for any."
    ),
    key!(
        Bridge, "max_topic_alias", [] topic_alias_max, BRIDGE,
        Kind::count(0, u16::MAX as u64), Restart, "bridge_max_topic_alias",
        "Topic aliases that the other end may use."
    ),
    key!(
        Bridge, "receive_maximum", [] receive_maximum, BRIDGE,
        Kind::count(0, u16::MAX as u64), Restart, "bridge_receive_maximum",
        "Receive Maximum that it announces; 0 as for clients."
    ),
    key!(
        Bridge, "session_expiry", [] session_expiry_s, BRIDGE,
        Kind::seconds(0, u32::MAX as u64).or("never", u32::MAX as u64), Restart, "bridge_session_expiry_interval",
        "Time its session there outlives a connection."
    ),
    key!(
        Bridge, "bind_address", [] bind_address, BRIDGE,
        Kind::Text, Restart, "bridge_bind_address",
        "The address of this machine that it uses."
    ),
    key!(
        Bridge, "tcp.keepalive", [] tcp_keep_alive.0, BRIDGE,
        Kind::seconds(0, 32_767), Restart, "bridge_tcp_keepalive",
        "Silence before the system asks whether the other end is there; 0 for never."
    ),
    key!(
        Bridge, "tcp.keepalive_interval", [] tcp_keep_alive.1, BRIDGE,
        Kind::seconds(0, 32_767), Restart, "bridge_tcp_keepalive",
        "Time between two such questions."
    ),
    key!(
        Bridge, "tcp.keepalive_count", [] tcp_keep_alive.2, BRIDGE,
        Kind::count(0, 127), Restart, "bridge_tcp_keepalive",
        "Questions without an answer until the connection is dead."
    ),
    key!(
        Bridge, "tcp.user_timeout", [] tcp_user_timeout_ms, BRIDGE,
        Kind::milliseconds(0, u32::MAX as u64), Restart, "bridge_tcp_user_timeout",
        "Time that sent bytes may stay unacknowledged; 0 for the system's."
    ),
    key!(
        Bridge, "notifications", [] notices.is_on, BRIDGE,
        Kind::Flag, Restart, "notifications",
        "Whether it publishes its state."
    ),
    key!(
        Bridge, "notifications_local_only", [] notices.local_only, BRIDGE,
        Kind::Flag, Restart, "notifications_local_only",
        "Whether only here."
    ),
    key!(
        Bridge, "notification_topic", [] notices.topic, BRIDGE,
        Kind::Text, Restart, "notification_topic",
        "Where it publishes its state."
    ),
    key!(
        Bridge, "reload", [] reload, BRIDGE,
        Kind::Word(BridgeReload::WORDS), Restart, "bridge_reload_type",
        "When a changed configuration holds."
    ),
];

pub(super) const TLS: &[Key] = &[
    key!(
        Bridge, "tls.ca_file", tls (defaults::bridge_tls()) ca_file, BRIDGE_TLS,
        Kind::Path, Restart, "bridge_cafile",
        "Authorities: a PEM file."
    ),
    key!(
        Bridge, "tls.ca_directory", tls (defaults::bridge_tls()) ca_directory, BRIDGE_TLS,
        Kind::Path, Restart, "bridge_capath",
        "Authorities: a directory of PEM files."
    ),
    key!(
        Bridge, "tls.system_ca", tls (defaults::bridge_tls()) system_ca, BRIDGE_TLS,
        Kind::Flag, Restart, "bridge_tls_use_os_certs",
        "Whether the system's authorities are trusted."
    ),
    key!(
        Bridge, "tls.certificate", tls (defaults::bridge_tls()) certificate, BRIDGE_TLS,
        Kind::Path, Restart, "bridge_certfile",
        "PEM file of our certificate."
    ),
    key!(
        Bridge, "tls.key", tls (defaults::bridge_tls()) key, BRIDGE_TLS,
        Kind::Path, Restart, "bridge_keyfile",
        "PEM file of its key."
    ),
    key!(
        Bridge, "tls.check_name", tls (defaults::bridge_tls()) checks_name, BRIDGE_TLS,
        Kind::Flag, Restart, "bridge_insecure",
        "Whether the other end's name is looked at."
    ),
    key!(
        Bridge, "tls.require_ocsp", tls (defaults::bridge_tls()) requires_ocsp, BRIDGE_TLS,
        Kind::Flag, Restart, "bridge_require_ocsp",
        "Whether the other end must show that its certificate is not revoked."
    ),
    key!(
        Bridge, "tls.alpn", tls (defaults::bridge_tls()) alpn, BRIDGE_TLS,
        Kind::Text, Restart, "bridge_alpn",
        "The protocol's name for ALPN."
    ),
    key!(
        Bridge, "tls.ciphers", tls (defaults::bridge_tls()) ciphers, BRIDGE_TLS,
        Kind::Texts, Restart, "bridge_ciphers",
        "Cipher suites up to TLS 1.2; an empty list for the library's."
    ),
    key!(
        Bridge, "tls.ciphersuites", tls (defaults::bridge_tls()) ciphersuites, BRIDGE_TLS,
        Kind::Texts, Restart, "bridge_ciphers_tls1.3",
        "Cipher suites of TLS 1.3; an empty list for the library's."
    ),
    key!(
        Bridge, "tls.min_version", tls (defaults::bridge_tls()) version_min, BRIDGE_TLS,
        Kind::Word(TlsVersion::WORDS), Restart, "bridge_tls_version",
        "Oldest version."
    ),
    key!(
        Bridge, "tls.psk_identity", tls (defaults::bridge_tls()) psk_identity, BRIDGE_TLS,
        Kind::Text, Restart, "bridge_identity",
        "Identity of a shared key."
    ),
    key!(
        Bridge, "tls.psk", tls (defaults::bridge_tls()) psk, BRIDGE_TLS,
        Kind::Secret, Restart, "bridge_psk",
        "The shared key, in hexadecimal."
    ),
];

//! Options of a bridge, below its `connection`.

use super::entry::Set::{Bridge, Opens};
use super::tls::{VERSIONS, names};
use super::{Entry, Opens as What};
use crate::model::{BridgeReload, BridgeStart, BridgeVersion, Secret};
use crate::mosquitto::value::Kind::{Addresses, AtLeast, Flag, Number, Probes, Restart, Rule, Text, Word};
use crate::mosquitto::value::Value;
use std::path::PathBuf;

pub(super) const OPTIONS: &[Entry] = &[
    Entry::new("connection", Text, "none", Opens(What::Connection))
        .many()
        .says("The name of a bridge; no two have the same. The lines below are this bridge's.")
        .differs("Bridges come later: all of it is read and checked, and nothing connects."),
    Entry::new("address", Addresses, "none", Bridge(|to, value| {
        if let Value::Addresses(addresses) = value {
            to.bridge.addresses.clone_from(addresses);
        }
    }))
    .alias(&["addresses"])
    .once()
    .says("One or more of `host[:port]`; IPv6 needs the port."),
    Entry::new("topic", Rule, "none", Bridge(|to, value| {
        if let Value::Rule(rule) = value {
            to.bridge.rules.push(rule.clone());
        }
    }))
    .many()
    .says("Pattern, `out`, `in` or `both`, QoS, prefix here, prefix there. `\"\"` is empty, quotes keep blanks."),
    Entry::new("bridge_attempt_unsubscribe", Flag, "true", Bridge(|to, value| to.bridge.unsubscribes = value.flag()))
        .says("Whether subscriptions there that no rule asks for are ended."),
    Entry::new("bridge_bind_address", Text, "none", Bridge(|to, value| {
        to.bridge.bind_address = Some(value.text().to_owned());
    }))
    .says("The address of this machine that it uses."),
    Entry::new("bridge_max_packet_size", AtLeast(0, i64::MAX), "0", Bridge(|to, value| {
        to.bridge.packet_bytes_max = value.u32();
    }))
    .says("Larger packets are not sent; 0 for any."),
    Entry::new("bridge_max_topic_alias", Number(0, 65_535), "10", Bridge(|to, value| {
        to.bridge.topic_alias_max = value.u16();
    }))
    .says("Topic aliases of 5.0.")
    .since_2_1(),
    Entry::new("bridge_outgoing_retain", Flag, "true", Bridge(|to, value| to.bridge.outgoing_retain = value.flag()))
        .says("Whether messages keep their retain flag."),
    Entry::new("bridge_protocol_version", Word(&["mqttv31", "mqttv311", "mqttv50"]), "mqttv311", Bridge(|to, value| {
        to.bridge.version = match value.text() {
            "mqttv31" => BridgeVersion::V3_1,
            "mqttv50" => BridgeVersion::V5,
            _ => BridgeVersion::V3_1_1,
        };
    }))
    .says("`mqttv31`, `mqttv311` or `mqttv50`."),
    Entry::new("bridge_receive_maximum", Number(1, 65_535), "`max_inflight_messages`", Bridge(|to, value| {
        to.bridge.receive_maximum = value.u16();
    }))
    .says("Receive Maximum of 5.0.")
    .since_2_1(),
    Entry::new("bridge_reload_type", Word(&["lazy", "immediate"]), "lazy", Bridge(|to, value| {
        to.bridge.reload =
            if value.text() == "immediate" { BridgeReload::Immediate } else { BridgeReload::Lazy };
    }))
    .says("Whether a reload cuts the connection.")
    .since_2_1(),
    Entry::new("bridge_session_expiry_interval", Number(0, 4_294_967_295), "0", Bridge(|to, value| {
        to.bridge.session_expiry_s = value.u32();
    }))
    .says("Session Expiry Interval of 5.0.")
    .since_2_1(),
    Entry::new("bridge_tcp_keepalive", Probes, "off", Bridge(|to, value| {
        if let Value::Probes(idle, interval, count) = value {
            to.bridge.tcp_keep_alive = (*idle, *interval, *count);
        }
    }))
    .says("Idle seconds, seconds between probes, probes.")
    .since_2_1(),
    Entry::new("bridge_tcp_user_timeout", Number(0, i64::MAX), "off", Bridge(|to, value| {
        to.bridge.tcp_user_timeout_ms = value.u32();
    }))
    .says("Milliseconds that sent bytes may stay unacknowledged.")
    .since_2_1(),
    Entry::new("cleansession", Flag, "false", Bridge(|to, value| to.bridge.remote.clean = Some(value.flag())))
        .says("Whether the session there begins anew with each connection."),
    Entry::new("local_cleansession", Flag, "as `cleansession`", Bridge(|to, value| {
        to.bridge.local.clean = Some(value.flag());
    }))
    .says("The same for the session here."),
    Entry::new("remote_clientid", Text, "host name, dot, connection name", Bridge(|to, value| {
        to.bridge.remote.client_id = Some(value.text().to_owned());
    }))
    .alias(&["clientid"])
    .says("Client identifier there."),
    Entry::new("local_clientid", Text, "`local.` and the identifier there", Bridge(|to, value| {
        to.bridge.local.client_id = Some(value.text().to_owned());
    }))
    .says("Client identifier here."),
    Entry::new("remote_username", Text, "none", Bridge(|to, value| {
        to.bridge.remote.username = Some(value.text().to_owned());
    }))
    .alias(&["username"])
    .says("User name there."),
    Entry::new("remote_password", Text, "none", Bridge(|to, value| {
        to.bridge.remote.password = Some(Secret::new(value.text().to_owned()));
    }))
    .alias(&["password"])
    .says("Password there."),
    Entry::new("local_username", Text, "none", Bridge(|to, value| {
        to.bridge.local.username = Some(value.text().to_owned());
    }))
    .says("User name here."),
    Entry::new("local_password", Text, "none", Bridge(|to, value| {
        to.bridge.local.password = Some(Secret::new(value.text().to_owned()));
    }))
    .says("Password here."),
    Entry::new("keepalive_interval", AtLeast(5, 65_535), "60", Bridge(|to, value| {
        to.bridge.keep_alive_s = value.u16();
    }))
    .says("Keep alive in seconds, at least 5."),
    Entry::new("idle_timeout", AtLeast(1, i64::MAX), "60", Bridge(|to, value| to.bridge.idle_s = value.u32()))
        .says("Seconds without messages after which a lazy bridge ends."),
    Entry::new("start_type", Word(&["automatic", "lazy", "once"]), "automatic", Bridge(|to, value| {
        to.bridge.start = match value.text() {
            "lazy" => BridgeStart::Lazy,
            "once" => BridgeStart::Once,
            _ => BridgeStart::Automatic,
        };
    }))
    .says("`automatic`, `lazy` or `once`."),
    Entry::new("threshold", AtLeast(1, i64::MAX), "10", Bridge(|to, value| to.bridge.threshold = value.u32()))
        .says("Waiting messages that start a lazy bridge."),
    Entry::new("restart_timeout", Restart, "5 30", Bridge(|to, value| {
        if let Value::Restart(restart) = value {
            to.bridge.restart = *restart;
        }
    }))
    .says("Seconds before it connects again: always so, or the first and the longest wait, and a time that counts as stable."),
    Entry::new("round_robin", Flag, "false", Bridge(|to, value| to.bridge.round_robin = value.flag()))
        .says("Whether all addresses are equal; otherwise it falls back to the first."),
    Entry::new("try_private", Flag, "true", Bridge(|to, value| to.bridge.says_bridge = value.flag()))
        .says("Whether it says that it is a bridge."),
    Entry::new("notifications", Flag, "true", Bridge(|to, value| to.bridge.notices.is_on = value.flag()))
        .says("Whether it publishes its state, 1 or 0, retained."),
    Entry::new("notifications_local_only", Flag, "false", Bridge(|to, value| {
        to.bridge.notices.local_only = value.flag();
    }))
    .says("Whether only here."),
    Entry::new("notification_topic", Text, "`$SYS/broker/connection/<identifier>/state`", Bridge(|to, value| {
        to.bridge.notices.topic = Some(value.text().to_owned());
    }))
    .says("Where."),
];

pub(super) const TLS_OPTIONS: &[Entry] = &[
    Entry::new(
        "bridge_cafile",
        Text,
        "none",
        Bridge(|to, value| {
            to.tls.ca_file = Some(PathBuf::from(value.text()));
        }),
    )
    .says("PEM file with the authorities of the other end."),
    Entry::new(
        "bridge_capath",
        Text,
        "none",
        Bridge(|to, value| {
            to.tls.ca_directory = Some(PathBuf::from(value.text()));
        }),
    )
    .says("Directory of such files."),
    Entry::new(
        "bridge_certfile",
        Text,
        "none",
        Bridge(|to, value| {
            to.tls.certificate = Some(PathBuf::from(value.text()));
        }),
    )
    .says("PEM file with our certificate."),
    Entry::new("bridge_keyfile", Text, "none", Bridge(|to, value| to.tls.key = Some(PathBuf::from(value.text()))))
        .says("PEM file with its key."),
    Entry::new("bridge_tls_use_os_certs", Flag, "false", Bridge(|to, value| to.tls.system_ca = value.flag()))
        .says("Whether the authorities of the system are trusted.")
        .since_2_1(),
    Entry::new("bridge_insecure", Flag, "false", Bridge(|to, value| to.tls.checks_name = !value.flag()))
        .says("Whether the name of the other end is not looked at."),
    Entry::new("bridge_require_ocsp", Flag, "false", Bridge(|to, value| to.tls.requires_ocsp = value.flag()))
        .says("Whether the other end must show that its certificate is not revoked."),
    Entry::new("bridge_alpn", Text, "none", Bridge(|to, value| to.tls.alpn = Some(value.text().to_owned())))
        .says("Name of the protocol for ALPN."),
    Entry::new("bridge_ciphers", Text, "the library's", Bridge(|to, value| to.tls.ciphers = names(value.text())))
        .says("Cipher suites up to TLS 1.2.")
        .since_2_1(),
    Entry::new(
        "bridge_ciphers_tls1.3",
        Text,
        "the library's",
        Bridge(|to, value| {
            to.tls.ciphersuites = names(value.text());
        }),
    )
    .says("Cipher suites of TLS 1.3.")
    .since_2_1(),
    Entry::new("bridge_identity", Text, "none", Bridge(|to, value| to.identity = Some(value.text().to_owned())))
        .says("Identity of PSK; excludes certificates."),
    Entry::new("bridge_psk", Text, "none", Bridge(|to, value| to.psk(value.text())))
        .says("Key of PSK in hexadecimal digits."),
    Entry::new("bridge_tls_version", Word(VERSIONS), "tlsv1.2", Bridge(|to, value| to.tls_version(value.text())))
        .says("The oldest version that is spoken.")
        .differs("1.0 and 1.1 are broken: 1.2 holds, with a notice."),
];

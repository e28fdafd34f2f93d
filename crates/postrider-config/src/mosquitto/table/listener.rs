//! Options of a listener.

use super::entry::Set::{Listener, Opens};
use super::{Entry, Opens as What};
use crate::model::{Domain, Protocol, ProxyVersion};
use crate::mosquitto::value::Kind::{AtLeast, Flag, Number, Place, Port, Prefix, Short, Text, Versions, Word};
use std::path::PathBuf;

pub(super) const OPTIONS: &[Entry] = &[
    Entry::new("listener", Place, "none", Opens(What::Listener)).many().says(
        "A port and, if wanted, a host; or 0 and the path of a Unix socket. The lines below are this listener's.",
    ),
    Entry::new("port", Port, "1883", Opens(What::Port))
        .says("The port of the unnamed listener; `listener` says it better."),
    Entry::new("bind_address", Text, "all", Opens(What::BindAddress))
        .says("The host of the unnamed listener; `listener` says it better."),
    Entry::new(
        "bind_interface",
        Text,
        "none",
        Listener(|to, value| {
            to.listener.tcp.interface = Some(value.text().to_owned());
        }),
    )
    .says("The network device whose addresses are used."),
    Entry::new(
        "accept_protocol_versions",
        Versions,
        "3,4,5",
        Listener(|to, value| {
            let is_in = |version| value.text().split(',').any(|word| word == version);
            let versions = &mut to.listener.limits.versions;
            (versions.v3_1, versions.v3_1_1, versions.v5) = (is_in("3"), is_in("4"), is_in("5"));
        }),
    )
    .says("Editions that are spoken: 3 (3.1), 4 (3.1.1), 5.")
    .since_2_1(),
    Entry::new(
        "enable_proxy_protocol",
        Number(1, 2),
        "off",
        Listener(|to, value| {
            to.proxy_version(if value.number() == 1 { ProxyVersion::V1 } else { ProxyVersion::V2 });
        }),
    )
    .says("The form in which a proxy says who the client is.")
    .since_2_1(),
    Entry::new(
        "proxy_protocol_v2_require_tls",
        Flag,
        "false",
        Listener(|to, value| {
            to.proxy_requires_tls = value.flag();
        }),
    )
    .says("Whether the client's side of the proxy must be TLS.")
    .since_2_1(),
    Entry::new(
        "http_dir",
        Text,
        "none",
        Listener(|to, value| {
            to.listener.websocket.http_directory = Some(PathBuf::from(value.text()));
        }),
    )
    .says("Files for browsers, on a listener with WebSocket."),
    Entry::new(
        "listener_allow_anonymous",
        Flag,
        "as `allow_anonymous`",
        Listener(|to, value| {
            to.own.allow_anonymous = Some(value.flag());
        }),
    )
    .says("`allow_anonymous` for this listener alone.")
    .since_2_1(),
    Entry::new(
        "listener_auto_id_prefix",
        Short,
        "as `auto_id_prefix`",
        Listener(|to, value| {
            to.own.auto_id_prefix = Some(value.text().to_owned());
        }),
    )
    .says("`auto_id_prefix` for this listener alone.")
    .since_2_1(),
    Entry::new(
        "max_connections",
        AtLeast(-1, i64::MAX),
        "-1",
        Listener(|to, value| {
            to.listener.limits.connections_max = value.cap();
        }),
    )
    .says("Connections at a time; -1 for any number.")
    .differs("Alone in a file, 2.0 opens port 1883 on all addresses for everybody; here it stays on this machine."),
    Entry::new(
        "max_qos",
        Number(0, 2),
        "2",
        Listener(|to, value| {
            let qos = u8::try_from(value.number()).unwrap_or(2);
            (to.listener.limits.qos_max, to.listener.limits.granted_qos_max) = (qos, qos);
        }),
    )
    .alias(&["maximum_qos"])
    .says("Highest QoS."),
    Entry::new(
        "max_topic_alias",
        Number(0, 65_535),
        "10",
        Listener(|to, value| {
            to.listener.limits.topic_alias_in_max = value.u16();
        }),
    )
    .says("Topic aliases that a client may use."),
    Entry::new(
        "max_topic_alias_broker",
        Number(0, 65_535),
        "10",
        Listener(|to, value| {
            to.listener.limits.topic_alias_out_max = value.u16();
        }),
    )
    .says("Topic aliases that the broker uses.")
    .since_2_1(),
    Entry::new(
        "mount_point",
        Prefix,
        "none",
        Listener(|to, value| {
            to.listener.limits.mount_point = value.text().to_owned();
        }),
    )
    .says("What stands before all topics of its clients."),
    Entry::new(
        "protocol",
        Word(&["mqtt", "websockets", "http_api"]),
        "mqtt",
        Listener(|to, value| {
            to.listener.protocol = match value.text() {
                "websockets" => Protocol::Websockets,
                "http_api" => Protocol::HttpApi,
                _ => Protocol::Mqtt,
            };
        }),
    )
    .says("What is spoken: `mqtt`, `websockets`, or `http_api` (2.1)."),
    Entry::new(
        "socket_domain",
        Word(&["ipv4", "ipv6"]),
        "both",
        Listener(|to, value| {
            to.listener.tcp.domain = if value.text() == "ipv4" { Domain::Ipv4 } else { Domain::Ipv6 };
        }),
    )
    .says("Which kind of addresses a host's name stands for."),
    Entry::new(
        "use_username_as_clientid",
        Flag,
        "false",
        Listener(|to, value| {
            to.own.username_as_client_id = value.flag();
        }),
    )
    .says("Whether the user name takes the place of the client identifier."),
    Entry::new(
        "websockets_origin",
        Text,
        "any",
        Listener(|to, value| {
            to.listener.websocket.origins.push(value.text().to_owned());
        }),
    )
    .many()
    .says("An origin that a page may have; several add up.")
    .since_2_1(),
];

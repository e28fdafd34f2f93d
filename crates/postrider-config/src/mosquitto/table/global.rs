//! Options of the whole broker.

use super::entry::Set::{Global, Nothing, Opens};
use super::{Entry, Opens as What};
use crate::mosquitto::value::Kind::{AtLeast, Flag, Number, Span, Text};
use std::path::PathBuf;

pub(super) const OPTIONS: &[Entry] = &[
    Entry::new("allow_duplicate_messages", Flag, "true (2.0: false)", Global(|to, value| {
        to.config.compat.duplicate_messages = value.flag();
    }))
    .says("Whether a client with overlapping subscriptions gets a message once for each.")
    .differs("It stays; the default is that of 2.1."),
    Entry::new("autosave_interval", AtLeast(0, i64::MAX), "1800", Nothing)
        .no_effect("Every change is in the log before it is acknowledged; there is no snapshot to wait for."),
    Entry::new("autosave_on_changes", Flag, "false", Nothing)
        .no_effect("Every change is in the log before it is acknowledged; there is no snapshot to wait for."),
    Entry::new("check_retain_source", Flag, "true", Global(|to, value| {
        to.config.compat.check_retain_source = value.flag();
    }))
    .says("Whether a retained message is held back when its publisher may no longer publish."),
    Entry::new("dhparamfile", Text, "none", Nothing)
        .no_effect("The key exchange of today needs no parameters from a file; mosquitto removed it too."),
    Entry::new("enable_control_api", Flag, "false", Global(|to, value| to.config.sys.control_api = value.flag()))
        .says("Whether `$CONTROL/broker/v1` answers.")
        .since_2_1()
        .stays(),
    Entry::new("global_max_clients", AtLeast(-1, i64::MAX), "-1", Global(|to, value| {
        to.config.limits.sessions_max = value.limit_u32();
    }))
    .says("Sessions in all, connected or not; 0 or -1 for any number.")
    .since_2_1(),
    Entry::new("global_max_connections", AtLeast(-1, i64::MAX), "-1", Global(|to, value| {
        to.config.limits.connections_max = value.limit_u32();
    }))
    .says("Connections of all listeners; 0 or -1 for any number.")
    .since_2_1(),
    Entry::new("include_dir", Text, "none", Opens(What::Include))
        .many()
        .says("Reads the files of a directory whose names end in `.conf`, upper case first. The main file only."),
    Entry::new("max_inflight_bytes", AtLeast(0, i64::MAX), "0", Global(|to, value| {
        to.config.listener_limits.in_flight_bytes_max = value.limit_u64();
    }))
    .says("Bytes of QoS 1 and 2 messages that one client may leave unacknowledged; 0 for any number.")
    .differs("At least 1 KiB."),
    Entry::new("max_inflight_messages", AtLeast(0, 65_535), "20", Global(|to, value| {
        to.config.listener_limits.in_flight_max = value.u16();
        to.config.listener_limits.receive_maximum = value.u16();
    }))
    .says("QoS 1 and 2 messages that one client may leave unacknowledged, either way; 0 for any number."),
    Entry::new("max_keepalive", Number(0, 65_535), "0", Global(|to, value| {
        to.config.listener_limits.keep_alive_s_max = value.u16();
    }))
    .says("Longest keep alive in seconds; 0 for any.")
    .differs("2.0 refuses less than 10."),
    Entry::new("max_packet_size", Number(20, i64::MAX), "2000000 (2.0: none)", Global(|to, value| {
        to.packet_size_said = true;
        to.config.listener_limits.packet_bytes_max = value.u32();
    }))
    .says("Bytes of the largest packet; clients of 5.0 hear it.")
    .differs("The default is that of 2.1, and a notice says so."),
    Entry::new("max_queued_bytes", AtLeast(0, i64::MAX), "0", Global(|to, value| {
        to.config.limits.queued_bytes_max = Some(value.limit_u64());
    }))
    .says("Bytes that wait for one client; 0 for any number.")
    .differs("At least 1 KiB."),
    Entry::new("max_queued_messages", AtLeast(0, i64::MAX), "1000", Global(|to, value| {
        to.config.limits.queued_messages_max = Some(value.limit_u32());
    }))
    .says("QoS 1 and 2 messages that wait for one client; 0 for any number."),
    Entry::new("memory_limit", Number(0, i64::MAX), "0", Global(|to, value| {
        to.config.limits.memory_bytes_max = Some(value.limit_u64()).filter(|bytes| *bytes < u64::MAX);
    }))
    .says("Bytes of memory beyond which nothing new is taken; 0 for any.")
    .differs("At least 1 MiB; 0 is half of what the control group has, if it has a limit."),
    Entry::new("message_size_limit", Number(0, 268_435_455), "0", Global(|to, value| {
        to.config.limits.payload_bytes_max = value.limit_u32();
    }))
    .says("Bytes of a payload; a larger one is acknowledged and dropped. 0 for any; `max_packet_size` says it openly."),
    Entry::new("per_listener_settings", Flag, "false", Opens(What::PerListener))
        .says("Whether options of scope S hold for the listener above them. It stands before all of these.")
        .differs("It stays."),
    Entry::new("packet_buffer_size", Number(0, 65_535), "4096", Nothing)
        .alias(&["websockets_headers_size"])
        .stays()
        .no_effect("A connection that says nothing has no buffer here, and the others share one."),
    Entry::new("persistence", Flag, "false", Global(|to, value| to.persistence = value.flag()))
        .alias(&["retained_persistence"])
        .says("Whether sessions and retained messages survive the process.")
        .differs("With `true`, what was acknowledged survives a loss of power. It is kept in the folder `postrider` of `persistence_location`, and begins with what a `mosquitto.db` beside it has."),
    Entry::new("persistence_file", Text, "mosquitto.db", Global(|to, value| {
        to.file = Some(PathBuf::from(value.text()));
    }))
    .says("Name of the file in `persistence_location` with all that must survive.")
    .differs("It is read once, when the folder `postrider` of `persistence_location` is not there yet, and stays as it is."),
    Entry::new("persistence_location", Text, "the working directory", Global(|to, value| {
        to.location = PathBuf::from(value.text());
    }))
    .says("Where what must survive is kept."),
    Entry::new("persistent_client_expiration", Span, "never", Global(|to, value| {
        to.config.limits.session_expiry_v3_s = value.u32();
    }))
    .says("After which absence a session of 3.1 or 3.1.1 goes: a number and s, h, d, w, m (30 days) or y (365 days)."),
    Entry::new("pid_file", Text, "none", Global(|to, value| {
        to.config.process.pid_file = Some(PathBuf::from(value.text()));
    }))
    .says("File that gets the number of the process.")
    .stays(),
    Entry::new("queue_qos0_messages", Flag, "false", Global(|to, value| to.config.compat.queue_qos0 = value.flag()))
        .says("Whether messages of QoS 0 wait for clients that are absent."),
    Entry::new("retain_available", Flag, "true", Global(|to, value| to.config.limits.retain_available = value.flag()))
        .says("Whether messages can be retained."),
    Entry::new("retain_expiry_interval", Number(1, 10_000_000), "off", Global(|to, value| {
        to.config.limits.retained_expiry_s = value.u32().saturating_mul(60);
    }))
    .says("Minutes after which a retained message goes.")
    .since_2_1(),
    Entry::new("retry_interval", Text, "none", Nothing)
        .no_effect("Messages are sent again when a client comes back, as the specification says; mosquitto removed it too."),
    Entry::new("set_tcp_nodelay", Flag, "false", Global(|to, value| to.nodelay = value.flag()))
        .says("Whether small packets are sent at once.")
        .differs("The default is `true`: what is sent together is written together."),
    Entry::new("sys_interval", Number(0, 65_535), "10", Global(|to, value| {
        to.config.sys.interval_s = Some(value.u16());
    }))
    .says("Seconds between two updates of `$SYS`; 0 for none."),
    Entry::new("upgrade_outgoing_qos", Flag, "false", Global(|to, value| {
        to.config.compat.upgrade_outgoing_qos = value.flag();
    }))
    .says("Whether a message goes out with the QoS of the subscription, even if it came with a lower one."),
    Entry::new("user", Text, "mosquitto", Global(|to, value| to.config.process.user = Some(value.text().to_owned())))
        .says("Who the process becomes when root starts it; `nobody` where there is no `mosquitto`.")
        .stays(),
];

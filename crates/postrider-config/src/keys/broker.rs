//! Keys of the broker itself: data, process, log, figures, likeness to others.
//!
//! Owns: their rows.

use super::{Key, Kind, key};
use crate::model::{Durability, LogFormat, LogType, Profile, ReceiveMaximum};
use crate::value::Words;

pub(super) const DATA: &[Key] = &[
    key!(
        Broker, "data.directory", [data.] place, DATA,
        Kind::Form("`usual`, `memory` or the path of a directory"), Restart, "persistence_location",
        "The directory that keeps sessions and messages, `memory` for none, or `usual` for where the command has it."
    ),
    key!(
        Broker, "data.durability", [data.] durability, DATA,
        Kind::Word(Durability::WORDS), Restart, "",
        "What an acknowledgement promises: to survive a loss of power (fsync), the end of the process (os), or neither (memory)."
    ),
    key!(
        Broker, "data.must_exist", [data.] must_exist, DATA,
        Kind::Flag, Restart, "",
        "Whether the directory must be there already, so that a disk that is not mounted is an error."
    ),
    key!(
        Broker, "data.take_over", [data.] take_over, DATA,
        Kind::Path, Restart, "persistence_file",
        "A `mosquitto.db` whose sessions and messages a directory that is empty begins with. The file stays as it is."
    ),
];

pub(super) const PROCESS: &[Key] = &[
    key!(
        Broker, "process.user", [process.] user, PROCESS,
        Kind::Text, Restart, "user",
        "The user that a process started by root becomes."
    ),
    key!(
        Broker, "process.pid_file", [process.] pid_file, PROCESS,
        Kind::Path, Restart, "pid_file",
        "A file that gets the number of the process."
    ),
    key!(
        Broker, "process.daemonize", [process.] daemonize, PROCESS,
        Kind::Flag, Restart, "-d",
        "Whether the process goes into the background."
    ),
    key!(
        Broker, "process.threads", [process.] threads, PROCESS,
        Kind::count(0, 256), Restart, "",
        "Threads that serve connections; 0 for as many as fit the machine."
    ),
    key!(
        Broker, "process.landlock", [process.] landlock, PROCESS,
        Kind::Flag, Restart, "",
        "Whether the process can open only the files that its configuration needs, where the kernel can see to it."
    ),
];

pub(super) const LOG: &[Key] = &[
    key!(
        Broker, "log.destinations", [log.] destinations, LOG,
        Kind::Forms("stdout, stderr, syslog, topic or `file:/path`"), Live, "log_dest",
        "Where lines go; an empty list for nowhere."
    ),
    key!(
        Broker, "log.types", [log.] types, LOG,
        Kind::Words(LogType::WORDS), Live, "log_type",
        "Which lines are written."
    ),
    key!(
        Broker, "log.timestamp", [log.] timestamp, LOG,
        Kind::Form("`off`, `epoch` or a pattern of strftime"), Live, "log_timestamp, log_timestamp_format",
        "How a line begins."
    ),
    key!(
        Broker, "log.format", [log.] format, LOG,
        Kind::Word(LogFormat::WORDS), Live, "",
        "Lines for people or objects of JSON."
    ),
    key!(
        Broker, "log.facility", [log.] facility, LOG,
        Kind::Form("daemon or local0 to local7"), Live, "log_facility",
        "The facility of syslog."
    ),
    key!(
        Broker, "log.connection_messages", [log.] connection_messages, LOG,
        Kind::Flag, Live, "connection_messages",
        "Whether connects and disconnects are written."
    ),
];

pub(super) const SYS: &[Key] = &[
    key!(
        Broker, "sys.interval", [sys.] interval_s, SYS,
        Kind::seconds(0, u16::MAX as u64).or("off", 0).or_auto(), Live, "sys_interval",
        "Time between two reports below `$SYS/broker`."
    ),
    key!(
        Broker, "sys.control_api", [sys.] control_api, SYS,
        Kind::Flag, Restart, "enable_control_api",
        "Whether `$CONTROL/broker/v1` answers."
    ),
    key!(
        Broker, "sys.dynamic_security", [sys.] dynamic_security, SYS,
        Kind::Path, Restart, "plugin_opt_config_file",
        "The file of mosquitto's dynamic security: clients, groups and roles."
    ),
];

pub(super) const COMPAT: &[Key] = &[
    key!(
        Broker, "compat.profile", [compat.] profile, COMPAT,
        Kind::Word(Profile::WORDS), Restart, "",
        "The broker whose habits hold where the specification leaves room."
    ),
    key!(
        Broker, "compat.duplicate_messages", [compat.] duplicate_messages, COMPAT,
        Kind::Flag, Live, "allow_duplicate_messages",
        "Whether a message comes once for each subscription that matches, or once."
    ),
    key!(
        Broker, "compat.upgrade_outgoing_qos", [compat.] upgrade_outgoing_qos, COMPAT,
        Kind::Flag, Live, "upgrade_outgoing_qos",
        "Whether messages are delivered with the subscription's QoS even if they were published with a lower one."
    ),
    key!(
        Broker, "compat.queue_qos0", [compat.] queue_qos0, COMPAT,
        Kind::Flag, Live, "queue_qos0_messages",
        "Whether messages of QoS 0 wait for sessions without a connection."
    ),
    key!(
        Broker, "compat.check_retain_source", [compat.] check_retain_source, COMPAT,
        Kind::Flag, Live, "check_retain_source",
        "Whether a retained message's publisher is asked about again before it is sent."
    ),
    key!(
        Broker, "compat.receive_maximum", [compat.] receive_maximum, COMPAT,
        Kind::Word(ReceiveMaximum::WORDS), Live, "",
        "What becomes of a client that sends more unacknowledged messages than it may."
    ),
    key!(
        Broker, "compat.sol_topics", [compat.] sol_topics, COMPAT,
        Kind::Flag, Restart, "",
        "Whether `$SOL/broker/` has figures too."
    ),
    key!(
        Broker, "compat.retransmit", [compat.] retransmit_s, COMPAT,
        Kind::seconds(0, 86_400).or("never", 0), Live, "retry_interval",
        "Time after which 3.1 and 3.1.1 clients get an unacknowledged message again."
    ),
    key!(
        Broker, "compat.sparkplug_aware", [compat.] sparkplug_aware, COMPAT,
        Kind::Flag, Restart, "",
        "Whether birth certificates of Sparkplug are retained below `$sparkplug/certificates`."
    ),
];

//! Options of the log.

use super::Entry;
use super::entry::Set::{Global, Nothing};
use crate::model::{Facility, TimestampFormat};
use crate::mosquitto::value::Kind::{Flag, Number, Text, Word};

pub(super) const OPTIONS: &[Entry] = &[
    Entry::new(
        "connection_messages",
        Flag,
        "true",
        Global(|to, value| {
            to.config.log.connection_messages = value.flag();
        }),
    )
    .says("Whether connects and disconnects are written down."),
    Entry::new("log_dest", Text, "stderr", Global(|to, value| to.log_dest(value.text())))
        .many()
        .says("`stdout`, `stderr`, `syslog`, `topic`, `file PATH`, `none`; several add up.")
        .differs("`dlt` and `android` write to the standard error, with a notice."),
    Entry::new(
        "log_facility",
        Number(0, 7),
        "daemon",
        Global(|to, value| {
            to.config.log.facility = Facility::Local(u8::try_from(value.number()).unwrap_or(0));
        }),
    )
    .says("`local0` to `local7` of syslog."),
    Entry::new("log_timestamp", Flag, "true", Global(|to, value| to.has_timestamp = value.flag()))
        .says("Whether a line begins with the time."),
    Entry::new(
        "log_timestamp_format",
        Text,
        "seconds since 1970",
        Global(|to, value| {
            to.config.log.timestamp = TimestampFormat::Pattern(value.text().to_owned());
        }),
    )
    .says("The time in a pattern of strftime."),
    Entry::new(
        "log_type",
        Word(TYPES),
        "error, warning, notice, information",
        Global(|to, value| {
            to.log_type(value.text());
        }),
    )
    .many()
    .says("What is written down; several add up, and `none` takes all away."),
    Entry::new("websockets_log_level", Text, "0", Nothing)
        .no_effect("It is a mask of a library that is not here; `log_type websockets` has the handshakes."),
];

const TYPES: &[&str] = &[
    "error",
    "warning",
    "notice",
    "information",
    "debug",
    "subscribe",
    "unsubscribe",
    "websockets",
    "internal",
    "none",
    "all",
];

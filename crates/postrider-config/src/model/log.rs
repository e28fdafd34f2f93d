//! What is written down, where and how.
//!
//! Owns: destinations, types, formats.

use std::path::PathBuf;

/// What is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Where to; none for nowhere.
    pub destinations: Vec<LogDestination>,
    /// What, in the order of [`LogType`], each once.
    pub types: Vec<LogType>,
    /// How a line begins.
    pub timestamp: TimestampFormat,
    /// How a line looks.
    pub format: LogFormat,
    /// Under which name syslog gets it.
    pub facility: Facility,
    /// Whether connects and disconnects are written down.
    pub connection_messages: bool,
}

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogDestination {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// The system's log.
    Syslog,
    /// `$SYS/broker/log/<letter>`.
    Topic,
    /// A file, which is opened again at SIGHUP.
    File(PathBuf),
}

/// Kinds of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogType {
    /// What cannot go on.
    Error,
    /// What will go wrong.
    Warning,
    /// What an operator wants to know.
    Notice,
    /// What happens.
    Information,
    /// Each packet.
    Debug,
    /// Who subscribes to what.
    Subscribe,
    /// Who unsubscribes from what.
    Unsubscribe,
    /// What WebSocket handshakes say.
    Websockets,
    /// The broker's own decisions.
    Internal,
}

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// An object a line.
    Json,
}

/// How a line begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimestampFormat {
    /// With its text.
    Off,
    /// With the seconds since 1970.
    Epoch,
    /// With the time in a strftime pattern.
    Pattern(String),
}

/// Facilities of syslog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Facility {
    /// The usual one for servers.
    Daemon,
    /// `local0` to `local7`.
    Local(u8),
}

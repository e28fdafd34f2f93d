//! The one error of the public interface: whose fault it is, and what the far end said.

use postrider_proto::{DecodeError, FilterError, ReasonCode, TopicError};
use postrider_session::Violation;
use std::fmt;
use std::io;

/// Why a client could not do what it was asked.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    source: Option<io::Error>,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The address names no host, or nobody answers there.
    Connect,
    /// The server's CONNACK said no.
    Refused(ReasonCode),
    /// The server sent DISCONNECT. [3.14]
    Disconnected(ReasonCode),
    /// The connection ended without a word.
    Closed,
    /// The server broke the protocol.
    Violation(Violation),
    /// There is no connection.
    NotConnected,
    /// The topic name is not one to publish to. [4.7]
    Topic(TopicError),
    /// The topic filter is not one to subscribe to. [4.7]
    Filter(FilterError),
    /// A SUBSCRIBE or UNSUBSCRIBE without a filter. [MQTT-3.8.3-2]
    NoFilters,
    /// Before 5.0 a session that goes on needs a client identifier. [MQTT-3.1.3-7] of 3.1.1
    ClientId,
    /// A server would call a packet with this malformed, so it is not sent.
    Illegal(DecodeError),
}

impl Error {
    pub(crate) const fn new(kind: ErrorKind) -> Self {
        Self { kind, source: None }
    }

    pub(crate) const fn with_source(kind: ErrorKind, source: io::Error) -> Self {
        Self { kind, source: Some(source) }
    }

    /// What kind of error it is.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The reason code the server gave, if it gave one.
    #[must_use]
    pub const fn reason(&self) -> Option<ReasonCode> {
        match self.kind {
            ErrorKind::Refused(reason) | ErrorKind::Disconnected(reason) => Some(reason),
            ErrorKind::Connect
            | ErrorKind::Closed
            | ErrorKind::Violation(_)
            | ErrorKind::NotConnected
            | ErrorKind::Topic(_)
            | ErrorKind::Filter(_)
            | ErrorKind::NoFilters
            | ErrorKind::ClientId
            | ErrorKind::Illegal(_) => None,
        }
    }

    /// True when the same thing may go well on a new connection.
    #[must_use]
    pub const fn is_connection_lost(&self) -> bool {
        matches!(self.kind, ErrorKind::Closed | ErrorKind::Disconnected(_) | ErrorKind::Violation(_))
    }
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::new(ErrorKind::Violation(violation))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ErrorKind::Connect => f.write_str("cannot connect"),
            ErrorKind::Refused(reason) => write!(f, "the server refused the connection: {}", reason.text()),
            ErrorKind::Disconnected(reason) => write!(f, "the server disconnected: {}", reason.text()),
            ErrorKind::Closed => f.write_str("the server closed the connection"),
            ErrorKind::Violation(violation) => write!(f, "the server broke the protocol: {violation}"),
            ErrorKind::NotConnected => f.write_str("not connected"),
            ErrorKind::Topic(error) => write!(f, "the topic is not valid: {error}"),
            ErrorKind::Filter(error) => write!(f, "the topic filter is not valid: {error}"),
            ErrorKind::NoFilters => f.write_str("no topic filter was given"),
            ErrorKind::ClientId => f.write_str("a session that goes on needs a client identifier before 5.0"),
            ErrorKind::Illegal(error) => write!(f, "no packet can say that: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

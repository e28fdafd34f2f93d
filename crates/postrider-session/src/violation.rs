//! Breaches of the protocol: what to say back, and which clause was broken.
//!
//! Owns: the list of everything a far end can do wrong on one link.
//! Spec: 4.13.

use postrider_proto::{DecodeError, ReasonCode};

/// The far end broke the protocol or one of its limits; the link is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// The bytes are no packet.
    Malformed(DecodeError),
    /// [MQTT-3.1.0-1] The first packet is not a CONNECT.
    NoConnect,
    /// [MQTT-3.1.0-2] A second CONNECT on one link.
    SecondConnect,
    /// A packet that this end never receives; its name.
    Misdirected(&'static str),
    /// [MQTT-3.1.2-30] Something other than AUTH or DISCONNECT while authentication goes on.
    NotAuthenticated,
    /// [MQTT-4.12.0-7] AUTH without an Authentication Method in CONNECT, or in an edition without it.
    AuthUnexpected,
    /// [MQTT-4.12.0-5] AUTH with another method than CONNECT.
    AuthMethodChanged,
    /// AUTH before the last one was answered. [4.12]
    AuthHasty,
    /// [MQTT-3.3.4-7] More unacknowledged messages than we granted.
    ReceiveMaximumExceeded,
    /// [MQTT-3.3.2-9] A topic alias above our maximum.
    AliasOutOfRange,
    /// A topic alias that stands for nothing yet. [3.3.2.3.4]
    AliasUnknown,
    /// [MQTT-3.3.4-6] A Subscription Identifier from a client.
    SubscriptionIdentifierFromClient,
    /// Session Expiry Interval in DISCONNECT where CONNECT had 0. [3.14.2.2.2]
    SessionExpiryRaised,
    /// [MQTT-3.14.2-2] Session Expiry Interval in a server's DISCONNECT.
    SessionExpiryFromServer,
    /// [MQTT-3.2.2-4] A server goes on with a session that its client did not ask for.
    SessionUnknown,
    /// [MQTT-3.2.2-11] A QoS above the announced maximum.
    QosNotSupported,
    /// [MQTT-3.2.2-14] RETAIN where retained messages are off.
    RetainNotSupported,
    /// A topic name that clients must not publish to.
    TopicForbidden,
    /// A topic of more levels than allowed.
    TopicTooDeep,
    /// [MQTT-3.1.2-22] Silent for one and a half keep-alive times.
    KeepAliveTimeout,
    /// No CONNECT was accepted in the time allowed.
    ConnectTimeout,
    /// More bytes came before a CONNECT was accepted than allowed.
    ConnectTooLarge,
    /// [MQTT-3.1.2-24] A request for more than fits the largest packet that the client takes.
    AnswerTooLarge,
    /// More state than a client is allowed.
    QuotaExceeded,
}

impl Violation {
    /// What to tell the far end in 5.0. [2.4]
    #[must_use]
    pub const fn reason(self) -> ReasonCode {
        match self {
            Self::Malformed(error) => error.reason(),
            Self::NoConnect
            | Self::SecondConnect
            | Self::Misdirected(_)
            | Self::NotAuthenticated
            | Self::AuthUnexpected
            | Self::AuthMethodChanged
            | Self::AuthHasty
            | Self::SubscriptionIdentifierFromClient
            | Self::SessionExpiryRaised
            | Self::SessionExpiryFromServer
            | Self::SessionUnknown => ReasonCode::ProtocolError,
            Self::ReceiveMaximumExceeded => ReasonCode::ReceiveMaximumExceeded,
            Self::AliasOutOfRange => ReasonCode::TopicAliasInvalid,
            Self::AliasUnknown => ReasonCode::ProtocolError,
            Self::QosNotSupported => ReasonCode::QosNotSupported,
            Self::RetainNotSupported => ReasonCode::RetainNotSupported,
            Self::TopicForbidden | Self::TopicTooDeep => ReasonCode::TopicNameInvalid,
            Self::KeepAliveTimeout => ReasonCode::KeepAliveTimeout,
            Self::ConnectTimeout => ReasonCode::MaximumConnectTime,
            Self::ConnectTooLarge | Self::AnswerTooLarge => ReasonCode::PacketTooLarge,
            Self::QuotaExceeded => ReasonCode::QuotaExceeded,
        }
    }

    /// The statement of the 5.0 specification that was broken, or the section where it has no number.
    #[must_use]
    pub const fn clause(self) -> &'static str {
        match self {
            Self::Malformed(error) => error.clause(),
            Self::NoConnect => "MQTT-3.1.0-1",
            Self::SecondConnect => "MQTT-3.1.0-2",
            Self::Misdirected(_) => "2.1.2",
            Self::NotAuthenticated => "MQTT-3.1.2-30",
            Self::AuthUnexpected => "MQTT-4.12.0-7",
            Self::AuthMethodChanged => "MQTT-4.12.0-5",
            Self::AuthHasty => "4.12",
            Self::ReceiveMaximumExceeded => "MQTT-3.3.4-7",
            Self::AliasOutOfRange => "MQTT-3.3.2-9",
            Self::AliasUnknown => "3.3.2.3.4",
            Self::SubscriptionIdentifierFromClient => "MQTT-3.3.4-6",
            Self::SessionExpiryRaised => "3.14.2.2.2",
            Self::SessionExpiryFromServer => "MQTT-3.14.2-2",
            Self::SessionUnknown => "MQTT-3.2.2-4",
            Self::QosNotSupported => "MQTT-3.2.2-11",
            Self::RetainNotSupported => "MQTT-3.2.2-14",
            Self::TopicForbidden => "4.7.2",
            Self::TopicTooDeep => "4.7.3",
            Self::KeepAliveTimeout => "MQTT-3.1.2-22",
            Self::ConnectTimeout | Self::ConnectTooLarge => "3.1.4",
            Self::AnswerTooLarge => "MQTT-3.1.2-24",
            Self::QuotaExceeded => "4.13.1",
        }
    }
}

impl From<DecodeError> for Violation {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error)
    }
}

impl core::fmt::Display for Violation {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let text = match self {
            Self::Malformed(error) => return write!(f, "malformed packet: {error}"),
            Self::Misdirected(name) => return write!(f, "{name} is never sent in this direction"),
            Self::NoConnect => "the first packet is not CONNECT",
            Self::SecondConnect => "a second CONNECT",
            Self::NotAuthenticated => "a packet other than AUTH or DISCONNECT before authentication ended",
            Self::AuthUnexpected => "AUTH without an authentication method in CONNECT",
            Self::AuthMethodChanged => "AUTH with another authentication method than CONNECT",
            Self::AuthHasty => "AUTH before the last one was answered",
            Self::ReceiveMaximumExceeded => "more unacknowledged messages than the receive maximum",
            Self::AliasOutOfRange => "a topic alias above the maximum",
            Self::AliasUnknown => "a topic alias that stands for nothing",
            Self::SubscriptionIdentifierFromClient => "a subscription identifier in a client's PUBLISH",
            Self::SessionExpiryRaised => "a session expiry interval in DISCONNECT after 0 in CONNECT",
            Self::SessionExpiryFromServer => "a session expiry interval in a server's DISCONNECT",
            Self::SessionUnknown => "a session that was not asked for",
            Self::QosNotSupported => "a QoS above the maximum",
            Self::RetainNotSupported => "a retained message where they are not supported",
            Self::TopicForbidden => "a topic that clients must not publish to",
            Self::TopicTooDeep => "a topic of too many levels",
            Self::KeepAliveTimeout => "silent for one and a half keep-alive times",
            Self::ConnectTimeout => "no CONNECT in the time allowed",
            Self::ConnectTooLarge => "too many bytes before CONNECT was accepted",
            Self::AnswerTooLarge => "a request whose answer is larger than the client takes",
            Self::QuotaExceeded => "more state than allowed",
        };
        f.write_str(text)
    }
}

impl core::error::Error for Violation {}

//! What a client hears.

use bytes::Bytes;
use postrider_proto::{PacketId, PropertiesBuf, Publish, Qos, ReasonCode};

/// Names a publication or a request of this client until its answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(pub(crate) u64);

/// Something that happened in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The server accepted the connection.
    Connected {
        /// Whether it goes on with a session of this client. [MQTT-3.2.2-2]
        session_present: bool,
        /// What it allows; empty before 5.0.
        properties: PropertiesBuf,
    },
    /// A message came. It is acknowledged already.
    Message(Message),
    /// A publication with QoS 1 or 2 is the server's, or was refused by it.
    Acknowledged {
        /// What [`Conversation::publish`](crate::Conversation::publish) gave.
        token: Token,
        /// From PUBACK, PUBREC or PUBCOMP; [`ReasonCode::PacketTooLarge`] when it is more than the server
        /// takes and was not sent.
        reason: ReasonCode,
    },
    /// The server had forgotten the session before it acknowledged a publication with QoS 2: whether it arrived,
    /// nobody can say.
    Abandoned {
        /// What [`Conversation::publish`](crate::Conversation::publish) gave.
        token: Token,
    },
    /// SUBACK came.
    Subscribed {
        /// What the call gave.
        token: Token,
        /// One a filter, in their order; 0 to 2 is the granted QoS.
        codes: Vec<ReasonCode>,
    },
    /// UNSUBACK came.
    Unsubscribed {
        /// What the call gave.
        token: Token,
        /// One a filter, in their order; empty before 5.0.
        codes: Vec<ReasonCode>,
    },
}

/// An application message from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where it was published.
    pub topic: Box<str>,
    /// The application's bytes.
    pub payload: Bytes,
    /// The QoS of this delivery.
    pub qos: Qos,
    /// The number of this delivery; `None` with QoS 0.
    pub packet_id: Option<PacketId>,
    /// It was stored before the subscription was made.
    pub retain: bool,
    /// It may have come before.
    pub dup: bool,
    /// Empty before 5.0.
    pub properties: PropertiesBuf,
}

impl Message {
    pub(crate) fn from_packet(publish: &Publish<'_>) -> Self {
        Self {
            topic: publish.topic.as_str().into(),
            payload: Bytes::copy_from_slice(publish.payload),
            qos: publish.qos,
            packet_id: publish.packet_id,
            retain: publish.retain,
            dup: publish.dup,
            properties: publish.properties.into(),
        }
    }
}

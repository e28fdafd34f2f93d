//! What an engine has taken and refused, in order, for a reference broker to follow.
//!
//! Owns: the words for it, found in packets and events.

use postrider_engine::Pressure;
use postrider_ports::{Event, PartitionId};
use postrider_proto::{Ack, AckKind, Packet, PacketId, PropertyId, Qos, ReasonCode, SubscribeOptions, Text, Version};
use postrider_session::Sequence;

/// Something the engine has taken: what a reference broker has to take in the same order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Witnessed {
    /// A CONNECT that was accepted without asking anybody.
    Connect {
        /// Which connection.
        at: usize,
        /// What it asks for; empty to get one assigned.
        client_id: String,
    },
    /// A CONNECT that was refused without asking anybody.
    TurnedAway {
        /// Which connection.
        at: usize,
        /// Why.
        reason: ReasonCode,
    },
    /// Memory is as short as that from now on.
    Pressed(Pressure),
    /// A PUBLISH that was taken from its client, and with which nothing was done as there was no memory.
    Unplaced {
        /// Which connection.
        at: usize,
        /// Its Packet Identifier.
        packet_id: Option<PacketId>,
        /// What.
        payload: Vec<u8>,
    },
    /// A PUBLISH.
    Publish {
        /// Which connection.
        at: usize,
        /// Its Packet Identifier, above QoS 0.
        packet_id: Option<PacketId>,
        /// Where.
        topic: String,
        /// What.
        payload: Vec<u8>,
        /// How.
        qos: Qos,
        /// Whether it is retained.
        retain: bool,
        /// Its lifetime in seconds.
        expiry_s: Option<u32>,
        /// Its Payload Format Indicator.
        format: Option<u32>,
    },
    /// A PUBACK, PUBREC, PUBREL or PUBCOMP.
    Ack {
        /// Which connection.
        at: usize,
        /// Which of them.
        kind: AckKind,
        /// What it answers.
        packet_id: PacketId,
        /// How.
        reason: ReasonCode,
    },
    /// Messages went out to a client: bytes that follow those of before.
    Sent {
        /// Which connection.
        at: usize,
        /// A PUBLISH or a part of one.
        bytes: Vec<u8>,
    },
    /// A PUBLISH was answered by a PUBACK or PUBREC that refuses it.
    Refused {
        /// Which connection.
        at: usize,
        /// Its Packet Identifier.
        packet_id: PacketId,
        /// Why.
        reason: ReasonCode,
    },
    /// A SUBSCRIBE.
    Subscribe {
        /// Which connection.
        at: usize,
        /// Filters that were granted, and how they are wanted.
        filters: Vec<(String, SubscribeOptions)>,
        /// Those that were not.
        refused: Vec<String>,
        /// The Subscription Identifier.
        identifier: Option<u32>,
    },
    /// An UNSUBSCRIBE.
    Unsubscribe {
        /// Which connection.
        at: usize,
        /// Filters.
        filters: Vec<String>,
    },
    /// A DISCONNECT.
    Disconnect {
        /// Which connection.
        at: usize,
        /// Why.
        reason: ReasonCode,
    },
    /// The connection is over, for whatever reason.
    Parted {
        /// Which connection.
        at: usize,
    },
    /// A will was published.
    Will {
        /// Whose.
        client_id: String,
    },
    /// A session ended.
    Ended {
        /// Whose.
        client_id: String,
    },
    /// All since the last of these came of one input, and these records are its own: those behind `from` up to
    /// `through`. None where both are the same.
    Logged {
        /// The last record before.
        from: Sequence,
        /// The last record now.
        through: Sequence,
    },
    /// A message from another partition.
    Remote {
        /// Which partition.
        from: PartitionId,
        /// What.
        payload: Vec<u8>,
        /// Where.
        topic: String,
        /// How.
        qos: Qos,
        /// Whether it is retained.
        retain: bool,
    },
}

impl Witnessed {
    /// Without the filters that an answer refuses.
    pub(crate) fn granted(mut self, told: Option<Codes>) -> Self {
        if let (Self::Subscribe { filters, refused, .. }, Some(Codes::Suback(codes))) = (&mut self, told) {
            let mut codes = codes.into_iter();
            let (granted, others) = filters.drain(..).partition(|_| codes.next().is_none_or(|code| code < 0x80));
            *filters = granted;
            let others: Vec<(String, SubscribeOptions)> = others;
            refused.extend(others.into_iter().map(|(filter, _)| filter));
        }
        self
    }
}

pub(crate) fn witnessed(at: usize, packet: &Packet<'_>) -> Option<Witnessed> {
    Some(match packet {
        Packet::Connect(connect) => Witnessed::Connect { at, client_id: connect.client_id.as_str().to_owned() },
        Packet::Publish(publish) => Witnessed::Publish {
            at,
            packet_id: publish.packet_id,
            topic: publish.topic.as_str().to_owned(),
            payload: publish.payload.to_vec(),
            qos: publish.qos,
            retain: publish.retain,
            expiry_s: publish.properties.number(PropertyId::MessageExpiryInterval),
            format: publish.properties.number(PropertyId::PayloadFormatIndicator),
        },
        Packet::Ack(ack) => Witnessed::Ack { at, kind: ack.kind, packet_id: ack.packet_id, reason: ack.reason },
        Packet::Subscribe(subscribe) => Witnessed::Subscribe {
            at,
            filters: subscribe
                .subscriptions
                .iter()
                .map(|one| (Text::trusted(one.raw_filter).as_str().to_owned(), one.options))
                .collect(),
            refused: Vec::new(),
            identifier: subscribe.properties.number(PropertyId::SubscriptionIdentifier),
        },
        Packet::Unsubscribe(unsubscribe) => Witnessed::Unsubscribe {
            at,
            filters: unsubscribe.filters.iter().map(|filter| Text::trusted(filter).as_str().to_owned()).collect(),
        },
        Packet::Disconnect(disconnect) => Witnessed::Disconnect { at, reason: disconnect.reason },
        _ => return None,
    })
}

pub(crate) fn witnessed_event(event: &Event) -> Option<Witnessed> {
    match event {
        Event::WillPublished { client_id, .. } => Some(Witnessed::Will { client_id: client_id.as_str().to_owned() }),
        Event::SessionEnded { client_id } => Some(Witnessed::Ended { client_id: client_id.as_str().to_owned() }),
        _ => None,
    }
}

/// What a client is told by these bytes that a reference broker has to know.
pub(crate) fn witnessed_answer(at: usize, version: Version, bytes: &[u8]) -> Option<Witnessed> {
    let frame = postrider_proto::split(bytes, usize::MAX).ok()??;
    match Packet::decode(frame, version).ok()? {
        Packet::Ack(Ack { kind: AckKind::Puback | AckKind::Pubrec, packet_id, reason, .. }) if reason.is_error() => {
            Some(Witnessed::Refused { at, packet_id, reason })
        }
        _ => None,
    }
}

/// What a client is told of its CONNECT and its SUBSCRIBE, in the order of its filters.
pub(crate) fn codes(version: Version, bytes: &[u8]) -> Option<Codes> {
    let frame = postrider_proto::split(bytes, usize::MAX).ok()??;
    match Packet::decode(frame, version).ok()? {
        Packet::Connack(connack) => Some(Codes::Connack(connack.reason)),
        Packet::Suback(suback) => Some(Codes::Suback(suback.codes.to_vec())),
        _ => None,
    }
}

/// See [`codes`].
#[derive(Debug)]
pub(crate) enum Codes {
    Connack(ReasonCode),
    Suback(Vec<u8>),
}

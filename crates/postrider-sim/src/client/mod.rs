//! A client that keeps the protocol: its half of the link, its flows, its side of a connection.

mod hearing;
mod hello;

use crate::oracle::{Answer, Seen};
use crate::random::Random;
use crate::topics::Wishes;
use postrider_engine::PayloadFormat;
use postrider_proto::{
    Packet, PacketId, PropertiesBuf, Property, PropertyId, Publish, Qos, ReasonCode, Subscribe, SubscribeOptions,
    Subscriptions, Topic, Unsubscribe, UnsubscribeFilters, Version,
};
use postrider_session::flow::Outbound;
use postrider_session::{ClientLink, IdSet, Mono};
use std::collections::{BTreeMap, VecDeque};

/// What a client wants to publish.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    /// Message Expiry Interval.
    pub(crate) expiry_s: Option<u32>,
    /// Payload Format Indicator.
    pub(crate) format: Option<u8>,
}

impl Outgoing {
    /// Whether it says that it is UTF-8 and is not.
    fn is_malformed(&self) -> bool {
        self.format == Some(1) && core::str::from_utf8(&self.payload).is_err()
    }
}

/// What the clients of a run know of their broker.
#[derive(Clone, Debug)]
pub(crate) struct Broker {
    /// Partitions; with more than one nothing is shared.
    pub(crate) partitions: usize,
    /// It looks whether payloads are what they say.
    pub(crate) payload_format: PayloadFormat,
    /// It has a log: then clients take the lowest identifiers again as soon as they can.
    pub(crate) has_log: bool,
}

/// One client, connected or not.
#[derive(Debug)]
pub(crate) struct SimClient {
    pub(crate) id: String,
    pub(crate) version: Version,
    pub(crate) partition: usize,
    pub(crate) connection: Option<Connection>,
    outbound: Outbound<Outgoing>,
    inbound: IdSet,
    /// Handshakes of QoS 2 that came to their end: as publisher, as subscriber.
    pub(crate) handshakes: (u64, u64),
    /// Messages with QoS 2 that it refused, by the identifier they had. Whether the broker has heard of that it
    /// cannot know, so when they come again it refuses them again.
    refused: BTreeMap<PacketId, Vec<u8>>,
    next_request: u16,
    /// Filters of SUBSCRIBE packets that are not answered.
    requests: BTreeMap<PacketId, Vec<String>>,
    receive_maximum: u16,
    topic_alias_max: u16,
    pub(crate) wishes: Wishes,
    broker: Broker,
    pub(crate) packet_bytes_max: Option<u32>,
    /// Seconds its session outlives a connection; 0 is a clean session.
    pub(crate) expiry_s: u32,
    pub(crate) cuts: u32,
    /// The last session that began was clean, so it ended with its connection. [MQTT-3.1.2-6] of 3.1.1
    was_clean: bool,
    /// It asked for a clean start, or its session may have ended, and it has not heard the answer: it cannot know
    /// whose Packet Identifiers it would meet, so it asks for a clean start. [MQTT-3.1.2-4]
    owes_clean: bool,
    /// It was refused and does not come before.
    pub(crate) not_before: Mono,
}

/// A connection as the client sees it.
#[derive(Debug)]
pub(crate) struct Connection {
    /// The driver's number for it.
    pub(crate) at: usize,
    link: ClientLink,
    input: Vec<u8>,
    pub(crate) is_accepted: bool,
    is_clean: bool,
    /// What [`SimClient::owes_clean`] was before.
    owed_clean: bool,
    /// Payloads of the PUBLISH packets that it has said.
    pub(crate) said: VecDeque<Vec<u8>>,
    /// Why the broker ended it.
    pub(crate) farewell: Option<ReasonCode>,
    /// The client does not read for now.
    pub(crate) is_paused: bool,
    /// Bytes on their way to the broker, in pieces.
    pub(crate) up: Vec<u8>,
    /// Bytes on their way to the client.
    pub(crate) down: Vec<u8>,
}

/// What a client has heard.
#[derive(Debug)]
pub(crate) enum Heard {
    Accepted {
        is_present: bool,
    },
    Refused(ReasonCode),
    Message(Seen),
    /// A DISCONNECT, with its Server Reference.
    Disconnected(ReasonCode, Option<String>),
    /// Anything else: its name, and the identifier if it acknowledges.
    Other(Answer),
}

impl SimClient {
    pub(crate) fn new(number: usize, broker: Broker, shares: &[&'static str], random: &mut Random) -> Self {
        let version = random.pick(&[Version::V5, Version::V5, Version::V3_1_1, Version::V3_1]);
        Self {
            id: format!("c{number}"),
            version,
            partition: number % broker.partitions,
            connection: None,
            outbound: Outbound::default(),
            inbound: IdSet::default(),
            handshakes: (0, 0),
            refused: BTreeMap::new(),
            next_request: 0,
            requests: BTreeMap::new(),
            receive_maximum: random.pick(&[1, 2, 5, 65_535]),
            topic_alias_max: if version.is_v5() { random.pick(&[0, 1, 2, 16]) } else { 0 },
            wishes: Wishes::new(shares, version, random),
            broker,
            packet_bytes_max: if version.is_v5() { random.pick(&[None, None, None, Some(60)]) } else { None },
            expiry_s: random.pick(&[0, 5, 60, u32::MAX]),
            cuts: 0,
            was_clean: false,
            owes_clean: false,
            not_before: Mono(0),
        }
    }

    pub(super) fn send(&mut self, packet: &Packet<'_>) {
        let version = self.version;
        if let Some(connection) = &mut self.connection {
            packet.encode(version, &mut connection.up);
        }
    }

    /// Publishes, if the flow allows it.
    pub(crate) fn publish(&mut self, message: &Outgoing) -> bool {
        if self.broker.has_log && self.outbound.is_empty() {
            self.outbound = Outbound::default();
            self.open_outbound();
        }
        let packet_id = match message.qos {
            Qos::AtMostOnce => None,
            _ if !self.outbound.is_open() => return false,
            qos => Some(self.outbound.begin(qos, Some(message.clone()))),
        };
        self.send_publish(message, packet_id, false);
        true
    }

    pub(super) fn send_publish(&mut self, message: &Outgoing, packet_id: Option<PacketId>, dup: bool) {
        let mut properties = PropertiesBuf::new();
        if let Some(expiry_s) = message.expiry_s {
            properties.push(Property::FourBytes(PropertyId::MessageExpiryInterval, expiry_s));
        }
        if let Some(format) = message.format {
            properties.push(Property::Byte(PropertyId::PayloadFormatIndicator, format));
        }
        let packet = Packet::Publish(Publish {
            dup,
            qos: message.qos,
            retain: message.retain,
            topic: Topic::trusted(message.topic.as_bytes()),
            packet_id,
            properties: properties.as_properties(),
            payload: &message.payload,
        });
        self.send(&packet);
        if let Some(connection) = &mut self.connection {
            connection.said.push_back(message.payload.clone());
        }
    }

    pub(super) fn open_outbound(&mut self) {
        self.outbound.connect(if self.version.is_v5() { 100 } else { u16::MAX });
    }

    pub(super) fn request_id(&mut self) -> PacketId {
        // Requests use identifiers that the flow does not reach in a run.
        self.next_request = self.next_request % 1000 + 1;
        PacketId::new(60_000 + self.next_request).unwrap_or(PacketId::FIRST)
    }

    pub(crate) fn subscribe(&mut self, filters: &[(String, SubscribeOptions)], identifier: Option<u32>) {
        let mut raw = Vec::new();
        for (filter, options) in filters {
            Subscriptions::write(filter.as_bytes(), *options, &mut raw);
        }
        let mut properties = PropertiesBuf::new();
        if let Some(id) = identifier.filter(|_| self.version.is_v5()) {
            properties.push(Property::Varint(PropertyId::SubscriptionIdentifier, id));
        }
        let packet_id = self.request_id();
        self.requests.insert(packet_id, filters.iter().map(|(filter, _)| filter.clone()).collect());
        let packet = Packet::Subscribe(Subscribe {
            packet_id,
            properties: properties.as_properties(),
            subscriptions: Subscriptions::trusted(&raw, self.version),
        });
        self.send(&packet);
    }

    pub(crate) fn unsubscribe(&mut self, filter: &str) {
        let mut raw = Vec::new();
        UnsubscribeFilters::write(filter.as_bytes(), &mut raw);
        let packet = Packet::Unsubscribe(Unsubscribe {
            packet_id: self.request_id(),
            properties: postrider_proto::Properties::NONE,
            filters: UnsubscribeFilters::trusted(&raw),
        });
        self.send(&packet);
    }

    pub(crate) fn disconnect(&mut self, reason: ReasonCode) {
        let packet = Packet::Disconnect(postrider_proto::Disconnect::new(reason));
        self.send(&packet);
    }

    /// Messages of its own that are not acknowledged.
    pub(crate) fn unfinished(&self) -> usize {
        self.outbound.len()
    }
}

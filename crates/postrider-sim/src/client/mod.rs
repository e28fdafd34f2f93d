//! A client that keeps the protocol: its half of the link, its flows, its side of a connection.

mod hearing;
mod hello;

use crate::oracle::Seen;
use crate::random::Random;
use postrider_proto::{
    Packet, PacketId, PropertiesBuf, Property, PropertyId, Publish, Qos, ReasonCode, Subscribe, SubscribeOptions,
    Subscriptions, Topic, Unsubscribe, UnsubscribeFilters, Version,
};
use postrider_session::flow::Outbound;
use postrider_session::{ClientLink, IdSet};

/// What a client wants to publish.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
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
    next_request: u16,
    receive_maximum: u16,
    pub(crate) packet_bytes_max: Option<u32>,
    /// Seconds its session outlives a connection; 0 is a clean session.
    pub(crate) expiry_s: u32,
    pub(crate) cuts: u32,
    /// The last session that began was clean, so it ended with its connection. [MQTT-3.1.2-6] of 3.1.1
    was_clean: bool,
    /// It asked for a clean start, or its session may have ended, and it has not heard the answer: it cannot know
    /// whose Packet Identifiers it would meet, so it asks for a clean start. [MQTT-3.1.2-4]
    owes_clean: bool,
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
    Disconnected(ReasonCode),
    /// Its name, for the timeline.
    #[allow(dead_code, reason = "read by Debug")]
    Other(&'static str),
}

impl SimClient {
    pub(crate) fn new(number: usize, partitions: usize, random: &mut Random) -> Self {
        let version = random.pick(&[Version::V5, Version::V5, Version::V3_1_1, Version::V3_1]);
        Self {
            id: format!("c{number}"),
            version,
            partition: number % partitions,
            connection: None,
            outbound: Outbound::default(),
            inbound: IdSet::default(),
            next_request: 0,
            receive_maximum: random.pick(&[1, 2, 5, 65_535]),
            packet_bytes_max: if version.is_v5() { random.pick(&[None, None, None, Some(60)]) } else { None },
            expiry_s: random.pick(&[0, 5, 60, u32::MAX]),
            cuts: 0,
            was_clean: false,
            owes_clean: false,
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
        let packet_id = match message.qos {
            Qos::AtMostOnce => None,
            _ if !self.outbound.is_open() => return false,
            qos => Some(self.outbound.begin(qos, Some(message.clone()))),
        };
        self.send_publish(message, packet_id, false);
        true
    }

    pub(super) fn send_publish(&mut self, message: &Outgoing, packet_id: Option<PacketId>, dup: bool) {
        let packet = Packet::Publish(Publish {
            dup,
            qos: message.qos,
            retain: message.retain,
            topic: Topic::trusted(message.topic.as_bytes()),
            packet_id,
            properties: postrider_proto::Properties::NONE,
            payload: &message.payload,
        });
        self.send(&packet);
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
        let packet = Packet::Subscribe(Subscribe {
            packet_id: self.request_id(),
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

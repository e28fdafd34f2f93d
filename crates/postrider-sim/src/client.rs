//! A client that keeps the protocol: its half of the link, its flows, its side of a connection.

use crate::oracle::{Seen, Terms, WillTerms};
use crate::random::Random;
use postrider_proto::{
    Ack, AckKind, Connect, Packet, PacketId, PropertiesBuf, Property, PropertyId, Publish, Qos, ReasonCode, Start,
    Subscribe, SubscribeOptions, Subscriptions, Topic, Unsubscribe, UnsubscribeFilters, Version, Will,
};
use postrider_session::flow::{Outbound, Pubrec, Resend};
use postrider_session::{ClientLink, IdSet, Mono};

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

    /// The CONNECT of a new connection, and what it says.
    pub(crate) fn dial(&mut self, at: usize, now: Mono, random: &mut Random, token: u64) -> Terms {
        let is_v5 = self.version.is_v5();
        let mut expiry_s = self.expiry_s;
        let mut is_clean = random.once_in(4) || self.owes_clean;
        if !is_v5 {
            // Before 5.0 a session is clean or for ever.
            is_clean = self.expiry_s == 0 || is_clean;
            expiry_s = if is_clean { 0 } else { u32::MAX };
            if core::mem::take(&mut self.was_clean) {
                self.outbound = Outbound::default();
                self.inbound = IdSet::default();
            }
        }
        // A session that may have ended meanwhile may be a new one when the answer to this CONNECT is lost.
        self.owes_clean |= is_clean || self.expiry_s != u32::MAX;
        let will = random.once_in(3).then(|| WillTerms {
            topic: if random.once_in(2) { "a/b".to_owned() } else { format!("will/{}", self.id) },
            payload: format!("w{token}").into_bytes(),
            qos: random.pick(&[Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce]),
            retain: random.once_in(4),
            delay_s: if is_v5 { random.pick(&[0, 0, 2, 30]) } else { 0 },
        });
        let link = ClientLink::new(now, self.version, 0, 1 << 28, 0);
        let mut up = Vec::new();
        self.hello(is_clean, expiry_s, will.as_ref(), &mut up);
        self.connection = Some(Connection {
            at,
            link,
            input: Vec::new(),
            is_accepted: false,
            is_clean,
            is_paused: false,
            up,
            down: Vec::new(),
        });
        Terms { client_id: self.id.clone(), is_clean, expiry_s, will }
    }

    fn hello(&self, is_clean: bool, expiry_s: u32, will: Option<&WillTerms>, out: &mut Vec<u8>) {
        let mut properties = PropertiesBuf::new();
        let mut will_properties = PropertiesBuf::new();
        if self.version.is_v5() {
            if expiry_s > 0 {
                properties.push(Property::FourBytes(PropertyId::SessionExpiryInterval, expiry_s));
            }
            properties.push(Property::TwoBytes(PropertyId::ReceiveMaximum, self.receive_maximum));
            if let Some(bytes) = self.packet_bytes_max {
                properties.push(Property::FourBytes(PropertyId::MaximumPacketSize, bytes));
            }
            if let Some(will) = will.filter(|will| will.delay_s > 0) {
                will_properties.push(Property::FourBytes(PropertyId::WillDelayInterval, will.delay_s));
            }
        }
        let connect = Connect {
            version: self.version,
            is_bridge: false,
            start: if is_clean { Start::Clean } else { Start::Resume },
            keep_alive_s: 0,
            properties: properties.as_properties(),
            client_id: self.id.as_str().into(),
            will: will.map(|will| Will {
                qos: will.qos,
                retain: will.retain,
                topic: Topic::trusted(will.topic.as_bytes()),
                payload: &will.payload,
                properties: will_properties.as_properties(),
            }),
            user_name: None,
            password: None,
        };
        Packet::Connect(Box::new(connect)).encode(self.version, out);
    }

    fn send(&mut self, packet: &Packet<'_>) {
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

    fn send_publish(&mut self, message: &Outgoing, packet_id: Option<PacketId>, dup: bool) {
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

    fn request_id(&mut self) -> PacketId {
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

    /// Bytes have arrived.
    pub(crate) fn receive(&mut self, bytes: &[u8]) -> Result<Vec<Heard>, String> {
        let Some(connection) = &mut self.connection else { return Ok(Vec::new()) };
        connection.input.extend_from_slice(bytes);
        let input = core::mem::take(&mut connection.input);
        let (mut at, mut heard) = (0, Vec::new());
        while let Some(connection) = &mut self.connection {
            let mut link = connection.link.clone();
            let decoded =
                link.decode(&input[at..]).map_err(|error| format!("{} understands nothing: {error}", self.id))?;
            connection.link = link;
            let Some((packet, len)) = decoded else { break };
            if self.packet_bytes_max.is_some_and(|max| len > max as usize) {
                return Err(format!("{} was sent {len} bytes", self.id));
            }
            at += len;
            self.on_packet(&packet, &mut heard)?;
        }
        if let Some(connection) = &mut self.connection {
            connection.input = input[at..].to_vec();
        }
        Ok(heard)
    }

    fn on_packet(&mut self, packet: &Packet<'_>, heard: &mut Vec<Heard>) -> Result<(), String> {
        match packet {
            Packet::Connack(connack) if connack.reason == ReasonCode::Success => {
                // 3.1 has no flag; there a client knows by what it asked for.
                let is_clean = self.connection.as_ref().is_some_and(|connection| connection.is_clean);
                self.was_clean = is_clean && !self.version.is_v5();
                self.on_accepted(connack.session_present || (self.version == Version::V3_1 && !is_clean));
                heard.push(Heard::Accepted { is_present: connack.session_present });
            }
            Packet::Connack(connack) => heard.push(Heard::Refused(connack.reason)),
            Packet::Publish(publish) => self.on_publish(publish, heard),
            Packet::Ack(ack) => self.on_ack(ack)?,
            Packet::Disconnect(disconnect) => heard.push(Heard::Disconnected(disconnect.reason)),
            Packet::Suback(suback) => {
                if let Some(code) = suback.codes.iter().find(|code| **code > 2) {
                    return Err(format!("{} was refused a subscription: {code:02x}", self.id));
                }
                heard.push(Heard::Other("SUBACK"));
            }
            packet => heard.push(Heard::Other(packet.name())),
        }
        Ok(())
    }

    /// [MQTT-3.2.2-5]: without a session at the server, nothing of ours goes on.
    fn on_accepted(&mut self, is_present: bool) {
        if let Some(connection) = &mut self.connection {
            connection.is_accepted = true;
        }
        self.owes_clean = false;
        if !is_present {
            self.outbound = Outbound::default();
            self.inbound = IdSet::default();
        }
        self.outbound.connect(if self.version.is_v5() { 100 } else { u16::MAX });
        self.resend();
    }

    fn resend(&mut self) {
        loop {
            let (message, packet_id) = match self.outbound.next_resend() {
                None => return,
                Some(Resend::Pubrel(packet_id)) => (None, packet_id),
                Some(Resend::Publish(packet_id, _, message)) => (Some(message.clone()), packet_id),
            };
            match message {
                Some(message) => self.send_publish(&message, Some(packet_id), true),
                None => self.send(&Packet::Ack(Ack::new(AckKind::Pubrel, packet_id, ReasonCode::Success))),
            }
        }
    }

    fn on_publish(&mut self, publish: &Publish<'_>, heard: &mut Vec<Heard>) {
        let is_new = match (publish.qos, publish.packet_id) {
            (Qos::ExactlyOnce, Some(packet_id)) => {
                let is_new = self.inbound.insert(packet_id);
                self.send(&Packet::Ack(Ack::new(AckKind::Pubrec, packet_id, ReasonCode::Success)));
                is_new
            }
            (Qos::AtLeastOnce, Some(packet_id)) => {
                self.send(&Packet::Ack(Ack::new(AckKind::Puback, packet_id, ReasonCode::Success)));
                true
            }
            _ => true,
        };
        if is_new {
            let ids = publish.properties.iter().filter_map(|property| match property {
                Property::Varint(_, id) => Some(id),
                _ => None,
            });
            heard.push(Heard::Message(Seen {
                topic: publish.topic.as_str().to_owned(),
                payload: publish.payload.to_vec(),
                qos: publish.qos,
                retain: publish.retain,
                dup: publish.dup,
                ids: ids.collect(),
                packet_id: publish.packet_id,
            }));
        }
    }

    fn on_ack(&mut self, ack: &Ack<'_>) -> Result<(), String> {
        let id = ack.packet_id;
        match ack.kind {
            AckKind::Puback => {
                self.outbound.on_puback(id).ok_or_else(|| format!("{}: PUBACK #{id} answers nothing", self.id))?;
            }
            AckKind::Pubrec => match self.outbound.on_pubrec(id, ack.reason.is_error()) {
                Pubrec::Unknown => return Err(format!("{}: PUBREC #{id} answers nothing", self.id)),
                Pubrec::Refused(_) => {}
                Pubrec::Release(_) => self.send(&Packet::Ack(Ack::new(AckKind::Pubrel, id, ReasonCode::Success))),
            },
            AckKind::Pubrel => {
                self.inbound.remove(id);
                self.send(&Packet::Ack(Ack::new(AckKind::Pubcomp, id, ReasonCode::Success)));
            }
            AckKind::Pubcomp => {
                if !self.outbound.on_pubcomp(id) {
                    return Err(format!("{}: PUBCOMP #{id} answers nothing", self.id));
                }
            }
        }
        self.resend();
        Ok(())
    }

    /// Messages of its own that are not acknowledged.
    pub(crate) fn unfinished(&self) -> usize {
        self.outbound.len()
    }
}

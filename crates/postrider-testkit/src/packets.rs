//! Packets that clients send, built in one line.

use postrider_proto::{
    Ack, AckKind, Connect, Disconnect, Packet, PacketId, PropertiesBuf, Property, PropertyId, Publish, Qos, ReasonCode,
    RetainHandling, Start, Subscribe, SubscribeOptions, Subscriptions, Text, Topic, Unsubscribe, UnsubscribeFilters,
    Version, Will,
};

/// Encodes a packet for the wire.
pub(crate) fn bytes(packet: &Packet<'_>, version: Version) -> Vec<u8> {
    let mut out = Vec::new();
    packet.encode(version, &mut out);
    out
}

fn packet_id(number: u16) -> PacketId {
    PacketId::new(number).expect("packet identifier 0 is sent as raw bytes")
}

fn qos(number: u8) -> Qos {
    Qos::from_u8(number).expect("QoS 0 to 2")
}

/// A CONNECT.
#[derive(Clone, Debug)]
pub struct Hello {
    /// The dialect; 5.0 unless changed.
    pub version: Version,
    id: String,
    start: Start,
    keep_alive_s: u16,
    properties: PropertiesBuf,
    will: Option<(Pub, PropertiesBuf)>,
    user: Option<String>,
    password: Option<Vec<u8>>,
    is_bridge: bool,
}

impl Hello {
    /// Clean start, no keep alive, 5.0.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self {
            version: Version::V5,
            id: id.to_owned(),
            start: Start::Clean,
            keep_alive_s: 0,
            properties: PropertiesBuf::new(),
            will: None,
            user: None,
            password: None,
            is_bridge: false,
        }
    }

    /// Speaks another dialect.
    #[must_use]
    pub fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// Speaks 3.1.1.
    #[must_use]
    pub fn v3(self) -> Self {
        self.version(Version::V3_1_1)
    }

    /// Resumes a session.
    #[must_use]
    pub fn resume(mut self) -> Self {
        self.start = Start::Resume;
        self
    }

    /// Session Expiry Interval.
    #[must_use]
    pub fn expiry(self, seconds: u32) -> Self {
        self.property(Property::FourBytes(PropertyId::SessionExpiryInterval, seconds))
    }

    /// Keep alive.
    #[must_use]
    pub fn keep_alive(mut self, seconds: u16) -> Self {
        self.keep_alive_s = seconds;
        self
    }

    /// Any property.
    #[must_use]
    pub fn property(mut self, property: Property<'_>) -> Self {
        self.properties.push(property);
        self
    }

    /// A will.
    #[must_use]
    pub fn will(self, will: Pub) -> Self {
        self.will_after(will, 0)
    }

    /// A will with Will Delay Interval.
    #[must_use]
    pub fn will_after(mut self, will: Pub, seconds: u32) -> Self {
        let mut properties = will.properties.clone();
        if seconds > 0 {
            properties.push(Property::FourBytes(PropertyId::WillDelayInterval, seconds));
        }
        self.will = Some((will, properties));
        self
    }

    /// User name and password.
    #[must_use]
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.user = Some(name.to_owned());
        self.password = Some(password.as_bytes().to_vec());
        self
    }

    /// A bridge of 3.1.1.
    #[must_use]
    pub fn bridge(mut self) -> Self {
        self.is_bridge = true;
        self
    }

    /// The packet's bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let will = self.will.as_ref().map(|(will, properties)| Will {
            qos: qos(will.qos),
            retain: will.retain,
            topic: Topic::trusted(will.topic.as_bytes()),
            payload: &will.payload,
            properties: properties.as_properties(),
        });
        let connect = Connect {
            version: self.version,
            is_bridge: self.is_bridge,
            start: self.start,
            keep_alive_s: self.keep_alive_s,
            properties: self.properties.as_properties(),
            client_id: self.id.as_str().into(),
            will,
            user_name: self.user.as_deref().map(Text::from),
            password: self.password.as_deref(),
        };
        bytes(&Packet::Connect(Box::new(connect)), self.version)
    }
}

/// A PUBLISH.
#[derive(Clone, Debug)]
pub struct Pub {
    topic: String,
    payload: Vec<u8>,
    qos: u8,
    id: u16,
    retain: bool,
    dup: bool,
    properties: PropertiesBuf,
}

/// A QoS 0 PUBLISH.
#[must_use]
pub fn publish(topic: &str, payload: &str) -> Pub {
    Pub {
        topic: topic.to_owned(),
        payload: payload.as_bytes().to_vec(),
        qos: 0,
        id: 0,
        retain: false,
        dup: false,
        properties: PropertiesBuf::new(),
    }
}

impl Pub {
    /// QoS 1 with a packet identifier.
    #[must_use]
    pub fn q1(mut self, id: u16) -> Self {
        (self.qos, self.id) = (1, id);
        self
    }

    /// QoS 2 with a packet identifier.
    #[must_use]
    pub fn q2(mut self, id: u16) -> Self {
        (self.qos, self.id) = (2, id);
        self
    }

    /// Retained.
    #[must_use]
    pub fn retain(mut self) -> Self {
        self.retain = true;
        self
    }

    /// Sent before.
    #[must_use]
    pub fn dup(mut self) -> Self {
        self.dup = true;
        self
    }

    /// Any property.
    #[must_use]
    pub fn property(mut self, property: Property<'_>) -> Self {
        self.properties.push(property);
        self
    }

    /// Message Expiry Interval.
    #[must_use]
    pub fn expiry(self, seconds: u32) -> Self {
        self.property(Property::FourBytes(PropertyId::MessageExpiryInterval, seconds))
    }

    /// With these bytes as payload.
    #[must_use]
    pub fn payload(mut self, bytes: &[u8]) -> Self {
        self.payload = bytes.into();
        self
    }

    /// A payload of this many bytes.
    #[must_use]
    pub fn sized(mut self, bytes: usize) -> Self {
        self.payload = vec![b'x'; bytes];
        self
    }

    /// The packet's bytes.
    #[must_use]
    pub fn bytes(&self, version: Version) -> Vec<u8> {
        let packet = Publish {
            dup: self.dup,
            qos: qos(self.qos),
            retain: self.retain,
            topic: Topic::trusted(self.topic.as_bytes()),
            packet_id: (self.qos > 0).then(|| packet_id(self.id)),
            properties: self.properties.as_properties(),
            payload: &self.payload,
        };
        bytes(&Packet::Publish(packet), version)
    }
}

/// A SUBSCRIBE.
#[derive(Clone, Debug)]
pub struct Sub {
    id: u16,
    filters: Vec<(String, SubscribeOptions)>,
    properties: PropertiesBuf,
}

/// A SUBSCRIBE for one filter.
#[must_use]
pub fn subscribe(id: u16, filter: &str, qos_number: u8) -> Sub {
    let options = SubscribeOptions::of(qos(qos_number));
    Sub { id, filters: vec![(filter.to_owned(), options)], properties: PropertiesBuf::new() }
}

impl Sub {
    /// One filter more.
    #[must_use]
    pub fn and(mut self, filter: &str, qos_number: u8) -> Self {
        self.filters.push((filter.to_owned(), SubscribeOptions::of(qos(qos_number))));
        self
    }

    fn change(mut self, change: impl Fn(&mut SubscribeOptions)) -> Self {
        self.filters.iter_mut().for_each(|(_, options)| change(options));
        self
    }

    /// No Local.
    #[must_use]
    pub fn no_local(self) -> Self {
        self.change(|options| options.no_local = true)
    }

    /// Retain As Published.
    #[must_use]
    pub fn retain_as_published(self) -> Self {
        self.change(|options| options.retain_as_published = true)
    }

    /// Retain Handling.
    #[must_use]
    pub fn retain_handling(self, handling: RetainHandling) -> Self {
        self.change(|options| options.retain_handling = handling)
    }

    /// Subscription Identifier.
    #[must_use]
    pub fn identifier(mut self, identifier: u32) -> Self {
        self.properties.push(Property::Varint(PropertyId::SubscriptionIdentifier, identifier));
        self
    }

    /// The packet's bytes.
    #[must_use]
    pub fn bytes(&self, version: Version) -> Vec<u8> {
        let mut raw = Vec::new();
        for (filter, options) in &self.filters {
            Subscriptions::write(filter.as_bytes(), *options, &mut raw);
        }
        let packet = Subscribe {
            packet_id: packet_id(self.id),
            properties: self.properties.as_properties(),
            subscriptions: Subscriptions::trusted(&raw, version),
        };
        bytes(&Packet::Subscribe(packet), version)
    }
}

/// An UNSUBSCRIBE.
#[must_use]
pub fn unsubscribe(id: u16, filters: &[&str], version: Version) -> Vec<u8> {
    let mut raw = Vec::new();
    for filter in filters {
        UnsubscribeFilters::write(filter.as_bytes(), &mut raw);
    }
    let packet = Unsubscribe {
        packet_id: packet_id(id),
        properties: postrider_proto::Properties::NONE,
        filters: UnsubscribeFilters::trusted(&raw),
    };
    bytes(&Packet::Unsubscribe(packet), version)
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP.
#[must_use]
pub fn ack(kind: AckKind, id: u16, reason: ReasonCode, version: Version) -> Vec<u8> {
    bytes(&Packet::Ack(Ack::new(kind, packet_id(id), reason)), version)
}

/// DISCONNECT.
#[must_use]
pub fn disconnect(reason: ReasonCode, version: Version) -> Vec<u8> {
    bytes(&Packet::Disconnect(Disconnect::new(reason)), version)
}

/// PINGREQ.
#[must_use]
pub fn pingreq() -> Vec<u8> {
    vec![0xC0, 0]
}

//! An application message, sent or received.

use postrider_client::{Qos, Version};
use postrider_proto::{PacketId, PropertiesBuf, Property, PropertyId, Publish, Topic};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    pub(crate) dup: bool,
    /// 0 where there is none.
    pub(crate) packet_id: u16,
    pub(crate) properties: PropertiesBuf,
}

/// QoS 0, not retained.
pub(crate) fn message(topic: impl Into<String>, payload: impl AsRef<[u8]>) -> Message {
    Message {
        topic: topic.into(),
        payload: payload.as_ref().to_vec(),
        qos: Qos::AtMostOnce,
        retain: false,
        dup: false,
        packet_id: 0,
        properties: PropertiesBuf::new(),
    }
}

impl Message {
    pub(crate) fn of(publish: &Publish<'_>) -> Self {
        Self {
            topic: publish.topic.as_str().to_owned(),
            payload: publish.payload.to_vec(),
            qos: publish.qos,
            retain: publish.retain,
            dup: publish.dup,
            packet_id: publish.packet_id.map_or(0, PacketId::as_u16),
            properties: publish.properties.into(),
        }
    }

    pub(crate) const fn qos(mut self, qos: Qos) -> Self {
        self.qos = qos;
        self
    }

    pub(crate) const fn qos1(self) -> Self {
        self.qos(Qos::AtLeastOnce)
    }

    pub(crate) const fn qos2(self) -> Self {
        self.qos(Qos::ExactlyOnce)
    }

    pub(crate) const fn retained(mut self) -> Self {
        self.retain = true;
        self
    }

    pub(crate) const fn dup(mut self) -> Self {
        self.dup = true;
        self
    }

    pub(crate) const fn numbered(mut self, packet_id: u16) -> Self {
        self.packet_id = packet_id;
        self
    }

    pub(crate) fn with(mut self, property: Property<'_>) -> Self {
        self.properties.push(property);
        self
    }

    pub(crate) fn expiring(self, seconds: u32) -> Self {
        self.with(Property::FourBytes(PropertyId::MessageExpiryInterval, seconds))
    }

    pub(crate) fn aliased(self, alias: u16) -> Self {
        self.with(Property::TwoBytes(PropertyId::TopicAlias, alias))
    }

    pub(crate) fn bytes(&self, version: Version) -> Vec<u8> {
        let mut out = Vec::new();
        self.as_publish().encode(version, &mut out);
        out
    }

    fn as_publish(&self) -> Publish<'_> {
        Publish {
            dup: self.dup,
            qos: self.qos,
            retain: self.retain,
            topic: Topic::trusted(self.topic.as_bytes()),
            packet_id: PacketId::new(self.packet_id).filter(|_| self.qos != Qos::AtMostOnce),
            properties: self.properties.as_properties(),
            payload: &self.payload,
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.payload).into_owned()
    }

    /// Every value of the integer property `id`.
    pub(crate) fn numbers(&self, id: PropertyId) -> Vec<u32> {
        let all = self.properties.as_properties();
        all.iter().filter(|property| property.id() == id).filter_map(number).collect()
    }

    /// For people.
    pub(crate) fn describe(&self) -> String {
        let mut text = format!("of QoS {} to {:?}", self.qos, self.topic);
        if self.packet_id != 0 {
            text += &format!(" #{}", self.packet_id);
        }
        if self.retain {
            text += ", RETAIN 1";
        }
        if self.dup {
            text += ", DUP 1";
        }
        let shown: String = self.text().chars().take(PAYLOAD_SHOWN).collect();
        text + &format!(", payload {shown:?}")
    }
}

const PAYLOAD_SHOWN: usize = 40;

#[expect(clippy::wildcard_enum_match_arm, reason = "the others hold no number")]
fn number(property: Property<'_>) -> Option<u32> {
    match property {
        Property::Byte(_, value) => Some(u32::from(value)),
        Property::TwoBytes(_, value) => Some(u32::from(value)),
        Property::FourBytes(_, value) | Property::Varint(_, value) => Some(value),
        _ => None,
    }
}

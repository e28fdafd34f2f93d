//! PUBLISH: decoded without copying, encoded as a head and a payload.
//!
//! Spec: 3.3.

use super::{PUBLISH, write_header};
use crate::cursor::Cursor;
use crate::property::{len_of_len, write_binary, write_len};
use crate::{
    DecodeError, PacketId, Properties, PropertyId, PropertySet, Qos, Topic, Version, varint_len, write_varint,
};

/// An application message on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish<'a> {
    /// Sent before, perhaps. [MQTT-3.3.1-1]
    pub dup: bool,
    /// How it is acknowledged.
    pub qos: Qos,
    /// Towards the server: store it. Towards a client: it was stored. [3.3.1.3]
    pub retain: bool,
    /// Where it goes; [`Topic::ALIASED`] when a topic alias stands for it.
    pub topic: Topic<'a>,
    /// Present exactly with QoS 1 and 2. [MQTT-2.2.1-2]
    pub packet_id: Option<PacketId>,
    /// Empty before 5.0.
    pub properties: Properties<'a>,
    /// The application's bytes.
    pub payload: &'a [u8],
}

impl<'a> Publish<'a> {
    #[inline]
    pub(super) fn decode(header: u8, body: &'a [u8], version: Version) -> Result<Self, DecodeError> {
        let qos = Qos::from_u8(header >> 1 & 0b11).ok_or(DecodeError::Qos3)?;
        let dup = header & 0b1000 != 0;
        if dup && qos == Qos::AtMostOnce && version != Version::V3_1 {
            return Err(DecodeError::DupOnQos0);
        }
        let mut cursor = Cursor::new(body);
        let name = cursor.take_binary()?;
        let packet_id = match qos {
            Qos::AtMostOnce => None,
            Qos::AtLeastOnce | Qos::ExactlyOnce => Some(cursor.take_packet_id()?),
        };
        let properties = match version {
            Version::V5 => Properties::decode(&mut cursor, PropertySet::PUBLISH)?,
            Version::V3_1 | Version::V3_1_1 => Properties::NONE,
        };
        let topic = if name.is_empty() && properties.find(PropertyId::TopicAlias).is_some() {
            Topic::ALIASED
        } else if name.is_empty() {
            return Err(DecodeError::TopicMissing);
        } else {
            Topic::parse(name)?
        };
        Ok(Self { dup, qos, retain: header & 1 != 0, topic, packet_id, properties, payload: cursor.rest() })
    }

    /// Appends the whole packet.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) {
        let head = PublishHead {
            dup: self.dup,
            qos: self.qos,
            retain: self.retain,
            topic: self.topic,
            packet_id: self.packet_id,
            expiry_s: None,
            properties: self.properties,
            topic_alias: None,
            subscription_ids: &[],
            payload_len: self.payload.len(),
        };
        head.encode(version, out);
        out.extend_from_slice(self.payload);
    }
}

/// All of a PUBLISH but its payload, as a forwarder composes it.
#[derive(Clone, Copy, Debug)]
pub struct PublishHead<'a> {
    /// A re-delivery. [MQTT-3.3.1-1]
    pub dup: bool,
    /// The QoS of this delivery.
    pub qos: Qos,
    /// The retain flag of this delivery.
    pub retain: bool,
    /// The topic name.
    pub topic: Topic<'a>,
    /// Present exactly with QoS 1 and 2.
    pub packet_id: Option<PacketId>,
    /// What is left of the message's lifetime, in seconds. [MQTT-3.3.2-6]
    pub expiry_s: Option<u32>,
    /// What is passed on unaltered. [MQTT-3.3.2-17]
    pub properties: Properties<'a>,
    /// Sets what the alias stands for, or, with [`Topic::ALIASED`], uses it. [3.3.2.3.4]
    pub topic_alias: Option<u16>,
    /// One for each subscription that matched and has one. [MQTT-3.3.4-4]
    pub subscription_ids: &'a [u32],
    /// How many bytes of payload will follow.
    pub payload_len: usize,
}

impl PublishHead<'_> {
    #[inline]
    fn properties_len(&self) -> usize {
        let expiry = if self.expiry_s.is_some() { 5 } else { 0 };
        let ids: usize = self.subscription_ids.iter().map(|id| 1 + varint_len(*id)).sum();
        let alias = if self.topic_alias.is_some() { 3 } else { 0 };
        expiry + self.properties.as_bytes().len() + alias + ids
    }

    #[inline]
    fn body_len(&self, version: Version, properties_len: usize) -> usize {
        let packet_id = if self.packet_id.is_some() { 2 } else { 0 };
        let properties = if version.is_v5() { len_of_len(properties_len) + properties_len } else { 0 };
        2 + self.topic.as_bytes().len() + packet_id + properties + self.payload_len
    }

    /// The size of the whole packet, payload included.
    #[inline]
    #[must_use]
    pub fn packet_len(&self, version: Version) -> usize {
        let body = self.body_len(version, self.properties_len());
        1 + len_of_len(body) + body
    }

    /// Appends everything before the payload and returns where in `out` the packet identifier stands
    /// (where it would stand, for QoS 0).
    #[inline]
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) -> usize {
        let flags = u8::from(self.dup) << 3 | self.qos.as_u8() << 1 | u8::from(self.retain);
        let properties_len = self.properties_len();
        write_header(PUBLISH, flags, self.body_len(version, properties_len), out);
        write_binary(self.topic.as_bytes(), out);
        let packet_id_at = out.len();
        if let Some(packet_id) = self.packet_id {
            out.extend_from_slice(&packet_id.as_u16().to_be_bytes());
        }
        if version.is_v5() {
            self.encode_properties(properties_len, out);
        }
        packet_id_at
    }

    fn encode_properties(&self, len: usize, out: &mut Vec<u8>) {
        write_len(len, out);
        if let Some(seconds) = self.expiry_s {
            out.push(PropertyId::MessageExpiryInterval.as_u8());
            out.extend_from_slice(&seconds.to_be_bytes());
        }
        out.extend_from_slice(self.properties.as_bytes());
        if let Some(alias) = self.topic_alias {
            out.push(PropertyId::TopicAlias.as_u8());
            out.extend_from_slice(&alias.to_be_bytes());
        }
        for id in self.subscription_ids {
            out.push(PropertyId::SubscriptionIdentifier.as_u8());
            write_varint(*id, out);
        }
    }
}

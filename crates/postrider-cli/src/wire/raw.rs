//! Bytes to send: packets, and what looks like packets.

use super::heard::Answer;
use postrider_client::{SubscribeOptions, Version};
use postrider_proto::{
    Ack, PacketId, Properties, PropertiesBuf, Subscribe, Subscriptions, Unsubscribe, UnsubscribeFilters, write_varint,
};

pub(crate) const PINGREQ: [u8; 2] = [0xC0, 0];

/// A first byte, the length of `body` and `body`.
pub(crate) fn packet(header: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![header];
    write_varint(u32::try_from(body.len()).unwrap_or(u32::MAX), &mut out);
    out.extend_from_slice(body);
    out
}

/// A string as it stands in a packet, of any bytes.
pub(crate) fn string(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    [&len.to_be_bytes(), bytes].concat()
}

pub(crate) fn subscribe(
    version: Version,
    id: u16,
    filters: &[(&str, SubscribeOptions)],
    properties: &PropertiesBuf,
) -> Vec<u8> {
    let mut raw = Vec::new();
    for (filter, options) in filters {
        Subscriptions::write(filter.as_bytes(), *options, &mut raw);
    }
    let packet_id = PacketId::new(id).unwrap_or(PacketId::FIRST);
    let subscriptions = Subscriptions::trusted(&raw, version);
    let mut out = Vec::new();
    Subscribe { packet_id, properties: properties.as_properties(), subscriptions }.encode(version, &mut out);
    out
}

pub(crate) fn unsubscribe(version: Version, id: u16, filters: &[&str]) -> Vec<u8> {
    let mut raw = Vec::new();
    for filter in filters {
        UnsubscribeFilters::write(filter.as_bytes(), &mut raw);
    }
    let packet_id = PacketId::new(id).unwrap_or(PacketId::FIRST);
    let filters = UnsubscribeFilters::trusted(&raw);
    let mut out = Vec::new();
    Unsubscribe { packet_id, properties: Properties::NONE, filters }.encode(version, &mut out);
    out
}

pub(crate) fn ack(version: Version, answer: Answer) -> Vec<u8> {
    let mut out = Vec::new();
    let packet_id = PacketId::new(answer.packet_id).unwrap_or(PacketId::FIRST);
    Ack::new(answer.kind, packet_id, answer.reason).encode(version, &mut out);
    out
}

/// A packet identifier, and behind it in 5.0 a block of properties.
pub(crate) fn head(version: Version, id: u16, properties: &[u8]) -> Vec<u8> {
    let mut out = id.to_be_bytes().to_vec();
    if version.is_v5() {
        out.extend(block(properties));
    }
    out
}

/// Properties with their length in front.
pub(crate) fn block(properties: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write_varint(u32::try_from(properties.len()).unwrap_or(u32::MAX), &mut out);
    out.extend_from_slice(properties);
    out
}

/// A CONNECT of which any part may be wrong.
#[derive(Clone, Debug)]
pub(crate) struct RawConnect {
    pub(crate) header: u8,
    pub(crate) name: &'static [u8],
    pub(crate) level: u8,
    pub(crate) flags: u8,
    /// With their length; empty before 5.0.
    pub(crate) properties: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

impl RawConnect {
    /// A clean start with nothing but a client identifier.
    pub(crate) fn new(version: Version, client_id: &str) -> Self {
        let properties = if version.is_v5() { vec![0] } else { Vec::new() };
        Self {
            header: 0x10,
            name: version.name().as_bytes(),
            level: version.level(),
            flags: 0b10,
            properties,
            payload: string(client_id),
        }
    }

    pub(crate) const fn flags(mut self, flags: u8) -> Self {
        self.flags = flags;
        self
    }

    /// A block without its length.
    pub(crate) fn properties(mut self, properties: &[u8]) -> Self {
        self.properties = block(properties);
        self
    }

    /// More payload.
    pub(crate) fn then(mut self, payload: &[u8]) -> Self {
        self.payload.extend_from_slice(payload);
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let keep_alive = 60u16.to_be_bytes();
        let head = [&string(self.name)[..], &[self.level, self.flags], &keep_alive].concat();
        packet(self.header, &[head, self.properties.clone(), self.payload.clone()].concat())
    }
}

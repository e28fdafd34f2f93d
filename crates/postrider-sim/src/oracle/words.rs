//! What clients say and see, as the oracle keeps it.

use postrider_proto::{PacketId, Property, PropertyId, Publish, Qos, Version};

/// A connection: partition and number.
pub(crate) type Place = (usize, usize);

/// What a client said in its CONNECT.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) client_id: String,
    pub(crate) is_clean: bool,
    pub(crate) expiry_s: u32,
    pub(crate) will: Option<WillTerms>,
    pub(crate) version: Version,
    pub(crate) topic_alias_max: u16,
    pub(crate) dialled_ms: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct WillTerms {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    pub(crate) delay_s: u32,
}

/// A PUBLISH as a client has seen it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    pub(crate) dup: bool,
    pub(crate) ids: Vec<u32>,
    pub(crate) packet_id: Option<PacketId>,
    /// Payload Format Indicator.
    pub(crate) format: Option<u32>,
}

impl Seen {
    /// As its publisher says it.
    pub(super) fn published(topic: &str, payload: &[u8], qos: Qos, retain: bool, format: Option<u32>) -> Self {
        let (topic, payload) = (topic.to_owned(), payload.to_vec());
        Self { topic, payload, qos, retain, dup: false, ids: Vec::new(), packet_id: None, format }
    }

    /// Its topic may be an alias.
    pub(crate) fn of(publish: &Publish<'_>) -> Self {
        let ids = publish.properties.iter().filter_map(|property| match property {
            Property::Varint(_, id) => Some(id),
            _ => None,
        });
        Self {
            topic: publish.topic.as_str().to_owned(),
            payload: publish.payload.to_vec(),
            qos: publish.qos,
            retain: publish.retain,
            dup: publish.dup,
            ids: ids.collect(),
            packet_id: publish.packet_id,
            format: publish.properties.number(PropertyId::PayloadFormatIndicator),
        }
    }
}

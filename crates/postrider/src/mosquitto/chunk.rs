//! What stands in one chunk of a `mosquitto.db`.
//!
//! Owns: the layouts of the formats 2 to 6.
//! Never: trusts a chunk: what no client could have brought is refused.

use super::cursor::{Cursor, Wrong};
use postrider_proto::{
    Filter, Properties, PropertiesBuf, Property, PropertyId, PropertySet, Qos, Text, Topic, VARINT_MAX,
};

/// The layout, by the number in the file's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Format(pub(super) u32);

/// One chunk.
#[derive(Debug)]
pub(super) enum Chunk<'a> {
    /// Whether the broker was at its end when it wrote.
    Head {
        is_last: bool,
    },
    Message(MessageChunk<'a>),
    Delivery(DeliveryChunk<'a>),
    Retained {
        message: u64,
    },
    Subscription(SubscriptionChunk<'a>),
    Client(ClientChunk<'a>),
}

#[derive(Debug)]
pub(super) struct MessageChunk<'a> {
    pub(super) id: u64,
    pub(super) expires_s: Option<u64>,
    pub(super) author: &'a str,
    pub(super) author_user: &'a str,
    pub(super) topic: &'a str,
    pub(super) qos: Qos,
    pub(super) retain: bool,
    pub(super) payload: &'a [u8],
    /// As they stand in a packet, without their length.
    pub(super) properties: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct DeliveryChunk<'a> {
    pub(super) client_id: &'a str,
    pub(super) message: u64,
    pub(super) packet_id: u16,
    pub(super) qos: Qos,
    pub(super) retain: bool,
    pub(super) state: State,
    pub(super) subscription_ids: Vec<u32>,
}

/// How far a delivery has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// From the client: nobody has got it yet, as its PUBREL has not come.
    Incoming,
    Queued,
    /// It was sent, or may have been.
    Sent,
    /// The client has said PUBREC.
    Received,
}

#[derive(Debug)]
pub(super) struct SubscriptionChunk<'a> {
    pub(super) client_id: &'a str,
    pub(super) filter: &'a str,
    pub(super) qos: Qos,
    pub(super) no_local: bool,
    pub(super) retain_as_published: bool,
    pub(super) identifier: Option<u32>,
}

#[derive(Debug)]
pub(super) struct ClientChunk<'a> {
    pub(super) client_id: &'a str,
    pub(super) user: &'a str,
    /// Formats before 5 have none: their sessions are for ever.
    pub(super) expiry_s: u32,
    pub(super) expires_s: Option<u64>,
    pub(super) away_since_s: Option<u64>,
    pub(super) last_packet_id: u16,
}

impl Format {
    pub(super) const fn is_known(self) -> bool {
        matches!(self.0, 2..=6)
    }

    /// How long the head of a chunk is.
    pub(super) const fn head_bytes(self) -> usize {
        if self.is_aligned() { 8 } else { 6 }
    }

    /// The kind and the length of a chunk.
    pub(super) fn head(self, bytes: &[u8]) -> Result<(u32, u32), Wrong> {
        let mut cursor = Cursor(bytes);
        let kind = if self.is_aligned() { cursor.u32()? } else { u32::from(cursor.u16()?) };
        Ok((kind, cursor.u32()?))
    }

    /// From 5 on, chunks begin with a structure as the compiler lays it out.
    const fn is_aligned(self) -> bool {
        self.0 >= 5
    }

    pub(super) fn chunk(self, kind: u32, bytes: &[u8]) -> Result<Chunk<'_>, Wrong> {
        let cursor = Cursor(bytes);
        match (kind, self.is_aligned()) {
            (HEAD, is_aligned) => head(cursor, is_aligned),
            (MESSAGE, true) => message(cursor),
            (MESSAGE, false) => message_until_4(cursor, self),
            (DELIVERY, true) => delivery(cursor),
            (DELIVERY, false) => delivery_until_4(cursor),
            (RETAINED, _) => retained(cursor),
            (SUBSCRIPTION, true) => subscription(cursor),
            (SUBSCRIPTION, false) => subscription_until_4(cursor),
            (CLIENT, true) => client(cursor, self),
            (CLIENT, false) => client_until_4(cursor, self),
            _ => Err("its kind is unknown"),
        }
    }
}

fn head(mut cursor: Cursor<'_>, is_aligned: bool) -> Result<Chunk<'_>, Wrong> {
    if is_aligned {
        cursor.native_u64()?;
    }
    let (is_last, id_bytes) = (cursor.u8()? != 0, cursor.u8()?);
    if id_bytes == 8 { Ok(Chunk::Head { is_last }) } else { Err("numbers of messages do not have 8 bytes") }
}

fn message(mut cursor: Cursor<'_>) -> Result<Chunk<'_>, Wrong> {
    let (id, expires_s) = (cursor.native_u64()?, cursor.seconds()?);
    let payload_bytes = usize::try_from(cursor.u32()?).map_err(|_| "a payload that is too large")?;
    let _packet_id = cursor.u16()?;
    let (author_bytes, user_bytes, topic_bytes) = (cursor.u16()?, cursor.u16()?, cursor.u16()?);
    let _port = cursor.u16()?;
    let (qos, retain) = (qos(cursor.u8()?)?, flag(cursor.u8()?)?);
    let (author, author_user) = (cursor.text(author_bytes)?, cursor.text(user_bytes)?);
    let topic = topic(cursor.text(topic_bytes)?)?;
    let payload = cursor.bytes(payload_bytes)?;
    let mut passed_on = PropertiesBuf::new();
    let all = properties(&mut cursor)?;
    all.iter().filter(|property| PASSED_ON.contains(property.id())).for_each(|property| {
        passed_on.push(property);
    });
    let properties = passed_on.as_properties().as_bytes().to_vec();
    Ok(Chunk::Message(MessageChunk { id, expires_s, author, author_user, topic, qos, retain, payload, properties }))
}

fn message_until_4(mut cursor: Cursor<'_>, format: Format) -> Result<Chunk<'_>, Wrong> {
    let (id, author) = (cursor.native_u64()?, cursor.counted_text()?);
    let mut author_user = "";
    if format >= Format(4) {
        author_user = cursor.counted_text()?;
        let _port = cursor.u16()?;
    }
    let (_packet_id, _other) = (cursor.u16()?, cursor.u16()?);
    let topic = topic(cursor.counted_text()?)?;
    let (qos, retain) = (qos(cursor.u8()?)?, flag(cursor.u8()?)?);
    let payload_bytes = usize::try_from(cursor.u32()?).map_err(|_| "a payload that is too large")?;
    let payload = cursor.bytes(payload_bytes)?;
    cursor.end()?;
    let (expires_s, properties) = (None, Vec::new());
    Ok(Chunk::Message(MessageChunk { id, expires_s, author, author_user, topic, qos, retain, payload, properties }))
}

fn delivery(mut cursor: Cursor<'_>) -> Result<Chunk<'_>, Wrong> {
    let (message, packet_id, name_bytes) = (cursor.native_u64()?, cursor.u16()?, cursor.u16()?);
    let (qos, state, flags, direction) = (qos(cursor.u8()?)?, cursor.u8()?, cursor.u8()?, cursor.u8()?);
    let client_id = client_id(cursor.text(name_bytes)?)?;
    let state = state_of(state, direction, qos)?;
    let subscription_ids = properties(&mut cursor)?.iter().filter_map(identifier).collect();
    let retain = flags & RETAIN != 0;
    Ok(Chunk::Delivery(DeliveryChunk { client_id, message, packet_id, qos, retain, state, subscription_ids }))
}

fn delivery_until_4(mut cursor: Cursor<'_>) -> Result<Chunk<'_>, Wrong> {
    let client_id = client_id(cursor.counted_text()?)?;
    let (message, packet_id) = (cursor.native_u64()?, cursor.u16()?);
    let (qos, retain) = (qos(cursor.u8()?)?, flag(cursor.u8()?)?);
    let (direction, state, _dup) = (cursor.u8()?, cursor.u8()?, cursor.u8()?);
    cursor.end()?;
    let (state, subscription_ids) = (state_of(state, direction, qos)?, Vec::new());
    Ok(Chunk::Delivery(DeliveryChunk { client_id, message, packet_id, qos, retain, state, subscription_ids }))
}

fn retained(mut cursor: Cursor<'_>) -> Result<Chunk<'_>, Wrong> {
    let message = cursor.native_u64()?;
    cursor.end()?;
    Ok(Chunk::Retained { message })
}

fn subscription(mut cursor: Cursor<'_>) -> Result<Chunk<'_>, Wrong> {
    let (identifier, name_bytes, filter_bytes) = (cursor.u32()?, cursor.u16()?, cursor.u16()?);
    let (granted, options, _padding) = (cursor.u8()?, cursor.u8()?, cursor.u16()?);
    let (client_id, filter) = (client_id(cursor.text(name_bytes)?)?, filter(cursor.text(filter_bytes)?)?);
    cursor.end()?;
    if identifier > VARINT_MAX {
        return Err("a subscription identifier that is none");
    }
    let is_shared = filter.starts_with("$share/");
    Ok(Chunk::Subscription(SubscriptionChunk {
        client_id,
        filter,
        qos: qos(granted)?,
        no_local: options & NO_LOCAL != 0 && !is_shared,
        retain_as_published: options & RETAIN_AS_PUBLISHED != 0,
        identifier: Some(identifier).filter(|identifier| *identifier > 0),
    }))
}

fn subscription_until_4(mut cursor: Cursor<'_>) -> Result<Chunk<'_>, Wrong> {
    let (client_id, filter) = (client_id(cursor.counted_text()?)?, filter(cursor.counted_text()?)?);
    let qos = qos(cursor.u8()?)?;
    cursor.end()?;
    let (no_local, retain_as_published, identifier) = (false, false, None);
    Ok(Chunk::Subscription(SubscriptionChunk { client_id, filter, qos, no_local, retain_as_published, identifier }))
}

fn client(mut cursor: Cursor<'_>, format: Format) -> Result<Chunk<'_>, Wrong> {
    let (expires_s, expiry_s) = (cursor.seconds()?, cursor.u32()?);
    let (last_packet_id, name_bytes) = (cursor.u16()?, cursor.u16()?);
    let mut user_bytes = 0;
    if format >= Format(6) {
        let _port = cursor.u16()?;
        user_bytes = cursor.u16()?;
        let texts = usize::from(name_bytes) + usize::from(user_bytes);
        // Where numbers of 64 bits stand at any fourth byte, nothing follows.
        if cursor.0.len() == texts + PADDING {
            cursor.bytes(PADDING)?;
        }
    }
    let (client_id, user) = (client_id(cursor.text(name_bytes)?)?, cursor.text(user_bytes)?);
    cursor.end()?;
    Ok(Chunk::Client(ClientChunk { client_id, user, expiry_s, expires_s, away_since_s: None, last_packet_id }))
}

fn client_until_4(mut cursor: Cursor<'_>, format: Format) -> Result<Chunk<'_>, Wrong> {
    let (client_id, last_packet_id) = (client_id(cursor.counted_text()?)?, cursor.u16()?);
    let away_since_s = match cursor.0.len() {
        0 if format == Format(2) => None,
        4 => Some(u64::from(u32::from_le_bytes(cursor.u32()?.to_be_bytes()))).filter(|since| *since > 0),
        _ => cursor.seconds()?,
    };
    cursor.end()?;
    let (user, expiry_s, expires_s) = ("", u32::MAX, None);
    Ok(Chunk::Client(ClientChunk { client_id, user, expiry_s, expires_s, away_since_s, last_packet_id }))
}

/// The properties that end a chunk, behind their length; nothing at all where there are none.
fn properties<'a>(cursor: &mut Cursor<'a>) -> Result<Properties<'a>, Wrong> {
    const NONE: Wrong = "properties that are none";
    if cursor.0.is_empty() {
        return Ok(Properties::NONE);
    }
    let mut length = 0_usize;
    for place in 0..4 {
        let byte = cursor.u8()?;
        length |= usize::from(byte & 0x7F) << (7 * place);
        if byte < 0x80 {
            break;
        }
        if place == 3 {
            return Err(NONE);
        }
    }
    let bytes = cursor.bytes(length)?;
    cursor.end()?;
    Properties::parse(bytes).map_err(|_| NONE)
}

const fn identifier(property: Property<'_>) -> Option<u32> {
    if let Property::Varint(PropertyId::SubscriptionIdentifier, identifier) = property {
        Some(identifier)
    } else {
        None
    }
}

fn state_of(state: u8, direction: u8, qos: Qos) -> Result<State, Wrong> {
    const IN: u8 = 0;
    const OUT: u8 = 1;
    match (direction, state, qos) {
        (IN, WAITS_FOR_PUBREL | RESENDS_PUBCOMP | SENDS_PUBREC | QUEUED, Qos::ExactlyOnce) => Ok(State::Incoming),
        (OUT, QUEUED, _) | (OUT, PUBLISHES_QOS_0, Qos::AtMostOnce) => Ok(State::Queued),
        (OUT, PUBLISHES_QOS_1 | WAITS_FOR_PUBACK, Qos::AtLeastOnce)
        | (OUT, PUBLISHES_QOS_2 | WAITS_FOR_PUBREC, Qos::ExactlyOnce) => Ok(State::Sent),
        (OUT, RESENDS_PUBREL | WAITS_FOR_PUBCOMP, Qos::ExactlyOnce) => Ok(State::Received),
        _ => Err("a delivery whose QoS and state do not agree"),
    }
}

fn qos(byte: u8) -> Result<Qos, Wrong> {
    Qos::from_u8(byte).ok_or("a QoS that is none")
}

const fn flag(byte: u8) -> Result<bool, Wrong> {
    match byte {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err("a flag that is neither 0 nor 1"),
    }
}

fn client_id(text: &str) -> Result<&str, Wrong> {
    let is_name = !text.is_empty() && Text::parse(text.as_bytes()).is_ok();
    if is_name { Ok(text) } else { Err("a client identifier that is none") }
}

fn topic(text: &str) -> Result<&str, Wrong> {
    Topic::parse(text.as_bytes()).map(|_| text).map_err(|_| "a topic that is none")
}

fn filter(text: &str) -> Result<&str, Wrong> {
    Filter::parse(text.as_bytes()).map(|_| text).map_err(|_| "a filter that is none")
}

/// What is kept of a message's properties.
const PASSED_ON: PropertySet = PropertySet::of(&[
    PropertyId::PayloadFormatIndicator,
    PropertyId::ContentType,
    PropertyId::ResponseTopic,
    PropertyId::CorrelationData,
    PropertyId::UserProperty,
]);

const HEAD: u32 = 1;
const MESSAGE: u32 = 2;
const DELIVERY: u32 = 3;
const RETAINED: u32 = 4;
const SUBSCRIPTION: u32 = 5;
const CLIENT: u32 = 6;

const PUBLISHES_QOS_0: u8 = 1;
const PUBLISHES_QOS_1: u8 = 2;
const WAITS_FOR_PUBACK: u8 = 3;
const PUBLISHES_QOS_2: u8 = 4;
const WAITS_FOR_PUBREC: u8 = 5;
const RESENDS_PUBREL: u8 = 6;
const WAITS_FOR_PUBREL: u8 = 7;
const RESENDS_PUBCOMP: u8 = 8;
const WAITS_FOR_PUBCOMP: u8 = 9;
const SENDS_PUBREC: u8 = 10;
const QUEUED: u8 = 11;

const RETAIN: u8 = 0xF0;

const NO_LOCAL: u8 = 4;
const RETAIN_AS_PUBLISHED: u8 = 8;

const PADDING: usize = 4;

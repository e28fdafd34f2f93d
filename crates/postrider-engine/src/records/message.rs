//! The record of a message: what was published, and who is owed it.
//!
//! ```text
//! flags  [expires]  [publisher, packet id]  [will]  [author]  [since]  targets  topic  [properties]  payload
//! ```

use super::coding::{Reader, put_number, put_text};
use crate::RecordError;
use postrider_ports::{ClientId, Principal, Subject};
use postrider_proto::{PacketId, Properties, Qos, Topic};
use postrider_session::{Message, MessageParts, Mono, Now, Sequence, SubscriptionIds, Wall};

/// What stands in front of the message.
#[derive(Debug, Default)]
pub(crate) struct MessageHead<'a> {
    /// The session and the identifier under which it came with QoS 2.
    pub(crate) admitted: Option<(u64, PacketId)>,
    /// The record that brought the will which this is.
    pub(crate) will: Sequence,
    /// Of a retained message.
    pub(crate) author: Option<&'a Subject>,
    /// When it came to be retained.
    pub(crate) since: Option<Wall>,
    /// As [`put_target`] wrote them.
    pub(crate) targets: &'a [u8],
}

/// A delivery to one recorded session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Its number.
    pub(crate) session: u64,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    pub(crate) ids: SubscriptionIds,
    /// It was sent at once, under this identifier.
    pub(crate) sent: Option<PacketId>,
}

/// A record that is being read.
#[derive(Debug)]
pub(crate) struct MessageRecord<'a> {
    pub(crate) parts: MessageParts<'a>,
    pub(crate) admitted: Option<(u64, PacketId)>,
    pub(crate) will: Sequence,
    pub(crate) author: Option<Subject>,
    pub(crate) since: Option<Wall>,
    pub(crate) targets: Vec<Target>,
}

const QOS: u8 = 0b11;
const EXPIRES: u8 = 4;
const PROPERTIES: u8 = 8;
const ADMITTED: u8 = 16;
const WILL: u8 = 32;
const AUTHOR: u8 = 64;
const SINCE: u8 = 128;

const RETAIN: u8 = 4;
const SENT: u8 = 8;
const IDS_SHIFT: u8 = 4;
const IDS_MANY: u8 = 15;

/// Writes one of [`MessageHead::targets`].
pub(crate) fn put_target(out: &mut Vec<u8>, session: u64, qos: Qos, retain: bool, ids: &[u32], sent: Option<PacketId>) {
    put_number(out, session);
    put_terms(out, qos, retain, ids, sent);
}

/// How a delivery is made.
pub(crate) fn put_terms(out: &mut Vec<u8>, qos: Qos, retain: bool, ids: &[u32], sent: Option<PacketId>) {
    let count = u8::try_from(ids.len()).unwrap_or(IDS_MANY).min(IDS_MANY);
    let flags = if retain { RETAIN } else { 0 } | if sent.is_some() { SENT } else { 0 };
    out.push(qos.as_u8() | flags | count << IDS_SHIFT);
    if count == IDS_MANY {
        put_number(out, ids.len() as u64);
    }
    ids.iter().for_each(|id| put_number(out, u64::from(*id)));
    if let Some(packet_id) = sent {
        out.extend_from_slice(&packet_id.as_u16().to_le_bytes());
    }
}

pub(crate) fn read_terms(session: u64, reader: &mut Reader<'_>) -> Result<Target, RecordError> {
    let flags = reader.byte()?;
    let count = match flags >> IDS_SHIFT {
        IDS_MANY => reader.number()?,
        count => u64::from(count),
    };
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(reader.small()?);
    }
    let sent = if flags & SENT != 0 { Some(packet_id(reader)?) } else { None };
    let (qos, retain) = (qos(flags)?, flags & RETAIN != 0);
    Ok(Target { session, qos, retain, ids: SubscriptionIds::of(&ids), sent })
}

pub(crate) fn packet_id(reader: &mut Reader<'_>) -> Result<PacketId, RecordError> {
    PacketId::new(reader.two_bytes()?).ok_or(RecordError { what: "a packet identifier of 0" })
}

fn qos(flags: u8) -> Result<Qos, RecordError> {
    Qos::from_u8(flags & QOS).ok_or(RecordError { what: "a QoS of 3" })
}

/// Writes a whole record. `count` is the number of targets.
pub(crate) fn put_message(out: &mut Vec<u8>, now: Now, parts: &MessageParts<'_>, head: &MessageHead<'_>, count: u32) {
    let bit = |is_there: bool, bit: u8| if is_there { bit } else { 0 };
    let properties = parts.properties.as_bytes();
    out.push(
        parts.qos.as_u8()
            | bit(parts.expires.is_some(), EXPIRES)
            | bit(!properties.is_empty(), PROPERTIES)
            | bit(head.admitted.is_some(), ADMITTED)
            | bit(head.will.is_some(), WILL)
            | bit(head.author.is_some(), AUTHOR)
            | bit(head.since.is_some(), SINCE),
    );
    if let Some(expires) = parts.expires {
        put_number(out, wall_of(now, expires).0);
    }
    if let Some((session, packet_id)) = head.admitted {
        put_number(out, session);
        out.extend_from_slice(&packet_id.as_u16().to_le_bytes());
    }
    if head.will.is_some() {
        put_number(out, head.will.0);
    }
    if let Some(author) = head.author {
        put_subject(out, author);
    }
    if let Some(Wall(since)) = head.since {
        put_number(out, since);
    }
    put_number(out, u64::from(count));
    out.extend_from_slice(head.targets);
    put_text(out, parts.topic.as_bytes());
    if !properties.is_empty() {
        put_text(out, properties);
    }
    out.extend_from_slice(parts.payload);
}

pub(crate) fn put_subject(out: &mut Vec<u8>, subject: &Subject) {
    put_text(out, subject.client_id.as_str().as_bytes());
    match &subject.principal {
        None => out.push(0),
        Some(principal) => {
            out.push(1);
            put_text(out, principal.as_str().as_bytes());
        }
    }
}

pub(crate) fn read_subject(reader: &mut Reader<'_>) -> Result<Subject, RecordError> {
    let client_id = ClientId::from(reader.utf8()?);
    let principal = if reader.byte()? == 0 { None } else { Some(Principal::from(reader.utf8()?)) };
    Ok(Subject { client_id, principal })
}

impl<'a> MessageRecord<'a> {
    /// What [`put_message`] wrote. `sequence` is the record's own.
    pub(crate) fn read(record: &'a [u8], sequence: Sequence, now: Now) -> Result<Self, RecordError> {
        let mut reader = Reader::new(record);
        let flags = reader.byte()?;
        let expires = if flags & EXPIRES != 0 { Some(mono_of(now, Wall(reader.number()?))) } else { None };
        let admitted = if flags & ADMITTED != 0 { Some((reader.number()?, packet_id(&mut reader)?)) } else { None };
        let will = if flags & WILL != 0 { Sequence(reader.number()?) } else { Sequence::NONE };
        let author = if flags & AUTHOR != 0 { Some(read_subject(&mut reader)?) } else { None };
        let since = if flags & SINCE != 0 { Some(Wall(reader.number()?)) } else { None };
        let mut targets = Vec::new();
        for _ in 0..reader.number()? {
            let session = reader.number()?;
            targets.push(read_terms(session, &mut reader)?);
        }
        let topic = read_topic(&mut reader)?;
        let properties = if flags & PROPERTIES != 0 { read_properties(&mut reader)? } else { Properties::NONE };
        let parts = MessageParts { topic, payload: reader.rest(), properties, qos: qos(flags)?, expires, sequence };
        Ok(Self { parts, admitted, will, author, since, targets })
    }
}

pub(crate) fn read_topic<'a>(reader: &mut Reader<'a>) -> Result<Topic<'a>, RecordError> {
    Topic::parse(reader.text()?).map_err(|_| RecordError { what: "a topic that is none" })
}

pub(crate) fn read_properties<'a>(reader: &mut Reader<'a>) -> Result<Properties<'a>, RecordError> {
    Properties::parse(reader.text()?).map_err(|_| RecordError { what: "properties that are none" })
}

/// The message of a record that was read back.
pub(crate) fn read_back(record: &[u8], sequence: Sequence, now: Now) -> Result<Message, RecordError> {
    MessageRecord::read(record, sequence, now).map(|record| Message::new(&record.parts))
}

/// When people would say it is.
pub(crate) const fn wall_of(now: Now, instant: Mono) -> Wall {
    Wall((now.wall.0 + instant.since_ms(now.mono)).saturating_sub(now.mono.since_ms(instant)))
}

/// The same back, however far that moment is over.
pub(crate) const fn mono_of(now: Now, wall: Wall) -> Mono {
    Mono(
        (now.mono.0.saturating_add(wall.0.saturating_sub(now.wall.0)))
            .saturating_sub(now.wall.0.saturating_sub(wall.0)),
    )
}

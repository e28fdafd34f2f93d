//! The records of a session and of its subscriptions.

use super::coding::{Reader, put_number, put_text};
use super::message::{put_subject, read_properties, read_subject, read_topic};
use crate::RecordError;
use postrider_ports::Subject;
use postrider_proto::{Filter, Qos};
use postrider_router::Grant;
use postrider_session::{Message, MessageParts, Sequence, Wall};
use std::sync::Arc;

/// A session as it stands in the log.
#[derive(Clone, Debug)]
pub(crate) struct SessionRecord {
    /// Its number: that of its first record.
    pub(crate) number: u64,
    pub(crate) subject: Subject,
    pub(crate) expiry_s: u32,
    /// Since when it has no connection; nothing while it has one.
    pub(crate) away_since: Option<Wall>,
    /// The name of the listener that its client came through, where it has one.
    pub(crate) listener: Option<Arc<str>>,
    pub(crate) will: Option<WillRecord>,
}

/// A will as it stands in the log.
#[derive(Clone, Debug)]
pub(crate) struct WillRecord {
    /// The record that brought it.
    pub(crate) brought_by: Sequence,
    pub(crate) message: Message,
    pub(crate) retain: bool,
    pub(crate) expiry_s: Option<u32>,
    pub(crate) delay_s: u32,
}

/// A subscription as it stands in the log.
#[derive(Debug)]
pub(crate) struct SubscriptionRecord<'a> {
    pub(crate) session: u64,
    pub(crate) filter: Filter<'a>,
    pub(crate) grant: Grant,
    pub(crate) replay: ReplayState,
}

/// Whether a subscription has brought all that was retained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplayState {
    Done,
    Unfinished,
}

const AWAY: u8 = 1;
const WILL: u8 = 2;
const LISTENER: u8 = 4;

const RETAIN: u8 = 4;
const EXPIRY: u8 = 8;
const PROPERTIES: u8 = 16;

const NO_LOCAL: u8 = 4;
const RETAIN_AS_PUBLISHED: u8 = 8;
const IDENTIFIER: u8 = 16;
const UNFINISHED: u8 = 32;
const QOS: u8 = 0b11;

impl SessionRecord {
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put_number(out, self.number);
        let bit = |is_there: bool, bit: u8| if is_there { bit } else { 0 };
        out.push(
            bit(self.away_since.is_some(), AWAY)
                | bit(self.will.is_some(), WILL)
                | bit(self.listener.is_some(), LISTENER),
        );
        put_subject(out, &self.subject);
        put_number(out, u64::from(self.expiry_s));
        if let Some(Wall(since)) = self.away_since {
            put_number(out, since);
        }
        if let Some(listener) = &self.listener {
            put_text(out, listener.as_bytes());
        }
        if let Some(will) = &self.will {
            will.put(out);
        }
    }

    pub(crate) fn read(record: &[u8]) -> Result<Self, RecordError> {
        let mut reader = Reader::new(record);
        let number = reader.number()?;
        let flags = reader.byte()?;
        let subject = read_subject(&mut reader)?;
        let expiry_s = reader.small()?;
        let away_since = if flags & AWAY != 0 { Some(Wall(reader.number()?)) } else { None };
        let listener = if flags & LISTENER != 0 { Some(reader.utf8()?.into()) } else { None };
        let will = if flags & WILL != 0 { Some(WillRecord::read(&mut reader)?) } else { None };
        reader.end()?;
        Ok(Self { number, subject, expiry_s, away_since, listener, will })
    }
}

impl WillRecord {
    fn put(&self, out: &mut Vec<u8>) {
        let parts = self.message.parts();
        let properties = parts.properties.as_bytes();
        let bit = |is_there: bool, bit: u8| if is_there { bit } else { 0 };
        put_number(out, self.brought_by.0);
        out.push(
            parts.qos.as_u8()
                | bit(self.retain, RETAIN)
                | bit(self.expiry_s.is_some(), EXPIRY)
                | bit(!properties.is_empty(), PROPERTIES),
        );
        if let Some(expiry_s) = self.expiry_s {
            put_number(out, u64::from(expiry_s));
        }
        put_number(out, u64::from(self.delay_s));
        put_text(out, parts.topic.as_bytes());
        if !properties.is_empty() {
            put_text(out, properties);
        }
        put_text(out, parts.payload);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, RecordError> {
        let brought_by = Sequence(reader.number()?);
        let flags = reader.byte()?;
        let expiry_s = if flags & EXPIRY != 0 { Some(reader.small()?) } else { None };
        let delay_s = reader.small()?;
        let topic = read_topic(reader)?;
        let properties =
            if flags & PROPERTIES != 0 { read_properties(reader)? } else { postrider_proto::Properties::NONE };
        let qos = Qos::from_u8(flags & QOS).ok_or(RecordError { what: "a QoS of 3" })?;
        let payload = reader.text()?;
        let parts = MessageParts { topic, payload, properties, qos, expires: None, sequence: Sequence::NONE };
        Ok(Self { brought_by, message: Message::new(&parts), retain: flags & RETAIN != 0, expiry_s, delay_s })
    }
}

impl<'a> SubscriptionRecord<'a> {
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        let bit = |is_there: bool, bit: u8| if is_there { bit } else { 0 };
        put_number(out, self.session);
        out.push(
            self.grant.qos.as_u8()
                | bit(self.grant.no_local, NO_LOCAL)
                | bit(self.grant.retain_as_published, RETAIN_AS_PUBLISHED)
                | bit(self.grant.identifier.is_some(), IDENTIFIER)
                | bit(self.replay == ReplayState::Unfinished, UNFINISHED),
        );
        if let Some(identifier) = self.grant.identifier {
            put_number(out, u64::from(identifier));
        }
        put_text(out, self.filter.as_bytes());
    }

    pub(crate) fn read(record: &'a [u8]) -> Result<Self, RecordError> {
        let mut reader = Reader::new(record);
        let session = reader.number()?;
        let flags = reader.byte()?;
        let identifier = if flags & IDENTIFIER != 0 { Some(reader.small()?) } else { None };
        let filter = read_filter(&mut reader)?;
        reader.end()?;
        let grant = Grant {
            qos: Qos::from_u8(flags & QOS).ok_or(RecordError { what: "a QoS of 3" })?,
            no_local: flags & NO_LOCAL != 0,
            retain_as_published: flags & RETAIN_AS_PUBLISHED != 0,
            identifier,
        };
        let replay = if flags & UNFINISHED != 0 { ReplayState::Unfinished } else { ReplayState::Done };
        Ok(Self { session, filter, grant, replay })
    }
}

/// The end of a subscription: whose, and to what.
pub(crate) fn put_unsubscribed(out: &mut Vec<u8>, session: u64, filter: &[u8]) {
    put_number(out, session);
    put_text(out, filter);
}

pub(crate) fn read_unsubscribed(record: &[u8]) -> Result<(u64, Filter<'_>), RecordError> {
    let mut reader = Reader::new(record);
    let session = reader.number()?;
    let filter = read_filter(&mut reader)?;
    reader.end()?;
    Ok((session, filter))
}

pub(super) fn read_filter<'a>(reader: &mut Reader<'a>) -> Result<Filter<'a>, RecordError> {
    Filter::parse(reader.text()?).map_err(|_| RecordError { what: "a filter that is none" })
}

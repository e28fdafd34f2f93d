//! How far a session's flows have come, and the steps between two such pictures.

use super::coding::{Reader, put_number};
use super::message::{Target, packet_id, put_terms, read_terms};
use crate::RecordError;
use postrider_proto::{Filter, PacketId, Qos};
use postrider_session::flow::Awaits;
use postrider_session::{Sequence, Spilled};

/// The flows of a session as they stand in the log.
#[derive(Debug)]
pub(crate) struct FlowsRecord {
    /// The session's number.
    pub(crate) session: u64,
    /// What is owed up to this record and neither waits nor is in flight is over.
    pub(crate) through: Sequence,
    /// The identifier of the next message.
    pub(crate) next_id: PacketId,
    /// Identifiers of messages with QoS 2 from the client that wait for PUBREL.
    pub(crate) admitted: Vec<PacketId>,
    /// What waits all the same.
    pub(crate) waiting: Vec<Spilled>,
    /// Oldest first.
    pub(crate) in_flight: Vec<InFlight>,
}

/// A message that was sent and is not over.
#[derive(Clone, Debug)]
pub(crate) struct InFlight {
    pub(crate) packet_id: PacketId,
    pub(crate) awaits: Awaits,
    /// Where it stands; nothing once the far end has it.
    pub(crate) sequence: Sequence,
    /// How it is delivered; without meaning once the far end has it.
    pub(crate) terms: Target,
}

const RECEIVED: u8 = 0;
const MESSAGE: u8 = 1;
const WAITING: u8 = 2;

impl FlowsRecord {
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put_number(out, self.session);
        put_number(out, self.through.0);
        out.extend_from_slice(&self.next_id.as_u16().to_le_bytes());
        put_number(out, self.admitted.len() as u64);
        for packet_id in &self.admitted {
            out.extend_from_slice(&packet_id.as_u16().to_le_bytes());
        }
        for delivery in &self.waiting {
            out.push(WAITING);
            put_number(out, delivery.sequence.0);
            put_terms(out, delivery.qos, delivery.retain, delivery.subscription_ids.as_slice(), None);
            put_number(out, delivery.size);
        }
        for message in &self.in_flight {
            let terms = &message.terms;
            if message.awaits == Awaits::Pubcomp {
                out.push(RECEIVED);
                out.extend_from_slice(&message.packet_id.as_u16().to_le_bytes());
            } else {
                out.push(MESSAGE);
                put_number(out, message.sequence.0);
                put_terms(out, terms.qos, terms.retain, terms.ids.as_slice(), Some(message.packet_id));
            }
        }
    }

    pub(crate) fn read(record: &[u8]) -> Result<Self, RecordError> {
        let mut reader = Reader::new(record);
        let session = reader.number()?;
        let through = Sequence(reader.number()?);
        let next_id = packet_id(&mut reader)?;
        let mut admitted = Vec::new();
        for _ in 0..reader.number()? {
            admitted.push(packet_id(&mut reader)?);
        }
        let (mut waiting, mut in_flight) = (Vec::new(), Vec::new());
        while reader.end().is_err() {
            match reader.byte()? {
                RECEIVED => in_flight.push(InFlight::received(session, packet_id(&mut reader)?)),
                MESSAGE => {
                    let sequence = Sequence(reader.number()?);
                    in_flight.push(InFlight::sent(sequence, read_terms(session, &mut reader)?)?);
                }
                WAITING => {
                    let sequence = Sequence(reader.number()?);
                    let Target { qos, retain, ids, .. } = read_terms(session, &mut reader)?;
                    let size = reader.number()?;
                    waiting.push(Spilled { sequence, qos, retain, subscription_ids: ids, size });
                }
                _ => return Err(RecordError { what: "an unknown state of a message" }),
            }
        }
        Ok(Self { session, through, next_id, admitted, waiting, in_flight })
    }
}

impl InFlight {
    pub(crate) fn sent(sequence: Sequence, terms: Target) -> Result<Self, RecordError> {
        let packet_id = terms.sent.ok_or(RecordError { what: "a message in flight without identifier" })?;
        let awaits = if terms.qos == Qos::ExactlyOnce { Awaits::Pubrec } else { Awaits::Puback };
        Ok(Self { packet_id, awaits, sequence, terms })
    }

    pub(crate) fn received(session: u64, packet_id: PacketId) -> Self {
        let terms = Target {
            session,
            qos: Qos::ExactlyOnce,
            retain: false,
            ids: postrider_session::SubscriptionIds::None,
            sent: Some(packet_id),
        };
        Self { packet_id, awaits: Awaits::Pubcomp, sequence: Sequence::NONE, terms }
    }
}

/// A message goes out, under an identifier.
pub(crate) fn put_sent(out: &mut Vec<u8>, sequence: Sequence, terms: &Target) {
    put_number(out, terms.session);
    put_number(out, sequence.0);
    put_terms(out, terms.qos, terms.retain, terms.ids.as_slice(), terms.sent);
}

pub(crate) fn read_sent(record: &[u8]) -> Result<InFlight, RecordError> {
    let mut reader = Reader::new(record);
    let session = reader.number()?;
    let sequence = Sequence(reader.number()?);
    let terms = read_terms(session, &mut reader)?;
    reader.end()?;
    InFlight::sent(sequence, terms)
}

/// What a group is owed as it stands in the log.
#[derive(Debug)]
pub(crate) struct GroupPicture {
    pub(crate) group: u64,
    /// What is owed up to this record and not among the pieces is over.
    pub(crate) through: Sequence,
    /// Oldest first.
    pub(crate) pieces: Vec<GroupPiece>,
}

/// A message that a group is owed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupPiece {
    pub(crate) sequence: Sequence,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    /// What it is charged.
    pub(crate) size: u64,
}

impl GroupPicture {
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put_number(out, self.group);
        put_number(out, self.through.0);
        for piece in &self.pieces {
            put_number(out, piece.sequence.0);
            put_terms(out, piece.qos, piece.retain, &[], None);
            put_number(out, piece.size);
        }
    }

    pub(crate) fn read(record: &[u8]) -> Result<Self, RecordError> {
        let mut reader = Reader::new(record);
        let group = reader.number()?;
        let through = Sequence(reader.number()?);
        let mut pieces = Vec::new();
        while reader.end().is_err() {
            let sequence = Sequence(reader.number()?);
            let terms = read_terms(group, &mut reader)?;
            pieces.push(GroupPiece { sequence, qos: terms.qos, retain: terms.retain, size: reader.number()? });
        }
        Ok(Self { group, through, pieces })
    }
}

/// A message of a group goes out to a recorded session.
pub(crate) fn put_moved(out: &mut Vec<u8>, group: u64, sequence: Sequence, terms: &Target) {
    put_number(out, group);
    put_sent(out, sequence, terms);
}

pub(crate) fn read_moved(record: &[u8]) -> Result<(u64, InFlight), RecordError> {
    let mut reader = Reader::new(record);
    let group = reader.number()?;
    Ok((group, read_sent(reader.rest())?))
}

/// A message of a group goes out to another session.
pub(crate) fn put_given(out: &mut Vec<u8>, group: u64, sequence: Sequence) {
    put_number(out, group);
    put_number(out, sequence.0);
}

pub(crate) fn read_given(record: &[u8]) -> Result<(u64, Sequence), RecordError> {
    let mut reader = Reader::new(record);
    let given = (reader.number()?, Sequence(reader.number()?));
    reader.end()?;
    Ok(given)
}

/// The filter of a group.
pub(crate) fn read_group(record: &[u8]) -> Result<Filter<'_>, RecordError> {
    let mut reader = Reader::new(record);
    let filter = super::session::read_filter(&mut reader)?;
    reader.end()?;
    if filter.share().is_some() { Ok(filter) } else { Err(RecordError { what: "a group that is none" }) }
}

/// Something about one identifier of a session.
pub(crate) fn put_step(out: &mut Vec<u8>, session: u64, packet_id: PacketId) {
    put_number(out, session);
    out.extend_from_slice(&packet_id.as_u16().to_le_bytes());
}

pub(crate) fn read_step(record: &[u8]) -> Result<(u64, PacketId), RecordError> {
    let mut reader = Reader::new(record);
    let step = (reader.number()?, packet_id(&mut reader)?);
    reader.end()?;
    Ok(step)
}

/// A number and nothing else: a session that is gone, a message that is retained no more.
pub(crate) fn read_number(record: &[u8]) -> Result<u64, RecordError> {
    let mut reader = Reader::new(record);
    let number = reader.number()?;
    reader.end()?;
    Ok(number)
}

//! The records that say what plain data says, for a log that is written anew.
//!
//! Owns: the order that a log of them has: sessions and groups, subscriptions, messages, then how far flows have come.
//! Never: trusts the data: what no client could have brought is refused.

use super::{DeliveryData, MessageData, SessionData, Stage, SubscriptionData};
use crate::RecordError;
use crate::leave::is_ours;
use crate::records::coding::put_text;
use crate::records::flows::{FlowsRecord, InFlight};
use crate::records::kind;
use crate::records::message::{MessageHead, Target, put_message, put_target};
use crate::records::session::{ReplayState, SessionRecord, SubscriptionRecord, WillRecord};
use postrider_proto::{Filter, PacketId, Properties, PropertyId, PropertySet, Qos, Text, Topic, VARINT_MAX};
use postrider_router::Grant;
use postrider_session::{Message, MessageParts, Mono, Now, Sequence, Spilled, SubscriptionIds, Wall, charge_of};

/// Writes the record of a session, which will be number `record` and give the session its own number. Says its kind.
///
/// # Errors
/// Something in it no client could have brought.
pub fn compose_session(record: u64, session: &SessionData, out: &mut Vec<u8>) -> Result<u8, RecordError> {
    check_name(session.subject.client_id.as_str())?;
    let will = session.will.as_ref().map(|will| {
        let parts = parts_of(&will.message)?;
        Ok(WillRecord {
            brought_by: Sequence(record),
            message: Message::new(&MessageParts { expires: None, ..parts }),
            retain: will.retain,
            expiry_s: will.expiry_s,
            delay_s: will.delay_s,
        })
    });
    let (subject, expiry_s) = (session.subject.clone(), session.expiry_s);
    if expiry_s == 0 {
        return Err(RecordError { what: "a session that ends with its connection" });
    }
    let away_since = session.away_since_ms.map(Wall);
    SessionRecord { number: record, subject, expiry_s, away_since, listener: None, will: will.transpose()? }.put(out);
    Ok(kind::SESSION)
}

/// Writes the record of a subscription of a session with this number. Says its kind.
///
/// # Errors
/// Something in it no client could have brought.
pub fn compose_subscription(
    session: u64,
    subscription: &SubscriptionData,
    out: &mut Vec<u8>,
) -> Result<u8, RecordError> {
    let filter = filter_of(&subscription.filter)?;
    if subscription.identifier.is_some_and(|identifier| identifier == 0 || identifier > VARINT_MAX) {
        return Err(RecordError { what: "a subscription identifier that is none" });
    }
    if filter.share().is_some() && subscription.no_local {
        return Err(RecordError { what: "a shared subscription with No Local" });
    }
    let grant = Grant {
        qos: subscription.qos,
        no_local: subscription.no_local,
        retain_as_published: subscription.retain_as_published,
        identifier: subscription.identifier,
    };
    let replay = if subscription.is_owed_retained { ReplayState::Unfinished } else { ReplayState::Done };
    SubscriptionRecord { session, filter, grant, replay }.put(out);
    Ok(kind::SUBSCRIPTION)
}

/// Writes the record of a shared subscription, whose number is that of the record. Says its kind.
///
/// # Errors
/// The filter is none, or not shared.
pub fn compose_group(filter: &str, out: &mut Vec<u8>) -> Result<u8, RecordError> {
    if filter_of(filter)?.share().is_none() {
        return Err(RecordError { what: "a filter that is not shared" });
    }
    put_text(out, filter.as_bytes());
    Ok(kind::GROUP)
}

/// Writes the record of a message for those to whom it is owed: each a session's or group's number and the delivery.
/// Says its kind.
///
/// # Errors
/// Something in it no client could have brought.
pub fn compose_message(
    message: &MessageData,
    is_retained: bool,
    owed: &[(u64, DeliveryData)],
    out: &mut Vec<u8>,
) -> Result<u8, RecordError> {
    let parts = parts_of(message)?;
    if is_retained && message.payload.is_empty() {
        return Err(RecordError { what: "an empty retained message" });
    }
    if is_retained && is_ours(parts.topic) {
        return Err(RecordError { what: "a retained message of the broker about itself" });
    }
    let mut targets = Vec::new();
    for (number, delivery) in owed {
        put_target(&mut targets, *number, delivery.qos, delivery.retain, &delivery.subscription_ids, None);
    }
    let count = u32::try_from(owed.len()).map_err(|_| RecordError { what: "too many deliveries of one message" })?;
    let author = message.author.as_ref().filter(|_| is_retained);
    let head = MessageHead { author, targets: &targets, ..MessageHead::default() };
    put_message(out, Now::default(), &parts, &head, count);
    Ok(if is_retained { kind::RETAINED } else { kind::MESSAGE })
}

/// Writes how far the flows of a session have come. `owed` is what it is owed in order, first what is in flight, with the
/// numbers that the records have now, and what each message is charged. Says its kind.
///
/// # Errors
/// Something in it cannot be.
pub fn compose_flows(
    session: u64,
    data: &SessionData,
    owed: impl Iterator<Item = (DeliveryData, u64)>,
    out: &mut Vec<u8>,
) -> Result<u8, RecordError> {
    let mut record = FlowsRecord {
        session,
        through: Sequence::NONE,
        next_id: packet_id(data.next_packet_id)?,
        admitted: data.awaiting_pubrel.iter().map(|id| packet_id(*id)).collect::<Result<_, _>>()?,
        waiting: Vec::new(),
        in_flight: Vec::new(),
    };
    // What stands behind all others in the order of records, too, waits because its message's record says so.
    let (mut by_itself, mut newest) = (Vec::new(), Sequence::NONE);
    for (delivery, size) in owed {
        let sequence = Sequence(delivery.record.unwrap_or_default());
        let ids = SubscriptionIds::of(&delivery.subscription_ids);
        let Some(identifier) = delivery.packet_id else {
            let DeliveryData { qos, retain, .. } = delivery;
            let waits = Spilled { sequence, qos, retain, subscription_ids: ids, size };
            if sequence > newest {
                by_itself.push(waits);
                newest = sequence;
                continue;
            }
            record.waiting.append(&mut by_itself);
            record.waiting.push(waits);
            record.through = newest;
            continue;
        };
        let packet_id = packet_id(identifier)?;
        record.in_flight.push(in_flight(session, packet_id, &delivery, ids)?);
        newest = newest.max(sequence);
        record.through = newest;
    }
    record.put(out);
    Ok(kind::FLOWS)
}

/// What a message that waits is charged.
///
/// # Errors
/// Something in it no client could have brought.
pub fn charge(message: &MessageData) -> Result<u64, RecordError> {
    // In a log, every message has a number.
    Ok(charge_of(&MessageParts { sequence: Sequence(1), ..parts_of(message)? }))
}

fn in_flight(
    session: u64,
    packet_id: PacketId,
    delivery: &DeliveryData,
    ids: SubscriptionIds,
) -> Result<InFlight, RecordError> {
    let is_right = match delivery.stage {
        Stage::AwaitsPuback => delivery.qos == Qos::AtLeastOnce && delivery.record.is_some(),
        Stage::AwaitsPubrec => delivery.qos == Qos::ExactlyOnce && delivery.record.is_some(),
        Stage::AwaitsPubcomp => delivery.record.is_none(),
        Stage::Queued => false,
    };
    if !is_right {
        return Err(RecordError { what: "a delivery whose QoS and state do not agree" });
    }
    if delivery.stage == Stage::AwaitsPubcomp {
        return Ok(InFlight::received(session, packet_id));
    }
    let terms = Target { session, qos: delivery.qos, retain: delivery.retain, ids, sent: Some(packet_id) };
    InFlight::sent(Sequence(delivery.record.unwrap_or_default()), terms)
}

fn parts_of(message: &MessageData) -> Result<MessageParts<'_>, RecordError> {
    let properties = Properties::parse(&message.properties);
    let properties = properties.map_err(|_| RecordError { what: "properties that are none" })?;
    if !properties.iter().all(|property| PASSED_ON.contains(property.id())) {
        return Err(RecordError { what: "properties that are not passed on" });
    }
    let topic = Topic::parse(message.topic.as_bytes()).map_err(|_| RecordError { what: "a topic that is none" })?;
    let expires = message.expires_at_ms.map(Mono);
    let (payload, qos, sequence) = (&message.payload[..], message.qos, Sequence::NONE);
    Ok(MessageParts { topic, payload, properties, qos, expires, sequence })
}

fn filter_of(filter: &str) -> Result<Filter<'_>, RecordError> {
    Filter::parse(filter.as_bytes()).map_err(|_| RecordError { what: "a filter that is none" })
}

fn packet_id(number: u16) -> Result<PacketId, RecordError> {
    PacketId::new(number).ok_or(RecordError { what: "a packet identifier of 0" })
}

fn check_name(client_id: &str) -> Result<(), RecordError> {
    let is_name = !client_id.is_empty() && Text::parse(client_id.as_bytes()).is_ok();
    if is_name { Ok(()) } else { Err(RecordError { what: "a client identifier that is none" }) }
}

/// What stands in the properties of a message that is kept.
const PASSED_ON: PropertySet = PropertySet::of(&[
    PropertyId::PayloadFormatIndicator,
    PropertyId::ContentType,
    PropertyId::ResponseTopic,
    PropertyId::CorrelationData,
    PropertyId::UserProperty,
]);

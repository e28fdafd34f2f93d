//! What is printed as JSON: an object for each thing, which says by `kind` what it is.
//!
//! Owns: the names of the members; docs/data.md lists them.

use super::{Item, Owner, shown};
use crate::parts::{Parts, base64};
use postrider::{DeliveryData, MessageData, SessionData, Stage};
use serde_json::{Map, Value, json};

pub(super) fn document(item: &Item<'_>, bytes_max: usize) -> Value {
    match item {
        Item::Store(store, data) => json!({
            "kind": "store", "id": hex(&store.id), "openings": store.openings, "files": store.files,
            "bytes": store.bytes, "records": store.records, "last_record": store.last_record,
            "damaged": data.damage().len() + data.senseless().len(),
        }),
        Item::Session(session) => json!({
            "kind": "session", "client_id": client_id(session), "principal": principal(session),
            "expiry_s": (session.expiry_s != u32::MAX).then_some(session.expiry_s),
            "away_since_ms": session.away_since_ms, "next_packet_id": session.next_packet_id,
            "awaiting_pubrel": session.awaiting_pubrel,
        }),
        Item::Will(session, will) => {
            let value = json!({
                "kind": "will", "client_id": client_id(session), "delay_s": will.delay_s, "retain": will.retain,
                "message_expiry_s": will.expiry_s,
            });
            with_message(value, &will.message, bytes_max)
        }
        Item::Subscription(session, subscription) => json!({
            "kind": "subscription", "client_id": client_id(session), "filter": subscription.filter,
            "qos": subscription.qos as u8, "no_local": subscription.no_local,
            "retain_as_published": subscription.retain_as_published, "identifier": subscription.identifier,
            "is_owed_retained": subscription.is_owed_retained,
        }),
        Item::Delivery(owner, delivery, message) => {
            let value = delivered(*owner, delivery);
            message.map_or_else(|| value.clone(), |message| with_message(value.clone(), message, bytes_max))
        }
        Item::Retained(record, message) => {
            let author = message.author.as_ref();
            let value = json!({
                "kind": "retained", "record": record,
                "author": author.map(|author| author.client_id.as_str()),
                "author_principal": author.and_then(|author| author.principal.as_ref()).map(|it| it.as_str()),
            });
            with_message(value, message, bytes_max)
        }
    }
}

fn delivered(owner: Owner<'_>, delivery: &DeliveryData) -> Value {
    let (client_id, share) = match owner {
        Owner::Session(session) => (Some(client_id(session)), None),
        Owner::Share(filter) => (None, Some(filter)),
    };
    json!({
        "kind": "message", "client_id": client_id, "share": share, "state": state(delivery.stage),
        "packet_id": delivery.packet_id, "delivery_qos": delivery.qos as u8, "delivery_retain": delivery.retain,
        "subscription_ids": delivery.subscription_ids, "record": delivery.record,
    })
}

/// How a delivery's stage is called.
pub(crate) const fn state(stage: Stage) -> &'static str {
    match stage {
        Stage::Queued => "queued",
        Stage::AwaitsPuback => "awaits-puback",
        Stage::AwaitsPubrec => "awaits-pubrec",
        Stage::AwaitsPubcomp => "awaits-pubcomp",
    }
}

fn with_message(mut value: Value, message: &MessageData, bytes_max: usize) -> Value {
    if let Value::Object(members) = &mut value {
        add_message(members, message, bytes_max);
    }
    value
}

fn add_message(members: &mut Map<String, Value>, message: &MessageData, bytes_max: usize) {
    let Parts { payload_format, content_type, response_topic, correlation_data, user_properties } =
        Parts::of(&message.properties);
    let payload = &message.payload;
    let (encoding, text, length) = shown(payload, bytes_max).map_or_else(
        || {
            let part = &payload[..payload.len().min(bytes_max)];
            ("base64", base64(part), part.len())
        },
        |text| ("utf-8", text.to_owned(), text.len()),
    );
    let new = json!({
        "topic": message.topic, "qos": message.qos as u8, "expires_at_ms": message.expires_at_ms,
        "payload_format": payload_format, "content_type": content_type, "response_topic": response_topic,
        "correlation_data_base64": correlation_data.map(|data| base64(&data)), "user_properties": user_properties,
        "payload_bytes": payload.len(), "payload_encoding": encoding, "payload": text,
        "is_cut": length < payload.len(),
    });
    if let Value::Object(new) = new {
        members.extend(new);
    }
}

fn client_id(session: &SessionData) -> &str {
    session.subject.client_id.as_str()
}

fn principal(session: &SessionData) -> Option<&str> {
    session.subject.principal.as_ref().map(|principal| principal.as_str())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

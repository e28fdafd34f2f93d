//! What is printed for people: a line for each thing, those of a session below it.

use super::{Item, Owner, json, shown};
use crate::parts::Parts;
use postrider::{DeliveryData, MessageData, SessionData, SubscriptionData};
use std::fmt::Write as _;

pub(super) fn line(item: &Item<'_>, bytes_max: usize) -> String {
    match item {
        Item::Store(store, data) => {
            let damaged = data.damage().len() + data.senseless().len();
            let damaged = if damaged > 0 { format!(", damaged in {damaged} places") } else { String::new() };
            let id: String = store.id.iter().map(|byte| format!("{byte:02x}")).collect();
            format!(
                "store {id}: {} records in {} files, {} bytes, last record {}, opened {} times{damaged}",
                store.records, store.files, store.bytes, store.last_record, store.openings
            )
        }
        Item::Session(session) => of_session(session),
        Item::Will(_, will) => {
            let retain = if will.retain { ", retained" } else { "" };
            format!("  will after {} s{retain}: {}", will.delay_s, message(&will.message, bytes_max))
        }
        Item::Subscription(_, subscription) => of_subscription(subscription),
        Item::Delivery(owner, delivery, found) => {
            let found = found.map_or_else(String::new, |found| format!(": {}", message(found, bytes_max)));
            format!("  {}{found}", of_delivery(*owner, delivery))
        }
        Item::Retained(_, found) => format!("retained {}", message(found, bytes_max)),
    }
}

fn of_session(session: &SessionData) -> String {
    let mut line = format!("session of {}", session.subject.client_id);
    if let Some(principal) = &session.subject.principal {
        let _ = write!(line, ", which {principal} owns");
    }
    if session.expiry_s == u32::MAX {
        line.push_str(", for ever");
    } else {
        let _ = write!(line, ", for {} s", session.expiry_s);
    }
    let _ = match session.away_since_ms {
        Some(since) => write!(line, ", away since {}", moment(since)),
        None => write!(line, ", connected"),
    };
    let _ = write!(line, ", next packet identifier {}", session.next_packet_id);
    if !session.awaiting_pubrel.is_empty() {
        let _ = write!(line, ", awaits PUBREL for {:?}", session.awaiting_pubrel);
    }
    line
}

fn of_subscription(subscription: &SubscriptionData) -> String {
    let mut line = format!("  subscribed to {} with QoS {}", subscription.filter.escape_debug(), subscription.qos);
    let options = [
        (subscription.no_local, ", no local"),
        (subscription.retain_as_published, ", retain as published"),
        (subscription.is_owed_retained, ", owed what is retained"),
    ];
    options.iter().filter(|(is_set, _)| *is_set).for_each(|(_, text)| line.push_str(text));
    if let Some(identifier) = subscription.identifier {
        let _ = write!(line, ", identifier {identifier}");
    }
    line
}

fn of_delivery(owner: Owner<'_>, delivery: &DeliveryData) -> String {
    let mut line = json::state(delivery.stage).to_owned();
    if let Some(packet_id) = delivery.packet_id {
        let _ = write!(line, " {packet_id}");
    }
    let _ = write!(line, ", QoS {}", delivery.qos);
    match owner {
        Owner::Session(session) => _ = write!(line, ", for {}", session.subject.client_id),
        Owner::Share(filter) => _ = write!(line, ", for {}", filter.escape_debug()),
    }
    line
}

fn message(message: &MessageData, bytes_max: usize) -> String {
    let mut line = format!("{} QoS {}, {} bytes", message.topic.escape_debug(), message.qos, message.payload.len());
    if let Some(expires) = message.expires_at_ms {
        let _ = write!(line, ", expires {}", moment(expires));
    }
    if let Some(author) = &message.author {
        let _ = write!(line, ", from {}", author.client_id);
    }
    let parts = Parts::of(&message.properties);
    let named = [("content type", &parts.content_type), ("response topic", &parts.response_topic)];
    for (name, value) in named {
        if let Some(value) = value {
            let _ = write!(line, ", {name} {}", value.escape_debug());
        }
    }
    for (name, value) in &parts.user_properties {
        let _ = write!(line, ", {}={}", name.escape_debug(), value.escape_debug());
    }
    if bytes_max > 0 && !message.payload.is_empty() {
        line.push_str(": ");
        line.push_str(&payload(&message.payload, bytes_max));
    }
    line
}

fn payload(payload: &[u8], bytes_max: usize) -> String {
    let (text, length) = shown(payload, bytes_max).map_or_else(
        || {
            let part = &payload[..payload.len().min(bytes_max)];
            (part.iter().map(|byte| format!("\\x{byte:02x}")).collect(), part.len())
        },
        |text| (text.escape_debug().to_string(), text.len()),
    );
    if length < payload.len() { format!("{text}…") } else { text }
}

/// When people would say it is.
fn moment(ms: u64) -> String {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| format!("{ms} ms"), |at| at.to_string())
}

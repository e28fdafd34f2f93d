//! A data directory into tables.
//!
//! Owns: the numbers of messages: 1, 2, 3 in the order in which they came.
//! Never: holds more than one message in memory.

use super::Counts;
use super::schema::{FORMAT, INDEXES, MESSAGE_COLUMNS, TABLES};
use crate::parts::Parts;
use postrider::{Data, DeliveryData, MessageData, SessionData, WillData};
use rusqlite::{Connection, Statement, Transaction, params};
use serde_json::json;
use std::path::Path;

pub(super) fn write(data: &Data, file: &Path) -> anyhow::Result<Counts> {
    let mut connection = Connection::open(file)?;
    // It is another's file as long as it is not complete.
    connection.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    let store = data.store();
    let id: String = store.id.iter().map(|byte| format!("{byte:02x}")).collect();
    transaction.execute(
        "INSERT INTO store VALUES (?, ?, ?, ?)",
        params![FORMAT, id, signed(store.openings)?, signed(store.last_record)?],
    )?;
    let mut counts = Counts::default();
    let records = write_messages(data, &transaction, &mut counts)?;
    write_sessions(data, &transaction, &records, &mut counts)?;
    write_retained(data, &transaction, &records, &mut counts)?;
    transaction.execute_batch(INDEXES)?;
    transaction.commit()?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(counts)
}

/// Every message once. Gives back their records; the place of a record there, counted from 1, is the message's number.
fn write_messages(data: &Data, transaction: &Transaction<'_>, counts: &mut Counts) -> anyhow::Result<Vec<u64>> {
    let mut records = data.retained();
    for (name, _) in data.sessions() {
        records.extend(data.deliveries(name).filter_map(|delivery| delivery.record));
    }
    for share in data.groups() {
        records.extend(data.group_deliveries(&share).filter_map(|delivery| delivery.record));
    }
    records.sort_unstable();
    records.dedup();
    let insert =
        format!("INSERT INTO messages (id, expires_at_ms, {MESSAGE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    let mut statement = transaction.prepare(&insert)?;
    let mut there = Vec::with_capacity(records.len());
    for record in records {
        // What is not in the log any more was acknowledged.
        let Some(message) = data.message(record)? else { continue };
        there.push(record);
        put_message(&mut statement, signed(there.len() as u64)?, &message)?;
        counts.messages += 1;
    }
    Ok(there)
}

fn put_message(statement: &mut Statement<'_>, id: i64, message: &MessageData) -> anyhow::Result<()> {
    let parts = Parts::of(&message.properties);
    statement.execute(params![
        id,
        message.expires_at_ms.map(signed).transpose()?,
        message.topic,
        message.qos as u8,
        parts.payload_format,
        parts.content_type,
        parts.response_topic,
        parts.correlation_data,
        json!(parts.user_properties).to_string(),
        message.payload,
    ])?;
    Ok(())
}

fn write_sessions(
    data: &Data,
    transaction: &Transaction<'_>,
    records: &[u64],
    counts: &mut Counts,
) -> anyhow::Result<()> {
    let mut sessions = transaction.prepare("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?)")?;
    let mut subscriptions = transaction.prepare("INSERT INTO subscriptions VALUES (?, ?, ?, ?, ?, ?, ?)")?;
    let mut deliveries = transaction.prepare("INSERT INTO deliveries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")?;
    for (name, session) in data.sessions() {
        let client_id = session.subject.client_id.as_str();
        put_session(&mut sessions, &session)?;
        if let Some(will) = &session.will {
            put_will(transaction, client_id, will)?;
        }
        for it in data.subscriptions(name) {
            let (qos, no_local, as_published) = (it.qos as u8, it.no_local, it.retain_as_published);
            let values = params![client_id, it.filter, qos, no_local, as_published, it.identifier, it.is_owed_retained];
            subscriptions.execute(values)?;
        }
        let owner = (Some(client_id), None);
        counts.deliveries += put_deliveries(&mut deliveries, owner, data.deliveries(name), records)?;
        counts.sessions += 1;
    }
    for share in data.groups() {
        let owner = (None, Some(share.as_str()));
        counts.deliveries += put_deliveries(&mut deliveries, owner, data.group_deliveries(&share), records)?;
    }
    Ok(())
}

fn put_session(statement: &mut Statement<'_>, session: &SessionData) -> anyhow::Result<()> {
    statement.execute(params![
        session.subject.client_id.as_str(),
        session.subject.principal.as_ref().map(|principal| principal.as_str()),
        (session.expiry_s != u32::MAX).then_some(session.expiry_s),
        session.away_since_ms.map(signed).transpose()?,
        session.next_packet_id,
        json!(session.awaiting_pubrel).to_string(),
    ])?;
    Ok(())
}

fn put_will(transaction: &Transaction<'_>, client_id: &str, will: &WillData) -> anyhow::Result<()> {
    let parts = Parts::of(&will.message.properties);
    let insert = format!(
        "INSERT INTO wills (client_id, delay_s, retain, message_expiry_s, {MESSAGE_COLUMNS}) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    );
    transaction.prepare(&insert)?.execute(params![
        client_id,
        will.delay_s,
        will.retain,
        will.expiry_s,
        will.message.topic,
        will.message.qos as u8,
        parts.payload_format,
        parts.content_type,
        parts.response_topic,
        parts.correlation_data,
        json!(parts.user_properties).to_string(),
        will.message.payload,
    ])?;
    Ok(())
}

fn put_deliveries(
    statement: &mut Statement<'_>,
    (client_id, share): (Option<&str>, Option<&str>),
    all: impl Iterator<Item = DeliveryData>,
    records: &[u64],
) -> anyhow::Result<u64> {
    let mut position = 0_u64;
    for delivery in all {
        let message = match delivery.record.map(|record| records.binary_search(&record)) {
            Some(Ok(at)) => Some(signed(at as u64 + 1)?),
            Some(Err(_)) => continue,
            None => None,
        };
        position += 1;
        let state = crate::dump::state(delivery.stage);
        let ids = json!(delivery.subscription_ids).to_string();
        let (at, qos) = (signed(position)?, delivery.qos as u8);
        let values = params![client_id, share, at, state, delivery.packet_id, message, qos, delivery.retain, ids];
        statement.execute(values)?;
    }
    Ok(position)
}

fn write_retained(
    data: &Data,
    transaction: &Transaction<'_>,
    records: &[u64],
    counts: &mut Counts,
) -> anyhow::Result<()> {
    let mut statement =
        transaction.prepare("INSERT INTO retained SELECT topic, id, ?2, ?3 FROM messages WHERE id = ?1")?;
    for record in data.retained() {
        let (Ok(at), Some(message)) = (records.binary_search(&record), data.message(record)?) else { continue };
        let author = message.author.as_ref();
        let client_id = author.map(|author| author.client_id.as_str());
        let principal = author.and_then(|author| author.principal.as_ref()).map(|principal| principal.as_str());
        statement.execute(params![signed(at as u64 + 1)?, client_id, principal])?;
        counts.retained += 1;
    }
    Ok(())
}

/// SQLite has numbers with a sign only.
fn signed(number: u64) -> anyhow::Result<i64> {
    i64::try_from(number).map_err(|_| anyhow::anyhow!("{number} is too large for SQLite"))
}

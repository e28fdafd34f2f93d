//! What was found in a `mosquitto.db`: who is there, and who is owed what.
//!
//! Owns: that chunks fit each other: who is named is there, and nobody twice.
//! Never: holds a payload.

use super::chunk::{Chunk, ClientChunk, DeliveryChunk, State, SubscriptionChunk};
use super::cursor::Wrong;
use crate::{DeliveryData, Stage, SubscriptionData};
use postrider_ports::{ClientId, Principal, Subject};
use postrider_proto::Qos;
use std::collections::{BTreeMap, BTreeSet};

/// Everything but the messages themselves.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Whether the broker was at its end when it wrote.
    pub(super) is_last: bool,
    pub(super) clients: BTreeMap<Box<str>, Client>,
    /// Where the chunk of each message is, by its number there.
    pub(super) messages: BTreeMap<u64, Place>,
    /// Numbers of messages, in the order in which they stand there.
    pub(super) retained: Vec<u64>,
    /// Messages of QoS 0 that waited.
    pub(super) of_qos_0: u64,
}

/// The inside of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) bytes: u32,
}

/// A client with its session.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) subject: Subject,
    pub(super) expiry_s: u32,
    pub(super) expires_s: Option<u64>,
    pub(super) away_since_s: Option<u64>,
    pub(super) last_packet_id: u16,
    pub(super) subscriptions: BTreeMap<Box<str>, SubscriptionData>,
    /// With the numbers that messages have there; in the order in which they stand there.
    pub(super) owed: Vec<DeliveryData>,
    /// Messages with QoS 2 from the client by packet identifier, which nobody has got yet.
    pub(super) held: BTreeMap<u16, u64>,
    /// Packet identifiers of what was sent.
    sent: BTreeSet<u16>,
}

impl Found {
    /// Takes one more chunk.
    pub(super) fn take(&mut self, chunk: Chunk<'_>, place: Place) -> Result<(), Wrong> {
        match chunk {
            Chunk::Head { is_last } => self.is_last = is_last,
            Chunk::Message(message) => {
                if self.messages.insert(message.id, place).is_some() {
                    return Err("a message that is there twice");
                }
            }
            Chunk::Retained { message } => self.retained.push(message),
            Chunk::Client(client) => self.take_client(&client)?,
            Chunk::Subscription(subscription) => self.take_subscription(&subscription)?,
            Chunk::Delivery(delivery) => self.take_delivery(delivery)?,
        }
        Ok(())
    }

    fn take_client(&mut self, chunk: &ClientChunk<'_>) -> Result<(), Wrong> {
        let principal = Some(chunk.user).filter(|user| !user.is_empty()).map(Principal::from);
        let client = Client {
            subject: Subject { client_id: ClientId::from(chunk.client_id), principal },
            expiry_s: chunk.expiry_s,
            expires_s: chunk.expires_s,
            away_since_s: chunk.away_since_s,
            last_packet_id: chunk.last_packet_id,
            subscriptions: BTreeMap::new(),
            owed: Vec::new(),
            held: BTreeMap::new(),
            sent: BTreeSet::new(),
        };
        match self.clients.insert(chunk.client_id.into(), client) {
            None => Ok(()),
            Some(_) => Err("a client that is there twice"),
        }
    }

    fn take_subscription(&mut self, chunk: &SubscriptionChunk<'_>) -> Result<(), Wrong> {
        let client = self.clients.get_mut(chunk.client_id).ok_or("a subscription of a client that is not there")?;
        let subscription = SubscriptionData {
            filter: chunk.filter.to_owned(),
            qos: chunk.qos,
            no_local: chunk.no_local,
            retain_as_published: chunk.retain_as_published,
            identifier: chunk.identifier,
            is_owed_retained: false,
        };
        match client.subscriptions.insert(chunk.filter.into(), subscription) {
            None => Ok(()),
            Some(_) => Err("a subscription that is there twice"),
        }
    }

    fn take_delivery(&mut self, chunk: DeliveryChunk<'_>) -> Result<(), Wrong> {
        let client = self.clients.get_mut(chunk.client_id).ok_or("a message for a client that is not there")?;
        let packet_id = Some(chunk.packet_id).filter(|_| chunk.state != State::Queued);
        if packet_id == Some(0) {
            return Err("a packet identifier of 0");
        }
        let stage = match (chunk.state, chunk.qos) {
            (State::Incoming, _) => {
                return match client.held.insert(chunk.packet_id, chunk.message) {
                    None => Ok(()),
                    Some(_) => Err("a packet identifier that is there twice"),
                };
            }
            (State::Queued, Qos::AtMostOnce) => {
                self.of_qos_0 += 1;
                return Ok(());
            }
            (State::Queued, _) => Stage::Queued,
            (State::Received, _) => Stage::AwaitsPubcomp,
            (State::Sent, Qos::ExactlyOnce) => Stage::AwaitsPubrec,
            (State::Sent, _) => Stage::AwaitsPuback,
        };
        if packet_id.is_some_and(|packet_id| !client.sent.insert(packet_id)) {
            return Err("a packet identifier that is there twice");
        }
        let record = Some(chunk.message).filter(|_| stage != Stage::AwaitsPubcomp);
        let (qos, retain, subscription_ids) = (chunk.qos, chunk.retain, chunk.subscription_ids);
        client.owed.push(DeliveryData { stage, packet_id, record, qos, retain, subscription_ids });
        Ok(())
    }
}

//! What a log says, as plain data: for people, for other programs, and to be written anew.
//!
//! Owns: the names under which what outlives the process is shown.
//! Never: lets time pass: what is over by now is there all the same.

mod compose;

pub use compose::{charge, compose_flows, compose_group, compose_message, compose_session, compose_subscription};

use crate::records::kind;
use crate::records::message::MessageRecord;
use crate::sessions::Session;
use crate::{Engine, RecordError, Recovery, Tray};
use postrider_ports::Subject;
use postrider_proto::Qos;
use postrider_router::SessionKey;
use postrider_session::flow::Awaits;
use postrider_session::{Now, Parcel, Sequence, Spilled};

/// A session that outlives its connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionData {
    /// Its client identifier and the principal that owns it.
    pub subject: Subject,
    /// Seconds it outlives its connection; `u32::MAX` is for ever.
    pub expiry_s: u32,
    /// Since when it has no connection, in milliseconds since 1970; nothing if it had one.
    pub away_since_ms: Option<u64>,
    /// The packet identifier of the next message to it, above 0.
    pub next_packet_id: u16,
    /// Packet identifiers of messages with QoS 2 from the client that wait for PUBREL, in ascending order.
    pub awaiting_pubrel: Vec<u16>,
    /// What is published when it ends or does not come back.
    pub will: Option<WillData>,
}

/// A will.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WillData {
    /// Without its expiry, which begins when it is published.
    pub message: MessageData,
    /// Whether it is retained then.
    pub retain: bool,
    /// Lifetime in seconds from its publication.
    pub expiry_s: Option<u32>,
    /// Seconds between the end of the connection and its publication.
    pub delay_s: u32,
}

/// A subscription of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionData {
    /// The filter, with `$share` and the group in front if it is shared.
    pub filter: String,
    /// The highest QoS.
    pub qos: Qos,
    /// Whether the session's own messages stay away.
    pub no_local: bool,
    /// Whether retain flags stay as they were published.
    pub retain_as_published: bool,
    /// Its Subscription Identifier.
    pub identifier: Option<u32>,
    /// Whether not all that was retained for it has been sent.
    pub is_owed_retained: bool,
}

/// An application message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageData {
    /// Where it was published.
    pub topic: String,
    /// The QoS it was published with.
    pub qos: Qos,
    /// What is passed on unaltered, as it stands in a packet.
    pub properties: Vec<u8>,
    /// What was published.
    pub payload: Vec<u8>,
    /// When it expires, in milliseconds since 1970.
    pub expires_at_ms: Option<u64>,
    /// Of a retained one, who published it, where that is known.
    pub author: Option<Subject>,
}

/// How far a delivery has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It waits.
    Queued,
    /// It was sent with QoS 1.
    AwaitsPuback,
    /// It was sent with QoS 2.
    AwaitsPubrec,
    /// The client has it; its message is needed no more.
    AwaitsPubcomp,
}

/// A message owed to a session or to a shared subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryData {
    /// How far it has come.
    pub stage: Stage,
    /// Under which identifier it was sent; nothing while it waits.
    pub packet_id: Option<u16>,
    /// The record with the message; nothing once the client has it.
    pub record: Option<u64>,
    /// The QoS of the delivery.
    pub qos: Qos,
    /// Its retain flag.
    pub retain: bool,
    /// The identifiers of the subscriptions that matched.
    pub subscription_ids: Vec<u32>,
}

/// What a log says.
#[derive(Debug)]
pub struct Contents {
    engine: Engine,
}

/// Names a session of [`Contents`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionName(SessionKey);

impl Recovery {
    /// All records have been taken: what they say, to be looked at. Begin with [`Recovery::to_be_read`].
    #[must_use]
    pub fn contents(self, last: Sequence) -> Contents {
        Contents { engine: self.finish(Now::default(), last, &mut Tray::new()) }
    }
}

impl Contents {
    /// Every session, in the order of the client identifiers.
    pub fn sessions(&self) -> impl Iterator<Item = (SessionName, SessionData)> {
        self.engine.sessions.iter().map(|(key, session)| (SessionName(key), session_data(session)))
    }

    /// The subscriptions of a session, in the order of their filters.
    #[must_use]
    pub fn subscriptions(&self, SessionName(key): SessionName) -> Vec<SubscriptionData> {
        let Some(session) = self.engine.sessions.get(key) else { return Vec::new() };
        let owed = session.flows.iter().flat_map(|flows| &flows.replays);
        let owed: Vec<&[u8]> = owed.map(|replay| replay.filter().as_bytes()).collect();
        let mut all: Vec<SubscriptionData> = session
            .filters
            .iter()
            .filter_map(|id| {
                let (filter, grant) = (self.engine.router.text(*id)?, self.engine.router.grant(*id, key)?);
                Some(SubscriptionData {
                    filter: filter.as_str().to_owned(),
                    qos: grant.qos,
                    no_local: grant.no_local,
                    retain_as_published: grant.retain_as_published,
                    identifier: grant.identifier,
                    is_owed_retained: owed.contains(&filter.as_bytes()),
                })
            })
            .collect();
        all.sort_by(|left, right| left.filter.cmp(&right.filter));
        all
    }

    /// What a session is owed: first what is in flight, then what waits, each oldest first.
    pub fn deliveries(&self, SessionName(key): SessionName) -> impl Iterator<Item = DeliveryData> {
        let flows = self.engine.sessions.get(key).and_then(|session| session.flows.as_ref());
        let in_flight = flows.into_iter().flat_map(|flows| flows.outbound.unfinished());
        let in_flight = in_flight.map(|(packet_id, awaits, parcel)| sent(packet_id.as_u16(), awaits, parcel));
        in_flight.chain(flows.into_iter().flat_map(|flows| flows.mailbox.waiting()).map(queued))
    }

    /// Shared subscriptions that are owed something, in the order of their filters.
    #[must_use]
    pub fn groups(&self) -> Vec<String> {
        let groups = self.engine.groups.iter().filter(|(_, group)| !group.queue().is_empty());
        let filters = groups.filter_map(|(share, _)| Some(self.engine.router.text(share)?.as_str().to_owned()));
        let mut filters: Vec<String> = filters.collect();
        filters.sort();
        filters
    }

    /// What a shared subscription is owed, oldest first; what was sent to a member and not acknowledged waits again.
    pub fn group_deliveries(&self, filter: &str) -> impl Iterator<Item = DeliveryData> {
        let share = self.engine.router.find(filter.as_bytes());
        let group = share.and_then(|share| self.engine.groups.get(share));
        group.into_iter().flat_map(|group| group.queue().waiting()).map(queued)
    }

    /// The records of all retained messages, in the order of their topics.
    #[must_use]
    pub fn retained(&self) -> Vec<u64> {
        let mut all: Vec<_> = self.engine.retained.iter().filter(|kept| kept.message.sequence().is_some()).collect();
        all.sort_unstable_by(|left, right| left.message.topic().as_bytes().cmp(right.message.topic().as_bytes()));
        all.into_iter().map(|kept| kept.message.sequence().0).collect()
    }
}

/// The message of a record.
///
/// # Errors
/// It is not the record of a message.
pub fn message_data(record_kind: u8, payload: &[u8]) -> Result<MessageData, RecordError> {
    if !matches!(record_kind, kind::MESSAGE | kind::RETAINED | kind::CLEARED) {
        return Err(RecordError { what: "it is not a message" });
    }
    let MessageRecord { parts, author, .. } = MessageRecord::read(payload, Sequence::NONE, Now::default())?;
    Ok(MessageData {
        topic: parts.topic.as_str().to_owned(),
        qos: parts.qos,
        properties: parts.properties.as_bytes().to_vec(),
        payload: parts.payload.to_vec(),
        // At time zero both clocks say the same.
        expires_at_ms: parts.expires.map(|at| at.0),
        author,
    })
}

fn session_data(session: &Session) -> SessionData {
    let flows = session.flows.as_ref();
    let identifiers = flows.into_iter().flat_map(|flows| flows.inbound.identifiers());
    let mut awaiting_pubrel: Vec<u16> = identifiers.map(postrider_proto::PacketId::as_u16).collect();
    awaiting_pubrel.sort_unstable();
    let away_since = session.stored.as_ref().and_then(|stored| stored.away_since);
    SessionData {
        subject: (*session.subject).clone(),
        expiry_s: session.expiry_s,
        // Who had a connection is away since the beginning of time.
        away_since_ms: away_since.map(|since| since.0).filter(|since| *since > 0),
        next_packet_id: flows.map_or(1, |flows| flows.outbound.next_id().as_u16()),
        awaiting_pubrel,
        will: session.will.as_ref().map(|will| {
            let parts = will.message.parts();
            let message = MessageData {
                topic: parts.topic.as_str().to_owned(),
                qos: parts.qos,
                properties: parts.properties.as_bytes().to_vec(),
                payload: parts.payload.to_vec(),
                expires_at_ms: None,
                author: None,
            };
            WillData { message, retain: will.retain, expiry_s: will.expiry_s, delay_s: will.delay_s }
        }),
    }
}

fn sent(packet_id: u16, awaits: Awaits, parcel: Option<&Parcel>) -> DeliveryData {
    let stage = match awaits {
        Awaits::Puback => Stage::AwaitsPuback,
        Awaits::Pubrec => Stage::AwaitsPubrec,
        Awaits::Pubcomp => Stage::AwaitsPubcomp,
    };
    DeliveryData {
        stage,
        packet_id: Some(packet_id),
        record: parcel.map(|parcel| parcel.message.sequence().0),
        qos: parcel.map_or(Qos::ExactlyOnce, |parcel| parcel.qos),
        retain: parcel.is_some_and(|parcel| parcel.retain),
        subscription_ids: parcel.map_or_else(Vec::new, |parcel| parcel.subscription_ids.as_slice().to_vec()),
    }
}

fn queued(delivery: Spilled) -> DeliveryData {
    DeliveryData {
        stage: Stage::Queued,
        packet_id: None,
        record: Some(delivery.sequence.0),
        qos: delivery.qos,
        retain: delivery.retain,
        subscription_ids: delivery.subscription_ids.as_slice().to_vec(),
    }
}

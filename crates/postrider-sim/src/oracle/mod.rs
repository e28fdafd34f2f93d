//! A naive reference broker: lists and a full search for everything. It takes what the engine takes, in the
//! same order, and says what every client must see.

mod deliveries;
mod doors;
mod groups;
mod tap;

use crate::topics::{Wishes, is_shared};
use doors::Doors;
use groups::{Groups, Origin};
use postrider_engine::{Limits, PayloadFormat};
use postrider_ports::{DropReason, Drops, SessionInfo};
use postrider_proto::{PacketId, Property, PropertyId, Publish, Qos, ReasonCode, SubscribeOptions, Version};
use postrider_testkit::Witnessed;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tap::Taps;

/// A connection: partition and number.
pub(crate) type Place = (usize, usize);

/// What a client said in its CONNECT.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) client_id: String,
    pub(crate) is_clean: bool,
    pub(crate) expiry_s: u32,
    pub(crate) will: Option<WillTerms>,
    pub(crate) version: Version,
    pub(crate) topic_alias_max: u16,
    pub(crate) dialled_ms: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct WillTerms {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    pub(crate) delay_s: u32,
}

/// A PUBLISH as a client has seen it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    pub(crate) dup: bool,
    pub(crate) ids: Vec<u32>,
    pub(crate) packet_id: Option<PacketId>,
    /// Payload Format Indicator.
    pub(crate) format: Option<u32>,
}

impl Seen {
    /// As its publisher says it.
    fn published(topic: &str, payload: &[u8], qos: Qos, retain: bool, format: Option<u32>) -> Self {
        let (topic, payload) = (topic.to_owned(), payload.to_vec());
        Self { topic, payload, qos, retain, dup: false, ids: Vec::new(), packet_id: None, format }
    }

    /// Its topic may be an alias.
    pub(crate) fn of(publish: &Publish<'_>) -> Self {
        let ids = publish.properties.iter().filter_map(|property| match property {
            Property::Varint(_, id) => Some(id),
            _ => None,
        });
        Self {
            topic: publish.topic.as_str().to_owned(),
            payload: publish.payload.to_vec(),
            qos: publish.qos,
            retain: publish.retain,
            dup: publish.dup,
            ids: ids.collect(),
            packet_id: publish.packet_id,
            format: publish.properties.number(PropertyId::PayloadFormatIndicator),
        }
    }
}

/// One delivery that is owed.
#[derive(Clone, Debug)]
struct Owed {
    seen: Seen,
    received: u32,
}

#[derive(Clone, Debug, Default)]
struct Session {
    home: usize,
    subscriptions: BTreeMap<String, (SubscribeOptions, Option<u32>)>,
    online: Option<usize>,
    expiry_s: u32,
    ends_ms: Option<u64>,
    owed: Vec<Owed>,
    /// Retained messages that subscriptions bring: topic, payload, how often the topic had changed.
    replays: Vec<(String, Vec<u8>, u64)>,
    /// Topics and payloads that replays have ever promised.
    replayable: BTreeSet<(String, Vec<u8>)>,
    is_v5: bool,
    /// By publisher, topic and QoS: the place in `owed` of the last first delivery.
    last: BTreeMap<(String, String, Qos), usize>,
    will: Option<WillTerms>,
    /// QoS 2 payloads that it has published: once in a session's life. I3
    taken: BTreeSet<Vec<u8>>,
    /// The last of them under each Packet Identifier.
    taken_as: BTreeMap<PacketId, Vec<u8>>,
}

/// A will whose connection has ended.
#[derive(Clone, Debug)]
struct Due {
    terms: WillTerms,
    at_ms: u64,
}

/// The reference broker.
#[derive(Debug)]
pub(crate) struct Oracle {
    sessions: BTreeMap<String, Session>,
    /// By partition and topic.
    retained: BTreeMap<(usize, String), (Vec<u8>, Qos)>,
    /// Every value that a topic has had retained.
    was_retained: BTreeSet<(String, Vec<u8>)>,
    changes: BTreeMap<(usize, String), u64>,
    terms: BTreeMap<Place, Terms>,
    due: BTreeMap<String, Vec<Due>>,
    /// Will payloads that were published.
    wills: BTreeSet<Vec<u8>>,
    /// Who published which payload.
    authors: BTreeMap<Vec<u8>, String>,
    /// Which payload came with which Payload Format Indicator.
    formats: BTreeMap<Vec<u8>, u32>,
    /// What is to be forwarded from one partition to another, in order.
    forwards: BTreeMap<(usize, usize), VecDeque<Vec<u8>>>,
    partitions: usize,
    payload_format: PayloadFormat,
    groups: Groups,
    doors: Doors,
    taps: Taps,
    /// Connections that found a session.
    present: BTreeSet<Place>,
    /// What each client may subscribe to.
    wishes: BTreeMap<String, Wishes>,
    /// Payloads that each connection has sent and no partition has taken.
    said: BTreeMap<Place, VecDeque<Vec<u8>>>,
    pub(crate) now_ms: u64,
}

/// How late a timer may be.
const GRACE_MS: u64 = 300;

impl Oracle {
    pub(crate) fn new(limits: &Limits, wishes: BTreeMap<String, Wishes>, now_ms: u64) -> Self {
        Self {
            sessions: BTreeMap::new(),
            retained: BTreeMap::new(),
            was_retained: BTreeSet::new(),
            changes: BTreeMap::new(),
            terms: BTreeMap::new(),
            due: BTreeMap::new(),
            wills: BTreeSet::new(),
            authors: BTreeMap::new(),
            formats: BTreeMap::new(),
            forwards: BTreeMap::new(),
            partitions: usize::from(limits.partitions),
            payload_format: limits.payload_format,
            groups: Groups::new(limits.share_strategy),
            doors: Doors::new(limits),
            taps: Taps::default(),
            present: BTreeSet::new(),
            wishes,
            said: BTreeMap::new(),
            now_ms,
        }
    }

    /// A client has dialled with these terms.
    pub(crate) fn expect_connect(&mut self, place: Place, terms: Terms) {
        self.taps.open(place, &terms);
        self.terms.insert(place, terms);
    }

    /// A client has put PUBLISH packets with these payloads onto the wire.
    pub(crate) fn expect_publish(&mut self, place: Place, payloads: impl Iterator<Item = Vec<u8>>) {
        self.said.entry(place).or_default().extend(payloads);
    }

    /// What a connection has sent is taken in its order, and nothing is left out.
    fn check_said(&mut self, place: Place, payload: &[u8]) -> Result<(), String> {
        self.doors.publish(place, self.now_ms)?;
        let next = self.said.get_mut(&place).and_then(VecDeque::pop_front);
        if next.as_deref() == Some(payload) { Ok(()) } else { Err(format!("{place:?} did not say this next")) }
    }

    /// Whether everything that a connection has sent was taken.
    pub(crate) fn has_taken_all(&self, place: Place) -> bool {
        self.said.get(&place).is_none_or(VecDeque::is_empty)
    }

    /// A client stays outside.
    pub(crate) fn check_refused(&self, place: Place, reason: ReasonCode) -> Result<(), String> {
        let terms = self.terms.get(&place).ok_or("an unknown CONNECT was refused")?;
        self.doors.check_refused(&terms.client_id, reason, terms.dialled_ms)
    }

    /// Takes what the engine of a partition has taken.
    pub(crate) fn take(&mut self, partition: usize, witnessed: &Witnessed) -> Result<(), String> {
        match witnessed {
            Witnessed::Connect { at, .. } => self.connect((partition, *at))?,
            Witnessed::Publish { .. } => self.take_publish(partition, witnessed)?,
            Witnessed::Ack { at, kind, packet_id, reason } => {
                if let Some(terms) = self.terms.get(&(partition, *at)) {
                    self.groups.on_ack(&terms.client_id, *kind, *packet_id, *reason);
                }
            }
            Witnessed::Sent { at, bytes } => self.send((partition, *at), bytes)?,
            Witnessed::Remote { from, topic, payload, qos, retain } => {
                let from = usize::from(from.0);
                let wire = self.forwards.get_mut(&(from, partition));
                if wire.and_then(VecDeque::pop_front).as_ref() != Some(payload) {
                    return Err(format!("partition {partition} was forwarded what {from} did not take next"));
                }
                let format = self.formats.get(payload).copied();
                let seen = Seen::published(topic, payload, *qos, *retain, format);
                self.publish(partition, None, &seen, None, Origin::Publish);
            }
            Witnessed::Refused { at, packet_id } => {
                // [MQTT-4.3.3-9]: what was refused may be tried again under any identifier.
                if let Some(session) = self.session_at((partition, *at))
                    && let Some(payload) = session.taken_as.remove(packet_id)
                {
                    session.taken.remove(&payload);
                }
            }
            Witnessed::Subscribe { at, filters, identifier } => {
                self.subscribe((partition, *at), filters, *identifier);
            }
            Witnessed::Unsubscribe { at, filters } => {
                let client_id = self.terms.get(&(partition, *at)).map(|terms| terms.client_id.clone());
                for share in filters.iter().filter(|filter| is_shared(filter)) {
                    self.groups.leave(client_id.as_deref().unwrap_or_default(), share);
                }
                if let Some(session) = self.session_at((partition, *at)) {
                    session.subscriptions.retain(|filter, _| !filters.contains(filter));
                    session.replays.clear();
                }
            }
            Witnessed::Disconnect { at, reason } => {
                if let Some(session) = self.session_at((partition, *at)).filter(|_| *reason == ReasonCode::Success) {
                    session.will = None;
                }
            }
            Witnessed::Parted { at } => self.part((partition, *at)),
            Witnessed::Will { client_id } => self.will(partition, client_id)?,
            Witnessed::Ended { client_id } => self.ended(client_id)?,
        }
        Ok(())
    }

    fn take_publish(&mut self, partition: usize, witnessed: &Witnessed) -> Result<(), String> {
        let Witnessed::Publish { at, packet_id, topic, payload, qos, retain, expiry_s, format } = witnessed else {
            return Ok(());
        };
        self.check_said((partition, *at), payload)?;
        if let (Qos::ExactlyOnce, Some(packet_id)) = (*qos, packet_id)
            && let Some(session) = self.session_at((partition, *at))
        {
            if !session.taken.insert(payload.clone()) {
                return Ok(());
            }
            session.taken_as.insert(*packet_id, payload.clone());
        }
        let is_malformed = *format == Some(1) && core::str::from_utf8(payload).is_err();
        if is_malformed && self.payload_format == PayloadFormat::Checked {
            return Ok(());
        }
        let publisher = self.terms.get(&(partition, *at)).map(|terms| terms.client_id.clone());
        self.authors.insert(payload.clone(), publisher.clone().unwrap_or_default());
        if let Some(format) = format {
            self.formats.insert(payload.clone(), *format);
        }
        self.forward(partition, payload);
        let expires_ms = expiry_s.map(|seconds| self.now_ms + u64::from(seconds) * 1000);
        let seen = Seen::published(topic, payload, *qos, *retain, *format);
        self.publish(partition, publisher.as_deref(), &seen, expires_ms, Origin::Publish);
        Ok(())
    }

    /// Bytes go out to a client.
    fn send(&mut self, place: Place, bytes: &[u8]) -> Result<(), String> {
        let Some(terms) = self.terms.get(&place) else { return Ok(()) };
        let client_id = &terms.client_id;
        let read = self.taps.read(place, bytes).map_err(|error| format!("{client_id} is sent {error}"))?;
        let wishes = self.wishes.get(client_id).filter(|_| self.partitions == 1);
        for seen in read {
            if let Some(share) = wishes.and_then(|wishes| wishes.share_of(&seen.topic, &seen.ids)) {
                self.groups.send(client_id, share, &seen, self.now_ms)?;
            }
        }
        Ok(())
    }

    fn session_at(&mut self, place: Place) -> Option<&mut Session> {
        let client_id = &self.terms.get(&place)?.client_id;
        self.sessions.get_mut(client_id).filter(|session| session.home == place.0 && session.online == Some(place.1))
    }

    fn connect(&mut self, place: Place) -> Result<(), String> {
        let now = self.now_ms;
        let Some(terms) = self.terms.get(&place).cloned() else { return Err("an unknown CONNECT".into()) };
        let id = &terms.client_id;
        self.doors.connect(place.0, id, now)?;
        // A take-over parts the old connection first.
        if let Some((home, at)) = self.sessions.get(id).and_then(|session| Some((session.home, session.online?))) {
            self.doors.strike(id, now);
            self.part((home, at));
        }
        if let Some(old) = self.sessions.get(id) {
            if old.ends_ms.is_some_and(|ends| old.expiry_s > 0 && ends + GRACE_MS < now) {
                return Err(format!("the session of {id} should have ended"));
            }
            let is_over = terms.is_clean || old.expiry_s == 0;
            if is_over {
                self.sessions.remove(id);
                self.groups.end(id);
            }
            for due in self.due.get_mut(id).into_iter().flatten().filter(|_| is_over) {
                due.at_ms = due.at_ms.min(now);
            }
            if !is_over && let Some(list) = self.due.get_mut(id) {
                // The client is back in time; what is due by now may have gone out or not.
                list.retain(|due| due.at_ms <= now && due.terms.delay_s == 0);
            }
        }
        let is_found = self.sessions.contains_key(id);
        let session = self.sessions.entry(id.clone()).or_default();
        session.home = place.0;
        session.online = Some(place.1);
        if is_found {
            self.present.insert(place);
        }
        session.is_v5 = terms.version.is_v5();
        session.expiry_s = terms.expiry_s;
        session.ends_ms = None;
        session.will = terms.will;
        self.groups.connect(&terms.client_id);
        Ok(())
    }

    /// Whether a CONNACK tells the truth about the session. I9
    pub(crate) fn check_present(&self, place: Place, is_present: bool) -> Result<(), String> {
        let expected = self.present.contains(&place);
        if expected == is_present {
            return Ok(());
        }
        Err(format!("session present for {place:?} is {is_present}, but should be {expected}"))
    }

    fn part(&mut self, place: Place) {
        let now = self.now_ms;
        let Some(session) = self.session_at(place) else { return };
        session.online = None;
        session.ends_ms = (session.expiry_s != u32::MAX).then(|| now + u64::from(session.expiry_s) * 1000);
        let expiry_s = session.expiry_s;
        let will = session.will.take();
        if let Some(terms) = self.terms.get(&place) {
            self.groups.part(&terms.client_id);
        }
        let Some(terms) = will else { return };
        let at_ms = now + u64::from(terms.delay_s.min(expiry_s)) * 1000;
        if let Some(terms_of) = self.terms.get(&place) {
            self.due.entry(terms_of.client_id.clone()).or_default().push(Due { terms, at_ms });
        }
    }

    fn ended(&mut self, client_id: &str) -> Result<(), String> {
        let now = self.now_ms;
        // A clean start has replaced it already; otherwise its time must have come.
        let Some(session) = self.sessions.get(client_id).filter(|session| session.online.is_none()) else {
            return Ok(());
        };
        if session.ends_ms.is_none_or(|ends| ends > now) {
            return Err(format!("the session of {client_id} ended before its time"));
        }
        self.sessions.remove(client_id);
        self.groups.end(client_id);
        for due in self.due.get_mut(client_id).into_iter().flatten() {
            due.at_ms = due.at_ms.min(now);
        }
        Ok(())
    }

    /// I10: a will is published when it is due, and once.
    fn will(&mut self, partition: usize, client_id: &str) -> Result<(), String> {
        let now = self.now_ms;
        let list = self.due.entry(client_id.to_owned()).or_default();
        let Some(at) = list.iter().position(|due| due.at_ms <= now) else {
            return Err(format!("a will of {client_id} was published that was not due"));
        };
        let terms = list.remove(at).terms;
        if !self.wills.insert(terms.payload.clone()) {
            return Err(format!("a will of {client_id} was published twice"));
        }
        self.authors.insert(terms.payload.clone(), client_id.to_owned());
        self.forward(partition, &terms.payload);
        let seen = Seen::published(&terms.topic, &terms.payload, terms.qos, terms.retain, None);
        self.publish(partition, None, &seen, None, Origin::Will);
        Ok(())
    }

    /// Every other partition hears of it, in this order.
    fn forward(&mut self, from: usize, payload: &[u8]) {
        for to in (0..self.partitions).filter(|to| *to != from) {
            self.forwards.entry((from, to)).or_default().push_back(payload.to_vec());
        }
    }

    /// After everything has come to rest: nothing is missing that was not counted as dropped. I1, I2, I10
    pub(crate) fn check_end(
        &self,
        info_of: impl Fn(usize, &str) -> Option<SessionInfo>,
        had_cut: impl Fn(&str) -> bool,
        drops: &Drops,
    ) -> Result<(), String> {
        let mut missing_above_0 = 0;
        for (client_id, session) in &self.sessions {
            let Some(info) = info_of(session.home, client_id) else {
                if session.online.is_none() && (session.expiry_s == 0 || session.ends_ms.is_some()) {
                    continue;
                }
                return Err(format!("the session of {client_id} is gone"));
            };
            if info.subscriptions != session.subscriptions.len() + self.groups.count_of(client_id) {
                return Err(format!("{client_id} has {} subscriptions", info.subscriptions));
            }
            missing_above_0 += self.check_missing(client_id, session, &info, had_cut(client_id))?;
        }
        self.check_groups(missing_above_0, drops)?;
        if let Some(((from, to), _)) = self.forwards.iter().find(|(_, wire)| !wire.is_empty()) {
            return Err(format!("partition {to} misses what {from} took"));
        }
        match self.due.iter().find(|(_, list)| !list.is_empty()) {
            Some((client_id, list)) => Err(format!("a will of {client_id}, due at {}, never came", list[0].at_ms)),
            None => Ok(()),
        }
    }

    /// What no member of a group was sent is counted, beside what sessions miss.
    fn check_groups(&self, missing_elsewhere: u64, drops: &Drops) -> Result<(), String> {
        let missing = self.groups.missing()?;
        let lost = [DropReason::MailboxFull, DropReason::Expired, DropReason::TooLarge];
        let lost: u64 = lost.into_iter().map(|reason| drops.of(reason)).sum();
        if missing.above_0 + missing_elsewhere > lost || missing.all > drops.total() {
            return Err(format!("groups miss {missing:?}, sessions {missing_elsewhere}, counted are {drops:?}"));
        }
        Ok(())
    }

    /// What is retained in a partition, by topic. I7
    pub(crate) fn retained(&self, partition: usize) -> BTreeMap<String, Vec<u8>> {
        let own = self.retained.iter().filter(|((home, _), _)| *home == partition);
        own.map(|((_, topic), (payload, _))| (topic.clone(), payload.clone())).collect()
    }
}

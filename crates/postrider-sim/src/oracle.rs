//! A naive reference broker: lists and a full search for everything. It takes what the engine takes, in the
//! same order, and says what every client must see.

use postrider_ports::SessionInfo;
use postrider_proto::{Filter, PacketId, Qos, ReasonCode, RetainHandling, SubscribeOptions, Topic};
use postrider_testkit::Witnessed;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A connection: partition and number.
pub(crate) type Place = (usize, usize);

/// What a client said in its CONNECT.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) client_id: String,
    pub(crate) is_clean: bool,
    pub(crate) expiry_s: u32,
    pub(crate) will: Option<WillTerms>,
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
    connections: u32,
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
#[derive(Debug, Default)]
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
    /// What is to be forwarded from one partition to another, in order.
    forwards: BTreeMap<(usize, usize), VecDeque<Vec<u8>>>,
    partitions: usize,
    pub(crate) now_ms: u64,
}

/// How late a timer may be.
const GRACE_MS: u64 = 300;

impl Oracle {
    pub(crate) fn new(partitions: usize, now_ms: u64) -> Self {
        Self { partitions, now_ms, ..Self::default() }
    }

    /// A client has dialled with these terms.
    pub(crate) fn expect_connect(&mut self, place: Place, terms: Terms) {
        self.terms.insert(place, terms);
    }

    /// Takes what the engine of a partition has taken.
    pub(crate) fn take(&mut self, partition: usize, witnessed: &Witnessed) -> Result<(), String> {
        match witnessed {
            Witnessed::Connect { at, .. } => self.connect((partition, *at))?,
            Witnessed::Publish { at, packet_id, topic, payload, qos, retain, .. } => {
                if let (Qos::ExactlyOnce, Some(packet_id)) = (*qos, packet_id)
                    && let Some(session) = self.session_at((partition, *at))
                {
                    if !session.taken.insert(payload.clone()) {
                        return Ok(());
                    }
                    session.taken_as.insert(*packet_id, payload.clone());
                }
                let publisher = self.terms.get(&(partition, *at)).map(|terms| terms.client_id.clone());
                self.authors.insert(payload.clone(), publisher.clone().unwrap_or_default());
                self.forward(partition, payload);
                self.publish(partition, publisher.as_deref(), topic, payload, *qos, *retain);
            }
            Witnessed::Remote { from, topic, payload, qos, retain } => {
                let from = usize::from(from.0);
                let wire = self.forwards.get_mut(&(from, partition));
                if wire.and_then(VecDeque::pop_front).as_ref() != Some(payload) {
                    return Err(format!("partition {partition} was forwarded what {from} did not take next"));
                }
                self.publish(partition, None, topic, payload, *qos, *retain);
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

    fn session_at(&mut self, place: Place) -> Option<&mut Session> {
        let client_id = &self.terms.get(&place)?.client_id;
        self.sessions.get_mut(client_id).filter(|session| session.home == place.0 && session.online == Some(place.1))
    }

    fn connect(&mut self, place: Place) -> Result<(), String> {
        let now = self.now_ms;
        let Some(terms) = self.terms.get(&place).cloned() else { return Err("an unknown CONNECT".into()) };
        let id = &terms.client_id;
        // A take-over parts the old connection first.
        if let Some((home, at)) = self.sessions.get(id).and_then(|session| Some((session.home, session.online?))) {
            self.part((home, at));
        }
        if let Some(old) = self.sessions.get(id) {
            if old.ends_ms.is_some_and(|ends| old.expiry_s > 0 && ends + GRACE_MS < now) {
                return Err(format!("the session of {id} should have ended"));
            }
            let is_over = terms.is_clean || old.expiry_s == 0;
            if is_over {
                self.sessions.remove(id);
            }
            for due in self.due.get_mut(id).into_iter().flatten().filter(|_| is_over) {
                due.at_ms = due.at_ms.min(now);
            }
            if !is_over && let Some(list) = self.due.get_mut(id) {
                // The client is back in time; what is due by now may have gone out or not.
                list.retain(|due| due.at_ms <= now && due.terms.delay_s == 0);
            }
        }
        let session = self.sessions.entry(id.clone()).or_default();
        session.home = place.0;
        session.online = Some(place.1);
        session.connections += 1;
        session.expiry_s = terms.expiry_s;
        session.ends_ms = None;
        session.will = terms.will;
        Ok(())
    }

    /// Whether a CONNACK tells the truth about the session. I9
    pub(crate) fn check_present(&self, client_id: &str, is_present: bool) -> Result<(), String> {
        let expected = self.sessions.get(client_id).is_some_and(|session| session.connections > 1);
        if expected == is_present {
            return Ok(());
        }
        Err(format!("session present for {client_id} is {is_present}, but should be {expected}"))
    }

    fn part(&mut self, place: Place) {
        let now = self.now_ms;
        let Some(session) = self.session_at(place) else { return };
        session.online = None;
        session.ends_ms = (session.expiry_s != u32::MAX).then(|| now + u64::from(session.expiry_s) * 1000);
        let expiry_s = session.expiry_s;
        let Some(terms) = session.will.take() else { return };
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
        self.publish(partition, None, &terms.topic, &terms.payload, terms.qos, terms.retain);
        Ok(())
    }

    /// Every other partition hears of it, in this order.
    fn forward(&mut self, from: usize, payload: &[u8]) {
        for to in (0..self.partitions).filter(|to| *to != from) {
            self.forwards.entry((from, to)).or_default().push_back(payload.to_vec());
        }
    }

    /// What everybody is owed for one message that a partition has taken. [MQTT-3.3.4-2] to [MQTT-3.3.4-4]
    fn publish(
        &mut self,
        partition: usize,
        publisher: Option<&str>,
        topic: &str,
        payload: &[u8],
        qos: Qos,
        retain: bool,
    ) {
        if retain {
            let place = (partition, topic.to_owned());
            if payload.is_empty() {
                self.retained.remove(&place);
            } else {
                self.retained.insert(place.clone(), (payload.to_vec(), qos));
                self.was_retained.insert((topic.to_owned(), payload.to_vec()));
            }
            *self.changes.entry(place).or_default() += 1;
        }
        for (client_id, session) in self.sessions.iter_mut().filter(|(_, session)| session.home == partition) {
            let is_own = publisher == Some(client_id);
            let matching: Vec<&(SubscribeOptions, Option<u32>)> = session
                .subscriptions
                .iter()
                .filter(|(filter, _)| matches(filter, topic))
                .map(|(_, how)| how)
                .filter(|(options, _)| !(options.no_local && is_own))
                .collect();
            let Some(granted) = matching.iter().map(|(options, _)| options.qos).max() else { continue };
            let mut ids: Vec<u32> = matching.iter().filter_map(|(_, id)| *id).collect();
            ids.sort_unstable();
            let keeps_flag = matching.iter().any(|(options, _)| options.retain_as_published);
            let seen = Seen {
                topic: topic.to_owned(),
                payload: payload.to_vec(),
                qos: granted.min(qos),
                retain: retain && keeps_flag,
                dup: false,
                ids,
                packet_id: None,
            };
            session.owed.push(Owed { seen, received: 0 });
        }
    }

    fn subscribe(&mut self, place: Place, filters: &[(String, SubscribeOptions)], identifier: Option<u32>) {
        let (retained, changes) = (self.retained.clone(), self.changes.clone());
        let Some(session) = self.session_at(place) else { return };
        for (filter, options) in filters {
            let is_new = session.subscriptions.insert(filter.clone(), (*options, identifier)).is_none();
            let brings = match options.retain_handling {
                RetainHandling::Always => true,
                RetainHandling::IfNew => is_new,
                RetainHandling::Never => false,
            };
            for ((partition, topic), (payload, _)) in retained.iter().filter(|_| brings) {
                if *partition != place.0 || !matches(filter, topic) {
                    continue;
                }
                session.replayable.insert((topic.clone(), payload.clone()));
                // Whose a retained message is is not followed, so No Local makes it optional: not expected.
                if !options.no_local {
                    let change = changes.get(&(*partition, topic.clone())).copied().unwrap_or(0);
                    session.replays.push((topic.clone(), payload.clone(), change));
                }
            }
        }
    }

    /// A client has received a PUBLISH, and it was no repetition that its packet identifier gives away.
    pub(crate) fn received(&mut self, client_id: &str, seen: &Seen) -> Result<(), String> {
        let Some(session) = self.sessions.get_mut(client_id) else { return Ok(()) };
        let author = self.authors.get(&seen.payload).cloned().unwrap_or_default();
        let key = (author, seen.topic.clone(), seen.qos);
        // Whose an empty payload is nobody can tell, nor whether a retained message is live or replayed: no order
        // is asked of either.
        let is_retained = seen.retain && session.replayable.contains(&(seen.topic.clone(), seen.payload.clone()));
        let is_ordered = !seen.payload.is_empty() && !is_retained;
        let from = session.last.get(&key).filter(|_| is_ordered).map_or(0, |last| last + 1);
        let mut ids = seen.ids.clone();
        ids.sort_unstable();
        let is_it = |owed: &Owed| owed.seen.payload == seen.payload && owed.seen.topic == seen.topic;
        // QoS 1 may come again, under the identifier it had. I2
        let is_again = |owed: &Owed| owed.received > 0 && owed.seen.packet_id == seen.packet_id;
        let may_repeat = seen.dup && seen.qos == Qos::AtLeastOnce;
        if let Some(owed) = session.owed.iter_mut().find(|owed| may_repeat && is_it(owed) && is_again(owed)) {
            owed.received += 1;
            return Ok(());
        }
        // I4: first deliveries come in order, for each publisher, topic and QoS.
        let next = session.owed.iter().enumerate().skip(from).find(|(_, owed)| {
            let is_alike = owed.seen.qos == seen.qos && owed.seen.retain == seen.retain && owed.seen.ids == ids;
            is_it(owed) && owed.received == 0 && is_alike
        });
        if let Some((at, _)) = next {
            session.owed[at].received += 1;
            session.owed[at].seen.packet_id = seen.packet_id;
            if is_ordered {
                session.last.insert(key, at);
            }
            return Ok(());
        }
        if seen.retain && self.was_retained.contains(&(seen.topic.clone(), seen.payload.clone())) {
            // What has changed since it was asked for comes as it changes, not as it was.
            let at = session
                .replays
                .iter()
                .rposition(|(topic, payload, _)| *topic == seen.topic && *payload == seen.payload);
            at.map(|at| session.replays.remove(at));
            return Ok(());
        }
        let alike = session.owed.iter().enumerate().filter(|(_, owed)| is_it(owed));
        let alike: Vec<String> =
            alike.map(|(at, owed)| format!("{at}: {} received {}", describe(&owed.seen), owed.received)).collect();
        Err(format!("{client_id} got what it is not owed behind {from}: {}; alike: {alike:?}", describe(seen)))
    }

    /// After everything has come to rest: nothing is missing that was not counted as dropped. I1, I2, I10
    pub(crate) fn check_end(
        &self,
        info_of: impl Fn(usize, &str) -> Option<SessionInfo>,
        had_cut: impl Fn(&str) -> bool,
    ) -> Result<(), String> {
        for (client_id, session) in &self.sessions {
            let Some(info) = info_of(session.home, client_id) else {
                if session.online.is_none() && (session.expiry_s == 0 || session.ends_ms.is_some()) {
                    continue;
                }
                return Err(format!("the session of {client_id} is gone"));
            };
            if info.subscriptions != session.subscriptions.len() {
                return Err(format!("{client_id} has {} subscriptions", info.subscriptions));
            }
            self.check_missing(client_id, session, &info, had_cut(client_id))?;
        }
        if let Some(((from, to), _)) = self.forwards.iter().find(|(_, wire)| !wire.is_empty()) {
            return Err(format!("partition {to} misses what {from} took"));
        }
        match self.due.iter().find(|(_, list)| !list.is_empty()) {
            Some((client_id, list)) => Err(format!("a will of {client_id}, due at {}, never came", list[0].at_ms)),
            None => Ok(()),
        }
    }

    fn check_missing(
        &self,
        client_id: &str,
        session: &Session,
        info: &SessionInfo,
        had_cut: bool,
    ) -> Result<(), String> {
        // A publisher's own repetitions of QoS 1 are alike, and which one a DUP belongs to nobody can tell.
        let is_alike =
            |one: &Owed, other: &Owed| one.seen.payload == other.seen.payload && one.seen.topic == other.seen.topic;
        let made_up_for = |owed: &Owed| {
            let alike = || session.owed.iter().filter(|other| is_alike(owed, other));
            alike().map(|other| other.received as usize).sum::<usize>() >= alike().count()
        };
        let missing = session.owed.iter().filter(|owed| owed.received == 0 && !made_up_for(owed));
        let missing: Vec<&Owed> = missing.collect();
        let above_0 = missing.iter().filter(|owed| owed.seen.qos != Qos::AtMostOnce).count() as u64;
        let dropped = info.drops.total();
        if above_0 > dropped {
            let first = missing.iter().find(|owed| owed.seen.qos != Qos::AtMostOnce).map(|owed| describe(&owed.seen));
            return Err(format!("{client_id} misses {above_0} messages, {dropped} are counted: {first:?}"));
        }
        if !had_cut && missing.len() as u64 > dropped {
            return Err(format!("{client_id} misses {} messages, {dropped} are counted", missing.len()));
        }
        let stale = |(topic, _, change): &&(String, Vec<u8>, u64)| {
            self.changes.get(&(session.home, topic.clone())).copied().unwrap_or(0) == *change
        };
        match session.replays.iter().find(stale) {
            Some((topic, ..)) if !had_cut && dropped == 0 => Err(format!("{client_id} misses what {topic} retains")),
            _ => Ok(()),
        }
    }

    /// What is retained in a partition, by topic. I7
    pub(crate) fn retained(&self, partition: usize) -> BTreeMap<String, Vec<u8>> {
        let own = self.retained.iter().filter(|((home, _), _)| *home == partition);
        own.map(|((_, topic), (payload, _))| (topic.clone(), payload.clone())).collect()
    }
}

fn matches(filter: &str, topic: &str) -> bool {
    Filter::trusted(filter.as_bytes()).matches(Topic::trusted(topic.as_bytes()))
}

fn describe(seen: &Seen) -> String {
    let payload: String = String::from_utf8_lossy(&seen.payload).chars().take(8).collect();
    format!("{} q{} retain={} dup={} {:?} {payload}", seen.topic, seen.qos, seen.retain, seen.dup, seen.ids)
}

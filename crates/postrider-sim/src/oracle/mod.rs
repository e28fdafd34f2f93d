//! A naive reference broker: lists and a full search for everything. It takes what the engine takes, in the
//! same order, and says what every client must see.

mod chronicle;
mod crash;
mod deliveries;
mod doors;
mod group;
mod groups;
mod lives;
mod memory;
mod story;
mod tap;
mod words;

pub(crate) use chronicle::{Answer, Chronicle};
pub(crate) use crash::Crash;
pub(crate) use words::{Place, Seen, Terms, WillTerms};

use crate::topics::{Wishes, is_shared, matches};
use doors::Doors;
use groups::{Groups, Origin};
use memory::Memory;
use postrider_engine::{Limits, PayloadFormat};
use postrider_ports::{DropReason, Drops, SessionInfo};
use postrider_proto::{PacketId, Qos, ReasonCode, SubscribeOptions};
use postrider_testkit::Witnessed;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tap::Taps;
/// One delivery that is owed.
#[derive(Clone, Debug)]
struct Owed {
    seen: Seen,
    received: u32,
    /// When its PUBACK came.
    acked_ms: Option<u64>,
    /// A crash took away what was known of its PUBACK, so it may come once more.
    may_return: bool,
}

#[derive(Clone, Debug, Default)]
struct Session {
    home: usize,
    subscriptions: BTreeMap<String, (SubscribeOptions, Option<u32>)>,
    online: Option<usize>,
    expiry_s: u32,
    ends_ms: Option<u64>,
    /// How much later it may end: after a crash nobody knows for how long its client was away.
    ends_late_ms: u64,
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
    /// After a crash nobody knows when it is due; then at the latest.
    late_ms: u64,
}

/// Whether the broker's device has any, as far as the broker knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Some,
    None,
}

/// What came to pass.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// Messages that members of groups were sent.
    pub(crate) shared: u64,
    /// Those that were taken back from some.
    pub(crate) taken_back: u64,
    /// Those that had an alias.
    pub(crate) aliased: u64,
    /// Those with QoS 1 that came again after a crash.
    pub(crate) returned: u64,
}

/// The reference broker.
#[derive(Clone, Debug)]
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
    memory: Memory,
    doors: Doors,
    /// As they were at the beginning.
    doors_at_first: Doors,
    taps: Taps,
    /// Connections that were let in, and whether they found a session.
    present: BTreeMap<Place, bool>,
    /// What each client may subscribe to.
    wishes: BTreeMap<String, Wishes>,
    /// Payloads that each connection has sent and no partition has taken.
    said: BTreeMap<Place, VecDeque<Vec<u8>>>,
    /// Something was taken back, and what is told now came after that.
    has_lost: bool,
    /// The last connection that ended.
    parted: Option<Place>,
    returned: u64,
    now_ms: u64,
}

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
            memory: Memory::default(),
            doors: Doors::new(limits),
            doors_at_first: Doors::new(limits),
            taps: Taps::default(),
            present: BTreeMap::new(),
            wishes,
            said: BTreeMap::new(),
            has_lost: false,
            parted: None,
            returned: 0,
            now_ms,
        }
    }

    /// A client has dialled with these terms.
    fn expect_connect(&mut self, place: Place, terms: Terms) {
        self.taps.open(place, &terms);
        self.terms.insert(place, terms);
    }

    /// A client has put PUBLISH packets with these payloads onto the wire.
    fn expect_publish(&mut self, place: Place, payloads: &[Vec<u8>]) {
        self.said.entry(place).or_default().extend(payloads.iter().cloned());
    }

    /// What a connection has sent is taken in its order, and nothing is left out.
    fn check_said(&mut self, place: Place, payload: &[u8]) -> Result<(), String> {
        self.doors.publish(place, self.now_ms)?;
        self.take_said(place, payload)
    }

    fn take_said(&mut self, place: Place, payload: &[u8]) -> Result<(), String> {
        let said = self.said.entry(place).or_default();
        if self.has_lost {
            // What was said before may have been taken back.
            let at = said.iter().position(|one| one == payload).unwrap_or(0);
            said.drain(..at);
        }
        let next = said.pop_front();
        if next.as_deref() == Some(payload) { Ok(()) } else { Err(format!("{place:?} did not say this next")) }
    }

    /// Whether everything that a connection has sent was taken.
    fn has_taken_all(&self, place: Place) -> bool {
        self.said.get(&place).is_none_or(VecDeque::is_empty)
    }

    /// A client stays outside.
    fn check_refused(&self, place: Place, reason: ReasonCode) -> Result<(), String> {
        if self.has_lost {
            // What it was refused for may have been taken back.
            return Ok(());
        }
        let terms = self.terms.get(&place).ok_or("an unknown CONNECT was refused")?;
        if self.memory.has_turned_away(place, reason) {
            return Ok(());
        }
        self.doors.check_refused(&terms.client_id, reason, terms.dialled_ms)
    }

    /// Takes what the engine of a partition has taken.
    fn take(&mut self, partition: usize, witnessed: &Witnessed) -> Result<(), String> {
        match witnessed {
            Witnessed::Connect { at, .. } => self.connect((partition, *at))?,
            Witnessed::Publish { .. } => self.take_publish(partition, witnessed)?,
            Witnessed::Ack { at, kind, packet_id, reason } => {
                if let Some(terms) = self.terms.get(&(partition, *at)) {
                    self.groups.on_ack(&terms.client_id, (*kind, *reason), *packet_id, self.now_ms);
                }
                self.on_ack((partition, *at), *kind, *packet_id);
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
            Witnessed::Refused { at, packet_id, .. } => {
                // [MQTT-4.3.3-9]: what was refused may be tried again under any identifier.
                if let Some(session) = self.session_at((partition, *at))
                    && let Some(payload) = session.taken_as.remove(packet_id)
                {
                    session.taken.remove(&payload);
                }
            }
            Witnessed::Subscribe { at, filters, refused, identifier } => {
                self.check_filters((partition, *at), refused)?;
                self.subscribe((partition, *at), filters, *identifier);
            }
            Witnessed::Pressed(pressure) => self.memory.press(partition, *pressure),
            Witnessed::TurnedAway { at, reason } => self.turn_away((partition, *at), *reason),
            Witnessed::Unplaced { at, payload, .. } => self.check_unplaced((partition, *at), payload)?,
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
            Witnessed::Logged { .. } => {}
        }
        Ok(())
    }

    /// Takes what one input of an engine has brought about.
    fn take_input(&mut self, partition: usize, events: &[Witnessed], room: Room) -> Result<(), String> {
        let is_no_room = |event: &Witnessed| match event {
            Witnessed::Refused { reason, .. } => *reason == ReasonCode::QuotaExceeded,
            Witnessed::Publish { qos, .. } => *qos == Qos::AtMostOnce,
            _ => false,
        };
        let is_refused = room == Room::None && events.iter().any(is_no_room);
        for event in events {
            match event {
                Witnessed::Publish { at, payload, topic, qos, retain, .. }
                    if is_refused && self.is_recorded(self.publisher((partition, *at)), topic, *qos, *retain) =>
                {
                    self.check_said((partition, *at), payload)?;
                }
                event => self.take(partition, event)?,
            }
        }
        Ok(())
    }

    fn publisher(&self, place: Place) -> Option<&str> {
        self.terms.get(&place).map(|terms| terms.client_id.as_str())
    }

    /// Whether a message needs a record: the others a full device takes too.
    fn is_recorded(&self, publisher: Option<&str>, topic: &str, qos: Qos, retain: bool) -> bool {
        let needs = |(client_id, session): (&String, &Session)| {
            let is_own = publisher == Some(client_id);
            let takes = |options: &SubscribeOptions| options.qos > Qos::AtMostOnce && !(options.no_local && is_own);
            let mut filters = session.subscriptions.iter();
            session.expiry_s > 0 && filters.any(|(filter, (options, _))| takes(options) && matches(filter, topic))
        };
        let is_durable = |client_id: &str| self.sessions.get(client_id).is_some_and(|session| session.expiry_s > 0);
        let is_wanted = || self.sessions.iter().any(needs) || self.groups.is_recorded(topic, is_durable);
        retain || (qos > Qos::AtMostOnce && is_wanted())
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
        let has_lost = self.has_lost;
        let read = match self.taps.read(place, bytes) {
            Ok(read) => read,
            Err(_) if has_lost => return Ok(()),
            Err(error) => return Err(format!("{client_id} is sent {error}")),
        };
        let wishes = self.wishes.get(client_id).filter(|_| self.partitions == 1);
        for seen in read {
            if let Some(share) = wishes.and_then(|wishes| wishes.share_of(&seen.topic, &seen.ids)) {
                let sent = self.groups.send(client_id, share, &seen, self.now_ms);
                sent.or_else(|error| if has_lost { Ok(()) } else { Err(error) })?;
            }
        }
        Ok(())
    }

    fn session_at(&mut self, place: Place) -> Option<&mut Session> {
        let client_id = &self.terms.get(&place)?.client_id;
        self.sessions.get_mut(client_id).filter(|session| session.home == place.0 && session.online == Some(place.1))
    }

    /// Every other partition hears of it, in this order.
    fn forward(&mut self, from: usize, payload: &[u8]) {
        for to in (0..self.partitions).filter(|to| *to != from) {
            self.forwards.entry((from, to)).or_default().push_back(payload.to_vec());
        }
    }

    /// After everything has come to rest: nothing is missing that was not counted as dropped. I1, I2, I10
    fn check_end(
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
        match self.due.iter().find_map(|(client_id, list)| Some((client_id, list.first()?))) {
            Some((client_id, due)) => Err(format!("a will of {client_id}, due at {}, never came", due.at_ms)),
            None => Ok(()),
        }
    }

    /// What no member of a group was sent is counted, beside what sessions miss.
    fn check_groups(&self, missing_elsewhere: u64, drops: &Drops) -> Result<(), String> {
        let missing = self.groups.missing()?;
        let lost = [DropReason::MailboxFull, DropReason::Expired, DropReason::TooLarge];
        let lost: u64 = lost.into_iter().map(|reason| drops.of(reason)).sum();
        let lost = lost + drops.of(DropReason::Memory).min(missing.perhaps_0);
        let is_lost = missing.above_0 > 0 && missing.above_0 + missing_elsewhere > lost;
        if is_lost || missing.all > drops.total() {
            return Err(format!("groups miss {missing:?}, sessions {missing_elsewhere}, counted are {drops:?}"));
        }
        Ok(())
    }

    fn tally(&self) -> Tally {
        let (shared, taken_back) = self.groups.tally();
        Tally { shared, taken_back, aliased: self.taps.aliased, returned: self.returned }
    }

    /// What is retained in a partition, by topic. I7
    fn retained(&self, partition: usize) -> BTreeMap<String, Vec<u8>> {
        let own = self.retained.iter().filter(|((home, _), _)| *home == partition);
        own.map(|((_, topic), (payload, _))| (topic.clone(), payload.clone())).collect()
    }
}

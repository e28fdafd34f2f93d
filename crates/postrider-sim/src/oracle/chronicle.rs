//! What happened, in order, as far as a crash may take it back.
//!
//! Owns: the reference brokers: one for each story that may be true. Where a crash fell into the middle of an input
//! there are several, until what clients see rules out all but one.

use super::crash::Crash;
use super::story::Story;
use super::{Oracle, Place, Room, Seen, Tally, Terms};
use postrider_ports::{Drops, SessionInfo};
use postrider_proto::{AckKind, PacketId, Qos, ReasonCode};
use postrider_session::Sequence;
use postrider_testkit::Witnessed;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The reference brokers of a run.
#[derive(Debug)]
pub(crate) struct Chronicle {
    live: Vec<Oracle>,
    history: Option<History>,
    pub(crate) now_ms: u64,
    pub(crate) room: Room,
}

/// What is needed to go back.
#[derive(Debug)]
struct History {
    /// The reference brokers as of the last thing that cannot be taken back.
    base: Vec<Oracle>,
    /// When the last of its records came.
    base_ms: u64,
    /// What came since.
    items: VecDeque<(u64, Item)>,
    /// Of the input that is not over.
    events: Vec<Witnessed>,
    durable: Sequence,
    /// Connections of durable sessions.
    lasting: BTreeSet<Place>,
    /// By connection: answers to come, and the record without which they may not.
    answers: BTreeMap<Place, VecDeque<(Answer, Sequence)>>,
}

/// The name of a packet, and its identifier if it acknowledges.
pub(crate) type Answer = (&'static str, Option<PacketId>);

/// Something that a reference broker is told.
#[derive(Debug)]
pub(super) enum Item {
    Dialled(Place, Box<Terms>),
    Said(Place, Vec<Vec<u8>>),
    Present(Place, bool),
    Refused(Place, ReasonCode),
    Received(String, Box<Seen>),
    Input { events: Vec<Witnessed>, from: Sequence, through: Sequence, room: Room },
}

impl Item {
    const fn has_records(&self) -> bool {
        matches!(self, Self::Input { from, through, .. } if from.0 < through.0)
    }

    pub(super) fn tell(&self, now_ms: u64, oracle: &mut Oracle) -> Result<(), String> {
        oracle.now_ms = now_ms;
        match self {
            Self::Dialled(place, terms) => oracle.expect_connect(*place, terms.as_ref().clone()),
            Self::Said(place, payloads) => oracle.expect_publish(*place, payloads),
            Self::Present(place, is_present) => oracle.check_present(*place, *is_present)?,
            Self::Refused(place, reason) => oracle.check_refused(*place, *reason)?,
            Self::Received(client_id, seen) => oracle.received(client_id, seen)?,
            Self::Input { events, room, .. } => oracle.take_input(0, events, *room)?,
        }
        Ok(())
    }
}

/// Those that can agree; an error when none can.
fn agree<T>(stories: &mut Vec<T>, mut tell: impl FnMut(&mut T) -> Result<(), String>) -> Result<(), String> {
    let mut first = None;
    stories.retain_mut(|story| tell(story).map_err(|error| first.get_or_insert(error).clone()).is_ok());
    if stories.is_empty() { Err(first.unwrap_or_else(|| "no story is left".to_owned())) } else { Ok(()) }
}

impl Chronicle {
    /// For a broker in memory.
    pub(crate) fn new(oracle: Oracle, now_ms: u64) -> Self {
        Self { live: vec![oracle], history: None, now_ms, room: Room::Some }
    }

    /// For a broker with a log.
    pub(crate) fn durable(oracle: Oracle, now_ms: u64) -> Self {
        let history = History {
            base: vec![oracle.clone()],
            base_ms: now_ms,
            items: VecDeque::new(),
            events: Vec::new(),
            durable: Sequence::NONE,
            lasting: BTreeSet::new(),
            answers: BTreeMap::new(),
        };
        Self { live: vec![oracle], history: Some(history), now_ms, room: Room::Some }
    }

    fn tell(&mut self, item: Item) -> Result<(), String> {
        let now_ms = self.now_ms;
        agree(&mut self.live, |oracle| item.tell(now_ms, oracle))?;
        if let Some(history) = &mut self.history {
            history.items.push_back((now_ms, item));
        }
        Ok(())
    }

    /// A client has dialled with these terms.
    pub(crate) fn expect_connect(&mut self, place: Place, terms: Terms) {
        if let Some(history) = self.history.as_mut().filter(|_| terms.expiry_s > 0) {
            history.lasting.insert(place);
        }
        // Nobody can disagree.
        let _ = self.tell(Item::Dialled(place, Box::new(terms)));
    }

    /// A client has put PUBLISH packets with these payloads onto the wire.
    pub(crate) fn expect_publish(&mut self, place: Place, payloads: Vec<Vec<u8>>) {
        if !payloads.is_empty() {
            let _ = self.tell(Item::Said(place, payloads));
        }
    }

    /// Whether everything that a connection has sent was taken.
    pub(crate) fn has_taken_all(&self, place: Place) -> bool {
        self.live.iter().all(|oracle| oracle.has_taken_all(place))
    }

    /// A client was let in.
    pub(crate) fn check_present(&mut self, place: Place, is_present: bool) -> Result<(), String> {
        self.tell(Item::Present(place, is_present))
    }

    /// A client stays outside.
    pub(crate) fn check_refused(&mut self, place: Place, reason: ReasonCode) -> Result<(), String> {
        self.tell(Item::Refused(place, reason))
    }

    /// A client has received a PUBLISH.
    pub(crate) fn received(&mut self, client_id: &str, seen: &Seen) -> Result<(), String> {
        self.tell(Item::Received(client_id.to_owned(), Box::new(seen.clone())))
    }

    /// The engine of a partition has taken something.
    pub(crate) fn take(&mut self, partition: usize, witnessed: Witnessed) -> Result<(), String> {
        let now_ms = self.now_ms;
        let Some(history) = &mut self.history else {
            return agree(&mut self.live, |oracle| {
                oracle.now_ms = now_ms;
                oracle.take(partition, &witnessed)
            });
        };
        let Witnessed::Logged { from, through } = witnessed else {
            history.events.push(witnessed);
            return Ok(());
        };
        let events = core::mem::take(&mut history.events);
        if events.is_empty() && from == through {
            return Ok(());
        }
        for event in &events {
            let Some((place, answer)) = answer_to(partition, event) else { continue };
            // What others are owed because of it does not hold up a client that has nothing in the log.
            let is_own = matches!(event, Witnessed::Connect { .. } | Witnessed::Publish { .. });
            let waits = from < through && (is_own || history.lasting.contains(&place));
            let gate = if waits { through } else { Sequence::NONE };
            history.answers.entry(place).or_default().push_back((answer, gate));
        }
        let room = if from == through { self.room } else { Room::Some };
        self.tell(Item::Input { events, from, through, room })
    }

    /// A client hears an answer: what it says must be durable.
    pub(crate) fn check_answer(&mut self, place: Place, answer: Answer) -> Result<(), String> {
        let Some(history) = &mut self.history else { return Ok(()) };
        let Some(answers) = history.answers.get_mut(&place) else { return Ok(()) };
        let at = answers.iter().position(|(expected, _)| *expected == answer);
        match at.and_then(|at| answers.remove(at)) {
            Some((_, gate)) if gate > history.durable => {
                Err(format!("{place:?} hears {answer:?}, which waits for {gate:?}; durable is {:?}", history.durable))
            }
            _ => Ok(()),
        }
    }

    /// Everything up to a record is durable.
    pub(crate) fn on_durable(&mut self, through: Sequence) -> Result<(), String> {
        let Some(history) = &mut self.history else { return Ok(()) };
        history.durable = history.durable.max(through);
        let is_safe = |item: &Item| !matches!(item, Item::Input { through: last, .. } if *last > through);
        while let Some((now_ms, item)) = history.items.pop_front_if(|(_, item)| is_safe(item)) {
            if item.has_records() {
                history.base_ms = now_ms;
            }
            agree(&mut history.base, |oracle| item.tell(now_ms, oracle))?;
        }
        Ok(())
    }

    /// The broker crashed, and what it found begins again with everything up to `last`.
    pub(crate) fn crash(&mut self, last: Sequence, crash: Crash) -> Result<(), String> {
        let Some(history) = &mut self.history else { return Ok(()) };
        let mut stories: Vec<Story> = core::mem::take(&mut history.base).into_iter().map(Story::new).collect();
        let mut durable_ms = history.base_ms;
        let mut unsaid = BTreeSet::new();
        for (now_ms, item) in history.items.drain(..) {
            match &item {
                Item::Input { events, from, through, .. } if from < through && last < *through => {
                    if last > *from {
                        stories = stories.iter().flat_map(|story| story.halves(now_ms, events)).collect();
                    }
                    stories.iter_mut().for_each(Story::lose);
                    unsaid.extend(events.iter().filter_map(unacknowledged));
                    for story in &stories {
                        unsaid.extend(events.iter().flat_map(|event| story.lived().unsaid_wills(event)));
                    }
                }
                // Nobody was told that it would be kept: it may be seen, and be retained no more after a crash.
                Item::Received(client_id, seen)
                    if unsaid.contains(&(seen.topic.clone(), seen.payload.clone()))
                        && (seen.qos == Qos::AtMostOnce
                            || stories.iter().any(|one| one.lived().is_clean(client_id))) => {}
                item => {
                    if item.has_records() {
                        durable_ms = now_ms;
                    }
                    let told = agree(&mut stories, |story| story.tell(now_ms, item));
                    told.map_err(|error| format!("what was seen is taken back by a crash at {last:?}: {error}"))?;
                }
            }
        }
        let mut stories: Vec<Oracle> = stories.into_iter().map(Story::kept).collect();
        stories.iter_mut().for_each(|oracle| oracle.crash(crash, durable_ms));
        history.events.clear();
        history.answers.clear();
        history.durable = last;
        (history.base, history.base_ms) = (stories.clone(), crash.back_ms);
        self.live = stories;
        Ok(())
    }

    /// Stories that may be true.
    pub(crate) fn stories(&self) -> usize {
        self.live.len()
    }

    /// After everything has come to rest.
    pub(crate) fn check_end(
        &mut self,
        info_of: impl Fn(usize, &str) -> Option<SessionInfo>,
        had_cut: impl Fn(&str) -> bool,
        drops: &Drops,
    ) -> Result<(), String> {
        agree(&mut self.live, |oracle| oracle.check_end(&info_of, &had_cut, drops))
    }

    /// What came to pass.
    pub(crate) fn tally(&self) -> Tally {
        self.live.first().map(Oracle::tally).unwrap_or_default()
    }

    /// A newcomer has found this retained in a partition. I7
    pub(crate) fn check_retained(&mut self, partition: usize, found: &BTreeMap<String, Vec<u8>>) -> Result<(), String> {
        let only = |one: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>| {
            let only = one.iter().filter(|(topic, payload)| other.get(*topic) != Some(*payload));
            only.map(|(topic, payload)| format!("{topic} {:.8}", String::from_utf8_lossy(payload))).collect::<Vec<_>>()
        };
        agree(&mut self.live, |oracle| {
            let expected = oracle.retained(partition);
            if *found == expected {
                return Ok(());
            }
            Err(format!("retained are {:?}, should be {:?}", only(found, &expected), only(&expected, found)))
        })
    }
}

/// The topic and payload of a message that asks for no acknowledgement.
fn unacknowledged(event: &Witnessed) -> Option<(String, Vec<u8>)> {
    match event {
        Witnessed::Publish { topic, payload, qos: Qos::AtMostOnce, .. } => Some((topic.clone(), payload.clone())),
        _ => None,
    }
}

/// What a client will hear when this was taken.
fn answer_to(partition: usize, event: &Witnessed) -> Option<(Place, Answer)> {
    let (at, name, packet_id) = match event {
        Witnessed::Connect { at, .. } => (at, "CONNACK", None),
        Witnessed::Publish { at, qos: Qos::AtLeastOnce, packet_id, .. } => (at, AckKind::Puback.name(), *packet_id),
        Witnessed::Publish { at, qos: Qos::ExactlyOnce, packet_id, .. } => (at, AckKind::Pubrec.name(), *packet_id),
        Witnessed::Ack { at, kind: AckKind::Pubrec, packet_id, .. } => (at, AckKind::Pubrel.name(), Some(*packet_id)),
        Witnessed::Ack { at, kind: AckKind::Pubrel, packet_id, .. } => (at, AckKind::Pubcomp.name(), Some(*packet_id)),
        Witnessed::Subscribe { at, .. } => (at, "SUBACK", None),
        Witnessed::Unsubscribe { at, .. } => (at, "UNSUBACK", None),
        _ => return None,
    };
    Some(((partition, *at), (name, packet_id)))
}

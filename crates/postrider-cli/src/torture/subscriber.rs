//! Somebody who is owed every message, and counts how often each comes.
//!
//! Owns: a durable session, what came in it, what has not come.
//! Never: takes a message under an identifier that it still holds for another: no client may.

use super::fate::Fate;
use super::line::{Line, Trouble};
use super::place::{Place, read_payload};
use super::round::Round;
use crate::wire::heard::{Answer, Heard, What};
use crate::wire::message::Message;
use crate::wire::raw::PINGREQ;
use postrider_client::{Qos, ReasonCode};
use postrider_proto::AckKind;
use std::collections::HashSet;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) index: usize,
    /// How often each message of each publisher came, as its QoS counts.
    heard: Vec<Vec<u8>>,
    /// Identifiers of messages of QoS 2 that are not released.
    held: HashSet<u16>,
    /// The last probe that came.
    probe: u32,
    has_session: bool,
    /// The broker was started anew, and this client has not been there since.
    pub(super) is_restarted: bool,
    /// What did not come after a kill, and may still.
    pub(super) missing: Vec<Owed>,
    pub(super) sessions: Fate,
    pub(super) subscriptions: Fate,
    pub(super) falsely_present: u64,
    /// Messages that nobody has sent as they came.
    pub(super) altered: u64,
}

/// A message that was acknowledged to its publisher, so long before the kill.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owed {
    pub(super) publisher: usize,
    pub(super) number: u32,
    pub(super) age: Duration,
    /// Its publisher has still to release it, and a broker may keep it back until then.
    pub(super) may_be_late: bool,
}

struct Arrival {
    line: Line,
    /// Its session went on.
    is_resumed: bool,
    is_restarted: bool,
}

impl Subscriber {
    pub(super) fn new(index: usize, publishers: usize) -> Self {
        Self {
            index,
            heard: vec![Vec::new(); publishers],
            held: HashSet::new(),
            probe: 0,
            has_session: false,
            is_restarted: false,
            missing: Vec::new(),
            sessions: Fate::default(),
            subscriptions: Fate::default(),
            falsely_present: 0,
            altered: 0,
        }
    }

    pub(super) fn id(&self) -> String {
        format!("s{}", self.index)
    }

    /// Every other one is not there when the broker is killed.
    pub(super) const fn is_away(&self) -> bool {
        !self.index.is_multiple_of(2)
    }

    /// Takes what comes until the connection breaks.
    pub(super) fn live(&mut self, place: &Place, round: &Round) -> Result<(), Trouble> {
        let mut line = self.arrive(place)?.line;
        loop {
            match line.next()? {
                Some(heard) => self.take(place, &mut line, heard)?,
                None if round.is_over() => return Ok(()),
                None => {}
            }
        }
    }

    /// Takes everything that it is owed, or whatever comes before a long silence; says how much of it did not come that
    /// should have by now.
    pub(super) fn collect(&mut self, place: &Place, owed: &[Owed], probe: u32) -> Result<u64, Trouble> {
        let Arrival { mut line, is_resumed, is_restarted } = self.arrive(place)?;
        let (mut found, mut last_came) = (0, Instant::now());
        loop {
            while owed.get(found).is_some_and(|owed| owed.may_be_late || self.has(owed)) {
                found += 1;
            }
            let is_probed = !is_resumed || self.probe == probe;
            if found == owed.len() && is_probed && self.held.is_empty() {
                break;
            }
            match line.next()? {
                Some(heard) => {
                    self.take(place, &mut line, heard)?;
                    last_came = Instant::now();
                }
                None if last_came.elapsed() > place.patience => break,
                None => {}
            }
        }
        let is_subscribed = !is_resumed || self.probe == probe;
        if is_resumed && (is_restarted || !is_subscribed) {
            self.subscriptions.check(is_subscribed, None);
        }
        if !is_subscribed {
            self.subscribe(place, &mut line)?;
        }
        self.be_heard(place, &mut line)?;
        line.leave();
        let lost: Vec<Owed> = owed.iter().filter(|owed| !self.has(owed)).copied().collect();
        let missing = std::mem::take(&mut self.missing);
        // What comes late is late, and not lost.
        self.missing = missing.into_iter().filter(|owed| !self.has(owed)).chain(lost.iter().copied()).collect();
        Ok(lost.iter().filter(|owed| !owed.may_be_late).count() as u64)
    }

    /// Whatever was acknowledged has been read by the broker.
    fn be_heard(&mut self, place: &Place, line: &mut Line) -> Result<(), Trouble> {
        line.send(&PINGREQ)?;
        loop {
            let heard = line.answer()?;
            if matches!(heard.what, What::Pingresp) {
                return Ok(());
            }
            self.take(place, line, heard)?;
        }
    }

    /// Is let in, and has a subscription unless it should have one.
    fn arrive(&mut self, place: &Place) -> Result<Arrival, Trouble> {
        let (mut line, is_present) = Line::enter(place, &place.lasting(&self.id()))?;
        let is_expected = std::mem::replace(&mut self.has_session, true);
        let is_restarted = std::mem::take(&mut self.is_restarted);
        if is_expected && (is_restarted || !is_present) {
            self.sessions.check(is_present, None);
        }
        self.falsely_present += u64::from(is_present && !is_expected);
        if !is_present {
            self.held.clear();
            self.subscribe(place, &mut line)?;
        }
        Ok(Arrival { line, is_resumed: is_present && is_expected, is_restarted })
    }

    fn subscribe(&mut self, place: &Place, line: &mut Line) -> Result<(), Trouble> {
        let filter = place.topic("m", "+");
        line.subscribe(&filter, place.qos, |line, heard| self.take(place, line, heard))
    }

    fn take(&mut self, place: &Place, line: &mut Line, heard: Heard) -> Result<(), Trouble> {
        match heard.what {
            What::Publish(message) => self.on_message(place, line, &message),
            What::Ack(Answer { kind: AckKind::Pubrel, packet_id, .. }) => {
                self.held.remove(&packet_id);
                line.acknowledge(answer(AckKind::Pubcomp, packet_id))
            }
            // Whatever else comes has no meaning for a subscriber.
            What::Ack(_) | What::Connack(_) | What::Suback(..) | What::Unsuback(..) | What::Pingresp => Ok(()),
            What::Disconnect(_) | What::Auth(_) | What::Misdirected(_) => Ok(()),
        }
    }

    fn on_message(&mut self, place: &Place, line: &mut Line, message: &Message) -> Result<(), Trouble> {
        let is_twice = message.qos == Qos::ExactlyOnce;
        if !is_twice || self.held.insert(message.packet_id) {
            self.count(place, message);
        }
        match message.qos {
            Qos::AtMostOnce => Ok(()),
            Qos::AtLeastOnce => line.acknowledge(answer(AckKind::Puback, message.packet_id)),
            Qos::ExactlyOnce => line.acknowledge(answer(AckKind::Pubrec, message.packet_id)),
        }
    }

    fn count(&mut self, place: &Place, message: &Message) {
        let Some((publisher, number)) = read_payload(&message.payload) else {
            self.altered += 1;
            return;
        };
        if message.topic == place.topic("m", PROBE) {
            self.probe = number;
            return;
        }
        let is_as_sent = message.topic == place.topic("m", publisher)
            && message.payload == place.payload(publisher, number).as_bytes();
        let counts = self.heard.get_mut(publisher).filter(|_| is_as_sent && number < NUMBERS_MAX);
        let Some(counts) = counts else {
            self.altered += 1;
            return;
        };
        let at = number as usize;
        if counts.len() <= at {
            counts.resize(at + 1, 0);
        }
        counts[at] = counts[at].saturating_add(1);
    }

    fn has(&self, owed: &Owed) -> bool {
        self.heard[owed.publisher].get(owed.number as usize).is_some_and(|count| *count > 0)
    }

    /// Messages of a publisher that came more than once.
    pub(super) fn doubled(&self, publisher: usize) -> u64 {
        self.heard[publisher].iter().filter(|count| **count > 1).count() as u64
    }
}

/// Where it is tried whether a subscription is still there.
pub(super) const PROBE: &str = "probe";
/// No run is that long.
const NUMBERS_MAX: u32 = 1 << 28;

const fn answer(kind: AckKind, packet_id: u16) -> Answer {
    Answer { kind, packet_id, reason: ReasonCode::Success }
}

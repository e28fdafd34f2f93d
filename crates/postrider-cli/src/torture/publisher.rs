//! Somebody who publishes, whose broker is killed, and who goes on where the two of them were.
//!
//! Owns: messages that are under way, those that the broker has taken and nobody has asked for yet.
//! Never: has more than a window between the oldest message under way and the newest, so that one topic stays in order.

use super::fate::Fate;
use super::line::{Line, Trouble, unexpected};
use super::place::Place;
use super::round::Round;
use crate::wire::heard::{Answer, What};
use crate::wire::message::message;
use postrider_client::{Qos, ReasonCode};
use postrider_proto::AckKind;
use std::collections::VecDeque;
use std::time::Instant;

#[derive(Debug)]
pub(super) struct Publisher {
    pub(super) index: usize,
    pub(super) qos: Qos,
    /// A number of topics that retain what is published, in turn.
    retained_topics: Option<u32>,
    window: u32,
    /// Messages in a round at most.
    share: u32,
    /// The number of the next message.
    next: u32,
    /// Messages that were sent and are not over, in order.
    open: VecDeque<Flight>,
    /// Messages that the broker has taken since somebody asked.
    pub(super) taken: Vec<Taken>,
    /// Since the broker let it in for the first time.
    has_session: bool,
    pub(super) sessions: Fate,
    pub(super) refused: u64,
    /// Messages that were under way when the session was lost, and with it whether they came.
    pub(super) abandoned: u64,
}

/// A message that the broker has acknowledged, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub(super) number: u32,
    pub(super) at: Instant,
}

#[derive(Debug)]
struct Flight {
    number: u32,
    is_received: bool,
}

impl Publisher {
    pub(super) const fn new(index: usize, qos: Qos, window: u16, share: u32) -> Self {
        Self {
            index,
            qos,
            retained_topics: None,
            window: window as u32,
            share,
            next: 1,
            open: VecDeque::new(),
            taken: Vec::new(),
            has_session: false,
            sessions: Fate { owed: 0, lost: 0, doubled: 0, ages: None },
            refused: 0,
            abandoned: 0,
        }
    }

    /// What it publishes is retained, each topic's next message behind the one before.
    pub(super) const fn retaining(mut self, topics: u32) -> Self {
        self.retained_topics = Some(topics);
        self.window = topics;
        self
    }

    /// The last message that was ever sent.
    pub(super) const fn sent(&self) -> u32 {
        self.next - 1
    }

    /// Whether it still has to release this message, and a broker may keep it back until then.
    pub(super) fn is_to_release(&self, number: u32) -> bool {
        self.open.iter().any(|flight| flight.number == number && flight.is_received)
    }

    pub(super) fn id(&self) -> String {
        format!("p{}", self.index)
    }

    pub(super) fn topic(&self, place: &Place, number: u32) -> String {
        match self.retained_topics {
            Some(topics) => place.topic("r", number % topics),
            None => place.topic("m", self.index),
        }
    }

    /// Publishes until the connection breaks; in the last round until nothing is under way.
    pub(super) fn run(&mut self, place: &Place, round: &Round) -> Result<(), Trouble> {
        let mut line = self.arrive(place)?;
        let window = self.window.min(u32::from(line.receive_maximum));
        let (first, mut is_idle) = (self.next, false);
        loop {
            while self.next - first < round.allowed(self.share) && self.is_room(window) {
                let flight = Flight { number: self.next, is_received: false };
                self.send(place, &mut line, &flight, false)?;
                self.open.push_back(flight);
                self.next += 1;
            }
            if round.is_settling() && self.open.is_empty() {
                if round.is_last {
                    line.leave();
                    return Ok(());
                }
                if !std::mem::replace(&mut is_idle, true) {
                    round.say_idle();
                }
            }
            match line.next()? {
                Some(heard) => {
                    let What::Ack(answer) = heard.what else { return Err(unexpected("an acknowledgement", &heard)) };
                    self.on_answer(&mut line, answer)?;
                }
                None if round.is_over() => return Ok(()),
                None => {}
            }
        }
    }

    /// Is let in, and sends again what is not over.
    fn arrive(&mut self, place: &Place) -> Result<Line, Trouble> {
        let (mut line, is_present) = Line::enter(place, &place.lasting(&self.id()))?;
        if std::mem::replace(&mut self.has_session, true) {
            self.sessions.check(is_present, None);
        }
        if !is_present {
            // Neither side knows anything of these any more.
            self.abandoned += self.open.iter().filter(|flight| !flight.is_received).count() as u64;
            self.open.clear();
        }
        let open = std::mem::take(&mut self.open);
        let sent = open.iter().try_for_each(|flight| self.send(place, &mut line, flight, true));
        self.open = open;
        sent.map(|()| line)
    }

    fn is_room(&self, window: u32) -> bool {
        self.open.front().is_none_or(|oldest| self.next - oldest.number < window)
    }

    fn send(&self, place: &Place, line: &mut Line, flight: &Flight, is_again: bool) -> Result<(), Trouble> {
        let packet_id = id_of(flight.number);
        if flight.is_received {
            return line.acknowledge(release(packet_id));
        }
        let payload = place.payload(self.index, flight.number);
        let mut message = message(self.topic(place, flight.number), payload).qos(self.qos).numbered(packet_id);
        message.dup = is_again;
        message.retain = self.retained_topics.is_some();
        line.publish(&message)
    }

    fn on_answer(&mut self, line: &mut Line, answer: Answer) -> Result<(), Trouble> {
        let open = self.open.iter().position(|flight| id_of(flight.number) == answer.packet_id);
        let expected = match (self.qos, open.map(|at| self.open[at].is_received)) {
            (Qos::ExactlyOnce, Some(false)) => AckKind::Pubrec,
            (Qos::ExactlyOnce, Some(true)) => AckKind::Pubcomp,
            _ => AckKind::Puback,
        };
        let Some(at) = open.filter(|_| answer.kind == expected) else {
            // An answer to what was sent twice, of which the first answer was enough.
            return Ok(());
        };
        if answer.reason.is_error() && answer.kind != AckKind::Pubcomp {
            self.refused += 1;
            self.open.remove(at);
            return Ok(());
        }
        if answer.kind != AckKind::Pubcomp {
            self.taken.push(Taken { number: self.open[at].number, at: Instant::now() });
        }
        if answer.kind == AckKind::Pubrec {
            self.open[at].is_received = true;
            return line.acknowledge(release(answer.packet_id));
        }
        self.open.remove(at);
        Ok(())
    }
}

const fn release(packet_id: u16) -> Answer {
    Answer { kind: AckKind::Pubrel, packet_id, reason: ReasonCode::Success }
}

/// Far more identifiers than can be under way.
fn id_of(number: u32) -> u16 {
    u16::try_from(number % 60_000 + 1).unwrap_or(u16::MAX)
}

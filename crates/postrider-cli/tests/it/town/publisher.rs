//! Somebody who publishes, whose broker is killed, and who goes on where the two of them were.

use super::line::Line;
use super::{Count, lasting};
use postrider_proto::{AckKind, Packet, ReasonCode, Version};
use postrider_testkit::{ack, publish};
use std::collections::{HashMap, VecDeque};
use std::io::Result;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

pub(crate) struct Publisher {
    id: String,
    kind: Kind,
    /// The number of the next message.
    next: u32,
    /// Messages that were sent and are not over, in order.
    open: VecDeque<Flight>,
    /// Numbers of those that the broker has taken since somebody looked.
    pub(super) taken: Vec<u32>,
    /// How many it has ever taken.
    pub(super) taken_count: Count,
    /// The last of each topic.
    pub(super) latest: HashMap<String, u32>,
    pub(super) refused: Count,
    /// What a CONNECT has led to: a session that must be there from then on.
    has_session: bool,
    pub(super) sessions_lost: Count,
    /// When each was sent and taken, where somebody wants to know.
    diary: Option<Vec<Moments>>,
}

/// When a message was sent, and when the broker said that it has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moments {
    pub(crate) sent: Instant,
    pub(crate) taken: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Once,
    Twice,
    Retained,
}

struct Flight {
    number: u32,
    is_received: bool,
}

/// Messages under way at a time.
const WINDOW: usize = 20;
/// Topics with retained messages.
pub(super) const RETAINED: u32 = 5;

impl Publisher {
    pub(crate) fn new(id: &str, kind: Kind) -> Self {
        Self {
            id: id.to_owned(),
            kind,
            next: 1,
            open: VecDeque::new(),
            taken: Vec::new(),
            taken_count: 0,
            latest: HashMap::new(),
            refused: 0,
            has_session: false,
            sessions_lost: 0,
            diary: None,
        }
    }

    pub(crate) fn with_diary(self) -> Self {
        Self { diary: Some(Vec::new()), ..self }
    }

    /// Every message by its number, in order.
    pub(crate) fn diary(&self) -> impl Iterator<Item = (u32, Moments)> {
        (1..).zip(self.diary.iter().flatten().copied())
    }

    pub(crate) fn topic(&self, number: u32) -> String {
        match self.kind {
            Kind::Once => format!("once/{}", self.id),
            Kind::Twice => format!("twice/{}", self.id),
            Kind::Retained => format!("retained/{}/{}", self.id, number % RETAINED),
        }
    }

    /// Messages that were ever sent.
    pub(super) const fn sent(&self) -> u32 {
        self.next - 1
    }

    /// Publishes until the connection breaks or it is enough; then ends what is under way.
    pub(crate) fn run(&mut self, port: u16, is_enough: &AtomicBool) -> Result<()> {
        let (mut line, is_present) = Line::enter(port, &lasting(&self.id))?;
        self.sessions_lost += Count::from(self.has_session && !is_present);
        self.has_session = true;
        let again: Vec<u8> = self.open.iter().flat_map(|flight| self.packet(flight, true)).collect();
        line.send(&again)?;
        loop {
            let mut packets = Vec::new();
            while self.open.len() < WINDOW && !is_enough.load(Ordering::Relaxed) {
                let flight = Flight { number: self.next, is_received: false };
                packets.extend(self.packet(&flight, false));
                self.open.push_back(flight);
                self.next += 1;
                if let Some(diary) = &mut self.diary {
                    diary.push(Moments { sent: Instant::now(), taken: None });
                }
            }
            line.send(&packets)?;
            if self.open.is_empty() {
                return Ok(());
            }
            let answer = line.next(|packet| match packet {
                Packet::Ack(ack) => (ack.kind, ack.packet_id.as_u16(), ack.reason),
                _ => panic!("{packet:?} is no answer"),
            })?;
            if let Some((kind, id, reason)) = answer {
                self.on_answer(&mut line, kind, id, reason)?;
            }
        }
    }

    fn on_answer(&mut self, line: &mut Line, kind: AckKind, id: u16, reason: ReasonCode) -> Result<()> {
        let at = self.open.iter().position(|flight| id_of(flight.number) == id);
        let Some(at) = at else { panic!("{kind:?} {id} of {} answers nothing", self.id) };
        let (number, is_first) = (self.open[at].number, !self.open[at].is_received);
        if reason.is_error() && kind != AckKind::Pubcomp {
            self.refused += 1;
            self.open.remove(at);
            return Ok(());
        }
        match kind {
            AckKind::Pubrec => {
                self.open[at].is_received = true;
                line.send(&ack(AckKind::Pubrel, id, ReasonCode::Success, Version::V5))?;
            }
            AckKind::Puback | AckKind::Pubcomp => _ = self.open.remove(at),
            AckKind::Pubrel => panic!("a PUBREL answers nothing"),
        }
        if is_first {
            self.taken.push(number);
            self.taken_count += 1;
            if let Some(diary) = &mut self.diary {
                diary[number as usize - 1].taken = Some(Instant::now());
            }
            self.latest.insert(self.topic(number), number);
        }
        Ok(())
    }

    fn packet(&self, flight: &Flight, is_again: bool) -> Vec<u8> {
        let id = id_of(flight.number);
        if flight.is_received {
            return ack(AckKind::Pubrel, id, ReasonCode::Success, Version::V5);
        }
        let message = publish(&self.topic(flight.number), &flight.number.to_string());
        let message = match self.kind {
            Kind::Once => message.q1(id),
            Kind::Twice => message.q2(id),
            Kind::Retained => message.q1(id).retain(),
        };
        if is_again { message.dup() } else { message }.bytes(Version::V5)
    }
}

fn id_of(number: u32) -> u16 {
    u16::try_from(number % 60_000 + 1).expect("small enough")
}

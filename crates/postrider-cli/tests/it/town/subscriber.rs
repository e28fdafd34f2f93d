//! Somebody who is owed every message, and counts how often each comes.

use super::line::Line;
use super::{Count, lasting};
use postrider_proto::{AckKind, Packet, Qos, ReasonCode, Version};
use postrider_testkit::{Hello, ack, pingreq, subscribe};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Result;

pub(crate) struct Subscriber {
    id: String,
    filter: String,
    qos: u8,
    /// How often each number of each topic came, as its QoS counts.
    pub(super) heard: HashMap<String, BTreeMap<u32, Count>>,
    /// The latest of each topic.
    latest: HashMap<String, u32>,
    /// Identifiers of messages of QoS 2 that are not released.
    held: HashSet<u16>,
    has_session: bool,
    pub(crate) sessions_lost: Count,
    /// Messages of QoS 2 that came behind a later one of the same topic.
    pub(super) disordered: Count,
}

struct Heard {
    topic: String,
    number: u32,
    qos: Qos,
    id: u16,
}

enum Event {
    Message(Heard),
    Release(u16),
    Other,
}

impl Subscriber {
    pub(crate) fn new(id: &str, filter: &str, qos: u8) -> Self {
        Self {
            id: id.to_owned(),
            filter: filter.to_owned(),
            qos,
            heard: HashMap::new(),
            latest: HashMap::new(),
            held: HashSet::new(),
            has_session: false,
            sessions_lost: 0,
            disordered: 0,
        }
    }

    /// The broker has a session of it already.
    pub(crate) fn known(self) -> Self {
        Self { has_session: true, ..self }
    }

    /// Takes what comes until the connection breaks, or nothing is left to wait for.
    pub(crate) fn run(&mut self, port: u16, is_enough: impl Fn(&Self) -> bool) -> Result<()> {
        let (mut line, is_present) = Line::enter(port, &lasting(&self.id))?;
        self.sessions_lost += Count::from(self.has_session && !is_present);
        if !is_present {
            self.held.clear();
            line.send(&subscribe(1, &self.filter, self.qos).bytes(Version::V5))?;
        }
        self.has_session = true;
        while !is_enough(self) {
            match line.next(event)? {
                Some(Event::Message(heard)) => self.on_message(&mut line, heard)?,
                Some(Event::Release(id)) => {
                    self.held.remove(&id);
                    line.send(&ack(AckKind::Pubcomp, id, ReasonCode::Success, Version::V5))?;
                }
                Some(Event::Other) | None => {}
            }
        }
        // Whatever was said before has been heard.
        line.send(&pingreq())?;
        while !line.wait(|packet| matches!(packet, Packet::Pingresp))? {}
        Ok(())
    }

    fn on_message(&mut self, line: &mut Line, heard: Heard) -> Result<()> {
        let Heard { topic, number, qos, id } = heard;
        let is_twice = qos == Qos::ExactlyOnce;
        if !is_twice || self.held.insert(id) {
            let latest = self.latest.entry(topic.clone()).or_default();
            self.disordered += Count::from(is_twice && number < *latest);
            *latest = number.max(*latest);
            *self.heard.entry(topic).or_default().entry(number).or_default() += 1;
        }
        let kind = if is_twice { AckKind::Pubrec } else { AckKind::Puback };
        line.send(&ack(kind, id, ReasonCode::Success, Version::V5))
    }

    pub(crate) fn has(&self, topic: &str, number: u32) -> bool {
        self.heard.get(topic).is_some_and(|heard| heard.contains_key(&number))
    }

    /// Messages that came more than once.
    pub(super) fn doubled(&self) -> Count {
        self.heard.values().flat_map(BTreeMap::values).filter(|count| **count > 1).count() as Count
    }
}

fn event(packet: &Packet<'_>) -> Event {
    match packet {
        Packet::Publish(publish) => Event::Message(heard(publish)),
        Packet::Ack(ack) if ack.kind == AckKind::Pubrel => Event::Release(ack.packet_id.as_u16()),
        _ => Event::Other,
    }
}

fn heard(publish: &postrider_proto::Publish<'_>) -> Heard {
    let number = str::from_utf8(publish.payload).ok().and_then(|text| text.parse().ok());
    Heard {
        topic: publish.topic.as_str().to_owned(),
        number: number.expect("publishers count"),
        qos: publish.qos,
        id: publish.packet_id.map_or(0, |id| id.as_u16()),
    }
}

/// The retained message of each topic, as a stranger finds them.
pub(crate) fn look_around(port: u16, filter: &str, count: usize) -> Result<HashMap<String, u32>> {
    let (mut line, _) = Line::enter(port, &Hello::new("stranger"))?;
    line.send(&subscribe(1, filter, 0).bytes(Version::V5))?;
    let mut found = HashMap::new();
    while found.len() < count {
        if let Event::Message(Heard { topic, number, .. }) = line.wait(event)? {
            found.insert(topic, number);
        }
    }
    Ok(found)
}

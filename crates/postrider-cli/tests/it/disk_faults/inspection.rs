//! What a server finds that starts on what was synced.

use super::Count;
use super::load::Load;
use crate::broker::Broker;
use crate::town::lasting;
use crate::town::line::Line;
use crate::town::subscriber::{Subscriber, look_around};
use postrider_proto::{Packet, Version};
use postrider_testkit::{Hello, publish};

#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) lost: Count,
    pub(super) sessions_lost: Count,
    pub(super) stale: Count,
}

pub(super) fn inspect(broker: &Broker, load: &Load) -> Found {
    let mut found = Found::default();
    if load.has_reader {
        (found.lost, found.sessions_lost) = read(broker, load);
    }
    for id in &load.sessions {
        let (_line, is_present) = Line::enter(broker.port(), &lasting(id)).expect("it runs");
        found.sessions_lost += Count::from(!is_present);
    }
    let certain = load.retained.iter().filter(|(_, (least, _))| *least > 0);
    let retained = look_around(broker.port(), "retained/#", certain.clone().count()).expect("it runs");
    for (topic, (least, most)) in certain {
        let value = retained.get(topic).copied().unwrap_or_default();
        found.stale += Count::from(!(*least..=*most).contains(&value));
    }
    found
}

/// How many messages and sessions the reader misses.
fn read(broker: &Broker, load: &Load) -> (Count, Count) {
    let mut reader = Subscriber::new("reader", "owed/#", 2).known();
    let mut line = Line::enter(broker.port(), &Hello::new("last")).expect("it runs").0;
    line.send(&publish("owed/last", "1").q1(1).bytes(Version::V5)).expect("it runs");
    line.wait(|packet| assert!(matches!(packet, Packet::Ack(_)), "{packet:?}")).expect("it runs");
    reader.run(broker.port(), |who| who.has("owed/last", 1) || who.sessions_lost > 0).expect("it runs");
    let is_lost = |(topic, number): &&(&str, u32)| !reader.has(topic, *number);
    (load.taken.iter().filter(is_lost).count() as Count, reader.sessions_lost)
}

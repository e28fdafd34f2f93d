//! Topics that retain their last message, and what a stranger finds there after a kill.

use super::fate::Fate;
use super::line::{Line, Trouble};
use super::place::{Place, read_payload};
use super::publisher::{Publisher, Taken};
use crate::wire::heard::{Heard, What};
use postrider_client::Qos;
use std::collections::BTreeMap;
use std::time::Instant;

#[derive(Debug)]
pub(super) struct Retained {
    pub(super) publisher: Publisher,
    /// The last of each topic that was acknowledged.
    latest: BTreeMap<u32, Taken>,
    /// Topics where there was no message, or an older one.
    pub(super) fate: Fate,
    /// Those of them where there was an older one.
    pub(super) outdated: u64,
    pub(super) altered: u64,
}

/// How many there are.
const TOPICS: u32 = 5;
/// Messages before a kill at most.
const SHARE: u32 = 200;

impl Retained {
    /// `index` is the publisher's.
    pub(super) fn new(index: usize, qos: Qos) -> Self {
        let publisher = Publisher::new(index, qos, 1, SHARE).retaining(TOPICS);
        Self { publisher, latest: BTreeMap::new(), fate: Fate::default(), outdated: 0, altered: 0 }
    }

    /// Compares what there is with what was acknowledged before the kill; says how many topics are wrong.
    pub(super) fn inspect(&mut self, place: &Place, killed: Instant) -> Result<u64, Trouble> {
        for taken in self.publisher.taken.drain(..) {
            self.latest.insert(taken.number % TOPICS, taken);
        }
        let found = self.look_around(place)?;
        let before = self.fate.lost;
        for (topic, taken) in std::mem::take(&mut self.latest) {
            let number = found.get(&topic).copied();
            let is_there = number.is_some_and(|number| number >= taken.number);
            self.fate.check(is_there, Some(killed.saturating_duration_since(taken.at)));
            self.outdated += u64::from(!is_there && number.is_some());
            if is_there {
                self.latest.insert(topic, taken);
            }
        }
        Ok(self.fate.lost - before)
    }

    /// The number of each topic's message, as a stranger finds them.
    fn look_around(&mut self, place: &Place) -> Result<BTreeMap<u32, u32>, Trouble> {
        let (mut line, _) = Line::enter(place, &place.hello("stranger"))?;
        let mut found = BTreeMap::new();
        let mut take = |heard: Heard| {
            let What::Publish(message) = heard.what else { return };
            let number = read_payload(&message.payload).map_or(0, |(_, number)| number);
            let is_sent = (1..=self.publisher.sent()).contains(&number);
            let is_as_sent = message.payload == place.payload(self.publisher.index, number).as_bytes()
                && message.topic == self.publisher.topic(place, number);
            if is_sent && is_as_sent {
                found.insert(number % TOPICS, number);
            } else {
                self.altered += 1;
            }
        };
        line.subscribe(&place.topic("r", "+"), Qos::AtMostOnce, |_, heard| {
            take(heard);
            Ok(())
        })?;
        let mut last_came = Instant::now();
        let (mut count, expected) = (0, self.latest.len());
        while count < expected && last_came.elapsed() <= place.patience {
            if let Some(heard) = line.next()? {
                take(heard);
                count += 1;
                last_came = Instant::now();
            }
        }
        line.leave();
        Ok(found)
    }

    /// Nothing is retained any more.
    pub(super) fn clear(&self, place: &Place) -> Result<(), Trouble> {
        let (mut line, _) = Line::enter(place, &place.hello("broom"))?;
        for number in 0..TOPICS {
            line.publish(&crate::wire::message::message(self.publisher.topic(place, number), "").retained())?;
        }
        line.leave();
        Ok(())
    }
}

//! Two who change what sessions there are shortly before a kill: one begins a durable session, one ends it.
//!
//! Owns: when the broker has acknowledged what, so that it can be held to it.

use super::fate::Fate;
use super::line::{Line, Trouble};
use super::place::Place;
use super::round::Round;
use crate::wire::heard::What;
use crate::wire::message::message;
use postrider_client::Qos;
use std::time::{Duration, Instant};

/// Those of one kill.
#[derive(Debug)]
pub(super) struct Newcomers {
    number: u32,
    came: Option<Instant>,
    subscribed: Option<Instant>,
    left: Option<Instant>,
}

/// What became of them.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) sessions: Fate,
    pub(super) subscriptions: Fate,
    pub(super) falsely_present: u64,
}

impl Newcomers {
    pub(super) const fn new(number: u32) -> Self {
        Self { number, came: None, subscribed: None, left: None }
    }

    /// Acts after `moment`, then waits for the kill.
    pub(super) fn live(&mut self, place: &Place, round: &Round, moment: Duration) -> Result<(), Trouble> {
        drop(Line::enter(place, &place.lasting(&self.leaver()))?);
        // Nothing tells when; it is a choice.
        std::thread::sleep(moment);
        let (mut line, _) = Line::enter(place, &place.lasting(&self.newcomer()))?;
        self.came = Some(Instant::now());
        line.subscribe(&self.topic(place), Qos::AtLeastOnce, |_, _| Ok(()))?;
        self.subscribed = Some(Instant::now());
        let (mut other, _) = Line::enter(place, &place.hello(&self.leaver()))?;
        self.left = Some(Instant::now());
        while !round.is_over() {
            line.next()?;
            other.next()?;
        }
        Ok(())
    }

    /// After the broker was killed and is back.
    pub(super) fn inspect(&self, place: &Place, killed: Instant) -> Result<Found, Trouble> {
        let mut found = Found::default();
        let age = |at: Instant| Some(killed.saturating_duration_since(at));
        if let Some(came) = self.came {
            let (mut line, is_present) = Line::enter(place, &place.lasting(&self.newcomer()))?;
            found.sessions.check(is_present, age(came));
            if let Some(subscribed) = self.subscribed.filter(|_| is_present) {
                found.subscriptions.check(self.hears_itself(place, &mut line)?, age(subscribed));
            }
            line.leave();
        }
        if self.left.is_some() {
            let (line, is_present) = Line::enter(place, &place.lasting(&self.leaver()))?;
            found.falsely_present = u64::from(is_present);
            line.leave();
        }
        for id in [self.newcomer(), self.leaver()] {
            Line::enter(place, &place.hello(&id))?.0.leave();
        }
        Ok(found)
    }

    fn hears_itself(&self, place: &Place, line: &mut Line) -> Result<bool, Trouble> {
        let topic = self.topic(place);
        line.publish(&message(&topic, "heard").qos1().numbered(2))?;
        let started = Instant::now();
        while started.elapsed() <= place.patience {
            if let Some(heard) = line.next()?
                && let What::Publish(message) = heard.what
                && message.topic == topic
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn newcomer(&self) -> String {
        format!("n{}", self.number)
    }

    fn leaver(&self) -> String {
        format!("l{}", self.number)
    }

    fn topic(&self, place: &Place) -> String {
        place.topic("n", self.number)
    }
}

//! What clients do of their own accord.
//!
//! Owns: how often each thing happens.

use super::Simulation;
use crate::client::Outgoing;
use crate::topics::{Labels, TOPICS, label};
use postrider_proto::{Qos, ReasonCode, RetainHandling, SubscribeOptions, Version};

impl Simulation {
    /// A client does something of its own accord.
    pub(super) fn act(&mut self, number: usize) {
        let is_in = self.clients[number].connection.as_ref().map(|connection| connection.is_accepted);
        match is_in {
            None => {
                if self.clients[number].not_before <= self.now.mono {
                    self.dial(number);
                }
            }
            Some(false) => {
                // Somebody else may take the session over meanwhile.
                if self.random.once_in(10) && self.clients[number].not_before <= self.now.mono {
                    self.drop_connection(number);
                    self.dial(number);
                }
            }
            Some(true) => match self.random.below(20) {
                0 => self.say_good_bye(number),
                1..=4 => self.subscribe(number),
                5..=6 => self.share(number),
                7 => self.unsubscribe(number),
                8 => {
                    // A second connection of the same client: a take-over.
                    self.leave_behind(number);
                    self.dial(number);
                }
                _ => self.publish(number),
            },
        }
    }

    pub(super) fn dial(&mut self, number: usize) {
        self.tokens += 1;
        let client = &mut self.clients[number];
        let partition = client.partition;
        let at = self.drivers[partition].open(self.now);
        let terms = client.dial(at, self.now.mono, &mut self.random, self.tokens);
        self.say(|| format!("c{number} dials {partition}/{at}: {terms:?}"));
        self.oracle.expect_connect((partition, at), terms);
    }

    pub(super) fn say_good_bye(&mut self, number: usize) {
        let is_v5 = self.clients[number].version == Version::V5;
        let reason = if is_v5 && self.random.once_in(4) { ReasonCode::DisconnectWithWill } else { ReasonCode::Success };
        self.say(|| format!("c{number} says good-bye: {reason:?}"));
        self.clients[number].disconnect(reason);
        while self.clients[number].connection.as_ref().is_some_and(|connection| !connection.up.is_empty()) {
            self.carry_up(number);
        }
        self.drop_connection(number);
    }

    pub(super) fn subscribe(&mut self, number: usize) {
        if self.clients[number].wishes.filters.is_empty() {
            return;
        }
        let count = 1 + self.random.below(2);
        let is_v5 = self.clients[number].version.is_v5();
        let filters: Vec<(String, SubscribeOptions)> = (0..count)
            .map(|_| {
                let mut options = SubscribeOptions::of(self.qos());
                if is_v5 {
                    options.no_local = self.random.once_in(4);
                    options.retain_as_published = self.random.once_in(4);
                    let all = [RetainHandling::Always, RetainHandling::IfNew, RetainHandling::Never];
                    options.retain_handling = self.random.pick(&all);
                }
                (self.random.pick(&self.clients[number].wishes.filters).to_owned(), options)
            })
            .collect();
        let identifier =
            (is_v5 && self.random.once_in(2)).then(|| 1 + u32::try_from(self.random.below(9)).unwrap_or(0));
        self.say(|| format!("c{number} subscribes to {filters:?} {identifier:?}"));
        self.clients[number].subscribe(&filters, identifier);
    }

    /// Alone in its packet, so that it has an identifier of its own.
    fn share(&mut self, number: usize) {
        let wishes = &self.clients[number].wishes;
        if wishes.shares.is_empty() {
            return self.subscribe(number);
        }
        let share = self.random.pick(&wishes.shares);
        let identifier = if wishes.labels == Labels::Identifiers { label(share) } else { None };
        let mut options = SubscribeOptions::of(self.qos());
        if self.clients[number].version.is_v5() {
            options.retain_as_published = self.random.once_in(3);
        }
        self.say(|| format!("c{number} subscribes to {share} {options:?} {identifier:?}"));
        self.clients[number].subscribe(&[(share.to_owned(), options)], identifier);
    }

    fn unsubscribe(&mut self, number: usize) {
        let wishes = &self.clients[number].wishes;
        let filters: Vec<_> = wishes.filters.iter().chain(&wishes.shares).chain(&wishes.shares).copied().collect();
        let filter = self.random.pick(&filters);
        self.say(|| format!("c{number} unsubscribes from {filter}"));
        self.clients[number].unsubscribe(filter);
    }

    pub(super) fn qos(&mut self) -> Qos {
        self.random.pick(&[Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce])
    }

    pub(super) fn publish(&mut self, number: usize) {
        self.tokens += 1;
        let retain = self.random.once_in(5);
        let mut payload = format!("m{}", self.tokens).into_bytes();
        if retain && self.random.once_in(3) {
            payload.clear();
        } else if self.random.once_in(8) {
            payload.resize(100, b'.');
        } else if self.random.once_in(30) {
            payload.resize(3000, b'.');
        }
        let mut qos = self.qos();
        if payload.is_empty() {
            // Payloads tell messages apart; an empty one is told by nobody.
            qos = Qos::AtMostOnce;
        }
        let is_v5 = self.clients[number].version.is_v5();
        let format = (is_v5 && self.random.once_in(6)).then_some(1);
        if format.is_some() && !payload.is_empty() && self.random.once_in(3) {
            payload.push(0xFF);
        }
        let expiry_s = (is_v5 && !retain && self.random.once_in(8)).then(|| self.random.pick(&[1, 5, 60]));
        let topic = self.random.pick(&TOPICS).to_owned();
        let message = Outgoing { topic, payload, qos, retain, expiry_s, format };
        if self.clients[number].publish(&message) {
            self.report.published += 1;
            self.say(|| {
                let payload = String::from_utf8_lossy(&message.payload[..message.payload.len().min(20)]).into_owned();
                format!("c{number} publishes {} q{qos} retain={retain} {payload}", message.topic)
            });
        }
    }
}

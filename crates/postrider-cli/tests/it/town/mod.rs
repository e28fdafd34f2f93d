//! Everybody who talks to a broker that ends again and again, and what they find when it is back.
//!
//! Owns: who they are, and what counts as wrong.

pub(crate) mod line;
pub(crate) mod publisher;
pub(crate) mod subscriber;

use crate::broker::Broker;
use line::Line;
use postrider_testkit::{Hello, publish};
use publisher::{Kind, Publisher, RETAINED};
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use subscriber::{Subscriber, look_around};

pub(crate) type Count = u64;

/// How long what was promised may take to come.
const PATIENCE: Duration = Duration::from_secs(15);
/// A client that does not come back within this has its will published.
const WILL_PATIENCE: Duration = Duration::from_secs(45);

pub(crate) fn lasting(id: &str) -> Hello {
    Hello::new(id).resume().expiry(1_000_000)
}

/// Everybody, and what was found so far.
pub(crate) struct Town {
    publishers: Vec<Publisher>,
    once: Subscriber,
    twice: Subscriber,
    lost: Count,
    falsely_present: Count,
    stale: Count,
}

impl Town {
    pub(crate) fn new() -> Self {
        let who = [
            ("a", Kind::Once),
            ("b", Kind::Once),
            ("c", Kind::Twice),
            ("d", Kind::Twice),
            ("e", Kind::Twice),
            ("r", Kind::Retained),
        ];
        Self {
            publishers: who.map(|(id, kind)| Publisher::new(id, kind)).into(),
            once: Subscriber::new("once", "once/#", 1),
            twice: Subscriber::new("twice", "twice/#", 2),
            lost: 0,
            falsely_present: 0,
            stale: 0,
        }
    }

    /// Everybody is there for the first time.
    pub(crate) fn settle_in(&mut self, broker: &Broker) {
        self.collect(broker.port());
    }

    /// What was acknowledged must be here; nothing that has ended may be.
    pub(crate) fn inspect(&mut self, broker: &Broker) {
        let port = broker.port();
        let found = look_around(port, "retained/#", self.retained().len()).expect("it runs");
        for (topic, (taken, sent)) in self.retained() {
            let value = found.get(&topic).copied().unwrap_or_default();
            self.stale += Count::from(!(taken..=sent).contains(&value));
        }
        for id in ["visitor", "leaver"] {
            let (_line, is_present) = Line::enter(port, &Hello::new(id).resume()).expect("it runs");
            self.falsely_present += Count::from(is_present);
        }
        self.collect(port);
    }

    /// The last number of each retained topic that was acknowledged, and the last that was sent.
    fn retained(&self) -> HashMap<String, (u32, u32)> {
        let publisher = self.publishers.last().expect("there are some");
        // The last that was sent has the same remainder.
        let sent = |taken: u32| publisher.sent() - (publisher.sent() - taken) % RETAINED;
        publisher.latest.iter().map(|(topic, taken)| (topic.clone(), (*taken, sent(*taken)))).collect()
    }

    /// Subscribers get everything that they are owed.
    fn collect(&mut self, port: u16) {
        let until = Instant::now() + PATIENCE;
        let mut owed = Vec::new();
        for publisher in &mut self.publishers {
            let topic = publisher.topic(0);
            owed.extend(publisher.taken.drain(..).map(|number| (topic.clone(), number)));
        }
        for (who, prefix) in [(&mut self.once, "once/"), (&mut self.twice, "twice/")] {
            let owed: Vec<_> = owed.iter().filter(|(topic, _)| topic.starts_with(prefix)).collect();
            let found = Cell::new(0);
            let is_enough = |who: &Subscriber| {
                let has = |at: usize| who.has(&owed[at].0, owed[at].1);
                while found.get() < owed.len() && has(found.get()) {
                    found.set(found.get() + 1);
                }
                found.get() == owed.len() || Instant::now() > until
            };
            who.run(port, is_enough).expect("it runs");
            self.lost += owed.iter().filter(|(topic, number)| !who.has(topic, *number)).count() as Count;
        }
    }

    /// Everybody is at it until the broker is ended, in the middle of it.
    pub(crate) fn live(&mut self, broker: Broker, end: impl FnOnce(Broker)) {
        let port = broker.port();
        // Who said that nothing is to be kept finds nothing.
        let _visitor = Line::enter(port, &Hello::new("visitor")).expect("it runs");
        drop(Line::enter(port, &lasting("leaver")).expect("it runs"));
        let _leaver = Line::enter(port, &Hello::new("leaver")).expect("it runs");
        let will = Hello::new("mortal").resume().expiry(1_000_000).will(publish("twice/will", "1").q2(1));
        let _mortal = Line::enter(port, &will).expect("it runs");
        std::thread::scope(|scope| {
            for publisher in &mut self.publishers {
                scope.spawn(move || publisher.run(port, &AtomicBool::new(false)));
            }
            for subscriber in [&mut self.once, &mut self.twice] {
                scope.spawn(move || subscriber.run(port, |_| false));
            }
            end(broker);
        });
    }

    /// Publishers end what they have begun, and get what they are owed for it.
    pub(crate) fn settle(&mut self, broker: &Broker) {
        let is_enough = AtomicBool::new(true);
        for publisher in &mut self.publishers {
            publisher.run(broker.port(), &is_enough).expect("it runs");
        }
        assert!(is_enough.load(Ordering::Relaxed));
        self.collect(broker.port());
    }

    /// The will of somebody who does not come back is published.
    pub(crate) fn await_will(&mut self, broker: &Broker) {
        let until = Instant::now() + WILL_PATIENCE;
        let is_enough = |who: &Subscriber| Instant::now() > until || who.has("twice/will", 1);
        self.twice.run(broker.port(), is_enough).expect("it runs");
        assert!(self.twice.has("twice/will", 1), "the will of somebody who did not come back");
    }

    /// What happened, as one line that begins with `beginning`; nothing of it may be wrong.
    pub(crate) fn report(&self, beginning: &str, end: &str) {
        let taken: Count = self.publishers.iter().map(|publisher| publisher.taken_count).sum();
        let sessions: Count = self.publishers.iter().map(|publisher| publisher.sessions_lost).sum();
        let sessions = sessions + self.once.sessions_lost + self.twice.sessions_lost;
        let refused: Count = self.publishers.iter().map(|publisher| publisher.refused).sum();
        eprintln!(
            "{beginning}, {taken} acknowledged, {} lost, {} doubled, {} out of order, {sessions} sessions lost, \
             {} falsely present, {} retained too old, {refused} refused, {} of QoS 1 more than once{end}",
            self.lost,
            self.twice.doubled(),
            self.twice.disordered,
            self.falsely_present,
            self.stale,
            self.once.doubled(),
        );
        let wrongs =
            [self.lost, self.twice.doubled(), self.twice.disordered, sessions, self.falsely_present, self.stale];
        assert_eq!(wrongs, [0; 6]);
    }
}

/// How often to do it, and with what chances, as the environment says.
pub(crate) struct Plan {
    pub(crate) rounds: u64,
    random: u64,
}

impl Plan {
    pub(crate) fn new(variable: &str, usual: u64) -> Self {
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
        let seed = number("POSTRIDER_SEED").unwrap_or_else(|| u64::from(std::process::id()) * 7919);
        eprintln!("POSTRIDER_SEED={seed}");
        Self { rounds: number(variable).unwrap_or(usual), random: seed | 1 }
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % end
    }

    /// Some time between two.
    pub(crate) fn pause_ms(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from))
    }
}

//! A broker that is killed again and again, and what its clients find when it is back.
//!
//! `POSTRIDER_KILLS` says how often; from 100 on the wills of the last round are waited for, too.

mod line;
mod publisher;
mod subscriber;

use crate::broker::Broker;
use line::Line;
use postrider_testkit::{Hello, publish};
use publisher::{Kind, Publisher, RETAINED};
use std::cell::Cell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use subscriber::{Subscriber, look_around};

type Count = u64;

/// How long what was promised may take to come.
const PATIENCE: Duration = Duration::from_secs(15);
/// A client that does not come back within this has its will published.
const WILL_PATIENCE: Duration = Duration::from_secs(45);

fn lasting(id: &str) -> Hello {
    Hello::new(id).resume().expiry(1_000_000)
}

/// Everybody, and what was found so far.
struct Town {
    folder: PathBuf,
    mode: &'static str,
    publishers: Vec<Publisher>,
    once: Subscriber,
    twice: Subscriber,
    random: u64,
    recoveries: Vec<Duration>,
    lost: Count,
    falsely_present: Count,
    stale: Count,
}

impl Town {
    fn new(mode: &'static str, seed: u64) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kills-{mode}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let who = [
            ("a", Kind::Once),
            ("b", Kind::Once),
            ("c", Kind::Twice),
            ("d", Kind::Twice),
            ("e", Kind::Twice),
            ("r", Kind::Retained),
        ];
        Self {
            folder,
            mode,
            publishers: who.map(|(id, kind)| Publisher::new(id, kind)).into(),
            once: Subscriber::new("once", "once/#", 1),
            twice: Subscriber::new("twice", "twice/#", 2),
            random: seed | 1,
            recoveries: Vec::new(),
            lost: 0,
            falsely_present: 0,
            stale: 0,
        }
    }

    fn below(&mut self, end: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % end
    }

    fn start(&mut self) -> Broker {
        let started = Instant::now();
        let broker = Broker::keeping(&self.folder, &["--durability", self.mode]);
        self.recoveries.push(started.elapsed());
        broker
    }

    /// What was acknowledged must be here; nothing that has ended may be.
    fn inspect(&mut self, port: u16) {
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

    /// Everybody is at it until the broker is killed.
    fn live(&mut self, broker: Broker) {
        let (port, pause) = (broker.port(), Duration::from_millis(50 + self.below(450)));
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
            std::thread::sleep(pause);
            broker.kill();
        });
    }

    /// Publishers end what they have begun.
    fn settle(&mut self, port: u16) {
        let is_enough = AtomicBool::new(true);
        for publisher in &mut self.publishers {
            publisher.run(port, &is_enough).expect("it runs");
        }
        assert!(is_enough.load(Ordering::Relaxed));
    }

    fn report(&mut self, kills: u64) {
        self.recoveries.sort();
        let at = |share: usize| self.recoveries[(self.recoveries.len() - 1) * share / 100].as_millis();
        let taken: Count = self.publishers.iter().map(|publisher| publisher.taken_count).sum();
        let sessions: Count = self.publishers.iter().map(|publisher| publisher.sessions_lost).sum();
        let sessions = sessions + self.once.sessions_lost + self.twice.sessions_lost;
        let refused: Count = self.publishers.iter().map(|publisher| publisher.refused).sum();
        eprintln!(
            "{}: {kills} kills, {taken} messages acknowledged, {} lost, {} of QoS 2 doubled, {} of QoS 2 out of order, \
             {sessions} sessions lost, {} falsely present, {} retained too old, {refused} refused, {} of QoS 1 came \
             more than once, from start to listening p50 {} ms, p99 {} ms",
            self.mode,
            self.lost,
            self.twice.doubled(),
            self.twice.disordered,
            self.falsely_present,
            self.stale,
            self.once.doubled(),
            at(50),
            at(99),
        );
        let wrongs =
            [self.lost, self.twice.doubled(), self.twice.disordered, sessions, self.falsely_present, self.stale];
        assert_eq!(wrongs, [0; 6]);
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

fn run(mode: &'static str) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let kills = number("POSTRIDER_KILLS").unwrap_or(10);
    let seed = number("POSTRIDER_SEED").unwrap_or_else(|| u64::from(std::process::id()) * 7919);
    eprintln!("POSTRIDER_SEED={seed}");
    let mut town = Town::new(mode, seed);
    let broker = town.start();
    town.collect(broker.port());
    town.live(broker);
    for _ in 1..kills {
        let broker = town.start();
        town.inspect(broker.port());
        town.live(broker);
    }
    let broker = town.start();
    town.inspect(broker.port());
    town.settle(broker.port());
    town.collect(broker.port());
    if kills >= 100 {
        let until = Instant::now() + WILL_PATIENCE;
        let is_enough = |who: &Subscriber| Instant::now() > until || who.has("twice/will", 1);
        town.twice.run(broker.port(), is_enough).expect("it runs");
        assert!(town.twice.has("twice/will", 1), "the will of somebody who did not come back");
    }
    drop(broker);
    town.report(kills);
}

#[test]
fn whatever_was_acknowledged_survives_every_kill() {
    run("fsync");
}

#[test]
fn whatever_was_acknowledged_survives_every_kill_when_the_system_is_trusted() {
    run("os");
}

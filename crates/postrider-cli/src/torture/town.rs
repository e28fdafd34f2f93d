//! Everybody who uses the broker, and what is asked of it after each kill.
//!
//! Owns: the order of a round: load, kill, inspection; the books.

use super::broker::Broker;
use super::findings::{Findings, Kind};
use super::line::{Line, Trouble};
use super::newcomers::Newcomers;
use super::options::Torture;
use super::place::Place;
use super::publisher::Publisher;
use super::random::Random;
use super::recipe::Recipe;
use super::retained::Retained;
use super::round::Round;
use super::subscriber::{Owed, PROBE, Subscriber};
use crate::wire::message::message;
use anyhow::Context;
use std::sync::mpsc::Receiver;
use std::thread::{ScopedJoinHandle, scope};
use std::time::{Duration, Instant};

pub(super) struct Town<'a> {
    args: &'a Torture,
    place: Place,
    random: Random,
    publishers: Vec<Publisher>,
    retained: Retained,
    subscribers: Vec<Subscriber>,
    newcomers: Newcomers,
    pub(super) findings: Findings,
}

/// How a round ended.
pub(super) struct End {
    at: Instant,
    load: Duration,
}

/// What one kill has cost.
pub(super) struct Progress {
    pub(super) load: Duration,
    pub(super) acknowledged: usize,
    /// Copies of messages, topics with retained messages, sessions and subscriptions.
    pub(super) lost: [u64; 4],
    pub(super) restart: Duration,
}

impl<'a> Town<'a> {
    pub(super) fn new(args: &'a Torture, recipe: &Recipe, seed: u64) -> Self {
        let count = usize::from(args.publishers);
        let publisher = |index| Publisher::new(index, args.qos.of(index), args.window, args.share());
        Self {
            args,
            place: Place::new(args, recipe),
            random: Random::new(seed),
            publishers: (0..count).map(publisher).collect(),
            retained: Retained::new(count, args.qos.of(0)),
            subscribers: (0..usize::from(args.subscribers)).map(|index| Subscriber::new(index, count)).collect(),
            newcomers: Newcomers::new(0),
            findings: Findings::default(),
        }
    }

    pub(super) const fn place(&self) -> &Place {
        &self.place
    }

    /// Subscribers have their sessions before anything is published.
    pub(super) fn settle_in(&mut self) -> anyhow::Result<()> {
        self.collect(&[], 0).map(drop)
    }

    /// Everybody is at it until the broker is killed.
    pub(super) fn live(&mut self, broker: &mut Broker<'_>) -> anyhow::Result<End> {
        let load_ms = self.random.within(&self.args.load_ms);
        let moment = Duration::from_millis(self.random.within(&(0..=load_ms)));
        let load = Duration::from_millis(load_ms);
        self.findings.kills += 1;
        self.newcomers = Newcomers::new(self.findings.kills);
        let (round, idle) = Round::new(load);
        let (place, round) = (&self.place, &round);
        let publishers = self.publishers.iter_mut().chain([&mut self.retained.publisher]);
        let (newcomers, settle) = (&mut self.newcomers, self.args.settle.map(Duration::from_millis));
        let at = scope(|scope| {
            let mut clients: Vec<Client<'_>> = Vec::new();
            for publisher in publishers {
                clients.push(scope.spawn(move || noted(round, publisher.run(place, round))));
            }
            let publishing = clients.len();
            for subscriber in self.subscribers.iter_mut().filter(|subscriber| !subscriber.is_away()) {
                clients.push(scope.spawn(move || noted(round, subscriber.live(place, round))));
            }
            clients.push(scope.spawn(move || noted(round, newcomers.live(place, round, moment))));
            let mut is_early = broker.ends_within(load);
            if let Some(settle) = settle.filter(|_| !is_early) {
                wait_until_idle(round, &idle, publishing, place.wait);
                is_early = broker.ends_within(settle);
            }
            self.findings.ended_by_itself += u64::from(is_early);
            let at = broker.end(place.wait);
            round.end();
            self.findings.cut += join(clients)?;
            anyhow::Ok(at)
        })?;
        self.findings.stubborn = broker.stubborn;
        Ok(End { at, load })
    }

    /// What was acknowledged must be here; nothing that has ended may be.
    pub(super) fn inspect(&mut self, end: &End) -> anyhow::Result<Progress> {
        let kill = self.findings.kills;
        let probe = message(self.place.topic("m", PROBE), format!("0 {kill} ")).qos1().numbered(1);
        self.publish(&probe).context("publishing after the restart")?;
        let retained = self.retained.inspect(&self.place, end.at).context("looking for retained messages")?;
        let newcomers = self.newcomers.inspect(&self.place, end.at).context("looking for new sessions")?;
        let before = self.known();
        self.findings.sessions.add(newcomers.sessions);
        self.findings.subscriptions.add(newcomers.subscriptions);
        self.findings.falsely_present += newcomers.falsely_present;
        let owed = self.owed(end.at);
        self.subscribers.iter_mut().for_each(|subscriber| subscriber.is_restarted = true);
        let copies = self.collect(&owed, kill)?;
        let after = self.known();
        Ok(Progress {
            load: end.load,
            acknowledged: owed.len(),
            lost: [copies, retained, after[0] - before[0], after[1] - before[1]],
            restart: self.findings.restarts.last().copied().unwrap_or_default(),
        })
    }

    /// Publishers end what they have begun, subscribers take it, and nothing of this run is left in the broker.
    pub(super) fn finish(&mut self) -> anyhow::Result<()> {
        let round = Round::last();
        let now = Instant::now();
        let publishers = self.publishers.iter_mut().chain([&mut self.retained.publisher]);
        scope(|scope| {
            let place = &self.place;
            let clients = publishers.map(|publisher| scope.spawn(|| noted(&round, publisher.run(place, &round))));
            let clients: Vec<Client<'_>> = clients.collect();
            round.end();
            join(clients)
        })?;
        let probe = self.findings.kills + 1;
        self.publish(&message(self.place.topic("m", PROBE), format!("0 {probe} ")).qos1().numbered(1))?;
        let owed = self.owed(now);
        self.collect(&owed, probe)?;
        self.clear_up().context("ending the sessions of this run")
    }

    /// The books of everybody together.
    pub(super) fn sum_up(&mut self) -> Findings {
        let mut findings = std::mem::take(&mut self.findings);
        for publisher in self.publishers.iter().chain([&self.retained.publisher]) {
            findings.sessions.add(publisher.sessions);
            findings.refused += publisher.refused;
            findings.abandoned += publisher.abandoned;
        }
        for subscriber in &self.subscribers {
            findings.sessions.add(subscriber.sessions);
            findings.subscriptions.add(subscriber.subscriptions);
            findings.falsely_present += subscriber.falsely_present;
            findings.altered += subscriber.altered;
            for publisher in &self.publishers {
                let kind = Kind { qos: publisher.qos.as_u8(), is_away: subscriber.is_away() };
                findings.copies.entry(kind).or_default().doubled += subscriber.doubled(publisher.index);
            }
            for owed in &subscriber.missing {
                let qos = self.publishers[owed.publisher].qos.as_u8();
                findings.copies.entry(Kind { qos, is_away: subscriber.is_away() }).or_default().lose(Some(owed.age));
            }
        }
        findings.retained = self.retained.fate;
        findings.outdated = self.retained.outdated;
        findings.altered += self.retained.altered;
        findings
    }

    /// What publishers were promised since somebody asked.
    fn owed(&mut self, killed: Instant) -> Vec<Owed> {
        let mut owed = Vec::new();
        for publisher in &mut self.publishers {
            for taken in std::mem::take(&mut publisher.taken) {
                let (index, number) = (publisher.index, taken.number);
                let may_be_late = publisher.is_to_release(number);
                let age = killed.saturating_duration_since(taken.at);
                owed.push(Owed { publisher: index, number, age, may_be_late });
            }
        }
        self.findings.acknowledged += owed.len() as u64;
        for subscriber in &self.subscribers {
            for owed in &owed {
                let kind = Kind { qos: self.publishers[owed.publisher].qos.as_u8(), is_away: subscriber.is_away() };
                self.findings.copies.entry(kind).or_default().owed += 1;
            }
        }
        owed
    }

    /// Subscribers take everything that they are owed, all at the same time; says how many copies did not come.
    fn collect(&mut self, owed: &[Owed], probe: u32) -> anyhow::Result<u64> {
        let place = &self.place;
        let lost: Result<u64, Trouble> = scope(|scope| {
            let collect = |subscriber: &'_ mut Subscriber| subscriber.collect(place, owed, probe);
            let subscribers = self.subscribers.iter_mut();
            let threads: Vec<_> = subscribers.map(|subscriber| scope.spawn(move || collect(subscriber))).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .sum()
        });
        lost.context("reading what is owed to subscribers")
    }

    /// Sessions and subscriptions that are known to be lost.
    fn known(&self) -> [u64; 2] {
        let subscribers = self.subscribers.iter();
        let publishers = self.publishers.iter().chain([&self.retained.publisher]).map(|one| one.sessions.lost);
        let sessions = subscribers.clone().map(|one| one.sessions.lost).chain(publishers).sum::<u64>();
        let subscriptions = subscribers.map(|one| one.subscriptions.lost).sum::<u64>();
        [sessions + self.findings.sessions.lost, subscriptions + self.findings.subscriptions.lost]
    }

    /// A message by somebody who is there for nothing else; it is acknowledged.
    fn publish(&self, message: &crate::wire::message::Message) -> Result<(), Trouble> {
        let (mut line, _) = Line::enter(&self.place, &self.place.hello("prober"))?;
        line.publish(message)?;
        line.answer()?;
        line.leave();
        Ok(())
    }

    fn clear_up(&self) -> Result<(), Trouble> {
        let publishers = self.publishers.iter().chain([&self.retained.publisher]).map(Publisher::id);
        for id in publishers.chain(self.subscribers.iter().map(Subscriber::id)) {
            Line::enter(&self.place, &self.place.hello(&id))?.0.leave();
        }
        self.retained.clear(&self.place)
    }
}

/// A client's part of a round, and whether it ended too early.
type Client<'s> = ScopedJoinHandle<'s, (bool, Result<(), Trouble>)>;

fn noted(round: &Round, ended: Result<(), Trouble>) -> (bool, Result<(), Trouble>) {
    (round.is_early(), ended)
}

/// Waits for all clients; says how many connections broke too early.
fn join(clients: Vec<Client<'_>>) -> anyhow::Result<u64> {
    let mut cut = 0;
    for client in clients {
        let (is_early, ended) = client.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match ended {
            Ok(()) => {}
            // That is what a kill looks like.
            Err(Trouble::Broken(_)) => cut += u64::from(is_early),
            Err(trouble) => return Err(trouble.into()),
        }
    }
    Ok(cut)
}

/// Publishers end what they have begun, and begin nothing.
fn wait_until_idle(round: &Round, idle: &Receiver<()>, publishers: usize, wait: Duration) {
    round.settle();
    for _ in 0..publishers {
        // Whoever gets no answer keeps nobody from the kill.
        if idle.recv_timeout(wait).is_err() {
            return;
        }
    }
}

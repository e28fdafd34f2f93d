//! The same for those who trust the system: the last moments may be gone, and what is there is what there was once.

use super::outage::Machine;
use crate::broker::Broker;
use crate::town::line::Line;
use crate::town::publisher::{Kind, Publisher};
use crate::town::subscriber::{Subscriber, look_around};
use crate::town::{Count, Plan};
use postrider_journal::Loss;
use postrider_proto::{Packet, Version};
use postrider_testkit::{Hello, publish};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What an outage may take: 200 ms, and as long as a sync takes.
const GONE_MAX: Duration = Duration::from_millis(200 + 50);
/// How often the test looks how late this machine wakes somebody.
const NAP: Duration = Duration::from_millis(5);

/// What was found after all outages.
#[derive(Default)]
struct Findings {
    acknowledged: Count,
    gone: Count,
    gone_for: Duration,
    lost: Count,
    holes: Count,
    wrongly_retained: Count,
    sessions_lost: Count,
}

#[test]
fn an_outage_takes_the_last_moments_and_leaves_what_there_was_before_them() {
    let mut plan = Plan::new("POSTRIDER_CUTS", 3);
    let (machine, cuts) = (Machine::new("os", &mut plan), plan.rounds);
    let mut reader = Subscriber::new("reader", "#", 1);
    let mut findings = Findings::default();
    // Whoever stops in peace leaves nothing to lose.
    reader.run(machine.start().port(), |_| true).expect("it runs");
    for cut in 0..cuts {
        let mut speakers = speakers(cut);
        let outage = machine.plan_outage(&mut plan, 250, 900);
        let (began, late) = speak(&mut speakers, machine.start(), |broker| machine.lose_power(broker, outage));
        let loss = machine.come_back(cut);
        let broker = machine.start();
        listen(&mut reader, &broker, cut);
        for speaker in &speakers {
            // Whoever syncs, and the disk itself, may both have been woken late.
            let gone_max = if loss == Loss::Nothing { None } else { Some(GONE_MAX + 2 * late) };
            findings.look_at(speaker, &reader, began, gone_max);
        }
        findings.look_for_holes(&speakers, &reader);
        findings.look_at_retained(speakers.last().expect("some"), &reader, &broker);
    }
    findings.sessions_lost = reader.sessions_lost;
    findings.report(cuts);
}

fn speakers(cut: u64) -> Vec<Publisher> {
    let kinds = [Kind::Once, Kind::Once, Kind::Once, Kind::Twice, Kind::Twice, Kind::Retained];
    let ids = (0..).map(|number| format!("{cut}-{number}"));
    ids.zip(kinds).map(|(id, kind)| Publisher::new(&id, kind).with_diary()).collect()
}

/// Everybody speaks until the end; says when that was, and how late the machine was meanwhile.
fn speak(speakers: &mut [Publisher], broker: Broker, end: impl FnOnce(Broker) -> Instant) -> (Instant, Duration) {
    let (port, is_over) = (broker.port(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for speaker in speakers {
            scope.spawn(move || speaker.run(port, &AtomicBool::new(false)));
        }
        let watch = scope.spawn(|| lateness(&is_over));
        let began = end(broker);
        is_over.store(true, Ordering::Relaxed);
        (began, watch.join().expect("it only looks"))
    })
}

/// The longest that somebody slept beyond what was asked for.
fn lateness(is_over: &AtomicBool) -> Duration {
    let mut most = Duration::ZERO;
    while !is_over.load(Ordering::Relaxed) {
        let asleep = Instant::now();
        std::thread::sleep(NAP);
        most = most.max(asleep.elapsed().saturating_sub(NAP));
    }
    most
}

/// The reader gets all there is, up to a message that is the last.
fn listen(reader: &mut Subscriber, broker: &Broker, cut: u64) {
    let last = format!("last/{cut}");
    let (mut line, _) = Line::enter(broker.port(), &Hello::new("last")).expect("it runs");
    line.send(&publish(&last, "1").q1(1).bytes(Version::V5)).expect("it runs");
    line.wait(|packet| assert!(matches!(packet, Packet::Ack(_)), "{packet:?}")).expect("it runs");
    reader.run(broker.port(), |who| who.has(&last, 1)).expect("it runs");
}

impl Findings {
    /// Everything before the last moments is there, all of it if none may be gone, and nothing after what is missing.
    fn look_at(&mut self, speaker: &Publisher, reader: &Subscriber, began: Instant, gone_max: Option<Duration>) {
        let mut is_over = false;
        for (number, moments) in speaker.diary() {
            let is_there = reader.has(&speaker.topic(number), number);
            self.holes += Count::from(is_there && is_over);
            is_over |= !is_there;
            let Some(taken) = moments.taken else { continue };
            self.acknowledged += 1;
            if !is_there {
                let age = began.saturating_duration_since(taken);
                self.gone += 1;
                self.gone_for = self.gone_for.max(age);
                self.lost += Count::from(gone_max.is_none_or(|most| age > most));
            }
        }
    }

    /// Nothing is there that was begun when something missing had been acknowledged, whoever it was.
    fn look_for_holes(&mut self, speakers: &[Publisher], reader: &Subscriber) {
        let all = || speakers.iter().flat_map(|speaker| speaker.diary().map(move |entry| (speaker, entry)));
        let (there, missing): (Vec<_>, Vec<_>) =
            all().partition(|(speaker, (number, _))| reader.has(&speaker.topic(*number), *number));
        let Some(latest) = there.iter().map(|(_, (_, moments))| moments.sent).max() else { return };
        let is_hole = |taken: Option<Instant>| taken.is_some_and(|taken| taken < latest);
        self.holes += missing.iter().filter(|(_, (_, moments))| is_hole(moments.taken)).count() as Count;
    }

    /// A message and what its topic retains are there together, or none of the two is.
    fn look_at_retained(&mut self, speaker: &Publisher, reader: &Subscriber, broker: &Broker) {
        let mut expected = std::collections::HashMap::new();
        for (number, _) in speaker.diary() {
            let topic = speaker.topic(number);
            if reader.has(&topic, number) {
                expected.insert(topic, number);
            }
        }
        let filter = speaker.topic(0).rsplit_once('/').expect("two levels").0.to_owned();
        let found = look_around(broker.port(), &format!("{filter}/+"), expected.len()).expect("it runs");
        self.wrongly_retained += Count::from(found != expected);
    }

    fn report(&self, cuts: u64) {
        let Self { acknowledged, gone, gone_for, lost, holes, wrongly_retained, sessions_lost } = self;
        eprintln!(
            "proof cuts-os: {cuts} cuts, {acknowledged} acknowledged, {gone} of the last moments gone, {} ms of them \
             at most, {lost} lost, {holes} holes, {wrongly_retained} wrongly retained, {sessions_lost} sessions lost",
            gone_for.as_millis(),
        );
        assert_eq!([lost, holes, wrongly_retained, sessions_lost], [&0; 4]);
    }
}

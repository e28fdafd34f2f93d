//! A disk that refuses one call, whichever it is, and a disk that is full.
//!
//! `POSTRIDER_FAULTS` says up to which call of a server each is refused once.

mod case;
mod full;
mod inspection;
mod load;

use crate::broker::Broker;
use crate::town::line::Line;
use crate::town::{Count, lasting};
use case::Case;
use postrider_faultfs::Mount;
use postrider_journal::{Refusal, SimulatedDisk};
use postrider_proto::{Packet, Version};
use postrider_testkit::{Hello, publish, subscribe};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What came of all cases.
#[derive(Default)]
struct Findings {
    faults: Count,
    not_started: Count,
    ended: Count,
    went_on: Count,
    acknowledged: Count,
    refused: Count,
    late: Count,
    lost: Count,
    sessions_lost: Count,
    stale: Count,
    /// From the refusal to the end of the process.
    exits: Vec<Duration>,
}

/// A first start is over by then.
const FIRST_CALLS: u64 = 15;

#[test]
fn nothing_acknowledged_is_lost_and_nobody_is_told_otherwise_whichever_call_the_device_fails() {
    run("broken", Refusal::Broken);
}

#[test]
fn nothing_acknowledged_is_lost_and_nobody_is_told_otherwise_whichever_call_finds_no_room() {
    run("room", Refusal::Full);
}

#[test]
fn nothing_acknowledged_is_lost_and_nobody_is_told_otherwise_whichever_write_is_short() {
    run("short", Refusal::Short);
}

fn run(name: &str, refusal: Refusal) {
    let last = std::env::var("POSTRIDER_FAULTS").ok().and_then(|text| text.parse().ok()).unwrap_or(50);
    let place = place(&format!("faults-{name}"));
    let mut findings = Findings::default();
    for (disk, last) in [(SimulatedDisk::new(1), FIRST_CALLS.min(last)), (lived_in(&place), last)] {
        // Between two writes there is a sync at least.
        let step = if refusal == Refusal::Short { 2 } else { 1 };
        for call in (1..=last).step_by(step) {
            Case { disk: disk.duplicate(), call, refusal }.run(&place, &mut findings);
        }
    }
    findings.report(name);
}

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn mount(path: &Path, disk: &SimulatedDisk) -> Mount {
    Mount::new(path, disk).unwrap_or_else(|error| panic!("{error}"))
}

/// A disk on which two servers have lived already.
fn lived_in(place: &Path) -> SimulatedDisk {
    let disk = SimulatedDisk::new(2);
    let mount = mount(place, &disk);
    for _ in 0..2 {
        let broker = Broker::keeping(mount.path(), &[]);
        let mut reader = Line::enter(broker.port(), &lasting("early")).expect("it runs").0;
        reader.send(&subscribe(1, "early", 1).bytes(Version::V5)).expect("it runs");
        while !reader.wait(|packet| matches!(packet, Packet::Suback(_))).expect("it runs") {}
        let mut writer = Line::enter(broker.port(), &Hello::new("writer")).expect("it runs").0;
        for id in 1..=20 {
            writer.send(&publish("early", "1").q1(id).retain().bytes(Version::V5)).expect("it runs");
            writer.wait(|packet| assert!(matches!(packet, Packet::Ack(_)))).expect("it runs");
        }
    }
    let disk = disk.duplicate();
    drop(mount);
    disk
}

impl Findings {
    fn report(&mut self, name: &str) {
        self.exits.sort();
        let exit = |percent| self.exits.get(self.exits.len().saturating_sub(1) * percent / 100).copied();
        let (half, most) = (exit(50).unwrap_or_default(), exit(100).unwrap_or_default());
        let Self {
            faults, not_started, ended, went_on, acknowledged, refused, late, lost, sessions_lost, stale, ..
        } = self;
        eprintln!(
            "proof faults-{name}: {faults} faults, {not_started} servers did not start, {ended} ended, {went_on} went on, \
             {acknowledged} acknowledged, {refused} refused, {late} acknowledged after the failure, {lost} lost, \
             {sessions_lost} sessions lost, {stale} retained too old, {} ms to the exit p50, {} ms to the exit at most",
            half.as_millis(),
            most.as_millis(),
        );
        assert_eq!([late, lost, sessions_lost, stale], [&0; 4]);
        assert!(most < EXIT_MAX, "{most:?}");
    }
}

/// What may pass from a refusal to the end of the process: 100 ms, and more where many others want the processors.
const EXIT_MAX: Duration = Duration::from_secs(1);

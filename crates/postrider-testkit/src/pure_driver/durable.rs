//! The pure driver's side of a log: what waits for it, and what comes back after a crash.
//!
//! Owns: the gates of each link.

use super::{LinkEnd, Pace, PureDriver};
use crate::memory_log::{Entry, Found, MemoryLog, Released, Remains};
use crate::witness::Witnessed;
use bytes::Bytes;
use postrider_engine::{Effect, Engine, Input, Lane, Limits, Recovery, Seeds, Tray};
use postrider_ports::{PartitionId, Ticket};
use postrider_proto::{Packet, Version, split};
use postrider_session::{Mono, Now, Sequence, Wall};
use std::collections::VecDeque;

/// Bytes of a link that wait for a record.
#[derive(Debug)]
pub(super) struct Gated {
    pub(super) gate: Sequence,
    pub(super) bytes: Vec<u8>,
    pub(super) lane: Lane,
}

/// What an engine did with its log, in order, for somebody who keeps a log of his own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogStep {
    /// This record was appended.
    Append(Sequence),
    /// This one was released.
    Release(Sequence),
}

/// What the driver keeps for its log.
#[derive(Debug)]
pub struct Shelf {
    /// The log.
    pub log: MemoryLog,
    /// When it becomes durable.
    pub commits: Pace,
    /// When records are read back.
    pub loads: Pace,
    /// Records that are to be read back.
    pub asked: VecDeque<(Ticket, Vec<Sequence>)>,
    /// What was done, as long as somebody takes it away.
    pub steps: Vec<LogStep>,
    /// Room for ordinary records, in bytes, as the next commit says.
    pub room: u64,
    /// Whether the device is full, as the next commit says.
    pub is_full: bool,
    /// When this process began.
    pub began: Wall,
    /// The last record that the witness has heard of.
    noted: Sequence,
    partition: PartitionId,
    seed: u64,
    starts: u64,
}

/// The kind of record that is written when acknowledgements have come, whenever there is time.
const FLOWS: u8 = 9;

impl PureDriver {
    /// An engine with an empty log.
    #[must_use]
    pub fn durable(limits: Limits, partition: PartitionId, seed: u64, now: Now) -> Self {
        let mut driver = Self::new(limits, partition, seed);
        driver.shelf = Some(Shelf {
            log: MemoryLog::default(),
            commits: Pace::WhenTold,
            loads: Pace::AtOnce,
            asked: VecDeque::new(),
            steps: Vec::new(),
            room: 1 << 40,
            is_full: false,
            began: now.wall,
            noted: Sequence::NONE,
            partition,
            seed,
            starts: 0,
        });
        driver.restart(now, &Found::new(), Sequence::NONE);
        driver
    }

    /// Everything that was appended becomes durable.
    pub fn commit(&mut self, now: Now) {
        let last = self.shelf.as_ref().map_or(Sequence::NONE, |shelf| shelf.log.last());
        self.commit_through(now, last);
    }

    /// Everything up to a record becomes durable: what waited for that leaves, and the engine hears of it.
    pub fn commit_through(&mut self, now: Now, through: Sequence) {
        let now = self.local(now);
        self.on_durable(now, through);
    }

    fn on_durable(&mut self, now: Now, through: Sequence) {
        let Some(shelf) = &mut self.shelf else { return };
        shelf.log.commit(through);
        let (through, room, is_full) = (shelf.log.durable(), shelf.room, shelf.is_full);
        for at in 0..self.links.len() {
            self.open_gates(at, through);
        }
        self.engine.handle(now, Input::Committed { through, room, is_full }, &mut self.tray);
        self.apply(now);
    }

    fn open_gates(&mut self, at: usize, through: Sequence) {
        let link = &mut self.links[at];
        while let Some(gated) = link.gated.pop_front_if(|gated| gated.gate <= through) {
            link.output.extend(&gated.bytes);
            if gated.lane == Lane::Data {
                link.charged += u32::try_from(gated.bytes.len()).unwrap_or(u32::MAX);
            }
        }
    }

    /// Bytes that wait for the log.
    #[must_use]
    pub fn gated_len(&self, at: usize) -> usize {
        self.links[at].gated.iter().map(|gated| gated.bytes.len()).sum()
    }

    /// Reads back what was asked for first.
    pub fn load(&mut self, now: Now) {
        let now = self.local(now);
        self.load_next(now);
    }

    fn load_next(&mut self, now: Now) {
        let Some(shelf) = &mut self.shelf else { return };
        let Some((ticket, sequences)) = shelf.asked.pop_front() else { return };
        let records = shelf.log.load(&sequences);
        self.engine.handle(now, Input::Loaded { ticket, records }, &mut self.tray);
        self.apply(now);
    }

    /// The process ends and another begins with these records: all connections are gone.
    pub fn restart(&mut self, now: Now, found: &Found, last: Sequence) {
        let limits = self.engine.limits().clone();
        let Some(shelf) = &mut self.shelf else { return };
        shelf.starts += 1;
        shelf.asked.clear();
        shelf.steps.clear();
        shelf.log.restart(found, last);
        shelf.noted = last;
        shelf.began = now.wall;
        let seeds = Seeds { hash: shelf.seed, ids: u128::from(shelf.seed) << 64 | u128::from(shelf.starts) };
        let partition = shelf.partition;
        // Every other time the machine begins anew too, and its clock with it.
        if shelf.starts.is_multiple_of(2) {
            self.origin = Mono(now.mono.0.saturating_sub(10));
        }
        for link in &mut self.links {
            link.end = LinkEnd::Gone;
            link.gated.clear();
            link.output.clear();
            link.input.clear();
        }
        self.questions.clear();
        self.answers.clear();
        self.events.clear();
        self.forwards.clear();
        self.passed = postrider_engine::Passed::default();
        self.tray = Tray::new();
        let now = self.local(now);
        match recover(limits, partition, seeds, now, found, last, &mut self.tray) {
            Ok(engine) => self.engine = engine,
            Err(error) => _ = self.broken.get_or_insert(error),
        }
        self.apply(now);
        self.on_durable(now, last);
    }

    /// What a second engine makes of some records, without anything of it being done.
    ///
    /// # Errors
    /// A record is not what it should be.
    pub fn recovered(&self, now: Now, found: &Found) -> Result<Engine, String> {
        let Some(shelf) = &self.shelf else { return Err("there is no log".to_owned()) };
        let seeds = Seeds { hash: shelf.seed, ids: 0 };
        let (limits, now) = (self.engine.limits().clone(), self.local(now));
        recover(limits, shelf.partition, seeds, now, found, shelf.log.last(), &mut Tray::new())
    }

    /// Whether what could be found after a crash says what the living engine would: all records, those that are
    /// needed alone, and those with any of the others. `state` puts what is durable into words.
    ///
    /// # Errors
    /// Two of them differ, or a record is not what it should be.
    pub fn check_log(&self, now: Now, seed: u64, state: impl Fn(&Engine) -> String) -> Result<(), String> {
        let Some(shelf) = &self.shelf else { return Ok(()) };
        let all = Remains { unsynced: usize::MAX, released: Released::Kept };
        let some = Remains { released: Released::Some(seed), ..all };
        let found = [
            ("all records", shelf.log.remains(all).0),
            ("the needed ones", shelf.log.needed()),
            ("some of the others", shelf.log.remains(some).0),
        ];
        let expected = state(&self.engine);
        // What had its time at the beginning has it.
        let now = Now { wall: shelf.began, ..now };
        for (what, found) in found {
            let engine = self.recovered(now, &found)?;
            postrider_engine::check_all(&engine).map_err(|error| format!("{error} after {what}"))?;
            let recovered = state(&engine);
            let expected = without_lost_groups(&expected, &recovered);
            if recovered != expected {
                return Err(format!("{what} say something else: {}", difference(&expected, &recovered)));
            }
        }
        Ok(())
    }

    /// An effect on the log.
    pub(super) fn shelve(&mut self, effect: Effect, bytes: &[u8]) {
        let Some(shelf) = &mut self.shelf else {
            self.broken.get_or_insert_with(|| "an engine in memory has a log".to_owned());
            return;
        };
        match effect {
            Effect::Append { kind, range, urgency, importance } => {
                let payload = &bytes[range.start as usize..range.end as usize];
                let sequence = shelf.log.append(kind, payload, urgency, importance);
                shelf.steps.push(LogStep::Append(sequence));
            }
            Effect::Release(sequence) => {
                if let Err(error) = shelf.log.release(sequence) {
                    self.broken.get_or_insert(error);
                }
                shelf.steps.push(LogStep::Release(sequence));
            }
            Effect::Load { ticket, sequences } => shelf.asked.push_back((ticket, sequences.into())),
            _ => {}
        }
    }

    /// Says to the witness which records came of one input.
    pub(super) fn note_logged(&mut self) {
        let (Some(shelf), Some(witness)) = (&mut self.shelf, &mut self.witness) else { return };
        // What is said of acknowledgements that came is late by nature, and belongs to no input.
        let is_own = |(_, entry): &(&Sequence, &Entry)| entry.kind != FLOWS;
        let own = shelf.log.entries().range(shelf.noted.next()..).filter(is_own).last();
        let through = own.map_or(shelf.noted, |(sequence, _)| *sequence);
        witness.push(Witnessed::Logged { from: shelf.noted, through });
        shelf.noted = shelf.log.last();
    }

    /// What goes by itself.
    pub(super) fn keep_pace(&mut self, now: Now) {
        while self.shelf.as_ref().is_some_and(|shelf| shelf.loads == Pace::AtOnce && !shelf.asked.is_empty()) {
            self.load_next(now);
        }
        let Some(shelf) = &self.shelf else { return };
        if shelf.commits == Pace::AtOnce && shelf.log.durable() < shelf.log.last() {
            self.on_durable(now, shelf.log.last());
        }
    }
}

/// Without the groups that the other text does not know: those whose durable members have all left end with the process.
fn without_lost_groups(text: &str, other: &str) -> String {
    let name = |line: &str| line.strip_prefix("group ").and_then(|rest| rest.split(' ').next()).map(str::to_owned);
    let is_known =
        |line: &&str| name(line).is_none_or(|group| other.lines().any(|line| name(line) == Some(group.clone())));
    text.lines().filter(is_known).map(|line| format!("{line}\n")).collect()
}

/// The lines that only one of two texts has.
fn difference(expected: &str, found: &str) -> String {
    let only = |one: &str, other: &str| {
        let lines: Vec<&str> = one.lines().filter(|line| !other.lines().any(|other| other == *line)).take(6).collect();
        lines.join(" | ")
    };
    format!("the engine alone has [{}], the records alone have [{}]", only(expected, found), only(found, expected))
}

fn recover(
    limits: Limits,
    partition: PartitionId,
    seeds: Seeds,
    now: Now,
    found: &Found,
    last: Sequence,
    tray: &mut Tray,
) -> Result<Engine, String> {
    let mut recovery = Recovery::new(limits, partition, seeds, now);
    for (sequence, (kind, payload)) in found {
        let taken = recovery.replay(*sequence, *kind, payload);
        taken.map_err(|error| format!("record {sequence:?} of kind {kind} is refused: {error}"))?;
    }
    Ok(recovery.finish(now, last, tray))
}

/// What is left of what waits for the log when a link is parted: a good-bye at the end, unless its client was not told
/// yet that it is in.
pub(super) fn farewell(gated: &VecDeque<Gated>, version: Version) -> Vec<u8> {
    let bytes: Vec<u8> = gated.iter().flat_map(|gated| &gated.bytes).copied().collect();
    let source = Bytes::from(bytes);
    let (mut rest, mut words) = (&source[..], &source[..0]);
    while let Ok(Some(frame)) = split(rest, usize::MAX) {
        words = match Packet::decode(frame, version) {
            Ok(Packet::Connack(_)) => return Vec::new(),
            Ok(Packet::Disconnect(_)) => &rest[..frame.len],
            _ => &[],
        };
        rest = &rest[frame.len..];
    }
    words.to_vec()
}

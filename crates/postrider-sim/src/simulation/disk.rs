//! The broker's log on a simulated disk.
//!
//! Owns: when something is written, synced, read back and compacted, and when the broker crashes.

use super::Simulation;
use super::faults::Faults;
use crate::oracle::{Crash, Room};
use crate::random::Random;
use postrider_engine::{Importance, KINDS_KEPT};
use postrider_journal::{AppendError, Compaction, Creation, Kinds, Log, Options, ReadError, SimulatedDisk, StoreId};
use postrider_ports::{Answer, DropReason, Question, Ticket};
use postrider_session::Sequence;
use postrider_testkit::LogStep;

/// A disk and the log on it.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) disk: SimulatedDisk,
    pub(super) log: Option<Log<SimulatedDisk>>,
    pub(super) mode: Mode,
    /// After how many more steps the broker ends of what was refused.
    pub(super) refused: Option<usize>,
    /// Whether it ever runs full.
    pub(super) fills: bool,
    pub(super) options: Options,
    pub(super) faults: Faults,
}

/// What durable means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Safe from a loss of power.
    Fsync,
    /// Safe from the end of the process.
    Os,
}

/// So much room for new records is asked for where the device may run full.
pub(super) const ROOM_BYTES: u64 = 12_000;
/// The engine lets new messages wait below this.
const ENOUGH_BYTES: u64 = 2 * 1024 * 1024;
/// The largest thing that one input appends here.
const INPUT_BYTES: u64 = 4000;

impl Device {
    pub(super) fn new(seed: u64, random: &mut Random) -> Self {
        let keep_while_older = KINDS_KEPT.into_iter().fold(Kinds::none(), Kinds::with);
        let fills = random.once_in(4);
        let options = Options {
            segment_bytes: if fills { 32_768 } else { random.pick(&[8192, 16_384]) },
            reserve_bytes: 8192,
            group_bytes_max: random.pick(&[300, 1500, 4000]),
            group_records_max: random.pick(&[1, 8, 100]),
            index_bytes_max: random.pick(&[2000, 1_000_000]),
            keep_while_older,
            ..Options::new(Creation::Allowed(StoreId([9; 16])))
        };
        let mode = if random.once_in(5) { Mode::Os } else { Mode::Fsync };
        let faults = Faults::new(seed);
        Self { disk: SimulatedDisk::new(seed), log: None, mode, refused: None, fills, options, faults }
    }

    pub(super) fn is_off(&self) -> bool {
        self.disk.is_off()
    }

    /// What an error means: the power went, or the device refused.
    fn note(&mut self, random: &mut Random) {
        if !self.is_off() && self.refused.is_none() {
            self.refused = Some(random.below(40));
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_off() || self.refused.is_some()
    }

    fn is_decayed(&self) -> bool {
        !self.disk.decayed().is_empty()
    }
}

impl Simulation {
    /// Opens the log for the first time.
    pub(super) fn begin(&mut self) -> Result<(), String> {
        let Some(device) = &mut self.device else { return Ok(()) };
        let (log, _) = Log::open(device.disk.clone(), device.options.clone()).map_err(|error| error.to_string())?;
        device.log = Some(log);
        if self.tries_cuts {
            (device.mode, device.faults) = (Mode::Fsync, Faults::none());
            device.disk.keep_history();
        }
        self.commit()
    }

    /// Appends and releases what the engine has asked for.
    pub(super) fn write_log(&mut self) -> Result<(), String> {
        self.append_steps()?;
        self.try_cuts()
    }

    fn append_steps(&mut self) -> Result<(), String> {
        let (Some(device), Some(shelf)) = (&mut self.device, &mut self.drivers[0].shelf) else { return Ok(()) };
        let steps = std::mem::take(&mut shelf.steps);
        if device.is_over() {
            // Numbers have gone astray: nothing counts any more.
            return Ok(());
        }
        for step in steps {
            let Some(log) = device.log.as_mut() else { return Ok(()) };
            if self.is_verbose {
                let of = |sequence| shelf.log.entries().get(sequence).map(|entry| entry.kind);
                match &step {
                    LogStep::Append(sequence) => {
                        println!("               {} is appended, kind {:?}", sequence.0, of(sequence))
                    }
                    LogStep::Release(sequence) => {
                        println!("               {} is released, kind {:?}", sequence.0, of(sequence))
                    }
                }
            }
            match step {
                LogStep::Append(sequence) => {
                    self.report.records += 1;
                    let Some(entry) = shelf.log.entries().get(&sequence) else { continue };
                    let appended = match entry.importance {
                        Importance::Ordinary => log.append(entry.kind, &[&entry.payload]),
                        Importance::Essential => log.append_essential(entry.kind, &[&entry.payload]),
                    };
                    match appended {
                        Ok(given) if given.number() == sequence.0 => {}
                        Ok(given) => return Err(format!("record {sequence:?} is called {given}")),
                        Err(AppendError::Fault(_)) => device.note(&mut self.random),
                        Err(error) if device.is_over() => drop(error),
                        Err(error) => {
                            let what = (entry.kind, entry.payload.len(), entry.importance);
                            return Err(format!("{sequence:?} {what:?} was appended without room: {error:?}"));
                        }
                    }
                }
                LogStep::Release(sequence) => match log.release(journal(sequence)) {
                    Ok(()) => {}
                    Err(ReadError::Damaged(_)) if device.is_decayed() => device.note(&mut self.random),
                    Err(_) if device.is_over() => {}
                    Err(error) => return Err(format!("{sequence:?} cannot be released: {error:?}")),
                },
            }
            if device.is_over() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Everything that was appended becomes durable, and the engine hears of it.
    pub(super) fn commit(&mut self) -> Result<(), String> {
        self.settle()?;
        let now = self.now.mono;
        let is_ready = |device: &&mut Device| !device.is_over() && device.faults.stalled_until <= now;
        let Some(device) = self.device.as_mut().filter(is_ready) else { return Ok(()) };
        let Some(log) = &mut device.log else { return Ok(()) };
        let before = log.usage().segments;
        let through = match device.mode {
            Mode::Fsync => log.commit(),
            Mode::Os => log.write(),
        };
        let done = through.and_then(|through| {
            self.report.segments_removed += before.saturating_sub(log.usage().segments) as u64;
            Ok((through, log.prepare(if device.fills { ROOM_BYTES } else { 0 })?))
        });
        self.try_cuts()?;
        let Some(device) = &mut self.device else { return Ok(()) };
        match done {
            Err(_) => {
                device.note(&mut self.random);
                Ok(())
            }
            Ok((through, room)) => {
                if let Some(shelf) = self.drivers[0].shelf.as_mut().filter(|_| device.fills) {
                    (shelf.room, shelf.is_full) = told(room.ordinary);
                    self.oracle.room = if shelf.is_full { Room::None } else { Room::Some };
                }
                let before = self.drivers[0].shelf.as_ref().map_or(0, |shelf| shelf.log.durable().0);
                let part = device.faults.part_way(before, through.number());
                for through in part.into_iter().chain([through.number()]).map(Sequence) {
                    self.oracle.on_durable(through)?;
                    self.drivers[0].commit_through(self.now, through);
                    self.settle()?;
                }
                Ok(())
            }
        }
    }

    /// Now and then while time passes.
    pub(super) fn commit_some(&mut self) -> Result<(), String> {
        if self.device.is_some() && self.random.once_in(3) { self.commit() } else { Ok(()) }
    }

    /// What happens between two steps.
    pub(super) fn live_with_disk(&mut self) -> Result<(), String> {
        if self.device.is_none() {
            return Ok(());
        }
        match self.random.below(300) {
            225..=234 if self.tries_cuts => {}
            0..=119 => self.commit()?,
            120..=209 => self.read_back()?,
            210..=224 => {
                self.compact();
                self.try_cuts()?;
            }
            225 => self.cut_power_soon(),
            226 if self.random.once_in(3) => self.break_soon(),
            227 => return self.crash(),
            228..=229 => self.fill(),
            230..=233 => self.make_room(),
            240..=259 => self.compare()?,
            234 if self.random.once_in(3) => return self.stop_in_order(),
            _ => {}
        }
        self.stall();
        self.decay_some(60);
        let Some(device) = &mut self.device else { return Ok(()) };
        let is_time = device.refused.as_mut().is_some_and(|steps| {
            *steps = steps.saturating_sub(1);
            *steps == 0
        });
        if !is_time && !device.is_off() {
            return Ok(());
        }
        self.crash()?;
        // What a recovery has appended may be lost like anything else.
        if self.random.once_in(6) { self.crash() } else { Ok(()) }
    }

    /// What could be found after a crash is compared with the living engine.
    fn compare(&mut self) -> Result<(), String> {
        let seed = self.random.next_u64();
        let driver = &self.drivers[0];
        if !postrider_engine::is_settled(&driver.engine) || driver.engine.has_work() {
            return Ok(());
        }
        self.report.compared += 1;
        driver.check_log(self.now, seed, postrider_engine::durable_state)
    }

    fn compact(&mut self) {
        let Some(device) = self.device.as_mut().filter(|device| !device.is_over()) else { return };
        match device.log.as_mut().map(|log| log.compact(700)) {
            None | Some(Ok(Compaction::Idle | Compaction::Copied(_) | Compaction::Full)) => {}
            Some(Ok(Compaction::Damaged(damage))) if device.is_decayed() => {
                self.report.decays_noticed += 1;
                self.say(|| format!("compaction leaves it alone: {damage}"));
            }
            Some(Ok(Compaction::Damaged(damage))) => self.fail(format!("compaction says {damage}")),
            Some(Err(_)) => device.note(&mut self.random),
        }
    }

    /// Reads back what the engine has asked for, if it is written.
    pub(super) fn read_back(&mut self) -> Result<(), String> {
        let (Some(device), Some(shelf)) = (&mut self.device, &self.drivers[0].shelf) else { return Ok(()) };
        let (Some((_, sequences)), Some(log)) = (shelf.asked.front(), &mut device.log) else { return Ok(()) };
        if device.disk.is_off() || device.refused.is_some() {
            return Ok(());
        }
        if sequences.iter().any(|sequence| sequence.0 > log.written().number()) {
            return Ok(());
        }
        for sequence in sequences {
            let mut payload = Vec::new();
            let read = log.read(journal(*sequence), &mut payload);
            let expected = shelf.log.entries().get(sequence).filter(|entry| entry.released.is_none());
            match (read, expected) {
                (Ok(_), Some(entry)) if entry.payload == payload => {}
                (Ok(_), None) | (Err(_), None) => {}
                // The broker ends of what it cannot read.
                (Err(ReadError::Damaged(_)), _) if !device.disk.decayed().is_empty() => {
                    self.report.decays_noticed += 1;
                    device.note(&mut self.random);
                    return Ok(());
                }
                (read, _) => return Err(format!("{sequence:?} was read as {read:?} and {} bytes", payload.len())),
            }
        }
        self.drivers[0].load(self.now);
        self.settle()
    }

    /// An administrator stops the broker, and it begins again.
    fn stop_in_order(&mut self) -> Result<(), String> {
        self.stop()?;
        if let Some(device) = &mut self.device {
            device.faults.stalled_until = self.now.mono;
        }
        self.commit()?;
        let Some(device) = self.device.as_mut().filter(|device| !device.is_over()) else { return self.crash() };
        if let Some(log) = device.log.take() {
            match log.close() {
                Ok(_) => self.report.stops += 1,
                Err(_) => device.note(&mut self.random),
            }
        }
        self.end_and_begin()
    }

    /// The broker ends without a word.
    pub(super) fn crash(&mut self) -> Result<(), String> {
        self.settle()?;
        self.report.crashes += 1;
        self.end_and_begin()
    }

    /// After a while the broker begins again with what is on the disk.
    fn end_and_begin(&mut self) -> Result<(), String> {
        self.note_drops();
        let at_ms = self.now.mono.0;
        for number in 0..self.clients.len() {
            // What was on its way may arrive.
            if self.random.once_in(2) {
                self.see_some(number);
            }
            if self.clients[number].connection.take().is_some() {
                self.clients[number].cuts += 1;
            }
        }
        self.settle()?;
        self.left.clear();
        let away_ms = self.random.pick(&[0, 30, 1000, 7000, 40_000]);
        self.set_time(self.now.mono.plus_ms(away_ms));
        let (found, last) = loop {
            if let Some(found) = self.open_again()? {
                break found;
            }
        };
        let back_ms = self.now.mono.0;
        self.drivers[0].restart(self.now, &found, last);
        self.oracle.crash(last, Crash { at_ms, back_ms })?;
        self.report.forks += u64::from(self.oracle.stories() > 1);
        self.settle()
    }

    /// The engine's counts of what was dropped end with it.
    fn note_drops(&mut self) {
        let drops = self.drivers[0].engine.counters().drops;
        DropReason::ALL.iter().for_each(|reason| self.dropped_in_all.add(*reason, drops.of(*reason)));
        for client in &self.clients {
            self.drivers[0].ask(self.now, Ticket(1), Question::Session(client.id.as_str().into()));
            if let Some((_, Answer::Session(Some(info)))) = self.drivers[0].answers.pop() {
                let dropped = self.dropped.entry(client.id.clone()).or_default();
                DropReason::ALL.iter().for_each(|reason| dropped.add(*reason, info.drops.of(*reason)));
            }
        }
    }
}

/// Room as the engine is told of it, and whether the device is full: by so small numbers that it matters here.
pub(super) const fn told(room: u64) -> (u64, bool) {
    ((room + ENOUGH_BYTES).saturating_sub(INPUT_BYTES), room < ROOM_BYTES)
}

const fn journal(sequence: Sequence) -> postrider_journal::Sequence {
    postrider_journal::Sequence::new(sequence.0)
}

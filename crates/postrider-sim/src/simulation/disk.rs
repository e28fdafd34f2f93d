//! The broker's log on a disk that loses power, refuses and runs full.
//!
//! Owns: when something is written, synced, read back and compacted, and when the broker crashes.

use super::Simulation;
use crate::oracle::{Crash, Room};
use crate::random::Random;
use bytes::Bytes;
use postrider_engine::{Importance, KINDS_KEPT};
use postrider_journal::{AppendError, Creation, Fault, Kinds, Log, Loss, Options, SimulatedDisk, StoreId};
use postrider_ports::{Answer, DropReason, Question, Ticket};
use postrider_session::Sequence;
use postrider_testkit::{Entry, Found, LogStep, MemoryLog};

/// A disk and the log on it.
#[derive(Debug)]
pub(super) struct Device {
    disk: SimulatedDisk,
    log: Option<Log<SimulatedDisk>>,
    mode: Mode,
    /// What was refused, and after how many more steps the broker ends of it.
    fault: Option<(Fault, usize)>,
    /// Whether it ever runs full.
    fills: bool,
    options: Options,
}

/// What durable means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Safe from a loss of power.
    Fsync,
    /// Safe from the end of the process.
    Os,
}

/// So much room for new records is asked for where the device may run full.
const ROOM_BYTES: u64 = 12_000;
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
        Self { disk: SimulatedDisk::new(seed), log: None, mode, fault: None, fills, options }
    }

    fn is_off(&self) -> bool {
        self.disk.is_off()
    }

    /// What an error means: the power went, or the device refused.
    fn note(&mut self, fault: Fault, random: &mut Random) {
        if !self.is_off() && self.fault.is_none() {
            self.fault = Some((fault, random.below(40)));
        }
    }

    fn is_over(&self) -> bool {
        self.is_off() || self.fault.is_some()
    }
}

impl Simulation {
    /// Opens the log for the first time.
    pub(super) fn begin(&mut self) -> Result<(), String> {
        let Some(device) = &mut self.device else { return Ok(()) };
        let (log, _) = Log::open(device.disk.clone(), device.options.clone()).map_err(|error| error.to_string())?;
        device.log = Some(log);
        self.commit()
    }

    /// Appends and releases what the engine has asked for.
    pub(super) fn write_log(&mut self) -> Result<(), String> {
        let (Some(device), Some(shelf)) = (&mut self.device, &mut self.drivers[0].shelf) else { return Ok(()) };
        for step in std::mem::take(&mut shelf.steps) {
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
                        Err(AppendError::Fault(fault)) => device.note(fault, &mut self.random),
                        Err(error) if device.is_over() => drop(error),
                        Err(error) => {
                            let what = (entry.kind, entry.payload.len(), entry.importance);
                            return Err(format!("{sequence:?} {what:?} was appended without room: {error:?}"));
                        }
                    }
                }
                LogStep::Release(sequence) => {
                    if let Err(error) = log.release(journal(sequence))
                        && !device.is_over()
                    {
                        return Err(format!("{sequence:?} cannot be released: {error:?}"));
                    }
                }
            }
            if device.is_over() {
                // Numbers have gone astray: nothing counts any more.
                return Ok(());
            }
        }
        Ok(())
    }

    /// Everything that was appended becomes durable, and the engine hears of it.
    pub(super) fn commit(&mut self) -> Result<(), String> {
        self.settle()?;
        let Some(device) = self.device.as_mut().filter(|device| !device.is_over()) else { return Ok(()) };
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
        match done {
            Err(fault) => {
                device.note(fault, &mut self.random);
                Ok(())
            }
            Ok((through, room)) => {
                if let Some(shelf) = self.drivers[0].shelf.as_mut().filter(|_| device.fills) {
                    (shelf.room, shelf.is_full) = told(room.ordinary);
                    self.oracle.room = if shelf.is_full { Room::None } else { Room::Some };
                }
                let through = Sequence(through.number());
                self.oracle.on_durable(through)?;
                self.drivers[0].commit_through(self.now, through);
                self.settle()
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
            0..=119 => self.commit()?,
            120..=209 => self.read_back()?,
            210..=224 => self.compact(),
            225 => self.cut_power_soon(),
            226 if self.random.once_in(3) => self.break_soon(),
            227 => return self.crash(),
            228..=229 => self.fill(),
            230..=233 => self.make_room(),
            240..=259 => self.compare()?,
            234 if self.random.once_in(3) => return self.stop_in_order(),
            _ => {}
        }
        let Some(device) = &mut self.device else { return Ok(()) };
        let is_time = device.fault.as_mut().is_some_and(|(_, steps)| {
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

    /// The device has hardly any room left.
    fn fill(&mut self) {
        let more = self.random.below(12_000) as u64;
        if let Some(device) = self.device.as_mut().filter(|device| device.fills) {
            device.disk.limit_space(Some(device.disk.used_bytes() + more));
            self.report.fillings += 1;
        }
    }

    /// No more faults: a device that is broken is left behind.
    pub(super) fn calm_down(&mut self) -> Result<(), String> {
        self.make_room();
        let Some(device) = &self.device else { return Ok(()) };
        device.disk.cut_power_at(u64::MAX);
        if device.is_over() {
            self.crash()?;
        }
        if let Some(device) = &self.device {
            device.disk.cut_power_at(u64::MAX);
        }
        Ok(())
    }

    fn make_room(&self) {
        if let Some(device) = &self.device {
            device.disk.limit_space(None);
        }
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

    fn cut_power_soon(&mut self) {
        let ahead = 1 + self.random.below(30) as u64;
        if let Some(device) = &self.device {
            device.disk.cut_power_at(device.disk.changes() + ahead);
        }
    }

    fn break_soon(&mut self) {
        let (is_write, nth) = (self.random.once_in(2), 1 + self.random.below(8) as u64);
        let Some(device) = &self.device else { return };
        if is_write {
            device.disk.fail_write(nth);
        } else {
            device.disk.fail_sync(nth);
        }
    }

    fn compact(&mut self) {
        let Some(device) = self.device.as_mut().filter(|device| !device.is_over()) else { return };
        if let Some(Err(fault)) = device.log.as_mut().map(|log| log.compact(700)) {
            device.note(fault, &mut self.random);
        }
    }

    /// Reads back what the engine has asked for, if it is written.
    pub(super) fn read_back(&mut self) -> Result<(), String> {
        let (Some(device), Some(shelf)) = (&mut self.device, &self.drivers[0].shelf) else { return Ok(()) };
        let (Some((_, sequences)), Some(log)) = (shelf.asked.front(), &mut device.log) else { return Ok(()) };
        if device.disk.is_off() || device.fault.is_some() {
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
                (read, _) => return Err(format!("{sequence:?} was read as {read:?} and {} bytes", payload.len())),
            }
        }
        self.drivers[0].load(self.now);
        self.settle()
    }

    /// An administrator stops the broker, and it begins again.
    fn stop_in_order(&mut self) -> Result<(), String> {
        self.stop()?;
        self.commit()?;
        let Some(device) = self.device.as_mut().filter(|device| !device.is_over()) else { return self.crash() };
        if let Some(log) = device.log.take() {
            match log.close() {
                Ok(_) => self.report.stops += 1,
                Err(fault) => device.note(fault, &mut self.random),
            }
        }
        self.end_and_begin()
    }

    /// The broker ends without a word.
    fn crash(&mut self) -> Result<(), String> {
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

    /// What is found on the disk; nothing if the power goes again.
    fn open_again(&mut self) -> Result<Option<(Found, Sequence)>, String> {
        let (Some(device), Some(shelf)) = (&mut self.device, &mut self.drivers[0].shelf) else {
            return Err("there is no disk".to_owned());
        };
        self.report.power_cuts += u64::from(device.is_off());
        self.report.faults += u64::from(device.fault.is_some());
        let loss = match device.mode {
            Mode::Fsync => self.random.pick(&Loss::ALL),
            Mode::Os => Loss::Nothing,
        };
        device.log = None;
        device.fault = None;
        device.disk.restart(loss);
        if self.random.once_in(5) {
            let ahead = 1 + self.random.below(12) as u64;
            device.disk.cut_power_at(device.disk.changes() + ahead);
        }
        let Some((log, found, last)) = read_all(device)? else {
            self.report.crashes += 1;
            return Ok(None);
        };
        if device.fills {
            (shelf.room, shelf.is_full) = told(log.room().ordinary);
            self.oracle.room = if shelf.is_full { Room::None } else { Room::Some };
        }
        check_found(&shelf.log, &found, last)?;
        self.report.records_lost += shelf.log.last().0 - last.0;
        device.log = Some(log);
        if self.is_verbose {
            let (durable, appended) = (shelf.log.durable().0, shelf.log.last().0);
            println!(
                "     CRASH with {loss:?}: {} of {} records, {durable} durable of {appended}",
                found.len(),
                last.0
            );
        }
        Ok(Some((found, last)))
    }
}

/// Room as the engine is told of it, and whether the device is full: by so small numbers that it matters here.
const fn told(room: u64) -> (u64, bool) {
    ((room + ENOUGH_BYTES).saturating_sub(INPUT_BYTES), room < ROOM_BYTES)
}

type Opened = (Log<SimulatedDisk>, Found, Sequence);

fn read_all(device: &Device) -> Result<Option<Opened>, String> {
    let opened = Log::open(device.disk.clone(), device.options.clone());
    let (mut log, mut recovered) = match opened {
        Ok(opened) => opened,
        Err(_) if device.is_off() => return Ok(None),
        Err(error) => return Err(format!("the log does not open: {error}")),
    };
    let mut found = Found::new();
    let mut payload = Vec::new();
    loop {
        match recovered.next(&mut payload) {
            Ok(Some((sequence, kind))) => {
                found.insert(Sequence(sequence.number()), (kind, Bytes::from(std::mem::take(&mut payload))));
            }
            Ok(None) => break,
            Err(_) if device.is_off() => return Ok(None),
            Err(error) => return Err(format!("a record cannot be read: {error:?}")),
        }
    }
    match log.prepare(if device.fills { ROOM_BYTES } else { 0 }) {
        Ok(_) if !device.is_off() => Ok(Some((log, found, Sequence(recovered.last().number())))),
        Err(fault) if !device.is_off() => Err(format!("no room can be made: {fault}")),
        _ => Ok(None),
    }
}

/// The journal's own promise, seen from its owner: nothing but what was appended, all that has to be there, and what
/// says that something is over as long as that may come back.
fn check_found(log: &MemoryLog, found: &Found, last: Sequence) -> Result<(), String> {
    if last < log.durable() || last > log.last() {
        return Err(format!("found up to {last:?}, durable were {:?} of {:?}", log.durable(), log.last()));
    }
    let mut dead: Vec<(Sequence, &Entry)> = Vec::new();
    for (sequence, entry) in log.entries().range(..=last) {
        let is_needed = entry.released.is_none_or(|released| released > last)
            || dead.iter().any(|(_, other)| entry.may_concern(other));
        match found.get(sequence) {
            Some((kind, payload)) if *kind == entry.kind && *payload == entry.payload => {
                dead.extend(entry.released.map(|_| (*sequence, entry)));
            }
            None if !is_needed => {}
            other => {
                let (kind, released) = (entry.kind, entry.released);
                let other = other.map(|(kind, _)| kind);
                let older = dead.iter().find(|(_, other)| entry.may_concern(other));
                let older = older.map(|(older, entry)| (older, entry.kind, entry.released));
                return Err(format!(
                    "{sequence:?} of kind {kind}, released at {released:?}, was found as {other:?} up to {last:?}; there is {older:?}"
                ));
            }
        }
    }
    match found.keys().find(|sequence| !log.entries().contains_key(sequence)) {
        Some(stranger) => Err(format!("record {stranger:?} was found and not appended")),
        None => Ok(()),
    }
}

const fn journal(sequence: Sequence) -> postrider_journal::Sequence {
    postrider_journal::Sequence::new(sequence.0)
}

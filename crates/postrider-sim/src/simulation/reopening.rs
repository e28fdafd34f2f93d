//! What is found on the disk when the broker begins again.
//!
//! Owns: what may be found there, and what of it has to be.

use super::Simulation;
use super::disk::{Device, Mode, ROOM_BYTES, told};
use crate::oracle::Room;
use bytes::Bytes;
use postrider_journal::{Damage, DamageKind, Log, Loss, Options, SimulatedDisk, check_records};
use postrider_session::Sequence;
use postrider_testkit::{Entry, Found, MemoryLog};

impl Simulation {
    /// What is found on the disk; nothing if the power goes again.
    pub(super) fn open_again(&mut self) -> Result<Option<(Found, Sequence)>, String> {
        let (Some(device), Some(shelf)) = (&mut self.device, &mut self.drivers[0].shelf) else {
            return Err("there is no disk".to_owned());
        };
        self.report.power_cuts += u64::from(device.is_off());
        self.report.faults += u64::from(device.refused.is_some());
        let loss = match device.mode {
            Mode::Fsync => self.random.pick(&Loss::ALL),
            Mode::Os => Loss::Nothing,
        };
        device.log = None;
        device.refused = None;
        device.disk.restart(loss);
        device.faults.stalled_until = postrider_session::Mono(0);
        let noticed = inspect(device, &shelf.log)?;
        self.report.decays_noticed += u64::from(noticed == Decay::Noticed);
        self.report.decays_torn += u64::from(noticed == Decay::TakenForTorn);
        if self.random.once_in(5) {
            let ahead = 1 + self.random.below(12) as u64;
            device.disk.cut_power_at(device.disk.changes() + ahead);
        }
        let room = if device.fills { ROOM_BYTES } else { 0 };
        let Some((log, found, last)) = read_all(&device.disk, &device.options, room)? else {
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

/// What somebody sees of bytes that changed by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decay {
    /// There are none, or they have no meaning.
    Harmless,
    /// The store does not open, and says where it is damaged.
    Noticed,
    /// The last group looks like one that a crash has torn; nobody can tell the two apart.
    TakenForTorn,
}

/// Looks at a copy of a disk that has decayed: whatever is wrong is named, and nothing else is missing. Then somebody
/// brings back what was there.
fn inspect(device: &Device, log: &MemoryLog) -> Result<Decay, String> {
    let decayed = device.disk.decayed();
    if decayed.is_empty() {
        return Ok(Decay::Harmless);
    }
    let mut found = Found::new();
    let report = check_records(device.disk.duplicate(), |sequence, kind, payload| {
        found.insert(Sequence(sequence.number()), (kind, Bytes::copy_from_slice(payload)));
    });
    device.disk.heal();
    let report = report.map_err(|error| format!("{decayed:?}: it cannot be checked: {error}"))?;
    let last = Sequence(report.last.number());
    let is_near = |damage: &Damage| {
        let within = |at: u64| damage.offset <= at && at <= damage.offset + damage.length;
        decayed.iter().any(|(name, at)| damage.file == *name && within(*at))
    };
    // Behind a broken frame nobody can say whether what ends a file was torn by a crash; and the frame may have said
    // that an older file is needed no more.
    let is_behind = |damage: &Damage, other: &Damage| other.file == damage.file && other.offset < damage.offset;
    let is_explained = |damage: &Damage| match damage.what {
        DamageKind::Missing => decayed.iter().any(|(name, _)| *name > damage.file),
        _ => is_near(damage) || report.damage.iter().any(|other| is_behind(damage, other) && is_near(other)),
    };
    if !report.damage.is_empty() {
        let strange = found.iter().find(|(sequence, (kind, payload))| {
            let entry = log.entries().get(sequence);
            entry.is_none_or(|entry| entry.kind != *kind || entry.payload != *payload)
        });
        return match (strange, report.damage.iter().all(is_explained)) {
            (None, true) => Ok(Decay::Noticed),
            (Some((sequence, _)), _) => Err(format!("{decayed:?}: {sequence:?} is not what was written")),
            (None, false) => Err(format!("{decayed:?}: damage is seen elsewhere: {:?}", report.damage)),
        };
    }
    match (check_found(log, &found, last), report.tail) {
        (Ok(()), _) => Ok(Decay::Harmless),
        (Err(_), Some(tail)) if decayed.iter().any(|(name, at)| *name == tail.file && *at >= tail.offset) => {
            check_prefix(log, &found, last).map(|()| Decay::TakenForTorn)
        }
        (Err(error), _) => Err(format!("{decayed:?} is lost in silence: {error}")),
    }
}

pub(super) type Opened = (Log<SimulatedDisk>, Found, Sequence);

pub(super) fn read_all(disk: &SimulatedDisk, options: &Options, room: u64) -> Result<Option<Opened>, String> {
    let opened = Log::open(disk.clone(), options.clone());
    let (mut log, mut recovered) = match opened {
        Ok(opened) => opened,
        Err(_) if disk.is_off() => return Ok(None),
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
            Err(_) if disk.is_off() => return Ok(None),
            Err(error) => return Err(format!("a record cannot be read: {error:?}")),
        }
    }
    match log.prepare(room) {
        Ok(_) if !disk.is_off() => Ok(Some((log, found, Sequence(recovered.last().number())))),
        Err(fault) if !disk.is_off() => Err(format!("no room can be made: {fault}")),
        _ => Ok(None),
    }
}

/// The journal's own promise, seen from its owner: nothing but what was appended, all that has to be there, and what
/// says that something is over as long as that may come back.
pub(super) fn check_found(log: &MemoryLog, found: &Found, last: Sequence) -> Result<(), String> {
    if last < log.durable() {
        return Err(format!("found up to {last:?}, durable were {:?} of {:?}", log.durable(), log.last()));
    }
    check_prefix(log, found, last)
}

/// The same of a store whose end is not there.
fn check_prefix(log: &MemoryLog, found: &Found, last: Sequence) -> Result<(), String> {
    if last > log.last() {
        return Err(format!("found up to {last:?} of {:?}", log.last()));
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

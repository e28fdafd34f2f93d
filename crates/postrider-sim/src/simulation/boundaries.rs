//! Every change of the disk may be the last: what each kind of loss leaves then is read by another engine.
//!
//! Owns: the comparison with the log as far as it goes.

use super::Simulation;
use super::reopening::{check_found, read_all};
use postrider_engine::{check_all, durable_state};
use postrider_journal::Loss;
use postrider_session::{Now, Sequence};
use postrider_testkit::{Found, PureDriver};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// What the log says up to each of its records, in words.
#[derive(Debug, Default)]
pub(super) struct Prefixes(BTreeMap<Sequence, String>);

impl Simulation {
    /// Tries a loss of power at each change since the last call. The engine has heard of none of them yet.
    pub(super) fn try_cuts(&mut self) -> Result<(), String> {
        let Some(device) = self.device.as_mut().filter(|_| self.tries_cuts) else { return Ok(()) };
        let driver = &self.drivers[0];
        let Some(shelf) = &driver.shelf else { return Ok(()) };
        let now = Now { wall: shelf.began, ..self.now };
        for disk in device.disk.take_history() {
            self.report.boundaries += 1;
            for loss in Loss::ALL {
                self.report.cuts_tried += 1;
                let cut = disk.fork(loss as u64);
                cut.restart(loss);
                let at = |error: String| format!("cut at change {} with {loss:?}: {error}", disk.changes());
                let (_, found, last) =
                    read_all(&cut, &device.options, 0).map_err(at)?.ok_or_else(|| at("no power".into()))?;
                check_found(&shelf.log, &found, last).map_err(at)?;
                let expected = self.prefixes.state(driver, now, last).map_err(at)?;
                let recovered = words(driver, now, &found).map_err(at)?;
                let over = |sequence: &Sequence| {
                    let entry = shelf.log.entries().get(sequence);
                    entry.is_some_and(|entry| entry.released.is_some()) && !found.contains_key(sequence)
                };
                if !says_the_same(expected, &recovered, over) {
                    return Err(at(format!("found up to {last:?} is\n{recovered}\nand should be\n{expected}")));
                }
            }
        }
        Ok(())
    }
}

impl Prefixes {
    fn state(&mut self, driver: &PureDriver, now: Now, last: Sequence) -> Result<&String, String> {
        match self.0.entry(last) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(place) => {
                let log = driver.shelf.as_ref().map(|shelf| shelf.log.entries()).into_iter().flatten();
                let all = log.take_while(|(sequence, _)| **sequence <= last);
                let all: Found =
                    all.map(|(sequence, entry)| (*sequence, (entry.kind, entry.payload.clone()))).collect();
                Ok(place.insert(words(driver, now, &all)?))
            }
        }
    }
}

/// Whether two texts agree, but for messages that are over: what a receiver has acknowledged may be gone before the
/// log says so.
fn says_the_same(expected: &str, recovered: &str, is_over: impl Fn(&Sequence) -> bool) -> bool {
    let sequence = |line: &str| match line.split_whitespace().collect::<Vec<_>>()[..] {
        ["in", "flight", _, _, sequence] | ["waiting", sequence, ..] => sequence.parse().ok().map(Sequence),
        _ => None,
    };
    let mut recovered = recovered.lines().peekable();
    let is_known = |line: &str| recovered.next_if_eq(&line).is_some() || sequence(line).is_some_and(|it| is_over(&it));
    expected.lines().all(is_known) && recovered.next().is_none()
}

fn words(driver: &PureDriver, now: Now, found: &Found) -> Result<String, String> {
    let engine = driver.recovered(now, found)?;
    check_all(&engine)?;
    Ok(durable_state(&engine))
}

//! What may befall the disk, and when.
//!
//! Owns: losses of power, refusals, full devices, decay, and devices that take their time.

use super::Simulation;
use crate::random::Random;
use postrider_journal::{Storage, StorageFile};
use postrider_session::Mono;

/// Faults that have a source of chance of their own, and which of them a run has.
#[derive(Debug)]
pub(super) struct Faults {
    random: Random,
    decays: bool,
    stalls: bool,
    /// No sync returns before.
    pub(super) stalled_until: Mono,
}

impl Faults {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0xDECA_7ED0_D15C_0000);
        let (decays, stalls) = (random.once_in(3), random.once_in(4));
        Self { random, decays, stalls, stalled_until: Mono(0) }
    }

    pub(super) const fn none() -> Self {
        Self { random: Random::new(0), decays: false, stalls: false, stalled_until: Mono(0) }
    }

    /// Which position of those between two the engine hears of first.
    pub(super) fn part_way(&mut self, from: u64, to: u64) -> Option<u64> {
        let between = usize::try_from(to.saturating_sub(from)).unwrap_or(0);
        (between > 1 && self.random.once_in(4)).then(|| from + 1 + self.random.below(between - 1) as u64)
    }
}

impl Simulation {
    /// The device has hardly any room left.
    pub(super) fn fill(&mut self) {
        let more = self.random.below(12_000) as u64;
        if let Some(device) = self.device.as_mut().filter(|device| device.fills) {
            device.disk.limit_space(Some(device.disk.used_bytes() + more));
            self.report.fillings += 1;
        }
    }

    /// No more faults: a device that is broken is left behind.
    pub(super) fn calm_down(&mut self) -> Result<(), String> {
        self.make_room();
        let Some(device) = &mut self.device else { return Ok(()) };
        device.faults = Faults::none();
        device.disk.cut_power_at(u64::MAX);
        if device.is_over() {
            self.crash()?;
        }
        if let Some(device) = &self.device {
            device.disk.cut_power_at(u64::MAX);
        }
        Ok(())
    }

    pub(super) fn make_room(&self) {
        if let Some(device) = &self.device {
            device.disk.limit_space(None);
        }
    }

    pub(super) fn cut_power_soon(&mut self) {
        let ahead = 1 + self.random.below(30) as u64;
        if let Some(device) = &self.device {
            device.disk.cut_power_at(device.disk.changes() + ahead);
        }
    }

    pub(super) fn break_soon(&mut self) {
        let (is_write, nth) = (self.random.once_in(2), 1 + self.random.below(8) as u64);
        let Some(device) = &self.device else { return };
        if is_write {
            device.disk.fail_write(nth);
        } else {
            device.disk.fail_sync(nth);
        }
    }

    /// A byte changes by itself.
    pub(super) fn decay_some(&mut self, times: usize) {
        let Some(device) = &mut self.device else { return };
        if !device.faults.decays || device.is_over() || !device.faults.random.once_in(times) {
            return;
        }
        if let Some((name, offset)) = device.decay() {
            self.report.decays += 1;
            self.say(|| format!("{name} decays at {offset}"));
        }
    }

    /// From now on each sync takes long.
    pub(super) fn stall(&mut self) {
        let now = self.now.mono;
        let Some(device) = &mut self.device else { return };
        if device.faults.stalls && device.faults.stalled_until <= now && device.faults.random.once_in(150) {
            device.faults.stalled_until = now.plus_ms(device.faults.random.pick(&[300, 3000, 30_000, 90_000]));
            self.report.stalls += 1;
        }
    }
}

impl super::disk::Device {
    /// Some byte of some file.
    fn decay(&mut self) -> Option<(String, u64)> {
        let random = &mut self.faults.random;
        let length = |name: &String| self.disk.open(name).and_then(|file| file.length()).unwrap_or(0);
        let names = self.disk.list().unwrap_or_default();
        let files: Vec<(String, u64)> = names
            .into_iter()
            .map(|name| (length(&name), name))
            .map(|(bytes, name)| (name, bytes))
            .filter(|(_, bytes)| *bytes > 0)
            .collect();
        if files.is_empty() {
            return None;
        }
        let (name, bytes) = random.pick(&files);
        let offset = random.next_u64() % bytes;
        self.disk.decay(&name, offset, 1 << random.below(8)).then_some((name, offset))
    }
}

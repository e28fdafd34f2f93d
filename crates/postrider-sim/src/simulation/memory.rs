//! When memory is short, and for how long.
//!
//! Owns: a source of chance of its own, so that other runs stay as they were.

use super::Simulation;
use crate::random::Random;
use postrider_engine::Pressure;

/// The memory of a run.
#[derive(Debug)]
pub(super) struct Scarcity {
    random: Random,
    /// Whether it is ever short.
    happens: bool,
}

impl Scarcity {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x3E30_4A1C_0B00_0000);
        let happens = random.once_in(3);
        Self { random, happens }
    }
}

impl Simulation {
    /// Now and then memory becomes another matter.
    pub(super) fn live_with_memory(&mut self) -> Result<(), String> {
        if !self.scarcity.happens || !self.scarcity.random.once_in(25) {
            return Ok(());
        }
        let random = &mut self.scarcity.random;
        let number = random.below(self.drivers.len());
        let pressure = random.pick(&[Pressure::Calm, Pressure::Tight, Pressure::Full]);
        let outboxes_bytes = random.pick(&[0, 10_000, u64::MAX]);
        self.press(number, pressure, outboxes_bytes)
    }

    fn press(&mut self, number: usize, pressure: Pressure, outboxes_bytes: u64) -> Result<(), String> {
        if self.drivers[number].engine.pressure() == pressure {
            return Ok(());
        }
        self.say(|| format!("memory of engine {number} is {pressure:?}"));
        self.report.pressed += 1;
        self.drivers[number].press_with(self.now, pressure, outboxes_bytes);
        self.settle()
    }

    /// There is enough from now on.
    pub(super) fn relieve(&mut self) -> Result<(), String> {
        self.scarcity.happens = false;
        (0..self.drivers.len()).try_for_each(|number| self.press(number, Pressure::Calm, u64::MAX))
    }
}

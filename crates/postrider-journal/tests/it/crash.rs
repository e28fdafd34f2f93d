//! Crashes at any call to the device, with any loss of what was not synced.

use crate::owner::{Owner, options};
use crate::random::{Random, seeds};
use postrider_journal::{Log, Loss, Options, SimulatedDisk};

/// One store through many crashes.
struct Run {
    disk: SimulatedDisk,
    random: Random,
    owner: Owner,
    crashes: u64,
}

impl Run {
    fn new(seed: u64) -> Self {
        Self { disk: SimulatedDisk::new(seed), random: Random::new(seed), owner: Owner::default(), crashes: 0 }
    }

    /// Opens, replays and works until the power goes.
    fn live_once(&mut self) {
        let ahead = self.random.below(70) + 1;
        let loss = Loss::ALL[self.random.index(Loss::ALL.len())];
        self.live_until(ahead, loss);
    }

    /// The same until the power goes at a change, so many from now, and with it what the loss says.
    fn live_until(&mut self, ahead: u64, loss: Loss) {
        self.disk.cut_power_at(self.disk.changes() + ahead);
        match Log::open(self.disk.clone(), self.options()) {
            Ok((mut log, mut recovered)) if !self.disk.is_off() => {
                let replayed = self.owner.replay(&log, &mut recovered);
                let read = replayed.and_then(|()| self.owner.check_reads(&log));
                assert!(read.is_ok() || self.disk.is_off(), "{read:?}");
                while !self.disk.is_off() {
                    self.step(&mut log);
                }
            }
            Ok(_) => {}
            Err(error) => assert!(self.disk.is_off(), "{error}"),
        }
        if loss != Loss::Nothing {
            // What was written and not synced survives the end of the process only.
            self.owner.written = self.owner.promised;
        }
        self.disk.restart(loss);
        self.crashes += 1;
    }

    /// Now and then with hardly any memory for indexes.
    fn options(&mut self) -> Options {
        let index_bytes_max = if self.random.below(8) == 0 { 2000 } else { 1_000_000 };
        Options { index_bytes_max, ..options() }
    }

    fn step(&mut self, log: &mut Log<SimulatedDisk>) {
        match self.random.below(20) {
            0..=7 => {
                let length = if self.random.below(30) == 0 { 12_000 } else { 200 };
                let length = self.random.below(length);
                let payload = self.random.bytes(length);
                self.owner.add(log, payload);
            }
            8..=13 => {
                // Rather old ones, but some of the oldest stay for long.
                let count = self.owner.live.len();
                let at = self.random.index(count.min(40)) + usize::from(count > 3) * 2;
                if let Some(target) = self.owner.live.keys().nth(at.min(count.saturating_sub(1))).copied() {
                    self.owner.delete(log, target);
                }
            }
            14..=15 => _ = self.owner.commit(log),
            16 => _ = self.owner.write(log),
            17..=18 => _ = log.compact(700),
            _ => self.owner.check_some(log, &mut self.random),
        }
    }
}

impl Owner {
    fn check_some(&self, log: &Log<SimulatedDisk>, random: &mut Random) {
        let at = random.index(self.live.len());
        if let Some((sequence, expected)) = self.live.iter().nth(at).filter(|(sequence, _)| **sequence <= log.written())
        {
            let mut payload = Vec::new();
            if log.read(*sequence, &mut payload).is_ok() {
                assert_eq!(&payload, expected);
            }
        }
    }
}

#[test]
fn no_crash_loses_what_was_promised_or_brings_back_what_was_deleted() {
    let mut crashes = 0;
    for seed in seeds(200) {
        let run = std::panic::catch_unwind(|| {
            let mut run = Run::new(seed);
            (0..60).for_each(|_| run.live_once());
            run.crashes
        });
        crashes += run.unwrap_or_else(|_| panic!("POSTRIDER_SEED={seed} repeats this"));
    }
    assert!(crashes >= 60);
    println!("{crashes} crashes");
}

#[test]
fn every_change_of_a_run_may_be_the_last_with_every_kind_of_loss() {
    let mut crashes = 0;
    for seed in seeds(3) {
        for (change, loss) in (1..=200).flat_map(|change| Loss::ALL.map(|loss| (change, loss))) {
            let mut run = Run::new(seed);
            run.live_until(change, loss);
            run.live_until(60, Loss::Unsynced);
            crashes += run.crashes;
        }
    }
    println!("{crashes} crashes");
}

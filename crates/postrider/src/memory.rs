//! How short memory is.
//!
//! Owns: the limit, the measurement against it, when to measure again, and what the broker's own threads do about it.
//!
//! The system says what the process has, which never says what is free inside of it; the ledger says what is in use,
//! which never says what it costs. `Gauge` puts both together.

use crate::scratch::Scratch;
use crate::shared::Shared;
use postrider_engine::{Ledger, Pressure};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// What a broker knows of its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryInfo {
    /// The most it may have; `u64::MAX` for any.
    pub bytes_max: u64,
    /// What the system counts.
    pub resident: Option<u64>,
    /// What of it is in use, as far as is known: that counts against the limit.
    pub used: u64,
    /// How short that is.
    pub pressure: Pressure,
    /// For whom it is kept.
    pub ledger: Ledger,
    /// Packets that have come in part.
    pub partial: u64,
}

/// The memory of one broker.
#[derive(Debug)]
pub(crate) struct Memory {
    bytes_max: AtomicU64,
    pressure: AtomicU8,
    /// Bytes that may pass until it is time to look again.
    step: AtomicU64,
    /// Bytes of packets that have come in part and are not small.
    partial: AtomicU64,
    gauge: Mutex<Gauge>,
    changed: Notify,
}

/// How often to look when nothing passes.
const CALM: Duration = Duration::from_secs(1);
const PRESSED: Duration = Duration::from_millis(100);
/// How long the next connection waits when there is no memory.
const PAUSE: Duration = Duration::from_millis(100);
const STEP_MIN: u64 = 128 * 1024;
const STEP_MAX: u64 = 4 * 1024 * 1024;
/// Which part of all may be packets that have come in part.
const PARTIAL: u64 = 4;

impl Default for Memory {
    /// Without a limit.
    fn default() -> Self {
        Self {
            bytes_max: AtomicU64::new(u64::MAX),
            pressure: AtomicU8::new(Pressure::Calm as u8),
            step: AtomicU64::new(u64::MAX),
            partial: AtomicU64::new(0),
            gauge: Mutex::default(),
            changed: Notify::new(),
        }
    }
}

impl Memory {
    fn gauge(&self) -> MutexGuard<'_, Gauge> {
        // Numbers are never in pieces.
        self.gauge.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bytes_max(&self) -> u64 {
        self.bytes_max.load(Ordering::Relaxed)
    }

    pub(crate) fn set_bytes_max(&self, bytes_max: u64) {
        self.bytes_max.store(bytes_max, Ordering::Relaxed);
        self.changed.notify_one();
    }

    #[inline]
    pub(crate) fn is_pressed(&self) -> bool {
        self.pressure.load(Ordering::Relaxed) != Pressure::Calm as u8
    }

    pub(crate) fn is_full(&self) -> bool {
        self.pressure.load(Ordering::Relaxed) == Pressure::Full as u8
    }

    /// Whether so many bytes have passed that it is time to look.
    #[inline]
    pub(crate) fn is_due(&self, passed: u64) -> bool {
        passed >= self.step.load(Ordering::Relaxed)
    }

    /// What a connection has of a packet that is not whole is another amount than before.
    #[cold]
    pub(crate) fn on_partial(&self, before: usize, now: usize) {
        self.partial.fetch_add(now as u64, Ordering::Relaxed);
        self.partial.fetch_sub(before as u64, Ordering::Relaxed);
    }

    /// Whether no more of such packets can be taken.
    pub(crate) fn is_out_of_partial(&self) -> bool {
        let bytes_max = self.bytes_max();
        bytes_max != u64::MAX && self.partial.load(Ordering::Relaxed) > bytes_max / PARTIAL
    }

    /// Connections come one by one while there is no memory: whoever comes back for what waits may make some.
    pub(crate) async fn pause(&self) {
        if self.is_full() {
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Measures, and says how short memory is by now.
    fn look(&self, ledger: u64, look: Look) -> Pressure {
        let bytes_max = self.bytes_max();
        let mut gauge = self.gauge();
        gauge.measure(postrider_net::resident_bytes(), ledger, bytes_max, look);
        let pressure = gauge.judge(ledger, bytes_max);
        self.pressure.store(pressure as u8, Ordering::Relaxed);
        let left = bytes_max.saturating_sub(gauge.used(ledger));
        let step = if bytes_max == u64::MAX { u64::MAX } else { (left / 8).clamp(STEP_MIN, STEP_MAX) };
        self.step.store(step, Ordering::Relaxed);
        pressure
    }
}

impl Shared {
    /// Looks at the memory, and tells the engine if that has become another matter.
    pub(crate) fn look_at_memory(self: &Arc<Self>, look: Look, scratch: &mut Scratch) {
        scratch.must_look = false;
        if self.memory.bytes_max() == u64::MAX && !self.memory.is_pressed() {
            return;
        }
        let now = self.clock.now();
        let partial = self.memory.partial.load(Ordering::Relaxed);
        let ledger = self.lock().count_kept(look == Look::Thorough) + partial;
        let pressure = self.memory.look(ledger, look);
        scratch.is_pressed = pressure != Pressure::Calm;
        if scratch.is_pressed {
            scratch.shrink();
        }
        if pressure != self.lock().engine.pressure() {
            let rooms = self.enter_only(None, scratch, |partition| partition.press(now, pressure));
            scratch.rooms.extend(rooms);
            self.follow_up(now, None, scratch);
        }
    }

    /// What is known.
    pub(crate) fn memory_info(&self) -> MemoryInfo {
        let ledger = self.lock().engine.ledger();
        let partial = self.memory.partial.load(Ordering::Relaxed);
        let gauge = *self.memory.gauge();
        let resident = postrider_net::resident_bytes();
        let used = if gauge.is_known { gauge.used(ledger.in_memory() + partial) } else { resident.unwrap_or(0) };
        let pressure = gauge.pressure;
        MemoryInfo { bytes_max: self.memory.bytes_max(), resident, used, pressure, ledger, partial }
    }
}

/// Looks again and again, if there is a limit.
pub(crate) async fn run(shared: Arc<Shared>) {
    loop {
        shared.alone(|scratch| shared.look_at_memory(Look::Thorough, scratch));
        let pause = match (shared.memory.bytes_max(), shared.memory.is_pressed()) {
            (u64::MAX, _) => {
                shared.memory.changed.notified().await;
                continue;
            }
            (_, true) => PRESSED,
            (_, false) => CALM,
        };
        // Whether it is time or the limit is another, the answer is to look.
        let _ = tokio::time::timeout(pause, shared.memory.changed.notified()).await;
    }
}

/// How exactly the ledger was added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// With everything.
    Thorough,
    /// With what grows fastest, and the rest of the last time.
    Quick,
}

/// What is in use of what the process has.
///
/// Memory that was given back to the allocator stays with the process, and is used again before the process takes more.
/// So what is in use follows the ledger, and the process's own size corrects it: when that grows, all of it was in use.
#[derive(Clone, Copy, Debug, Default)]
struct Gauge {
    is_known: bool,
    /// What is in use beside the ledger, which may have counted too much.
    overhead: i64,
    /// The least of that.
    least: i64,
    /// The size at which all was in use.
    high: u64,
    pressure: Pressure,
}

/// In hundredths of the limit: where it becomes tight and full, and where it is so no more.
const TIGHT: u64 = 80;
const FULL: u64 = 95;
const NOT_FULL: u64 = 88;
const NOT_TIGHT: u64 = 70;
/// A process that grew by less than this part of the limit has not grown.
const GROWTH: u64 = 64;
/// What part of what is unexplained is taken for free at each thorough look while the process does not grow.
const FORGOTTEN: i64 = 16;

impl Gauge {
    fn measure(&mut self, resident: Option<u64>, ledger: u64, bytes_max: u64, look: Look) {
        let ledger = signed(ledger);
        let Some(resident) = resident else { return };
        // Beyond the limit every page counts.
        let slack = if resident > bytes_max { 0 } else { bytes_max / GROWTH };
        let overhead = signed(resident) - ledger;
        if !self.is_known {
            (self.is_known, self.least) = (true, overhead);
        }
        if resident > self.high.saturating_add(slack) {
            (self.high, self.overhead) = (resident, overhead);
        } else {
            self.high = if resident.saturating_add(slack) < self.high { resident } else { self.high };
            self.overhead = self.overhead.min(overhead);
            if look == Look::Thorough && resident <= bytes_max {
                self.overhead -= (self.overhead - self.least).max(0) / FORGOTTEN;
            }
        }
        self.least = self.least.min(self.overhead);
    }

    fn used(&self, ledger: u64) -> u64 {
        u64::try_from(signed(ledger) + self.overhead).unwrap_or(0)
    }

    fn judge(&mut self, ledger: u64, bytes_max: u64) -> Pressure {
        let part = |hundredths: u64| bytes_max / 100 * hundredths;
        let used = self.used(ledger);
        let (full, tight) = match self.pressure {
            Pressure::Calm => (FULL, TIGHT),
            Pressure::Tight => (FULL, NOT_TIGHT),
            Pressure::Full => (NOT_FULL, NOT_TIGHT),
        };
        self.pressure = if used >= part(full) {
            Pressure::Full
        } else if used >= part(tight) {
            Pressure::Tight
        } else {
            Pressure::Calm
        };
        self.pressure
    }
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const LIMIT: u64 = 64 * MIB;

    /// Looks at a process of so many MiB of which the ledger knows so many.
    fn look(gauge: &mut Gauge, resident: u64, ledger: u64) -> Pressure {
        gauge.measure(Some(resident * MIB), ledger * MIB, LIMIT, Look::Thorough);
        gauge.judge(ledger * MIB, LIMIT)
    }

    #[test]
    fn pressure_comes_at_80_and_95_hundredths_and_goes_later_than_it_came() {
        let mut gauge = Gauge::default();
        let mut heard = Vec::new();
        for resident in (8..=64).chain((8..64).rev()) {
            let before = gauge.pressure;
            // All of it is given back to the system.
            if look(&mut gauge, resident, resident - 8) != before {
                heard.push((resident, gauge.pressure));
            }
        }
        use Pressure::{Calm, Full, Tight};
        assert_eq!(heard, [(52, Tight), (61, Full), (56, Tight), (44, Calm)]);
    }

    #[test]
    fn memory_that_the_allocator_keeps_is_free_and_counts_again_when_it_is_used() {
        let mut gauge = Gauge::default();
        (8..=62).for_each(|resident| _ = look(&mut gauge, resident, resident - 8));
        assert_eq!(gauge.pressure, Pressure::Full);
        assert_eq!(look(&mut gauge, 62, 5), Pressure::Calm);
        assert_eq!(look(&mut gauge, 62, 48), Pressure::Tight);
        assert_eq!(look(&mut gauge, 62, 54), Pressure::Full);
    }

    #[test]
    fn a_process_that_grows_uses_all_it_has_whatever_the_ledger_says() {
        let mut gauge = Gauge::default();
        look(&mut gauge, 8, 0);
        assert_eq!(look(&mut gauge, 62, 0), Pressure::Full);
        // It does not grow: so something of it may be free, which is found out little by little.
        let looks = (0..100).take_while(|_| look(&mut gauge, 62, 0) == Pressure::Full).count();
        assert!((1..50).contains(&looks), "{looks}");
        assert_eq!(look(&mut gauge, 64, 0), Pressure::Full);
        // Beyond the limit nothing is tried.
        look(&mut gauge, 66, 0);
        assert!((0..100).all(|_| look(&mut gauge, 66, 0) == Pressure::Full));
    }

    #[test]
    fn messages_that_many_share_are_not_counted_more_than_once_in_the_end() {
        let mut gauge = Gauge::default();
        look(&mut gauge, 8, 0);
        assert_eq!(look(&mut gauge, 10, 1000), Pressure::Calm);
        assert_eq!(gauge.used(1000 * MIB), 10 * MIB);
    }
}

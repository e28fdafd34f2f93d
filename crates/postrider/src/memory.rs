//! How short memory is.
//!
//! Owns: the limit, the measurement against it, when to measure again, and what the broker's own threads do about it.

use crate::charges::Charges;
use crate::gauge::Gauge;
use crate::scratch::Scratch;
use crate::shared::Shared;
use postrider_engine::{Ledger, Pressure};
use postrider_ports::ListenerId;
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
    /// Packets that have come in part, or wait until they may be offered.
    pub partial: u64,
    /// What TLS and WebSocket keep for connections that are in. Bytes of messages among it are in their outboxes.
    pub streams: u64,
    /// Connections that are on their way in.
    pub handshakes: u64,
    /// Records that wait for the disk, or are being written there.
    pub journal: u64,
}

/// What is kept in memory for the clients of one listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListenerMemory {
    /// Its number.
    pub listener: ListenerId,
    /// What the engine keeps for them.
    pub ledger: Ledger,
    /// What TLS and WebSocket keep for them.
    pub streams: u64,
}

/// The memory of one broker.
#[derive(Debug)]
pub(crate) struct Memory {
    bytes_max: AtomicU64,
    pressure: AtomicU8,
    /// Bytes that may pass until it is time to look again.
    step: AtomicU64,
    pub(crate) charges: Charges,
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
/// Which part of all the outboxes may have together while memory is short: it fits between tight and full.
const OUTBOXES: u64 = 16;
/// Which part of all may be packets that have come in part.
const PARTIAL: u64 = 4;

impl Default for Memory {
    /// Without a limit.
    fn default() -> Self {
        Self {
            bytes_max: AtomicU64::new(u64::MAX),
            pressure: AtomicU8::new(Pressure::Calm as u8),
            step: AtomicU64::new(u64::MAX),
            charges: Charges::default(),
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

    /// Whether no more of such packets can be taken.
    pub(crate) fn is_out_of_partial(&self) -> bool {
        let bytes_max = self.bytes_max();
        bytes_max != u64::MAX && self.charges.partial() > bytes_max / PARTIAL
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
        let beside = self.memory.charges.all() + self.journal_bytes();
        let ledger = self.lock().count_kept(look == Look::Thorough) + beside;
        let pressure = self.memory.look(ledger, look);
        let outboxes_bytes = self.memory.bytes_max() / OUTBOXES;
        scratch.is_pressed = pressure != Pressure::Calm;
        if scratch.is_pressed {
            scratch.shrink();
        }
        let has_changed = {
            let mut partition = self.lock();
            partition.set_batch_bytes(self.memory.step.load(Ordering::Relaxed));
            partition.engine.pressure() != pressure
        };
        if has_changed {
            let rooms = self.enter_only(None, scratch, |partition| partition.press(now, pressure, outboxes_bytes));
            scratch.rooms.extend(rooms);
            self.follow_up(now, None, scratch);
        }
    }

    /// What is known.
    pub(crate) fn memory_info(&self) -> MemoryInfo {
        let ledger = self.lock().ledger();
        let (charges, journal) = (&self.memory.charges, self.journal_bytes());
        let (partial, streams, handshakes) = (charges.partial(), charges.streams(), charges.handshakes());
        let gauge = *self.memory.gauge();
        let resident = postrider_net::resident_bytes();
        let all = ledger.in_memory() + charges.all() + journal;
        let used = if gauge.is_known { gauge.used(all) } else { resident.unwrap_or(0) };
        let (pressure, bytes_max) = (gauge.pressure, self.memory.bytes_max());
        MemoryInfo { bytes_max, resident, used, pressure, ledger, partial, streams, handshakes, journal }
    }

    /// The same for the clients that are connected through each listener.
    pub(crate) fn memory_by_listener(&self) -> Vec<ListenerMemory> {
        let partition = self.lock();
        let of = |(listener, ledger)| ListenerMemory { listener, ledger, streams: partition.stream_bytes(listener) };
        partition.engine.ledger_by_listener().into_iter().map(of).collect()
    }

    fn journal_bytes(&self) -> u64 {
        self.log.as_ref().map_or(0, |post| post.journal.waiting_bytes())
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

//! The time between a start and a kill, as all clients see it.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

pub(super) struct Round {
    started: Instant,
    load: Duration,
    is_settling: AtomicBool,
    is_over: AtomicBool,
    /// Hears from each publisher once that has nothing under way and begins nothing new.
    idle: Sender<()>,
    /// Whoever has nothing under way leaves.
    pub(super) is_last: bool,
}

impl Round {
    /// Begins now.
    pub(super) fn new(load: Duration) -> (Self, Receiver<()>) {
        let (idle, receiver) = channel();
        let (is_settling, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
        (Self { started: Instant::now(), load, is_settling, is_over, idle, is_last: false }, receiver)
    }

    /// One in which nothing new is begun, and that ends by itself.
    pub(super) fn last() -> Self {
        let (round, _) = Self::new(Duration::ZERO);
        round.is_settling.store(true, Relaxed);
        Self { is_last: true, ..round }
    }

    /// How many of `share` messages may have been sent by now: as many as keep the load even until the kill.
    pub(super) fn allowed(&self, share: u32) -> u32 {
        if self.is_settling() {
            return 0;
        }
        let elapsed = self.started.elapsed().min(self.load);
        let allowed = u128::from(share) * elapsed.as_micros() / self.load.as_micros().max(1);
        // The first at once.
        u32::try_from(allowed).unwrap_or(share).max(1)
    }

    /// Whether the time of the load has not passed, so that no connection should have broken.
    pub(super) fn is_early(&self) -> bool {
        self.started.elapsed() < self.load
    }

    /// From now on nobody begins anything new.
    pub(super) fn settle(&self) {
        self.is_settling.store(true, Relaxed);
    }

    pub(super) fn is_settling(&self) -> bool {
        self.is_settling.load(Relaxed)
    }

    pub(super) fn say_idle(&self) {
        // Nobody waits for it when the broker is killed amid the load.
        let _ = self.idle.send(());
    }

    /// The broker is gone.
    pub(super) fn end(&self) {
        self.is_over.store(true, Relaxed);
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Relaxed)
    }
}

//! When which connection or the engine has to be looked at again.
//!
//! Owns: one wheel for all connections and one task that sleeps until the next deadline. A connection is
//! entered once and moves itself on when it is woken, so a packet costs no timer operation.

use crate::conn::Conn;
use crate::outbox::Closing;
use crate::shared::Shared;
use postrider_ports::ListenerId;
use postrider_session::{Mono, TimerKey, Wheel};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::Notify;

/// Which connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// No client was accepted on them.
    Unnamed,
    /// They came through this listener.
    Through(ListenerId),
    All,
}

/// The deadlines of a broker.
#[derive(Debug)]
pub(crate) struct Deadlines {
    wheel: Mutex<Wheel<Arc<Conn>>>,
    /// What the task sleeps until.
    armed: AtomicU64,
    sooner: Notify,
    has_work: AtomicBool,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            wheel: Mutex::default(),
            armed: AtomicU64::new(u64::MAX),
            sooner: Notify::new(),
            has_work: AtomicBool::new(false),
        }
    }
}

impl Deadlines {
    fn wheel(&self) -> MutexGuard<'_, Wheel<Arc<Conn>>> {
        // The wheel does not panic; if it did, a deadline more or less is no danger.
        self.wheel.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Wakes `conn` at `deadline`.
    pub(crate) fn insert(&self, deadline: Mono, conn: &Arc<Conn>) -> TimerKey {
        let key = self.wheel().insert(deadline, conn.clone());
        self.expect(deadline);
        key
    }

    pub(crate) fn cancel(&self, key: TimerKey) {
        // Dropped outside of the lock.
        let _conn = self.wheel().cancel(key);
    }

    /// Makes sure that the task is awake at `deadline`.
    #[inline]
    pub(crate) fn expect(&self, deadline: Mono) {
        if deadline.0 < self.armed.load(Ordering::Relaxed) {
            self.armed.store(deadline.0, Ordering::Relaxed);
            self.sooner.notify_one();
        }
    }

    /// Ends connections at once: those without a client, or all that have a deadline.
    pub(crate) fn close(&self, which: Which) {
        let conns: Vec<Arc<Conn>> = self.wheel().iter().cloned().collect();
        for conn in conns {
            let is_meant = match which {
                Which::Unnamed => conn.link().is_none(),
                Which::Through(listener) => conn.listener == listener,
                Which::All => true,
            };
            if is_meant {
                conn.close(Closing::Now);
            }
        }
    }

    /// There is work that nobody else goes on with.
    pub(crate) fn hand_over_work(&self) {
        self.has_work.store(true, Ordering::Relaxed);
        self.sooner.notify_one();
    }
}

/// Sleeps until the next deadline, wakes who is due, and goes on.
pub(crate) async fn run(shared: Arc<Shared>) {
    let deadlines = &shared.deadlines;
    loop {
        // Nobody needs to wake this task while it is awake.
        deadlines.armed.store(0, Ordering::Relaxed);
        let now = shared.clock.now().mono;
        loop {
            let due = deadlines.wheel().take_due(now);
            let Some(conn) = due else { break };
            conn.tell(false, |mail| mail.is_due = true);
        }
        if shared.engine_deadline().is_some_and(|deadline| deadline <= now) {
            shared.alone(|scratch| shared.tick(scratch));
        }
        if deadlines.has_work.swap(false, Ordering::Relaxed) {
            // There may never be an end of it, so deadlines are looked at between any two slices.
            tokio::task::yield_now().await;
            shared.alone(|scratch| {
                scratch.has_work = true;
                shared.work(None, scratch);
            });
            continue;
        }
        let next = arm(&shared);
        let sooner = deadlines.sooner.notified();
        if next.0 == u64::MAX {
            sooner.await;
        } else {
            let until = shared.clock.instant(next);
            // Whether it is time or there is something sooner, the answer is to look again.
            let _ = tokio::time::timeout_at(until, sooner).await;
        }
    }
}

/// Announces how long the task will sleep. A deadline that comes in meanwhile is either seen by looking
/// again or finds the announcement and wakes the task.
fn arm(shared: &Shared) -> Mono {
    let earliest = || {
        let links = shared.deadlines.wheel().next_deadline();
        links.into_iter().chain(shared.engine_deadline()).min().unwrap_or(Mono(u64::MAX))
    };
    let mut next = earliest();
    loop {
        shared.deadlines.armed.store(next.0, Ordering::Relaxed);
        let again = earliest();
        if again >= next {
            return next;
        }
        next = again;
    }
}

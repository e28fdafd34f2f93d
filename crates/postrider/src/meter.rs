//! What passes without the engine: connections that open, pings, last words of a link's own half.
//!
//! Owns: their counts, until the engine takes them over with its next tick or question.

use postrider_engine::Input;
use postrider_ports::Traffic;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts that any thread adds to.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    sockets: AtomicU64,
    pings: AtomicU64,
    farewells: AtomicU64,
    farewell_bytes: AtomicU64,
}

/// A PINGREQ and its answer take this each. [MQTT-3.12.4-1]
const PING_BYTES: u64 = 2;

impl Meter {
    /// A connection was opened.
    pub(crate) fn on_socket(&self) {
        self.sockets.fetch_add(1, Ordering::Relaxed);
    }

    /// So many PINGREQ packets came and were answered.
    pub(crate) fn on_pings(&self, count: usize) {
        self.pings.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Somebody who broke the protocol was told so.
    pub(crate) fn on_farewell(&self, bytes: usize) {
        self.farewells.fetch_add(1, Ordering::Relaxed);
        self.farewell_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Everything since the last time.
    pub(crate) fn take(&self) -> Input<'static> {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::Relaxed);
        let pings = take(&self.pings);
        let received = Traffic { packets: pings, bytes: pings * PING_BYTES, ..Traffic::default() };
        let sent = Traffic {
            packets: pings + take(&self.farewells),
            bytes: pings * PING_BYTES + take(&self.farewell_bytes),
            ..Traffic::default()
        };
        Input::Bypassed { sockets: take(&self.sockets), received, sent }
    }
}

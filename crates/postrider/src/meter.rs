//! What passes without the partition: connections that open, pings, last words of a link's own half.
//!
//! Owns: their counts, until the engine hears of them before its next tick or question.

use postrider_engine::Passed;
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

    /// Adds everything since the last time to what passed.
    pub(crate) fn add_to(&self, passed: &mut Passed) {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::Relaxed);
        let pings = take(&self.pings);
        passed.sockets += take(&self.sockets);
        passed.packets_received += pings;
        passed.bytes_received += pings * PING_BYTES;
        passed.packets_sent += pings + take(&self.farewells);
        passed.bytes_sent += pings * PING_BYTES + take(&self.farewell_bytes);
    }
}

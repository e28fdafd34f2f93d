//! The driver's clock.
//!
//! Owns: the one place where time is read. It is tokio's monotonic clock, so a test that holds tokio's time
//! holds the broker's.

use postrider_session::{Mono, Now, Wall};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// Counts milliseconds from the start of the broker.
#[derive(Debug)]
pub(crate) struct Clock {
    start: Instant,
    start_wall_ms: u64,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { start: Instant::now(), start_wall_ms: millis(since) }
    }

    /// Now; one reading of the monotonic clock.
    #[inline]
    pub(crate) fn now(&self) -> Now {
        let ms = millis(self.start.elapsed());
        Now { mono: Mono(ms), wall: Wall(self.start_wall_ms + ms) }
    }

    /// The instant that `mono` stands for.
    pub(crate) fn instant(&self, mono: Mono) -> Instant {
        const FAR: Duration = Duration::from_secs(30 * 365 * 86_400);
        self.start + Duration::from_millis(mono.0).min(FAR)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "584 million years fit")]
fn millis(duration: Duration) -> u64 {
    duration.as_millis() as u64
}

//! How long tests wait for what must come.

use std::time::{Duration, Instant};

/// Long enough for a machine that does much else; whatever takes longer never comes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Looks again and again until something holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "not within all patience: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

//! How many handshakes compute at a time.
//!
//! Owns: the places for them, and the bound on who waits for one. A handshake has a place while it computes, never while
//! it waits for the far end.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Places for handshakes that compute.
#[derive(Debug)]
pub struct Turns {
    places: Semaphore,
    waiting: AtomicUsize,
    waiting_max: usize,
}

impl Turns {
    /// So many places, and so many that may wait for one.
    #[must_use]
    pub fn new(places: usize, waiting_max: usize) -> Self {
        Self { places: Semaphore::new(places.max(1)), waiting: AtomicUsize::new(0), waiting_max }
    }

    /// Four places for each processor, 1,000 who wait.
    #[must_use]
    pub fn for_this_machine() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self::new(4 * processors, 1_000)
    }

    /// A place, when it is one's turn.
    ///
    /// # Errors
    /// [`io::ErrorKind::ResourceBusy`] when too many wait already.
    pub async fn take(&self) -> io::Result<SemaphorePermit<'_>> {
        if let Ok(place) = self.places.try_acquire() {
            return Ok(place);
        }
        let _waiting = Waiting::join(self)?;
        self.places.acquire().await.map_err(io::Error::other)
    }
}

/// One that waits, until dropped.
struct Waiting<'a>(&'a Turns);

impl<'a> Waiting<'a> {
    fn join(turns: &'a Turns) -> io::Result<Self> {
        let before = turns.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Self(turns);
        if before >= turns.waiting_max { Err(io::ErrorKind::ResourceBusy.into()) } else { Ok(waiting) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

//! How many files and sockets the process may have open.
//!
//! Owns: the count of connections against that limit, so that accepting stops before the system says so.

use rustix::process::{Resource, getrlimit, setrlimit};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;

/// Kept free for files, pipes and whatever else the process opens.
const RESERVE: u64 = 64;

/// Raises the soft limit of open descriptors to the hard one and says what it is now.
#[must_use]
pub fn raise_limit() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        // Not being allowed to leaves the old limit, which is read again below.
        let _ = setrlimit(Resource::Nofile, limit);
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Connections that may be open at a time.
#[derive(Debug)]
pub struct Descriptors {
    open: AtomicU64,
    maximum: u64,
    freed: Notify,
}

/// One connection's place; gives it back when dropped.
#[derive(Debug)]
pub struct Permit(Arc<Descriptors>);

impl Descriptors {
    /// As many connections as the process's limit leaves, a reserve kept.
    #[must_use]
    pub fn within_limit() -> Arc<Self> {
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        Self::with_maximum(limit.saturating_sub(RESERVE).max(1))
    }

    /// At most `maximum` connections.
    #[must_use]
    pub fn with_maximum(maximum: u64) -> Arc<Self> {
        Arc::new(Self { open: AtomicU64::new(0), maximum, freed: Notify::new() })
    }

    /// A place for one more connection, waiting until there is one.
    pub async fn acquire(self: &Arc<Self>) -> Permit {
        loop {
            let freed = self.freed.notified();
            if self.open.fetch_add(1, Ordering::Relaxed) < self.maximum {
                return Permit(self.clone());
            }
            self.open.fetch_sub(1, Ordering::Relaxed);
            freed.await;
        }
    }

    /// Connections open now.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    /// Waits until a connection is closed.
    pub async fn freed(&self) {
        self.freed.notified().await;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
        self.0.freed.notify_one();
    }
}

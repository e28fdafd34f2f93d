//! How many files and sockets the process may have open.
//!
//! Owns: the count of connections against that limit, so that accepting stops before the system says so.

use rustix::process::{Resource, getrlimit, setrlimit};
use std::sync::Arc;
use tokio::sync::Semaphore;

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
pub struct Descriptors(Semaphore);

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
        let places = usize::try_from(maximum).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Arc::new(Self(Semaphore::new(places)))
    }

    /// A place for one more connection, waiting in line until there is one.
    pub async fn acquire(self: &Arc<Self>) -> Permit {
        // It is never closed.
        if let Ok(permit) = self.0.acquire().await {
            permit.forget();
        }
        Permit(self.clone())
    }

    /// A place for one more connection, if there is one.
    #[must_use]
    pub fn try_acquire(self: &Arc<Self>) -> Option<Permit> {
        self.0.try_acquire().ok()?.forget();
        Some(Permit(self.clone()))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.0.add_permits(1);
    }
}

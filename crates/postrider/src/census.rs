//! How many connections there are.
//!
//! Owns: the count of all that are not over, an embedder's own streams among them, and word of each end.

use crate::shared::Shared;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;

/// The connections that are not over.
#[derive(Debug, Default)]
pub(crate) struct Census {
    count: AtomicU64,
    ended: Notify,
}

/// One connection among them, until it is dropped; and its way to what all share.
pub(crate) struct Counted(Arc<Shared>);

impl core::ops::Deref for Counted {
    type Target = Arc<Shared>;

    fn deref(&self) -> &Arc<Shared> {
        &self.0
    }
}

impl Counted {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        shared.census.count.fetch_add(1, Ordering::Relaxed);
        Self(shared)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.census.count.fetch_sub(1, Ordering::Release);
        self.0.census.ended.notify_one();
    }
}

impl Census {
    /// Waits until there is none.
    pub(crate) async fn all_ended(&self) {
        while self.count.load(Ordering::Acquire) > 0 {
            // An end between the look and the wait leaves its word behind.
            self.ended.notified().await;
        }
    }
}

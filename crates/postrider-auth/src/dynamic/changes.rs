//! What commands change for clients that are in, and who hears of it.
//!
//! Owns: what happened before somebody listened.

use postrider_ports::Principal;
use std::sync::{Mutex, PoisonError};

/// Something that a broker has to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// What clients may do has changed: for `Handle::review`.
    Rights,
    /// The connections of these end, `None` those of anonymous clients: for `Handle::end_connections`.
    Gone(Vec<Option<Principal>>),
}

type Hear = dyn Fn(Change) + Send + Sync;

/// Tells one listener, in order.
#[derive(Default)]
pub(super) struct Changes(Mutex<Listener>);

#[derive(Default)]
struct Listener {
    hear: Option<std::sync::Arc<Hear>>,
    missed: Vec<Change>,
}

impl Changes {
    pub(super) fn listen(&self, hear: impl Fn(Change) + Send + Sync + 'static) {
        let hear: std::sync::Arc<Hear> = std::sync::Arc::new(hear);
        let mut listener = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let missed = std::mem::take(&mut listener.missed);
        listener.hear = Some(hear.clone());
        drop(listener);
        missed.into_iter().for_each(|change| hear(change));
    }

    pub(super) fn tell(&self, change: Change) {
        let mut listener = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(hear) = listener.hear.clone() else {
            // A broker that is not there yet has few clients: what it missed is short.
            if !listener.missed.contains(&change) {
                listener.missed.push(change);
            }
            return;
        };
        // Not under the lock: whoever hears may cause more.
        drop(listener);
        hear(change);
    }
}

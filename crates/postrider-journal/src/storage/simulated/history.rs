//! The disk as it was before each change, so that a loss of power can be tried at every one of them.
//!
//! Owns: copies of the whole disk.

use super::{SimulatedDisk, State};
use std::sync::{Arc, Mutex};

impl SimulatedDisk {
    /// From now on the disk is copied before each change; [`take_history`](Self::take_history) hands the copies over.
    pub fn keep_history(&self) {
        self.state().history = Some(Vec::new());
    }

    /// The disk before each change since the last call, each with chances of its own.
    #[must_use]
    pub fn take_history(&self) -> Vec<Self> {
        self.state().history.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Another disk with the same content and the same things not synced, which goes its own way.
    #[must_use]
    pub fn fork(&self, seed: u64) -> Self {
        let mut copy = self.state().without_history();
        copy.random.mix(seed);
        Self(Arc::new(Mutex::new(copy)))
    }
}

impl State {
    pub(super) fn note_history(&mut self) {
        let Some(mut history) = self.history.take() else { return };
        let mut copy = self.without_history();
        copy.random.mix(self.counts.changes);
        history.push(SimulatedDisk(Arc::new(Mutex::new(copy))));
        self.history = Some(history);
    }

    fn without_history(&self) -> Self {
        Self { history: None, ..self.clone() }
    }
}

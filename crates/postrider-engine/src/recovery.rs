//! An engine from the records of a log.

use crate::{Engine, Limits, RecordError, Seeds, Tray};
use postrider_ports::PartitionId;
use postrider_session::{Now, Sequence};

/// An engine that is being made from a log, record by record in the order of their numbers.
#[derive(Debug)]
pub struct Recovery {
    engine: Engine,
}

impl Recovery {
    /// Begins with nothing. `now` is when the process started.
    #[must_use]
    pub fn new(limits: Limits, partition: PartitionId, seeds: Seeds, _now: Now) -> Self {
        Self { engine: Engine::new(limits, partition, seeds) }
    }

    /// Takes the next record.
    ///
    /// # Errors
    /// The record is not what it should be. Nothing has changed.
    pub fn replay(&mut self, _sequence: Sequence, _kind: u8, _payload: &[u8]) -> Result<(), RecordError> {
        Ok(())
    }

    /// All records have been taken; `last` is the last number that the log has given. What is needed no more is
    /// released through the tray, and everything from now on is appended.
    #[must_use]
    pub fn finish(self, _now: Now, _last: Sequence, _tray: &mut Tray) -> Engine {
        self.engine
    }
}

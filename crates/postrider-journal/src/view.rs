//! A store that is open to be read, and nothing else.
//!
//! Owns: the lock, so that nobody writes meanwhile.
//! Never: changes a record, a name or a length.

use crate::catalog::Catalog;
use crate::check::{Report, report};
use crate::error::{OpenError, ReadError};
use crate::log::{lock, share};
use crate::options::Kinds;
use crate::recovered::Recovered;
use crate::sequence::Sequence;
use crate::shared::Shared;
use crate::storage::Storage;
use crate::survey::survey;
use std::sync::Arc;

/// Reads a store in the order of its records, and single records by sequence.
#[derive(Debug)]
pub struct View<S: Storage> {
    report: Report,
    shared: Arc<Shared<S>>,
    #[expect(dead_code, reason = "the directory is held as long as this lives")]
    lock: S::Lock,
}

impl<S: Storage> View<S> {
    /// Opens a store that nobody else has open. What is damaged stands in the report.
    pub fn open(storage: S) -> Result<Self, OpenError> {
        Self::of(storage, Kinds::none(), ALL_INDEXES)?.map_err(nameless)
    }

    /// The same with a bound for the memory of indexes, or what is there where nobody can say which store it is.
    pub(crate) fn of(
        storage: S,
        keep_while_older: Kinds,
        index_bytes_max: u64,
    ) -> Result<Result<Self, Report>, OpenError> {
        let lock = lock(&storage)?;
        let survey = survey(&storage)?;
        let report = report(&survey);
        let Some(store_id) = report.store_id else { return Ok(Err(report)) };
        let catalog = Catalog::new(keep_while_older, index_bytes_max, survey.fresh_next);
        let shared = share(storage, store_id, catalog, survey.segments.into_iter(), report.last)?;
        Ok(Ok(Self { report, shared, lock }))
    }

    /// What is there.
    #[must_use]
    pub const fn report(&self) -> &Report {
        &self.report
    }

    /// Every record in the order of the sequences, from the first.
    #[must_use]
    pub fn records(&self) -> Recovered<S> {
        Recovered::new(self.shared.clone(), Vec::new(), self.report.last)
    }

    /// Appends the payload of a record to a buffer and says its kind.
    pub fn read(&self, sequence: Sequence, payload: &mut Vec<u8>) -> Result<u8, ReadError> {
        self.shared.read(sequence, payload)
    }
}

/// Why a store without a name does not open.
pub(crate) fn nameless(report: Report) -> OpenError {
    if report.damage.is_empty() { OpenError::NoStore } else { OpenError::Damaged(report.damage) }
}

/// All indexes stay in memory: none has to be written.
pub(crate) const ALL_INDEXES: u64 = u64::MAX;

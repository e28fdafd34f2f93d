//! A data directory written from plain data.
//!
//! Owns: the numbers that records get; the order that [`DataWriter`] asks for.
//! Never: writes what no client could have brought, or leaves half a directory behind.

use crate::backup::new_store;
use crate::draft::Draft;
use crate::error::Error;
use crate::store::{refused, unusable};
use postrider_engine::RecordError;
use postrider_engine::contents::{
    DeliveryData, MessageData, SessionData, SubscriptionData, charge, compose_flows, compose_group, compose_message,
    compose_session, compose_subscription,
};
use postrider_journal::{AppendError, Directory, Log, OpenError};
use std::io;
use std::path::{Path, PathBuf};

/// Writes a data directory: first sessions with their subscriptions and groups, then messages in the order in which they
/// came, then how far each session's flows have come; [`DataWriter::finish`] gives the directory its name. Whatever is
/// refused was not written, and the caller may say what it was.
#[derive(Debug)]
pub struct DataWriter {
    path: PathBuf,
    draft: Draft,
    log: Log<Directory>,
    bytes: Vec<u8>,
    /// The last record.
    last: u64,
}

/// A session or a group that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Written(u64);

/// A message that was written: the record it stands in, and what each of those who wait for it is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenMessage {
    /// The number of its record.
    pub record: u64,
    /// In bytes.
    pub charge: u64,
}

/// Why something was not written.
#[derive(Debug)]
pub enum WriteError {
    /// It is not what a client could have brought.
    Invalid(RecordError),
    /// The directory cannot be written.
    Failed(Error),
}

impl DataWriter {
    /// Begins a directory that is empty or not there yet.
    ///
    /// # Errors
    /// It is not empty, or cannot be made.
    pub fn create(path: &Path) -> Result<Self, Error> {
        let (draft, directory) = Draft::of(path)?;
        let (log, _) = Log::open(directory, new_store()).map_err(|error| refused(path, error))?;
        Ok(Self { path: path.to_owned(), draft, log, bytes: Vec::new(), last: 0 })
    }

    /// Writes a session. No two have the same client identifier.
    ///
    /// # Errors
    /// It cannot be, or not be written.
    pub fn session(&mut self, session: &SessionData) -> Result<Written, WriteError> {
        let number = self.last + 1;
        self.write(|out| compose_session(number, session, out)).map(Written)
    }

    /// Writes a subscription of a session.
    ///
    /// # Errors
    /// It cannot be, or not be written.
    pub fn subscription(&mut self, session: Written, subscription: &SubscriptionData) -> Result<(), WriteError> {
        self.write(|out| compose_subscription(session.0, subscription, out)).map(drop)
    }

    /// Writes a shared subscription that is owed something. One session at least has it among its own.
    ///
    /// # Errors
    /// It cannot be, or not be written.
    pub fn group(&mut self, filter: &str) -> Result<Written, WriteError> {
        self.write(|out| compose_group(filter, out)).map(Written)
    }

    /// Writes a message with everybody who waits for it.
    ///
    /// # Errors
    /// It cannot be, or not be written.
    pub fn message(
        &mut self,
        message: &MessageData,
        is_retained: bool,
        owed: &[(Written, DeliveryData)],
    ) -> Result<WrittenMessage, WriteError> {
        let owed: Vec<_> = owed.iter().map(|(owner, delivery)| (owner.0, delivery.clone())).collect();
        let charge = charge(message).map_err(WriteError::Invalid)?;
        let record = self.write(|out| compose_message(message, is_retained, &owed, out))?;
        Ok(WrittenMessage { record, charge })
    }

    /// Writes how far a session's flows have come: all that it is owed, first what is in flight, with the records as they
    /// are named here and what each is charged.
    ///
    /// # Errors
    /// It cannot be, or not be written.
    pub fn flows(
        &mut self,
        session: Written,
        data: &SessionData,
        owed: impl Iterator<Item = (DeliveryData, u64)>,
    ) -> Result<(), WriteError> {
        self.write(|out| compose_flows(session.0, data, owed, out)).map(drop)
    }

    /// Leaves a text in the directory, under a name that no file of the log has.
    pub(crate) fn leave_beside(&self, name: &str, text: &str) -> Result<(), Error> {
        self.draft.write(name, text)
    }

    /// Everything is written: makes it durable and gives the directory its name.
    ///
    /// # Errors
    /// The device refuses.
    pub fn finish(self) -> Result<(), Error> {
        self.log.close().map_err(|fault| refused(&self.path, fault.into()))?;
        self.draft.keep()
    }

    fn write(&mut self, compose: impl FnOnce(&mut Vec<u8>) -> Result<u8, RecordError>) -> Result<u64, WriteError> {
        self.bytes.clear();
        let kind = compose(&mut self.bytes).map_err(WriteError::Invalid)?;
        let appended = self.log.append(kind, &[&self.bytes]);
        self.last = appended.map_err(|error| WriteError::Failed(self.failed(error)))?.number();
        Ok(self.last)
    }

    fn failed(&self, error: AppendError) -> Error {
        match error {
            AppendError::Fault(fault) => refused(&self.path, OpenError::Fault(fault)),
            AppendError::Full => unusable(&self.path, io::ErrorKind::StorageFull.into()),
            AppendError::TooLarge | _ => unusable(&self.path, io::ErrorKind::FileTooLarge.into()),
        }
    }
}

impl std::fmt::Display for WriteError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Invalid(error) => error.fmt(f),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for WriteError {}

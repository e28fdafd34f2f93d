//! A data directory as plain data: sessions, messages, what is retained.
//!
//! Owns: the open files, and one message at a time.
//! Never: changes what it reads; needs memory for payloads of messages that nobody looks at.

use crate::error::Error;
use crate::store::{Unreadable, refused, unusable};
use crate::{defaults, seeds};
use postrider_engine::contents::{
    Contents, DeliveryData, MessageData, SessionData, SessionName, SubscriptionData, message_data,
};
use postrider_engine::{Concerned, LostRecord, Recovery};
use postrider_journal::{Damage, Directory, ReadError, Recovered, Sequence as Number, Storage, View};
use postrider_session::Sequence;
use std::io;
use std::path::{Path, PathBuf};

/// A data directory that is open to be read; no broker can use it meanwhile.
///
/// ```no_run
/// # fn example() -> Result<(), postrider::Error> {
/// let data = postrider::Data::open("/var/lib/postrider".as_ref())?;
/// for record in data.retained() {
///     if let Some(message) = data.message(record)? {
///         println!("{}: {} bytes", message.topic, message.payload.len());
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Data {
    path: PathBuf,
    view: View<Directory>,
    contents: Contents,
    records: u64,
    senseless: Vec<String>,
}

/// Which store a data directory holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreData {
    /// Its id.
    pub id: [u8; 16],
    /// How often it was opened.
    pub openings: u64,
    /// The files with records.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Records that are whole.
    pub records: u64,
    /// The number of the last record that was written.
    pub last_record: u64,
}

impl Data {
    /// Opens a data directory that no broker uses, or a backup, and reads who is owed what. Damage does not keep it from
    /// opening: see [`Data::damage`].
    ///
    /// # Errors
    /// It is in use, holds no data, was written by a later version, or cannot be read.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let storage = Directory::existing(path).map_err(|error| unusable(path, error))?;
        let view = View::open(storage).map_err(|error| refused(path, error))?;
        let mut recovery = Recovery::to_be_read(defaults::limits(), seeds::random());
        let mut recovered = view.records();
        let read = take_records(&mut recovered, &mut recovery, path)?;
        let contents = recovery.contents(Sequence(view.report().last.number()));
        let Taken { records, senseless, .. } = read;
        Ok(Self { path: path.to_owned(), view, contents, records, senseless })
    }

    /// Which store it is.
    #[must_use]
    pub fn store(&self) -> StoreData {
        let report = self.view.report();
        StoreData {
            id: report.store_id.map(|id| id.0).unwrap_or_default(),
            openings: report.epoch,
            files: report.segments.len() as u64,
            bytes: report.segments.iter().map(|segment| segment.bytes).sum(),
            records: self.records,
            last_record: report.last.number(),
        }
    }

    /// Places that are not as they were written; what they held is missing in everything else.
    #[must_use]
    pub fn damage(&self) -> &[Damage] {
        &self.view.report().damage
    }

    /// Records that are whole and make no sense, one sentence each; what they said is missing too.
    #[must_use]
    pub fn senseless(&self) -> &[String] {
        &self.senseless
    }

    /// Every session, in the order of the client identifiers.
    pub fn sessions(&self) -> impl Iterator<Item = (SessionName, SessionData)> {
        self.contents.sessions()
    }

    /// The subscriptions of a session, in the order of their filters.
    #[must_use]
    pub fn subscriptions(&self, session: SessionName) -> Vec<SubscriptionData> {
        self.contents.subscriptions(session)
    }

    /// What a session is owed: first what is in flight, then what waits, each oldest first.
    pub fn deliveries(&self, session: SessionName) -> impl Iterator<Item = DeliveryData> {
        self.contents.deliveries(session)
    }

    /// Shared subscriptions that are owed something, in the order of their filters.
    #[must_use]
    pub fn groups(&self) -> Vec<String> {
        self.contents.groups()
    }

    /// What a shared subscription is owed, oldest first.
    pub fn group_deliveries(&self, filter: &str) -> impl Iterator<Item = DeliveryData> {
        self.contents.group_deliveries(filter)
    }

    /// The records of all retained messages, in the order of their topics.
    #[must_use]
    pub fn retained(&self) -> Vec<u64> {
        self.contents.retained()
    }

    /// The message in a record; nothing if it cannot be read any more.
    ///
    /// # Errors
    /// The device refuses.
    pub fn message(&self, record: u64) -> Result<Option<MessageData>, Error> {
        let mut payload = Vec::new();
        match self.view.read(Number::new(record), &mut payload) {
            Ok(kind) => Ok(message_data(kind, &payload).ok()),
            Err(ReadError::Fault(fault)) => Err(refused(&self.path, fault.into())),
            Err(ReadError::Absent | ReadError::Damaged(_) | _) => Ok(None),
        }
    }
}

/// What was taken of a log.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) records: u64,
    /// Sentences about records that make no sense.
    pub(crate) senseless: Vec<String>,
    /// What turned out to be unreadable only then.
    pub(crate) damage: Vec<Damage>,
}

/// Hands every record to a recovery.
pub(crate) fn take_records<S: Storage>(
    recovered: &mut Recovered<S>,
    recovery: &mut Recovery,
    path: &Path,
) -> Result<Taken, Error> {
    let (mut taken, mut payload) = (Taken::default(), Vec::new());
    loop {
        payload.clear();
        match recovered.next(&mut payload) {
            Ok(None) => return Ok(taken),
            Ok(Some((sequence, kind))) => {
                let sequence = Sequence(sequence.number());
                if let Err(error) = recovery.replay(sequence, kind, &payload) {
                    taken.senseless.push(Unreadable::new(sequence, kind, &payload, &error).to_string());
                }
                taken.records += 1;
            }
            Err(ReadError::Damaged(damage)) => taken.damage.push(damage),
            Err(ReadError::Fault(fault)) => return Err(refused(path, fault.into())),
            // Nothing is released meanwhile.
            Err(_) => {}
        }
    }
}

/// Whom damage concerns, as far as what is left tells. With `Aside`, the files are no longer among what is read.
pub(crate) fn concerned<S: Storage>(
    recovered: &Recovered<S>,
    recovery: &Recovery,
    damage: &[Damage],
    place: Place,
) -> Result<Concerned, io::Error> {
    if damage.is_empty() {
        return Ok(Concerned::default());
    }
    let mut lost = Vec::new();
    let mut read = |sequence: Number, kind: u8, payload: &[u8]| {
        if let Ok(Some(record)) = LostRecord::read(kind, payload) {
            lost.push((Sequence(sequence.number()), record));
        }
    };
    for one in damage {
        let read = match place {
            Place::Kept => recovered.remains(one, &mut read),
            // A file that is put aside goes as a whole.
            Place::Aside => recovered.remains(&Damage { offset: 0, length: u64::MAX, ..one.clone() }, &mut read),
        };
        read.map_err(io::Error::other)?;
    }
    lost.sort_by_key(|(sequence, _)| *sequence);
    lost.dedup();
    lost.retain(|(sequence, _)| !recovery.has(*sequence));
    let is_within = |sequence: Sequence| {
        let within = |(first, last): (Number, Number)| (first.number()..=last.number()).contains(&sequence.0);
        place == Place::Aside || damage.iter().any(|damage| damage.sequences.is_none_or(within))
    };
    Ok(recovery.concerned(is_within, &lost))
}

/// Where damaged files are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Kept,
    Aside,
}

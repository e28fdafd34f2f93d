//! Whom it concerns that records are lost: what the records that are left say about those that are not.

use super::Recovery;
use crate::RecordError;
use crate::records::kind;
use crate::records::message::MessageRecord;
use crate::records::session::SessionRecord;
use postrider_ports::Subject;
use postrider_proto::Topic;
use postrider_session::{Now, Sequence};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of the owners of lost records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Concerned {
    /// Sessions, in the order of their client identifiers, and shared subscriptions that were owed some of them.
    pub owed: Vec<Owed>,
    /// Sessions of which others speak and whose own record is lost.
    pub nameless: Vec<Nameless>,
    /// Topics that may have lost what they retained, and have nothing newer.
    pub retained: Vec<String>,
    /// Topics of all messages that can still be read in what is lost.
    pub topics: Vec<String>,
}

/// Somebody who was owed messages whose records are lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// The session; nothing for a shared subscription.
    pub session: Option<Subject>,
    /// The filter of the shared subscription; nothing for a session.
    pub share: Option<String>,
    /// How many.
    pub messages: u64,
}

/// A session whose own record is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nameless {
    /// Its number in the log.
    pub number: u64,
    /// Who it is, if that can still be read.
    pub session: Option<Subject>,
    /// What it subscribed to, as far as is known.
    pub filters: Vec<String>,
    /// How many messages it is owed, as far as is known.
    pub messages: u64,
}

/// What a lost record said, where that can still be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LostRecord {
    /// A message.
    Message {
        /// Where it was published.
        topic: String,
        /// Whether its topic retained it.
        is_retained: bool,
        /// The numbers of those who were owed it.
        owed: Vec<u64>,
    },
    /// A session.
    Session {
        /// Its number in the log.
        number: u64,
        /// Who it is.
        subject: Subject,
    },
}

impl LostRecord {
    /// Reads a record that concerns somebody by name; nothing for another.
    ///
    /// # Errors
    /// It is not what it should be.
    pub fn read(record_kind: u8, payload: &[u8]) -> Result<Option<Self>, RecordError> {
        Ok(match record_kind {
            kind::MESSAGE | kind::RETAINED => {
                let record = MessageRecord::read(payload, Sequence::NONE, Now::default())?;
                let (topic, is_retained) = (record.parts.topic.as_str().to_owned(), record_kind == kind::RETAINED);
                let owed = record.targets.iter().filter(|target| target.sent.is_none()).map(|target| target.session);
                Some(Self::Message { topic, is_retained, owed: owed.collect() })
            }
            kind::SESSION => {
                let SessionRecord { number, subject, .. } = SessionRecord::read(payload)?;
                Some(Self::Session { number, subject })
            }
            _ => None,
        })
    }
}

impl Recovery {
    /// Whom it concerns that the records which `is_lost` names are not there. All others have been taken; `lost` is what
    /// can still be read of some that are not.
    #[must_use]
    pub fn concerned(&self, is_lost: impl Fn(Sequence) -> bool, lost: &[(Sequence, LostRecord)]) -> Concerned {
        let mut concerned = Concerned::default();
        let unsaid = self.owed_without_mention(lost);
        for (number, restored) in &self.sessions {
            let is_gone = |sequence: &Sequence| is_lost(*sequence) && !self.has(*sequence);
            let mut messages: BTreeSet<Sequence> = restored.owed().filter(is_gone).collect();
            messages.extend(unsaid.get(number).into_iter().flatten());
            let session = restored.record.as_ref().map(|record| record.subject.clone());
            let text = |filter: &[u8]| String::from_utf8_lossy(filter).into_owned();
            let share = restored.share.as_deref().map(text);
            if session.is_none() && share.is_none() {
                messages.extend(restored.owed());
                concerned.nameless.push(Nameless {
                    number: *number,
                    session: lost.iter().rev().find_map(|(_, record)| record.subject_of(*number)),
                    filters: restored.subscriptions.keys().map(|filter| text(filter)).collect(),
                    messages: messages.len() as u64,
                });
            } else if !messages.is_empty() {
                concerned.owed.push(Owed { session, share, messages: messages.len() as u64 });
            }
        }
        let name = |owed: &Owed| owed.session.as_ref().map(|session| session.client_id.clone());
        concerned.owed.sort_by(|left, right| (name(left), &left.share).cmp(&(name(right), &right.share)));
        concerned.list_topics(self, lost);
        concerned
    }

    /// Whether a record was taken.
    #[must_use]
    pub fn has(&self, sequence: Sequence) -> bool {
        self.seen.binary_search(&sequence).is_ok()
    }

    /// Nobody but the record of a message says who waits for it: those who had not come so far.
    fn owed_without_mention(&self, lost: &[(Sequence, LostRecord)]) -> BTreeMap<u64, Vec<Sequence>> {
        let mut unsaid: BTreeMap<u64, Vec<Sequence>> = BTreeMap::new();
        for (sequence, record) in lost {
            let LostRecord::Message { owed, .. } = record else { continue };
            let waits = |number: &&u64| self.sessions.get(number).is_some_and(|owner| *sequence > owner.sent_through);
            for number in owed.iter().filter(waits) {
                unsaid.entry(*number).or_default().push(*sequence);
            }
        }
        unsaid
    }
}

impl LostRecord {
    fn subject_of(&self, session: u64) -> Option<Subject> {
        match self {
            Self::Session { number, subject } if *number == session => Some(subject.clone()),
            Self::Session { .. } | Self::Message { .. } => None,
        }
    }
}

impl Concerned {
    fn list_topics(&mut self, recovery: &Recovery, lost: &[(Sequence, LostRecord)]) {
        let (mut retained, mut topics) = (BTreeSet::new(), BTreeSet::new());
        for (sequence, record) in lost {
            let LostRecord::Message { topic, is_retained, .. } = record else { continue };
            let kept = Topic::parse(topic.as_bytes()).ok().and_then(|topic| recovery.engine.retained.get(topic));
            if *is_retained && kept.is_none_or(|kept| kept.message.sequence() < *sequence) {
                retained.insert(topic.clone());
            }
            topics.insert(topic.clone());
        }
        (self.retained, self.topics) = (retained.into_iter().collect(), topics.into_iter().collect());
    }

    /// Whether nobody is concerned, as far as is known.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.owed.is_empty() && self.nameless.is_empty() && self.topics.is_empty()
    }
}

//! Whom it concerns that records are lost: what the records that are left say about those that are not.

use super::Recovery;
use crate::RecordError;
use crate::records::kind;
use crate::records::message::MessageRecord;
use postrider_ports::Subject;
use postrider_proto::Topic;
use postrider_session::{Now, Sequence};

/// What is known of the owners of lost records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Concerned {
    /// Sessions, in the order of their client identifiers, and shared subscriptions that were owed some of them.
    pub owed: Vec<Owed>,
    /// Sessions of which others speak and whose own record is lost.
    pub nameless: Vec<Nameless>,
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

/// A session without a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nameless {
    /// Its number in the log.
    pub number: u64,
    /// What it subscribed to, as far as is known.
    pub filters: Vec<String>,
    /// How many messages it is owed, as far as is known.
    pub messages: u64,
}

/// What a lost record said, where some of it can still be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostRecord {
    /// The topic of its message.
    pub topic: String,
    /// Whether its topic retained it.
    pub is_retained: bool,
    /// The numbers of the sessions that got it.
    pub sessions: Vec<u64>,
}

impl LostRecord {
    /// Reads a record of a message; nothing for another.
    ///
    /// # Errors
    /// It is not what it should be.
    pub fn read(record_kind: u8, payload: &[u8]) -> Result<Option<Self>, RecordError> {
        if !matches!(record_kind, kind::MESSAGE | kind::RETAINED) {
            return Ok(None);
        }
        let record = MessageRecord::read(payload, Sequence::NONE, Now::default())?;
        Ok(Some(Self {
            topic: record.parts.topic.as_str().to_owned(),
            is_retained: record_kind == kind::RETAINED,
            sessions: record.targets.iter().map(|target| target.session).collect(),
        }))
    }
}

impl Recovery {
    /// Whom it concerns that the records which `is_lost` names are not there. All others have been taken.
    #[must_use]
    pub fn concerned(&self, is_lost: impl Fn(Sequence) -> bool) -> Concerned {
        let mut concerned = Concerned::default();
        for (number, restored) in &self.sessions {
            let is_gone = |sequence: &Sequence| is_lost(*sequence) && self.seen.binary_search(sequence).is_err();
            let messages = restored.owed().filter(is_gone).count() as u64;
            let session = restored.record.as_ref().map(|record| record.subject.clone());
            let text = |filter: &[u8]| String::from_utf8_lossy(filter).into_owned();
            let share = restored.share.as_deref().map(text);
            if session.is_none() && share.is_none() {
                let filters = restored.subscriptions.keys().map(|filter| text(filter)).collect();
                let messages = restored.owed().count() as u64;
                concerned.nameless.push(Nameless { number: *number, filters, messages });
            } else if messages > 0 {
                concerned.owed.push(Owed { session, share, messages });
            }
        }
        let name = |owed: &Owed| owed.session.as_ref().map(|session| session.client_id.clone());
        concerned.owed.sort_by(|left, right| (name(left), &left.share).cmp(&(name(right), &right.share)));
        concerned
    }

    /// The client identifier of a session with this number, if its record is there.
    #[must_use]
    pub fn session_name(&self, number: u64) -> Option<Subject> {
        Some(self.sessions.get(&number)?.record.as_ref()?.subject.clone())
    }

    /// Whether a topic retains something newer than this record.
    #[must_use]
    pub fn retains_newer(&self, topic: &str, sequence: Sequence) -> bool {
        let topic = Topic::parse(topic.as_bytes()).ok();
        let kept = topic.and_then(|topic| self.engine.retained.get(topic));
        kept.is_some_and(|kept| kept.message.sequence() > sequence)
    }
}

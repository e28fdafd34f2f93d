//! What stands in the records of the log.
//!
//! Owns: their kinds and their bytes.

pub(crate) mod coding;
pub(crate) mod flows;
pub(crate) mod message;
pub(crate) mod session;

use postrider_session::{Now, Sequence};

/// Kinds of records that say that others are over: the log keeps them as long as any of those might come back.
pub const KINDS_KEPT: [u8; 4] = [kind::GONE, kind::UNSUBSCRIBED, kind::CLEARED, kind::UNRETAINED];

/// What kind a record is of. The numbers are part of the format.
pub(crate) mod kind {
    /// A session: who, for how long, its will, whether it is connected.
    pub(crate) const SESSION: u8 = 1;
    /// A session has ended.
    pub(crate) const GONE: u8 = 2;
    /// A subscription of a session.
    pub(crate) const SUBSCRIPTION: u8 = 3;
    /// A subscription has ended.
    pub(crate) const UNSUBSCRIBED: u8 = 4;
    /// A message, and who is owed it.
    pub(crate) const MESSAGE: u8 = 5;
    /// The same, and it is what its topic retains from now on.
    pub(crate) const RETAINED: u8 = 6;
    /// The same, and its topic retains nothing from now on.
    pub(crate) const CLEARED: u8 = 7;
    /// A message that somebody is still owed is retained no more.
    pub(crate) const UNRETAINED: u8 = 8;
    /// How far a session's flows have come.
    pub(crate) const FLOWS: u8 = 9;
    /// A message with QoS 2 goes out under an identifier.
    pub(crate) const SENT: u8 = 10;
    /// The PUBREC for an identifier came.
    pub(crate) const RECEIVED: u8 = 11;
    /// The PUBREL for an identifier came.
    pub(crate) const RELEASED: u8 = 12;
    /// A message with QoS 2 came under an identifier, and nobody had to be told.
    pub(crate) const ADMITTED: u8 = 13;
    /// A shared subscription with a recorded session as member.
    pub(crate) const GROUP: u8 = 14;
    /// What a group is owed.
    pub(crate) const PICTURE: u8 = 15;
    /// A message of a group with QoS 2 goes out to a recorded session, and is its own from now on.
    pub(crate) const MOVED: u8 = 16;
    /// A message of a group with QoS 2 goes out to a session that is not recorded.
    pub(crate) const GIVEN: u8 = 17;
}

/// Why a record cannot be what the log says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordError {
    /// What is wrong with it.
    pub what: &'static str,
}

impl core::fmt::Display for RecordError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.what)
    }
}

impl core::error::Error for RecordError {}

/// What a record concerns, in a few words for people: a session, a topic.
#[must_use]
pub fn describe_record(kind: u8, payload: &[u8]) -> String {
    describe(kind, payload).unwrap_or_else(|error| format!("a record of kind {kind} that cannot be read: {error}"))
}

fn describe(kind: u8, payload: &[u8]) -> Result<String, RecordError> {
    let text = match kind {
        kind::SESSION => {
            let record = session::SessionRecord::read(payload)?;
            format!("session {} of client {}", record.number, record.subject.client_id)
        }
        kind::GONE => format!("the end of session {}", flows::read_number(payload)?),
        kind::SUBSCRIPTION => {
            let record = session::SubscriptionRecord::read(payload)?;
            format!("a subscription of session {} to {}", record.session, record.filter.as_str().escape_debug())
        }
        kind::UNSUBSCRIBED => {
            let (session, filter) = session::read_unsubscribed(payload)?;
            format!("the end of a subscription of session {session} to {}", filter.as_str().escape_debug())
        }
        kind::MESSAGE | kind::RETAINED | kind::CLEARED => {
            let record = message::MessageRecord::read(payload, Sequence::NONE, Now::default())?;
            let what = match kind {
                kind::RETAINED => "a retained message",
                kind::CLEARED => "the end of what is retained",
                _ => "a message",
            };
            let sessions: Vec<_> = record.targets.iter().take(8).map(|target| target.session.to_string()).collect();
            let more = if record.targets.len() > 8 { " and others" } else { "" };
            let whom = if sessions.is_empty() {
                String::new()
            } else {
                format!(", for sessions {}{more}", sessions.join(", "))
            };
            format!("{what} for topic {}{whom}", record.parts.topic.as_str().escape_debug())
        }
        kind::UNRETAINED => format!("the end of retaining record {}", flows::read_number(payload)?),
        kind::FLOWS => format!("the flows of session {}", flows::FlowsRecord::read(payload)?.session),
        kind::SENT => {
            let sent = flows::read_sent(payload)?;
            format!("record {} sent to session {}", sent.sequence.0, sent.terms.session)
        }
        kind::RECEIVED | kind::RELEASED | kind::ADMITTED => {
            let (session, packet_id) = flows::read_step(payload)?;
            format!("packet identifier {packet_id} of session {session}")
        }
        kind::GROUP => format!("the shared subscription {}", flows::read_group(payload)?.as_str().escape_debug()),
        kind::PICTURE => format!("what group {} is owed", flows::GroupPicture::read(payload)?.group),
        kind::MOVED => {
            let (group, sent) = flows::read_moved(payload)?;
            format!("record {} of group {group} sent to session {}", sent.sequence.0, sent.terms.session)
        }
        kind::GIVEN => {
            let (group, sequence) = flows::read_given(payload)?;
            format!("record {} of group {group} sent", sequence.0)
        }
        _ => return Err(RecordError { what: "its kind is unknown" }),
    };
    Ok(text)
}

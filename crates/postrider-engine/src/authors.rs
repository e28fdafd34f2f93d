//! Retained messages are heard as long as their authors may publish them. A14
//!
//! Owns: what is asked about them when a subscription meets one that was retained before rights changed.
//! Never: sends one whose author's right is not known; nothing is asked while rights stay as they are.

use crate::judge::Pending;
use crate::replay::Replay;
use crate::retain::Kept;
use crate::sessions::Session;
use crate::{Effect, Engine, Judge, Tray, Who};
use postrider_ports::{Access, Action, AuthorizeRequest, Peer, Subject};
use postrider_proto::Topic;
use postrider_router::SessionKey;
use postrider_session::Now;
use std::sync::Arc;

/// Who published something, and where the author came from, as rules may ask about both once more.
#[derive(Clone, Debug)]
pub(crate) struct Author {
    pub(crate) subject: Arc<Subject>,
    pub(crate) peer: Option<Peer>,
}

impl Author {
    pub(crate) fn of(session: &Session) -> Self {
        Self { subject: session.subject.clone(), peer: session.peer.clone() }
    }
}

/// What is known about the author's right to a retained message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The review since which it holds.
    review: u32,
    may_be_heard: bool,
}

/// Whether a subscription gets a retained message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hearing {
    Heard,
    Withheld,
    /// Its author has to be asked about.
    Unknown,
}

/// What is asked about one author, for a session that waits for it.
#[derive(Debug)]
pub(crate) struct Doubt {
    key: SessionKey,
    /// Topics, and the retained messages that were there.
    about: Vec<(Box<[u8]>, u64)>,
}

/// Topics that are looked at for a question, and messages in one.
const STEPS: usize = 1024;
const ASKED: usize = 128;

impl Engine {
    /// What was just found to be allowed.
    pub(crate) const fn allowed_now(&self) -> Standing {
        Standing { review: self.reviews.count, may_be_heard: true }
    }

    /// Where the author of a message came from, as rules may ask about it again.
    pub(crate) fn peer_of(&self, subject: &Subject) -> Option<Peer> {
        let key = self.sessions.find(subject.client_id.as_str())?;
        self.sessions.get(key).filter(|session| *session.subject == *subject)?.peer.clone()
    }

    pub(crate) fn hearing(&self, kept: &Kept) -> Hearing {
        if self.limits.authorize == Who::Nobody || !self.limits.rechecks_authors || kept.author.is_none() {
            return Hearing::Heard;
        }
        match kept.standing.get() {
            standing if standing.review != self.reviews.count => Hearing::Unknown,
            standing if standing.may_be_heard => Hearing::Heard,
            _ => Hearing::Withheld,
        }
    }

    /// A replay has come to a message whose author has to be asked about; others of that author are asked about with
    /// it. Whether there was one.
    pub(crate) fn ask_about_author(&mut self, key: SessionKey, replay: &Replay, tray: &mut Tray) -> bool {
        let mut author: Option<(Arc<Subject>, Option<Peer>)> = None;
        let (mut about, mut actions) = (Vec::new(), Vec::new());
        self.retained.scan(replay.filter(), &mut replay.cursor(), STEPS, |kept| {
            let Some(subject) = kept.author.as_ref().filter(|_| self.hearing(kept) == Hearing::Unknown) else {
                return true;
            };
            let (first, peer) = author.get_or_insert_with(|| (subject.clone(), kept.peer.as_deref().cloned()));
            if **first == **subject && peer.as_ref() == kept.peer.as_deref() {
                let topic = kept.message.topic();
                about.push((topic.as_bytes().into(), kept.sequence));
                actions.push(Action::Publish { topic: topic.as_str().into(), qos: kept.message.qos(), retain: true });
            }
            about.len() < ASKED
        });
        let Some((subject, peer)) = author else { return false };
        let ticket = self.next_ticket();
        self.pending.insert(ticket, Pending::Author(Box::new(Doubt { key, about })));
        let request = AuthorizeRequest { subject: (*subject).clone(), peer, actions };
        tray.push(Effect::Judge { ticket, question: Box::new(Judge::Authorize(request)) });
        true
    }

    /// The answer; no answer denies.
    pub(crate) fn on_author_judged(&mut self, now: Now, doubt: &Doubt, list: &[Access], tray: &mut Tray) {
        for (at, (topic, sequence)) in doubt.about.iter().enumerate() {
            let may_be_heard = list.get(at) == Some(&Access::Allow);
            // What was retained since stands for itself.
            if let Some(kept) = self.retained.get(Topic::trusted(topic)).filter(|kept| kept.sequence == *sequence) {
                kept.standing.set(Standing { may_be_heard, ..self.allowed_now() });
            }
        }
        self.hear_on(now, doubt, tray);
    }

    /// The session's replays go on, if only to ask again.
    pub(crate) fn hear_on(&mut self, now: Now, doubt: &Doubt, tray: &mut Tray) {
        let Some(flows) = self.sessions.get_mut(doubt.key).and_then(|session| session.flows.as_mut()) else { return };
        flows.is_asking = false;
        self.pump(now, doubt.key, tray);
    }
}

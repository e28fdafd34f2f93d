//! What the engine knows of each link.
//!
//! Owns: which session a link serves, and what a link waits for before it has one.

use crate::LinkId;
use crate::accept::Candidate;
use crate::rates::Buckets;
use crate::verdicts::Verdicts;
use postrider_ports::{Access, ListenerId, Peer, Ticket};
use postrider_router::SessionKey;
use postrider_session::TimerKey;

/// All links by slot.
#[derive(Debug, Default)]
pub(crate) struct Links {
    all: Vec<Link>,
}

#[derive(Debug, Default)]
pub(crate) struct Link {
    epoch: u32,
    listener: u16,
    pub(crate) state: LinkState,
}

/// ```text
/// Vacant ──Linked──▶ Asking ──accepted──▶ Open ──▶ Vacant
///                      │  ▲
///             Continue ▼  │ AUTH
///                  Exchanging
/// ```
#[derive(Debug, Default)]
pub(crate) enum LinkState {
    #[default]
    Vacant,
    /// A plugin is thinking about its CONNECT or AUTH.
    Asking(Box<Candidate>, Ticket),
    /// The client owes an AUTH.
    Exchanging(Box<Candidate>),
    Open(SessionKey, Option<Box<Extra>>),
}

/// What only some open links have.
#[derive(Debug, Default)]
pub(crate) struct Extra {
    /// The question that a held or paused packet waits for.
    pub(crate) waiting: Option<Ticket>,
    /// The question whether the client is still who it was.
    pub(crate) again: Option<Ticket>,
    /// When a PUBLISH that was over a rate may come again.
    pub(crate) held: Option<TimerKey>,
    /// So many PUBLISH packets pass until the next has to wait because memory is short.
    pub(crate) paced: u8,
    /// The answer, until the held packet comes again.
    pub(crate) verdict: Option<Vec<Access>>,
    /// Verdicts on publishing, by topic, QoS and retain flag.
    pub(crate) publish_verdicts: Verdicts,
    /// Authentication Method of CONNECT. [MQTT-4.12.0-5]
    pub(crate) auth_method: Option<Box<str>>,
    /// What has passed of the client's own rates.
    pub(crate) buckets: Buckets,
    /// Where the link comes from, for authenticating anew.
    pub(crate) peer: Option<Peer>,
}

impl Links {
    pub(crate) fn insert(&mut self, id: LinkId, state: LinkState) {
        let at = id.slot as usize;
        if self.all.len() <= at {
            self.all.resize_with(at + 1, Link::default);
        }
        let link = &mut self.all[at];
        (link.epoch, link.state) = (id.epoch, state);
    }

    /// A link that is new, and where it came in.
    pub(crate) fn open(&mut self, id: LinkId, listener: ListenerId) {
        self.insert(id, LinkState::Vacant);
        self.all[id.slot as usize].listener = listener.0;
    }

    pub(crate) fn listener_of(&self, id: LinkId) -> ListenerId {
        let link = self.all.get(id.slot as usize).filter(|link| link.epoch == id.epoch);
        link.map_or(ListenerId::ATTACHED, |link| ListenerId(link.listener))
    }

    /// The link, if this epoch of it is not over.
    #[inline]
    pub(crate) fn get(&self, id: LinkId) -> Option<&LinkState> {
        self.all.get(id.slot as usize).filter(|link| link.epoch == id.epoch).map(|link| &link.state)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: LinkId) -> Option<&mut LinkState> {
        self.all.get_mut(id.slot as usize).filter(|link| link.epoch == id.epoch).map(|link| &mut link.state)
    }

    /// The session that an open link serves.
    #[inline]
    pub(crate) fn session_of(&self, id: LinkId) -> Option<SessionKey> {
        match self.get(id)? {
            LinkState::Open(key, _) => Some(*key),
            LinkState::Vacant | LinkState::Asking(..) | LinkState::Exchanging(_) => None,
        }
    }

    /// What an open link has beyond its session, made if need be.
    pub(crate) fn extra_mut(&mut self, id: LinkId) -> Option<&mut Extra> {
        match self.get_mut(id)? {
            LinkState::Open(_, extra) => Some(extra.get_or_insert_default()),
            LinkState::Vacant | LinkState::Asking(..) | LinkState::Exchanging(_) => None,
        }
    }

    pub(crate) fn extra(&self, id: LinkId) -> Option<&Extra> {
        match self.get(id)? {
            LinkState::Open(_, extra) => extra.as_deref(),
            LinkState::Vacant | LinkState::Asking(..) | LinkState::Exchanging(_) => None,
        }
    }

    /// What a plugin said of a link's packets holds no more.
    pub(crate) fn forget_verdicts(&mut self) {
        for link in &mut self.all {
            if let LinkState::Open(_, Some(extra)) = &mut link.state {
                extra.verdict = None;
                extra.publish_verdicts.clear();
            }
        }
    }

    /// Ends a link and gives back what it was.
    pub(crate) fn take(&mut self, id: LinkId) -> Option<LinkState> {
        self.get_mut(id).map(core::mem::take)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (LinkId, &LinkState)> {
        (0u32..).zip(&self.all).map(|(slot, link)| (LinkId { slot, epoch: link.epoch }, &link.state))
    }
}

//! The outcome of matching: each session once.
//!
//! Owns: the merging of overlapping subscriptions. One copy, the highest QoS, all identifiers.
//! Spec: 3.3.4.

use crate::filters::FilterId;
use crate::subscribers::{Entry, SessionKey, Subscribers};
use postrider_proto::Qos;

/// One session that gets the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Who.
    pub session: SessionKey,
    /// The highest QoS granted by the subscriptions that match. [MQTT-3.3.4-2]
    pub qos: Qos,
    /// True when one of them keeps the retain flag. [MQTT-3.3.1-13]
    pub retain_as_published: bool,
    /// 0: none; otherwise the first identifier.
    identifier: u32,
    /// Further identifiers, as a list through [`Matches::more`].
    more: u32,
}

/// Reusable storage for the sessions that match one topic.
#[derive(Clone, Debug, Default)]
pub struct Matches {
    hits: Vec<Hit>,
    /// Identifier and the place of the next one.
    more: Vec<(u32, u32)>,
    /// Shared subscriptions that match.
    shares: Vec<FilterId>,
    /// By session key: the round in which it was hit, and its place in `hits`.
    seen: Vec<(u32, u32)>,
    round: u32,
}

const NIL: u32 = u32::MAX;

impl Hit {
    /// The identifier of a hit by one subscription alone.
    #[must_use]
    pub fn first_identifier(&self) -> Option<u32> {
        (self.identifier != 0).then_some(self.identifier)
    }
}

impl Matches {
    /// The sessions, each once.
    #[inline]
    #[must_use]
    pub fn hits(&self) -> &[Hit] {
        &self.hits
    }

    /// Leaves out whom `keep` does not want.
    pub fn retain(&mut self, keep: impl FnMut(&Hit) -> bool) {
        self.hits.retain(keep);
    }

    /// The shared subscriptions, each of which gets the message once. [4.8.2]
    #[inline]
    #[must_use]
    pub fn shares(&self) -> &[FilterId] {
        &self.shares
    }

    /// The identifiers of a hit, in the order they were found. [MQTT-3.3.4-4]
    pub fn identifiers(&self, hit: &Hit) -> impl Iterator<Item = u32> {
        let first = (hit.identifier != 0).then_some(hit.identifier);
        let mut next = hit.more;
        first.into_iter().chain(core::iter::from_fn(move || {
            let (identifier, then) = *self.more.get(next as usize)?;
            next = then;
            Some(identifier)
        }))
    }

    /// True when the hit has no identifier, the usual case.
    #[inline]
    #[must_use]
    pub const fn has_identifiers(hit: &Hit) -> bool {
        hit.identifier != 0
    }

    pub(crate) fn clear(&mut self) {
        self.hits.clear();
        self.more.clear();
        self.shares.clear();
    }

    /// Takes the subscribers of the only filter that matches: nobody can be in it twice.
    #[inline]
    pub(crate) fn take_only(&mut self, subscribers: &Subscribers, publisher: Option<SessionKey>) {
        self.shares.extend_from_slice(subscribers.groups());
        let entries = subscribers.as_slice().iter();
        let wanted = entries.filter(|entry| !(entry.is_no_local() && Some(entry.session) == publisher));
        self.hits.extend(wanted.map(hit_of));
    }

    /// Begins a round in which several filters match.
    pub(crate) fn begin_merging(&mut self) {
        if self.round == NIL {
            self.seen.clear();
            self.round = 0;
        }
        self.round += 1;
    }

    /// Adds the subscribers of one of several filters. [MQTT-3.3.4-2] to [MQTT-3.3.4-4]
    pub(crate) fn merge(&mut self, subscribers: &Subscribers, publisher: Option<SessionKey>) {
        self.shares.extend_from_slice(subscribers.groups());
        for entry in subscribers.as_slice() {
            if entry.is_no_local() && Some(entry.session) == publisher {
                continue;
            }
            let key = entry.session.0 as usize;
            if self.seen.len() <= key {
                self.seen.resize(key + 1, (0, 0));
            }
            let (round, at) = self.seen[key];
            if round == self.round {
                self.join(at as usize, *entry);
            } else {
                self.seen[key] = (self.round, u32::try_from(self.hits.len()).unwrap_or(NIL));
                self.hits.push(hit_of(entry));
            }
        }
    }

    fn join(&mut self, at: usize, entry: Entry) {
        let grant = entry.grant();
        let hit = &mut self.hits[at];
        hit.qos = hit.qos.max(grant.qos);
        hit.retain_as_published |= grant.retain_as_published;
        let Some(identifier) = grant.identifier else { return };
        if hit.identifier == 0 {
            hit.identifier = identifier;
            return;
        }
        let place = u32::try_from(self.more.len()).unwrap_or(NIL);
        let mut last = hit.more;
        if last == NIL {
            hit.more = place;
        } else {
            while self.more[last as usize].1 != NIL {
                last = self.more[last as usize].1;
            }
            self.more[last as usize].1 = place;
        }
        self.more.push((identifier, NIL));
    }
}

#[inline]
pub(crate) fn hit_of(entry: &Entry) -> Hit {
    let grant = entry.grant();
    Hit {
        session: entry.session,
        qos: grant.qos,
        retain_as_published: grant.retain_as_published,
        identifier: entry.identifier(),
        more: NIL,
    }
}

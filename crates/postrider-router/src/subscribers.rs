//! Who subscribes to one filter, and how.
//!
//! Owns: the list of sessions of a filter. One subscriber stands in place; a long list has an index, so that
//! leaving it stays O(1).

use crate::filters::FilterId;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use postrider_proto::{Qos, SubscribeOptions};

/// Names a session within one partition; reused after the session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionKey(pub u32);

/// What a session was granted for one filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The granted QoS. [MQTT-3.8.4-7]
    pub qos: Qos,
    /// [MQTT-3.8.3-3]
    pub no_local: bool,
    /// [MQTT-3.3.1-13]
    pub retain_as_published: bool,
    /// The Subscription Identifier, 1 to 268,435,455. [MQTT-3.3.4-3]
    pub identifier: Option<u32>,
}

impl Grant {
    /// What was asked for, with the QoS capped at `qos_max`.
    #[must_use]
    pub fn of(options: SubscribeOptions, identifier: Option<u32>, qos_max: Qos) -> Self {
        Self {
            qos: options.qos.min(qos_max),
            no_local: options.no_local,
            retain_as_published: options.retain_as_published,
            identifier,
        }
    }
}

/// One subscription in twelve bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) session: SessionKey,
    /// 0 for none.
    identifier: u32,
    flags: u8,
}

const QOS: u8 = 0b11;
const NO_LOCAL: u8 = 0b100;
const RETAIN_AS_PUBLISHED: u8 = 0b1000;

impl Entry {
    pub(crate) fn new(session: SessionKey, grant: Grant) -> Self {
        let mut flags = grant.qos.as_u8();
        if grant.no_local {
            flags |= NO_LOCAL;
        }
        if grant.retain_as_published {
            flags |= RETAIN_AS_PUBLISHED;
        }
        Self { session, identifier: grant.identifier.unwrap_or(0), flags }
    }

    #[inline]
    pub(crate) fn grant(self) -> Grant {
        Grant {
            qos: Qos::from_u8(self.flags & QOS).unwrap_or(Qos::AtMostOnce),
            no_local: self.flags & NO_LOCAL != 0,
            retain_as_published: self.flags & RETAIN_AS_PUBLISHED != 0,
            identifier: (self.identifier != 0).then_some(self.identifier),
        }
    }

    #[inline]
    pub(crate) const fn is_no_local(self) -> bool {
        self.flags & NO_LOCAL != 0
    }

    #[inline]
    pub(crate) const fn identifier(self) -> u32 {
        self.identifier
    }
}

/// The subscribers of one filter.
#[derive(Clone, Debug)]
pub(crate) enum Subscribers {
    One(Entry),
    Many(Box<Many>),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Many {
    entries: Vec<Entry>,
    /// Where each session stands, once the list is long.
    index: HashMap<SessionKey, u32, FixedState>,
    /// Shared subscriptions to the same filter.
    groups: Vec<FilterId>,
}

/// Lists up to this length are searched.
const SHORT: usize = 32;

impl Subscribers {
    #[inline]
    pub(crate) fn as_slice(&self) -> &[Entry] {
        match self {
            Self::One(entry) => core::slice::from_ref(entry),
            Self::Many(many) => &many.entries,
        }
    }

    pub(crate) fn get(&self, session: SessionKey) -> Option<Entry> {
        match self {
            Self::One(entry) => Some(*entry).filter(|entry| entry.session == session),
            Self::Many(many) => many.position(session).map(|at| many.entries[at]),
        }
    }

    /// Adds or replaces; gives back what was replaced.
    pub(crate) fn insert(&mut self, entry: Entry) -> Option<Entry> {
        match self {
            Self::One(old) if old.session == entry.session => Some(core::mem::replace(old, entry)),
            Self::One(old) => {
                *self = Self::Many(Box::new(Many { entries: vec![*old, entry], ..Many::default() }));
                None
            }
            Self::Many(many) => many.insert(entry),
        }
    }

    /// Nobody yet: a filter that is there for a shared subscription.
    pub(crate) fn nobody() -> Self {
        Self::Many(Box::default())
    }

    /// True when nothing keeps the filter.
    pub(crate) fn is_empty(&self) -> bool {
        self.as_slice().is_empty() && self.groups().is_empty()
    }

    /// The shared subscriptions to this filter.
    #[inline]
    pub(crate) fn groups(&self) -> &[FilterId] {
        match self {
            Self::One(_) => &[],
            Self::Many(many) => &many.groups,
        }
    }

    pub(crate) fn add_group(&mut self, group: FilterId) {
        if let Self::One(entry) = self {
            *self = Self::Many(Box::new(Many { entries: vec![*entry], ..Many::default() }));
        }
        if let Self::Many(many) = self {
            many.groups.push(group);
        }
    }

    pub(crate) fn remove_group(&mut self, group: FilterId) {
        if let Self::Many(many) = self {
            many.groups.retain(|other| *other != group);
        }
    }

    /// Removes; afterwards [`Subscribers::is_empty`] says whether the filter is still needed.
    pub(crate) fn remove(&mut self, session: SessionKey) -> Option<Entry> {
        match self {
            Self::One(entry) if entry.session == session => {
                let entry = *entry;
                *self = Self::Many(Box::default());
                Some(entry)
            }
            Self::One(_) => None,
            Self::Many(many) => many.remove(session),
        }
    }
}

impl Many {
    fn position(&self, session: SessionKey) -> Option<usize> {
        if self.index.is_empty() {
            return self.entries.iter().position(|entry| entry.session == session);
        }
        self.index.get(&session).map(|at| *at as usize)
    }

    fn insert(&mut self, entry: Entry) -> Option<Entry> {
        if let Some(at) = self.position(entry.session) {
            return Some(core::mem::replace(&mut self.entries[at], entry));
        }
        self.entries.push(entry);
        if !self.index.is_empty() {
            self.index.insert(entry.session, place(self.entries.len() - 1));
        } else if self.entries.len() > SHORT {
            self.index = self.entries.iter().enumerate().map(|(at, entry)| (entry.session, place(at))).collect();
        }
        None
    }

    fn remove(&mut self, session: SessionKey) -> Option<Entry> {
        let at = self.position(session)?;
        let gone = self.entries.swap_remove(at);
        if !self.index.is_empty() {
            self.index.remove(&session);
            if let Some(moved) = self.entries.get(at) {
                self.index.insert(moved.session, place(at));
            }
        }
        if self.entries.len() < self.entries.capacity() / 4 {
            self.entries.shrink_to(self.entries.len() * 2);
        }
        Some(gone)
    }
}

fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

//! The filter index as the engine uses it.
//!
//! Owns: which filters exist and who subscribes to them.
//! Spec: 3.3.4, 3.8.4, 3.10.4, 4.7.

use crate::filters::{FilterId, Filters};
use crate::matches::{Hit, Matches, hit_of};
use crate::subscribers::{Entry, Grant, SessionKey, Subscribers};
use crate::trie::Trie;
use postrider_proto::{Filter, Topic};
use smallvec::SmallVec;

/// Who wants which topics.
#[derive(Clone, Debug)]
pub struct Router {
    filters: Filters,
    trie: Trie,
    subscriptions: usize,
}

/// What a subscription met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// Names the filter for [`Router::remove`].
    pub filter: FilterId,
    /// The grant that was there before. [MQTT-3.8.4-3]
    pub replaced: Option<Grant>,
}

impl Router {
    /// An empty index; `seed` keeps strangers from choosing topics that collide.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { filters: Filters::new(seed), trie: Trie::new(seed), subscriptions: 0 }
    }

    /// Adds or replaces a subscription. [MQTT-3.8.4-3]
    pub fn subscribe(&mut self, filter: Filter<'_>, session: SessionKey, grant: Grant) -> Subscribed {
        let text = filter.as_bytes();
        let entry = Entry::new(session, grant);
        let found = self.filters.find(text);
        if let Some((id, found)) = found.and_then(|id| Some((id, self.filters.get_mut(id)?))) {
            let replaced = found.subscribers.insert(entry);
            self.subscriptions += usize::from(replaced.is_none());
            return Subscribed { filter: id, replaced: replaced.map(Entry::grant) };
        }
        let id = match filter.share() {
            None => self.insert(filter, Subscribers::One(entry)),
            Some(share) => {
                let id = self.filters.insert(text, Subscribers::One(entry));
                self.join(share.filter, id);
                id
            }
        };
        self.subscriptions += 1;
        Subscribed { filter: id, replaced: None }
    }

    /// A new shared subscription to `inner`. [4.8.2]
    fn join(&mut self, inner: Filter<'_>, group: FilterId) {
        let found = self.filters.find(inner.as_bytes());
        let id = found.unwrap_or_else(|| self.insert(inner, Subscribers::nobody()));
        if let Some(entry) = self.filters.get_mut(id) {
            entry.subscribers.add_group(group);
        }
    }

    fn insert(&mut self, filter: Filter<'_>, subscribers: Subscribers) -> FilterId {
        let id = self.filters.insert(filter.as_bytes(), subscribers);
        if filter.has_wildcard() {
            self.trie.insert(filter.as_bytes(), id);
        }
        id
    }

    /// The filter with exactly this text, if anybody subscribes to it. [MQTT-3.10.4-1]
    #[must_use]
    pub fn find(&self, filter: &[u8]) -> Option<FilterId> {
        self.filters.find(filter)
    }

    /// Ends a subscription; `None` when there was none.
    pub fn remove(&mut self, filter: FilterId, session: SessionKey) -> Option<Grant> {
        let entry = self.filters.get_mut(filter)?;
        let gone = entry.subscribers.remove(session)?;
        self.subscriptions -= 1;
        self.forget_if_empty(filter);
        Some(gone.grant())
    }

    /// Without subscribers and shared subscriptions a filter goes; a shared subscription takes its own with it.
    fn forget_if_empty(&mut self, filter: FilterId) {
        if self.filters.get(filter).is_none_or(|entry| !entry.subscribers.is_empty()) {
            return;
        }
        let Some(text) = self.filters.remove(filter) else { return };
        let gone = Filter::trusted(&text);
        let Some(share) = gone.share() else {
            if gone.has_wildcard() {
                self.trie.remove(&text);
            }
            return;
        };
        let Some(inner) = self.filters.find(share.filter.as_bytes()) else { return };
        if let Some(entry) = self.filters.get_mut(inner) {
            entry.subscribers.remove_group(filter);
        }
        // Once: an inner filter is no shared one.
        self.forget_if_empty(inner);
    }

    /// What a member of a shared subscription gets.
    #[must_use]
    pub fn member(&self, share: FilterId, session: SessionKey) -> Option<Hit> {
        self.filters.get(share)?.subscribers.get(session).map(|entry| hit_of(&entry))
    }

    /// The members of a shared subscription.
    pub fn members(&self, share: FilterId) -> impl Iterator<Item = SessionKey> {
        let entry = self.filters.get(share);
        entry.into_iter().flat_map(|entry| entry.subscribers.as_slice()).map(|entry| entry.session)
    }

    /// What `session` was granted for `filter`.
    #[must_use]
    pub fn grant(&self, filter: FilterId, session: SessionKey) -> Option<Grant> {
        Some(self.filters.get(filter)?.subscribers.get(session)?.grant())
    }

    /// The text of a filter.
    #[must_use]
    pub fn text(&self, filter: FilterId) -> Option<Filter<'_>> {
        Some(Filter::trusted(&self.filters.get(filter)?.text))
    }

    /// Fills `matches` with every session that wants `topic`, each once.
    ///
    /// What `publisher` published itself does not go back to it through a subscription with No Local.
    /// [MQTT-3.8.3-3]
    #[inline]
    pub fn matches(&self, topic: Topic<'_>, publisher: Option<SessionKey>, matches: &mut Matches) {
        matches.clear();
        let exact = self.filters.find(topic.as_bytes());
        if self.trie.is_empty() {
            if let Some(entry) = exact.and_then(|id| self.filters.get(id)) {
                matches.take_only(&entry.subscribers, publisher);
            }
            return;
        }
        let mut found: SmallVec<[FilterId; 16]> = SmallVec::new();
        found.extend(exact);
        self.trie.matches(topic, |id| found.push(id));
        let entries = found.iter().filter_map(|id| self.filters.get(*id));
        if found.len() == 1 {
            entries.for_each(|entry| matches.take_only(&entry.subscribers, publisher));
        } else {
            matches.begin_merging();
            entries.for_each(|entry| matches.merge(&entry.subscribers, publisher));
        }
    }

    /// True when anybody subscribes to anything that matches `topic`.
    #[must_use]
    pub fn is_wanted(&self, topic: Topic<'_>) -> bool {
        if self.filters.find(topic.as_bytes()).is_some() {
            return true;
        }
        let mut wanted = false;
        if !self.trie.is_empty() {
            self.trie.matches(topic, |_| wanted = true);
        }
        wanted
    }

    /// How many subscriptions there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.subscriptions
    }

    /// True without subscriptions.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.subscriptions == 0
    }

    /// Distinct filters, trie nodes and level names: what memory goes into.
    #[must_use]
    pub fn parts(&self) -> (usize, usize, usize) {
        let (nodes, levels) = self.trie.size();
        (self.filters.len(), nodes, levels)
    }
}

//! The topics, filters and shared subscriptions of a run.
//!
//! Owns: how a message that came through a shared subscription is told from one that did not. Most clients of
//! 5.0 label their shared subscriptions with identifiers; the others take only filters that have no topic in
//! common with the shared one.

use crate::random::Random;
use postrider_proto::{Filter, Topic, Version};

pub(crate) const TOPICS: [&str; 8] = ["a", "a/b", "a/b/c", "b", "b/b", "$x/a", "a/long/c", "long/b"];
const FILTERS: [&str; 9] = ["a", "a/b", "#", "a/#", "+/b", "a/+/c", "b/+", "$x/#", "will/#"];
pub(crate) const SHARES: [&str; 7] =
    ["$share/g/a/#", "$share/h/a/#", "$share/g/+/b", "$share/g/#", "$share/h/#", "$share/g/will/#", "$share/g/$x/#"];

/// A topic that wills have.
const WILL_TOPIC: &str = "will/c0";
/// Subscription Identifiers from here on are labels of shared subscriptions.
const LABELS: u32 = 100;

/// What a client may subscribe to.
#[derive(Clone, Debug)]
pub(crate) struct Wishes {
    pub(crate) filters: Vec<&'static str>,
    pub(crate) shares: Vec<&'static str>,
    /// Its shared subscriptions have identifiers.
    pub(crate) labels: Labels,
}

/// How a client tells what comes through a shared subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Labels {
    /// By the Subscription Identifier.
    Identifiers,
    /// By the topic.
    Topics,
}

impl Wishes {
    pub(crate) fn new(shares: &[&'static str], version: Version, random: &mut Random) -> Self {
        let has_identifiers = version.is_v5() && !random.once_in(4);
        if has_identifiers || shares.is_empty() {
            return Self { filters: FILTERS.to_vec(), shares: shares.to_vec(), labels: Labels::Identifiers };
        }
        let share = random.pick(shares);
        let topics = || TOPICS.iter().copied().chain([WILL_TOPIC]);
        let is_apart = |filter: &&str| !topics().any(|topic| matches(filter, topic) && matches(inner(share), topic));
        let filters = FILTERS.iter().copied().filter(is_apart).collect();
        Self { filters, shares: vec![share], labels: Labels::Topics }
    }

    /// The shared subscription that a message came through.
    pub(crate) fn share_of(&self, topic: &str, ids: &[u32]) -> Option<&'static str> {
        match (self.labels, self.shares.first(), ids) {
            (Labels::Topics, Some(share), _) => Some(*share).filter(|share| matches(inner(share), topic)),
            (Labels::Identifiers, _, [id]) => SHARES.get(usize::try_from(id.checked_sub(LABELS)?).ok()?).copied(),
            _ => None,
        }
    }
}

/// The identifier that a shared subscription is labelled with.
pub(crate) fn label(share: &str) -> Option<u32> {
    SHARES.iter().position(|other| *other == share).and_then(|at| Some(LABELS + u32::try_from(at).ok()?))
}

/// The filter within a shared subscription's.
pub(crate) fn inner(share: &str) -> &str {
    share.splitn(3, '/').nth(2).unwrap_or(share)
}

pub(crate) fn is_shared(filter: &str) -> bool {
    filter.starts_with("$share/")
}

pub(crate) fn matches(filter: &str, topic: &str) -> bool {
    Filter::trusted(filter.as_bytes()).matches(Topic::trusted(topic.as_bytes()))
}

//! Shared subscriptions and which of their members is next.
//!
//! Owns: the members that are connected, the queue of what none of them can take, the choice between them.
//! Spec: 4.8.2.

use crate::ShareStrategy;
use crate::entropy::Entropy;
use crate::sessions::Sessions;
use crate::stored_groups::StoredGroup;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use postrider_ports::{DropReason, Drops, Ticket};
use postrider_proto::Qos;
use postrider_router::{FilterId, SessionKey};
use postrider_session::Mailbox;
use std::hash::BuildHasher;

/// Every shared subscription that has a member.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    all: HashMap<FilterId, Box<Group>, FixedState>,
    /// How many of them have something in their queue.
    waiting: usize,
    /// Bytes in all queues.
    bytes: u64,
}

/// One shared subscription.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// Members with a connection.
    online: Vec<SessionKey>,
    /// Whose turn it is, or whom the group sticks to.
    turn: usize,
    pub(crate) queue: Mailbox,
    drops: Drops,
    /// What the log has of it.
    pub(crate) stored: Option<Box<StoredGroup>>,
    /// What is being read for it.
    pub(crate) fetch: Option<Ticket>,
}

/// What becomes of the next message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// This member can take it now.
    Send(SessionKey),
    /// It is for this member, which has to take others first.
    Keep(SessionKey),
    /// It waits for whoever can take it first.
    Wait,
}

/// Of so many members at most the least busy one is looked for.
const COMPARED: usize = 64;

impl Groups {
    #[inline]
    pub(crate) fn contains(&self, share: FilterId) -> bool {
        !self.all.is_empty() && self.all.contains_key(&share)
    }

    pub(crate) fn get(&self, share: FilterId) -> Option<&Group> {
        self.all.get(&share).map(|group| &**group)
    }

    /// The group, made for its first member.
    pub(crate) fn found(&mut self, share: FilterId) -> &mut Group {
        self.all.entry(share).or_default()
    }

    pub(crate) fn get_mut(&mut self, share: FilterId) -> Option<&mut Group> {
        self.all.get_mut(&share).map(|group| &mut **group)
    }

    /// Takes a group without members out.
    pub(crate) fn dissolve(&mut self, share: FilterId) -> Option<Box<Group>> {
        let group = self.all.remove(&share)?;
        self.waiting -= usize::from(!group.queue.is_empty());
        self.bytes -= group.queue.bytes();
        Some(group)
    }

    /// Works on a group's queue and remembers whether something is left in it.
    pub(crate) fn with_queue<T>(&mut self, share: FilterId, work: impl FnOnce(&mut Mailbox) -> T) -> Option<T> {
        let group = self.all.get_mut(&share)?;
        let was_waiting = !group.queue.is_empty();
        self.bytes -= group.queue.bytes();
        let done = work(&mut group.queue);
        self.bytes += group.queue.bytes();
        self.waiting += usize::from(!group.queue.is_empty());
        self.waiting -= usize::from(was_waiting);
        Some(done)
    }

    /// Bytes charged for what waits in all groups.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// True when a message waits in any group.
    #[inline]
    pub(crate) const fn is_waiting(&self) -> bool {
        self.waiting > 0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (FilterId, &Group)> {
        self.all.iter().map(|(share, group)| (*share, &**group))
    }
}

impl Group {
    pub(crate) fn is_attended(&self) -> bool {
        !self.online.is_empty()
    }

    pub(crate) const fn queue(&self) -> &Mailbox {
        &self.queue
    }

    /// Counts messages that no member gets; says how many there are by now.
    pub(crate) fn count_drop(&mut self, reason: DropReason, count: u64) -> u64 {
        self.drops.add(reason, count);
        self.drops.of(reason)
    }

    pub(crate) fn online(&self) -> &[SessionKey] {
        &self.online
    }

    /// A member is connected.
    pub(crate) fn arrive(&mut self, key: SessionKey) {
        if !self.online.contains(&key) {
            self.online.push(key);
        }
    }

    /// A member is not connected any more, or no member any more.
    pub(crate) fn leave(&mut self, key: SessionKey) {
        let Some(at) = self.online.iter().position(|other| *other == key) else { return };
        self.online.remove(at);
        // The turn stays with whom it was.
        self.turn -= usize::from(at < self.turn);
    }

    /// Whom a message of `source` with this QoS goes to. Those away are passed over.
    pub(crate) fn choose(
        &mut self,
        strategy: ShareStrategy,
        source: u64,
        qos: Qos,
        sessions: &Sessions,
        entropy: &mut Entropy,
    ) -> Choice {
        let count = self.online.len();
        if count == 0 {
            return Choice::Wait;
        }
        let is_ready = |key: &SessionKey| sessions.get(*key).is_some_and(|session| session.may_send(qos));
        let start = match strategy {
            ShareStrategy::Sticky => return only(self.online[self.turn % count], is_ready),
            ShareStrategy::Hash => return only(highest(source, &self.online), is_ready),
            ShareStrategy::Random => below(entropy.next_u64(), count),
            ShareStrategy::RoundRobin | ShareStrategy::LeastInFlight => self.turn % count,
        };
        let (behind, ahead) = self.online.split_at(start);
        let mut ready = (start..).zip(ahead).chain((0..).zip(behind)).filter(|(_, key)| is_ready(key));
        let chosen = if strategy == ShareStrategy::LeastInFlight {
            ready.take(COMPARED).min_by_key(|(_, key)| sessions.get(**key).map_or(0, |session| session.in_flight()))
        } else {
            ready.next()
        };
        let Some((at, key)) = chosen else { return Choice::Wait };
        self.turn = at + 1;
        Choice::Send(*key)
    }
}

fn only(key: SessionKey, is_ready: impl Fn(&SessionKey) -> bool) -> Choice {
    if is_ready(&key) { Choice::Send(key) } else { Choice::Keep(key) }
}

/// The member whose hash with the source is highest: when one leaves, only what went to it moves.
fn highest(source: u64, members: &[SessionKey]) -> SessionKey {
    let weight = |key: &SessionKey| FixedState::with_seed(source).hash_one(key.0);
    members.iter().copied().max_by_key(weight).unwrap_or(members[0])
}

/// A number below `count` from a random one.
#[expect(clippy::cast_possible_truncation, reason = "the product's upper half is below the count")]
const fn below(random: u64, count: usize) -> usize {
    ((random as u128 * count as u128) >> 64) as usize
}

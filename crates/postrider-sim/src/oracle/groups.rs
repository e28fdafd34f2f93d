//! Shared subscriptions in their naivest form: who is a member, what each group is owed, who holds it.
//!
//! Owns: for each message of each group, whether it waits for a member or which member was sent it. Which member
//! is chosen is free, within what the strategy promises.
//! Spec: 4.8.2.

use super::Seen;
use super::deliveries::describe;
use super::group::{Bond, Entry, Group, Logged, Member, Where, is_alike};
use crate::topics::{inner, matches};
use postrider_engine::ShareStrategy;
use postrider_proto::{AckKind, PacketId, Qos, ReasonCode, SubscribeOptions};
use std::collections::{BTreeMap, BTreeSet};

/// Every shared subscription that ever had a member.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    strategy: ShareStrategy,
    all: BTreeMap<String, Group>,
    /// What each client was sent: topic and payload.
    sent: BTreeMap<String, BTreeSet<(String, Vec<u8>)>>,
    next: u64,
    shared: u64,
    /// Messages with QoS 0 for groups whose members were all away.
    unattended: u64,
    has_crashed: bool,
}

/// A message that groups are owed.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) author: String,
    pub(super) seen: Seen,
    pub(super) expires_ms: Option<u64>,
    pub(super) origin: Origin,
}

/// Where a message comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Publish,
    /// In a take-over it is published before the new connection counts, so for whom it is nobody can tell.
    Will,
}
impl Groups {
    pub(super) fn new(strategy: ShareStrategy) -> Self {
        Self {
            strategy,
            all: BTreeMap::new(),
            sent: BTreeMap::new(),
            next: 0,
            shared: 0,
            unattended: 0,
            has_crashed: false,
        }
    }

    /// A partition has taken a message: each group that matches is owed it once.
    pub(super) fn publish(&mut self, what: &Shared, is_durable: impl Fn(&str) -> bool) {
        for (share, group) in &mut self.all {
            if group.members.is_empty() || !matches(inner(share), &what.seen.topic) {
                continue;
            }
            if what.seen.qos == Qos::AtMostOnce && !group.is_attended() {
                self.unattended += 1;
                continue;
            }
            self.next += 1;
            let durable = group.members.iter().filter(|(client_id, _)| is_durable(client_id));
            let takes = |member: &Member| member.options.iter().map(|options| options.qos).min();
            let log = match durable.map(|(_, member)| takes(member)).max() {
                None => Logged::No,
                Some(Some(Qos::AtLeastOnce | Qos::ExactlyOnce)) => Logged::Yes,
                Some(_) => Logged::Perhaps,
            };
            let alike = group.entries.iter_mut().filter(|entry| is_alike(entry, &what.seen));
            let repeated = alike.map(|entry| entry.was_back = true).count();
            let is_behind = group.entries.iter().any(Entry::is_free);
            group.entries.push(Entry {
                number: self.next,
                what: what.clone(),
                epoch: group.epoch,
                is_behind,
                place: Where::Waits,
                was_back: what.origin == Origin::Will || repeated > 0,
                log,
                may_be: None,
                sent: Qos::AtMostOnce,
            });
        }
    }

    /// Whether a group with a durable member wants a message above QoS 0.
    pub(super) fn is_recorded(&self, topic: &str, is_durable: impl Fn(&str) -> bool) -> bool {
        let has_durable = |group: &Group| group.members.keys().any(|client_id| is_durable(client_id));
        self.all.iter().any(|(share, group)| matches(inner(share), topic) && has_durable(group))
    }

    /// The process ends.
    pub(super) fn crash(&mut self, is_durable: impl Fn(&str) -> bool, durable_ms: u64) {
        self.has_crashed = true;
        self.all.values_mut().for_each(|group| group.crash(&is_durable, durable_ms));
    }

    /// A client subscribed, perhaps again.
    pub(super) fn join(&mut self, client_id: &str, share: &str, options: SubscribeOptions) {
        let group = self.all.entry(share.to_owned()).or_default();
        group.has_qos0 |= options.qos == Qos::AtMostOnce;
        group.members.entry(client_id.to_owned()).or_default().options.push(options);
        group.arrive(client_id, self.strategy);
    }

    /// A client unsubscribed: what it was sent stays with it. [MQTT-3.10.4-3]
    pub(super) fn leave(&mut self, client_id: &str, share: &str) {
        let Some(group) = self.all.get_mut(share) else { return };
        if group.members.remove(client_id).is_none() {
            return;
        }
        for entry in &mut group.entries {
            if let Where::Held(holder, _, bond) = &mut entry.place
                && holder == client_id
            {
                *bond = Bond::Firm;
            }
        }
        group.on_left(self.strategy);
    }

    /// A member lost its connection. If another is there, that one gets what was not acknowledged.
    pub(super) fn part(&mut self, client_id: &str) {
        let strategy = self.strategy;
        for group in self.all.values_mut() {
            let Some(member) = group.members.get_mut(client_id) else { continue };
            member.is_online = false;
            group.change();
            if group.is_attended() {
                group.take_back(client_id, strategy);
            } else {
                group.free(strategy);
            }
        }
    }

    /// A client is connected, to the session it had.
    pub(super) fn connect(&mut self, client_id: &str) {
        for group in self.all.values_mut().filter(|group| group.members.contains_key(client_id)) {
            group.arrive(client_id, self.strategy);
        }
    }

    /// A session ended: others get what it had not acknowledged, except what may have arrived. [MQTT-4.8.2-5]
    pub(super) fn end(&mut self, client_id: &str, now_ms: u64) {
        let strategy = self.strategy;
        for group in self.all.values_mut() {
            if group.members.contains_key(client_id) {
                group.take_back(client_id, strategy);
            }
            group.end_what_it_holds(client_id, now_ms);
            if group.members.remove(client_id).is_some() {
                group.on_left(strategy);
            }
        }
    }

    /// A member was sent a message of the group.
    pub(super) fn send(&mut self, client_id: &str, share: &str, seen: &Seen, now_ms: u64) -> Result<(), String> {
        self.sent.entry(client_id.to_owned()).or_default().insert((seen.topic.clone(), seen.payload.clone()));
        let strategy = self.strategy;
        let group = self.all.get_mut(share).ok_or_else(|| format!("{client_id} is sent something of {share}"))?;
        let sent = if seen.dup { group.repeat(client_id, seen) } else { group.send(client_id, seen, now_ms, strategy) };
        self.shared += 1;
        sent.map_err(|error| format!("{client_id} is sent {} of {share}: {error}", describe(seen)))
    }

    /// A client has answered a PUBLISH; whatever it says, it goes to nobody else. [MQTT-4.8.2-6]
    pub(super) fn on_ack(&mut self, client_id: &str, (kind, reason): (AckKind, ReasonCode), id: PacketId, now_ms: u64) {
        if !matches!(kind, AckKind::Puback | AckKind::Pubrec) {
            return;
        }
        // The log hears of it when there is time.
        let may_return = kind == AckKind::Puback || reason.is_error();
        for group in self.all.values_mut() {
            let is_it =
                |place: &Where| matches!(place, Where::Held(holder, held, _) if holder == client_id && *held == id);
            while let Some(at) = group.entries.iter().position(|entry| is_it(&entry.place)) {
                let entry = group.entries.remove(at);
                if may_return {
                    group.over.push((now_ms, entry));
                }
            }
        }
    }

    /// A client has received a message through a shared subscription.
    pub(super) fn check_received(&self, client_id: &str, seen: &Seen) -> Result<(), String> {
        let sent = self.sent.get(client_id);
        if sent.is_some_and(|sent| sent.contains(&(seen.topic.clone(), seen.payload.clone()))) {
            return Ok(());
        }
        Err(format!("{client_id} got what its groups are not owed: {}", describe(seen)))
    }

    /// Messages that members were sent, and that were taken back from some.
    pub(super) fn tally(&self) -> (u64, u64) {
        (self.shared, self.all.values().map(|group| group.taken_back).sum())
    }

    /// Memberships of one client.
    pub(super) fn count_of(&self, client_id: &str) -> usize {
        self.all.values().filter(|group| group.members.contains_key(client_id)).count()
    }

    /// After everything has come to rest: messages that no member was sent, those above QoS 0 and all.
    pub(super) fn missing(&self) -> Result<Missing, String> {
        let mut missing = Missing { above_0: 0, perhaps_0: 0, all: self.unattended, first: None };
        for (share, group) in &self.all {
            for entry in &group.entries {
                match &entry.place {
                    Where::Held(client_id, ..)
                        if group.members.get(client_id).is_some_and(|member| member.is_online) =>
                    {
                        return Err(format!("{client_id} holds {} of {share}", describe(&entry.what.seen)));
                    }
                    Where::Held(..) => {}
                    // What expired while nobody ran is counted by nobody.
                    Where::Waits if self.has_crashed && entry.what.expires_ms.is_some() => {}
                    Where::Waits if self.has_crashed && entry.log == Logged::Perhaps => {}
                    Where::Waits => {
                        missing.all += 1;
                        let is_above_0 = entry.what.seen.qos != Qos::AtMostOnce;
                        missing.above_0 += u64::from(is_above_0);
                        missing.perhaps_0 += u64::from(is_above_0 && group.has_qos0);
                        missing.first.get_or_insert_with(|| format!("{} of {share}", describe(&entry.what.seen)));
                    }
                }
            }
        }
        Ok(missing)
    }
}

/// What no member of a group was sent.
#[derive(Debug)]
pub(super) struct Missing {
    pub(super) above_0: u64,
    /// Those of them that may have been chosen for a member with QoS 0.
    pub(super) perhaps_0: u64,
    pub(super) all: u64,
    pub(super) first: Option<String>,
}

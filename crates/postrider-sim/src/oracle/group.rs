//! One shared subscription: its members, and where each message it is owed is.
//!
//! Spec: 4.8.2.

use super::Seen;
use super::crash::ACKS_LATE_MS;
use super::deliveries::describe;
use super::groups::Shared;
use postrider_engine::ShareStrategy;
use postrider_proto::{PacketId, Qos, SubscribeOptions};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    pub(super) members: BTreeMap<String, Member>,
    /// Messages that a member had and another may get.
    pub(super) taken_back: u64,
    /// Counts up with each change of the members that are connected.
    pub(super) epoch: u64,
    /// Some member wanted, or wants, no more than QoS 0: what it is chosen for is a delivery with that.
    pub(super) has_qos0: bool,
    /// What is not over, oldest first.
    pub(super) entries: Vec<Entry>,
    /// QoS 1 that was acknowledged, and when: a crash may bring it back.
    pub(super) over: Vec<(u64, Entry)>,
    /// Who has got what came in since the last change, by what the strategy goes by.
    pub(super) stuck: BTreeMap<String, String>,
    /// By member, author, topic and the QoS it was published with: the last message that went straight to its first member.
    pub(super) last: BTreeMap<(String, String, String, Qos), u64>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Member {
    pub(super) is_online: bool,
    /// What it has asked for since it is a member; what waits for it may have been meant for earlier ones.
    pub(super) options: Vec<SubscribeOptions>,
}

/// ```text
/// Waits ──sent──▶ Held(Loose) ──acknowledged, refused──▶ over
///   ▲  │            │     │ unsubscribed
///   │  │ QoS 2      │     ▼
///   │  └────────────│─▶ Held(Firm) ──acknowledged, session ended──▶ over
///   └── taken back ─┘
/// ```
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) what: Shared,
    pub(super) epoch: u64,
    /// Others waited before it: who published it is forgotten when its turn comes.
    pub(super) is_behind: bool,
    pub(super) place: Where,
    /// A member left while it had it or may have had it waiting, or its publisher repeated it: its turn is lost and
    /// it may go to anybody.
    pub(super) was_back: bool,
    /// Whether a crash leaves it.
    pub(super) log: Logged,
    /// A crash took away what was known of who had it, and of whether it was acknowledged.
    pub(super) may_be: Option<(String, PacketId, Bond)>,
    /// How it was sent to whoever holds it.
    pub(super) sent: Qos,
}

/// What the log says of a message for a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Logged {
    /// Nothing: no member has a durable session.
    No,
    /// Perhaps something, or not any more.
    Perhaps,
    Yes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Where {
    Waits,
    Held(String, PacketId, Bond),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bond {
    /// Goes to another member when this one leaves.
    Loose,
    /// Ends with the member's session.
    Firm,
}

impl Group {
    pub(super) fn is_attended(&self) -> bool {
        self.members.values().any(|member| member.is_online)
    }

    pub(super) fn change(&mut self) {
        self.epoch += 1;
        self.stuck.clear();
    }

    pub(super) fn arrive(&mut self, client_id: &str, strategy: ShareStrategy) {
        if !self.is_attended() {
            let away: Vec<String> = self.members.keys().filter(|other| *other != client_id).cloned().collect();
            away.iter().for_each(|other| self.take_back(other, strategy));
        }
        let Some(member) = self.members.get_mut(client_id) else { return };
        if !core::mem::replace(&mut member.is_online, true) {
            self.change();
        }
    }

    /// What a member has not acknowledged is for another. [MQTT-4.8.2-4]
    pub(super) fn take_back(&mut self, client_id: &str, strategy: ShareStrategy) {
        for entry in &mut self.entries {
            match &entry.place {
                Where::Held(holder, _, Bond::Loose) if holder == client_id => {
                    entry.place = Where::Waits;
                    entry.was_back = true;
                    self.taken_back += 1;
                }
                Where::Held(..) | Where::Waits => {}
            }
        }
        self.free(strategy);
    }

    /// What a session was sent ends with it. With QoS 1 that is in the log when there is time, as an acknowledgement
    /// is: behind a crash it may be for the others. With QoS 2 it is nobody's. [MQTT-4.8.2-5]
    pub(super) fn end_what_it_holds(&mut self, client_id: &str, now_ms: u64) {
        let is_its = |entry: &Entry| matches!(&entry.place, Where::Held(holder, ..) if holder == client_id);
        let (its, others) = core::mem::take(&mut self.entries).into_iter().partition(is_its);
        self.entries = others;
        let its: Vec<Entry> = its;
        self.over.extend(its.into_iter().filter(|entry| entry.sent == Qos::AtLeastOnce).map(|entry| (now_ms, entry)));
    }

    /// The process ends. Members that have no durable session are gone, and with them what is in no log.
    pub(super) fn crash(&mut self, is_durable: impl Fn(&str) -> bool, durable_ms: u64) {
        self.members.retain(|client_id, _| is_durable(client_id));
        self.members.values_mut().for_each(|member| member.is_online = false);
        self.change();
        let is_late = |(acked_ms, _): &(u64, Entry)| acked_ms + ACKS_LATE_MS >= durable_ms;
        let back = core::mem::take(&mut self.over).into_iter().filter(is_late);
        // Whether one that was over comes back nobody can tell, nor whether its member holds it again.
        self.entries.extend(back.map(|(_, entry)| entry.forgotten()));
        self.entries.sort_by_key(|entry| entry.number);
        let is_over = self.members.is_empty();
        let is_held = |entry: &Entry| match (&entry.place, &entry.may_be) {
            (Where::Held(holder, ..), _) | (Where::Waits, Some((holder, ..))) => is_durable(holder),
            (Where::Waits, None) => false,
        };
        self.entries.retain(|entry| entry.what.seen.qos != Qos::AtMostOnce && (!is_over || is_held(entry)));
        for entry in &mut self.entries {
            entry.was_back = true;
            // When its last durable member left, or the first came, the log may have heard of it or not.
            if is_over || entry.log == Logged::No {
                entry.log = Logged::Perhaps;
            }
            match core::mem::replace(&mut entry.place, Where::Waits) {
                Where::Waits => {}
                Where::Held(holder, id, Bond::Firm) if entry.sent == Qos::ExactlyOnce && is_durable(&holder) => {
                    entry.place = Where::Held(holder, id, Bond::Firm);
                }
                Where::Held(holder, id, bond) => {
                    if bond == Bond::Firm {
                        // It may have arrived. [MQTT-4.8.2-5]
                        entry.log = Logged::Perhaps;
                    }
                    entry.may_be = Some((holder, id, bond));
                }
            }
        }
    }

    /// What may have waited for a member that leaves waits for any.
    pub(super) fn free(&mut self, strategy: ShareStrategy) {
        for entry in self.entries.iter_mut().filter(|entry| entry.place == Where::Waits) {
            entry.was_back |= keeps(strategy);
        }
    }

    pub(super) fn on_left(&mut self, strategy: ShareStrategy) {
        self.change();
        if self.members.is_empty() {
            // It ends, and what waits for it with it, but for what a former member may still hold.
            self.entries.retain(|entry| entry.place != Where::Waits || entry.may_be.is_some());
            self.entries.iter_mut().for_each(|entry| entry.log = Logged::Perhaps);
        }
        self.free(strategy);
    }

    /// Only what a member holds may be sent again, to it and under the same identifier.
    pub(super) fn repeat(&mut self, client_id: &str, seen: &Seen) -> Result<(), String> {
        let is_its = |holder: &str, id: PacketId| holder == client_id && Some(id) == seen.packet_id;
        let holds = |entry: &&Entry| matches!(&entry.place, Where::Held(holder, id, _) if is_its(holder, *id));
        match self.entries.iter().find(holds) {
            Some(entry) if is_alike(entry, seen) => return Ok(()),
            Some(entry) => return Err(format!("under this identifier it holds {}", describe(&entry.what.seen))),
            None => {}
        }
        // A crash took away what was known of who holds it.
        let may_hold = |entry: &&mut Entry| {
            let is_its = entry.may_be.as_ref().is_some_and(|(holder, id, _)| is_its(holder, *id));
            entry.place == Where::Waits && is_alike(entry, seen) && is_its
        };
        let entry = self.entries.iter_mut().find(may_hold).ok_or_else(|| "it does not hold it".to_owned())?;
        if let Some((holder, packet_id, bond)) = entry.may_be.take() {
            entry.place = Where::Held(holder, packet_id, bond);
        }
        Ok(())
    }

    pub(super) fn send(
        &mut self,
        client_id: &str,
        seen: &Seen,
        now_ms: u64,
        strategy: ShareStrategy,
    ) -> Result<(), String> {
        let member = self.members.get(client_id).filter(|member| member.is_online);
        let member = member.ok_or_else(|| "it is no member".to_owned())?;
        // A publisher's own repetitions are alike; which of them have expired everybody knows.
        let find = |from: u64| {
            let waits = |entry: &Entry| entry.is_free() && is_alike(entry, seen) && entry.number > from;
            let is_it = |entry: &Entry| waits(entry) && !entry.is_expired(now_ms);
            // Rather one that nobody may have.
            let is_free = |entry: &Entry| is_it(entry) && entry.may_be.is_none();
            self.entries.iter().position(is_free).or_else(|| self.entries.iter().position(is_it))
        };
        let key =
            |entry: &Entry| (client_id.to_owned(), entry.what.author.clone(), seen.topic.clone(), entry.what.seen.qos);
        let first = find(0).ok_or_else(|| self.explain(seen))?;
        let last = self.last.get(&key(&self.entries[first])).copied().unwrap_or(0);
        let at = find(last).unwrap_or(first);
        let entry = &self.entries[at];
        member.check(entry, seen)?;
        let key = key(entry);
        if !entry.was_back && !seen.payload.is_empty() {
            if entry.number < last {
                return Err("it was sent a later one of the same publisher before".to_owned());
            }
            self.last.insert(key, entry.number);
            let is_known = strategy != ShareStrategy::Hash || !entry.is_behind;
            if entry.epoch == self.epoch && is_known && keeps(strategy) {
                let source = if strategy == ShareStrategy::Hash { &entry.what.author } else { "" };
                let chosen = self.stuck.entry(source.to_owned()).or_insert_with(|| client_id.to_owned());
                if chosen != client_id {
                    return Err(format!("{chosen} got what came before, and nobody came or left"));
                }
            }
        }
        self.count_as_certain(at, now_ms);
        match seen.packet_id {
            None => {
                let entry = self.entries.remove(at);
                self.over.push((now_ms, entry));
            }
            Some(packet_id) => {
                let bond = if seen.qos == Qos::ExactlyOnce { Bond::Firm } else { Bond::Loose };
                self.entries[at].sent = seen.qos;
                self.entries[at].place = Where::Held(client_id.to_owned(), packet_id, bond);
            }
        }
        Ok(())
    }

    /// A publisher's repetitions are alike: where a crash has left one for certain and another perhaps, what goes out
    /// is the certain one, and the other may be there or not.
    fn count_as_certain(&mut self, at: usize, now_ms: u64) {
        let sent = &self.entries[at];
        if sent.log != Logged::Perhaps {
            return;
        }
        let is_twin = |entry: &Entry| {
            let is_same = is_alike(entry, &sent.what.seen) && entry.what.seen.qos == sent.what.seen.qos;
            is_same && entry.is_free() && entry.log == Logged::Yes && !entry.is_expired(now_ms)
        };
        if let Some(twin) = self.entries.iter().position(is_twin) {
            (self.entries[at].log, self.entries[twin].log) = (Logged::Yes, Logged::Perhaps);
        }
    }

    fn explain(&self, seen: &Seen) -> String {
        let holder = self.entries.iter().find(|entry| is_alike(entry, seen)).map(|entry| &entry.place);
        holder.map_or_else(|| "it is over".to_owned(), |holder| format!("it is {holder:?} or has expired"))
    }
}

impl Member {
    /// Whether it is sent in the form that it asked for.
    fn check(&self, entry: &Entry, seen: &Seen) -> Result<(), String> {
        let owed = &entry.what.seen;
        let has_asked = |options: &SubscribeOptions| {
            options.qos.min(owed.qos) == seen.qos && (owed.retain && options.retain_as_published) == seen.retain
        };
        if !self.options.iter().any(has_asked) {
            return Err(format!("it is owed {} for {:?}", describe(owed), self.options));
        }
        Ok(())
    }
}

impl Entry {
    /// Whether a member may be sent it as something new. What one was sent with QoS 2 is for nobody else, whatever a
    /// crash has made the broker forget. [MQTT-4.8.2-5]
    pub(super) fn is_free(&self) -> bool {
        let is_anothers = self.may_be.is_some() && self.sent == Qos::ExactlyOnce;
        self.place == Where::Waits && !is_anothers
    }

    /// What was over, if a crash takes that back: it waits, or its member holds it.
    fn forgotten(self) -> Self {
        let log = self.log.min(Logged::Perhaps);
        match self.place {
            Where::Held(holder, packet_id, bond) => {
                Self { log, place: Where::Waits, may_be: Some((holder, packet_id, bond)), ..self }
            }
            Where::Waits => Self { log, ..self },
        }
    }

    fn is_expired(&self, now_ms: u64) -> bool {
        self.what.expires_ms.is_some_and(|expires| expires <= now_ms)
    }
}

pub(super) fn is_alike(entry: &Entry, seen: &Seen) -> bool {
    entry.what.seen.payload == seen.payload && entry.what.seen.topic == seen.topic
}

/// Whether messages wait for the member they are for even when others could take them.
fn keeps(strategy: ShareStrategy) -> bool {
    matches!(strategy, ShareStrategy::Hash | ShareStrategy::Sticky)
}

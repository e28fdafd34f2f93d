//! What each session is owed, and what it has received.

use super::groups::{Origin, Shared};
use super::{Oracle, Owed, Place, Seen, Session, memory};
use crate::topics::{is_shared, matches};
use postrider_ports::SessionInfo;
use postrider_proto::{AckKind, PacketId, Qos, RetainHandling, SubscribeOptions};

impl Oracle {
    /// What everybody is owed for one message that a partition has taken. [MQTT-3.3.4-2] to [MQTT-3.3.4-4]
    pub(super) fn publish(
        &mut self,
        partition: usize,
        publisher: Option<&str>,
        message: &Seen,
        expires_ms: Option<u64>,
        origin: Origin,
    ) {
        let Seen { topic, payload, qos, retain, .. } = message.clone();
        let (topic, payload) = (topic.as_str(), payload.as_slice());
        if self.partitions == 1 {
            let author = self.authors.get(payload).cloned().unwrap_or_default();
            let is_durable = |client_id: &str| self.sessions.get(client_id).is_some_and(|one| one.expiry_s > 0);
            self.groups.publish(&Shared { author, seen: message.clone(), expires_ms, origin }, is_durable);
        }
        if retain {
            let place = (partition, topic.to_owned());
            if payload.is_empty() {
                self.retained.remove(&place);
            } else {
                self.retained.insert(place.clone(), (payload.to_vec(), qos));
                self.was_retained.insert((topic.to_owned(), payload.to_vec()));
            }
            *self.changes.entry(place).or_default() += 1;
        }
        for (client_id, session) in self.sessions.iter_mut().filter(|(_, session)| session.home == partition) {
            let is_own = publisher == Some(client_id);
            let matching: Vec<&(SubscribeOptions, Option<u32>)> = session
                .subscriptions
                .iter()
                .filter(|(filter, _)| matches(filter, topic))
                .map(|(_, how)| how)
                .filter(|(options, _)| !(options.no_local && is_own))
                .collect();
            let Some(granted) = matching.iter().map(|(options, _)| options.qos).max() else { continue };
            let mut ids: Vec<u32> = matching.iter().filter_map(|(_, id)| *id).collect();
            ids.sort_unstable();
            let keeps_flag = matching.iter().any(|(options, _)| options.retain_as_published);
            let seen = Seen { qos: granted.min(qos), retain: retain && keeps_flag, ids, ..message.clone() };
            session.owed.push(Owed { seen, received: 0, acked_ms: None, may_return: false });
        }
    }

    pub(super) fn subscribe(&mut self, place: Place, filters: &[(String, SubscribeOptions)], identifier: Option<u32>) {
        let (retained, changes) = (self.retained.clone(), self.changes.clone());
        let client_id = self.terms.get(&place).map(|terms| terms.client_id.clone()).unwrap_or_default();
        let partitions = self.partitions;
        if self.session_at(place).is_none() {
            return;
        }
        for (share, options) in filters.iter().filter(|(filter, _)| is_shared(filter) && partitions == 1) {
            self.groups.join(&client_id, share, *options);
        }
        let Some(session) = self.session_at(place) else { return };
        for (filter, options) in filters.iter().filter(|(filter, _)| !is_shared(filter)) {
            let is_new = session.subscriptions.insert(filter.clone(), (*options, identifier)).is_none();
            let brings = match options.retain_handling {
                RetainHandling::Always => true,
                RetainHandling::IfNew => is_new,
                RetainHandling::Never => false,
            };
            for ((partition, topic), (payload, _)) in retained.iter().filter(|_| brings) {
                if *partition != place.0 || !matches(filter, topic) {
                    continue;
                }
                session.replayable.insert((topic.clone(), payload.clone()));
                // Whose a retained message is is not followed, so No Local makes it optional: not expected.
                if !options.no_local {
                    let change = changes.get(&(*partition, topic.clone())).copied().unwrap_or(0);
                    session.replays.push((topic.clone(), payload.clone(), change));
                }
            }
        }
    }

    /// A client has received a PUBLISH, and it was no repetition that its packet identifier gives away.
    pub(super) fn received(&mut self, client_id: &str, seen: &Seen) -> Result<(), String> {
        let share = self.wishes.get(client_id).and_then(|wishes| wishes.share_of(&seen.topic, &seen.ids));
        if share.is_some() && self.partitions == 1 {
            if self.has_lost && (seen.payload.is_empty() || self.authors.contains_key(&seen.payload)) {
                return Ok(());
            }
            return self.groups.check_received(client_id, seen);
        }
        let Some(session) = self.sessions.get_mut(client_id) else { return Ok(()) };
        let author = self.authors.get(&seen.payload).cloned().unwrap_or_default();
        let key = (author, seen.topic.clone(), seen.qos);
        // Whose an empty payload is nobody can tell, nor whether a retained message is live or replayed: no order
        // is asked of either.
        let is_retained = seen.retain && session.replayable.contains(&(seen.topic.clone(), seen.payload.clone()));
        let is_named = !seen.payload.is_empty();
        let is_ordered = is_named && !is_retained;
        let from = session.last.get(&key).filter(|_| is_ordered).map_or(0, |last| last + 1);
        let mut ids = seen.ids.clone();
        ids.sort_unstable();
        let is_it = |owed: &Owed| owed.seen.payload == seen.payload && owed.seen.topic == seen.topic;
        // QoS 1 may come again, under the identifier it had. I2
        let is_again = |owed: &Owed| owed.received > 0 && owed.seen.packet_id == seen.packet_id;
        let may_repeat = seen.dup && seen.qos == Qos::AtLeastOnce;
        if let Some(owed) = session.owed.iter_mut().find(|owed| may_repeat && is_it(owed) && is_again(owed)) {
            owed.received += 1;
            // What was forgotten in a crash has come, and comes under another identifier no more.
            self.returned += u64::from(owed.may_return);
            (owed.may_return, owed.acked_ms) = (false, None);
            return Ok(());
        }
        let is_alike =
            |owed: &Owed| owed.seen.qos == seen.qos && owed.seen.retain == seen.retain && owed.seen.ids == ids;
        // As it was: what a topic retains may be the same message, and comes in another form.
        let returns = |owed: &Owed| owed.may_return && is_alike(owed);
        if let Some(owed) = session.owed.iter_mut().find(|owed| is_it(owed) && returns(owed)) {
            owed.received += 1;
            (owed.may_return, owed.acked_ms, owed.seen.packet_id) = (false, None, seen.packet_id);
            self.returned += 1;
            return Ok(());
        }
        // I4: first deliveries come in order, for each publisher, topic and QoS.
        let is_next = |(_, owed): &(usize, &Owed)| is_it(owed) && owed.received == 0 && is_alike(owed);
        let owed = || session.owed.iter().enumerate();
        // A publisher's own repetitions of QoS 1 are alike: no order is asked of them.
        let is_repeated = seen.qos == Qos::AtLeastOnce && owed().filter(|(_, owed)| is_it(owed)).nth(1).is_some();
        let next = owed().skip(from).find(is_next).or_else(|| owed().find(is_next).filter(|_| is_repeated));
        if let Some(at) = next.map(|(at, _)| at) {
            if session.is_v5 && is_named && session.owed[at].seen.format != seen.format {
                return Err(format!("{client_id} got {} with another payload format", describe(seen)));
            }
            session.owed[at].received += 1;
            session.owed[at].seen.packet_id = seen.packet_id;
            if is_ordered {
                session.last.entry(key).and_modify(|last| *last = at.max(*last)).or_insert(at);
            }
            return Ok(());
        }
        if seen.retain && self.was_retained.contains(&(seen.topic.clone(), seen.payload.clone())) {
            // What has changed since it was asked for comes as it changes, not as it was.
            let at = session
                .replays
                .iter()
                .rposition(|(topic, payload, _)| *topic == seen.topic && *payload == seen.payload);
            at.map(|at| session.replays.remove(at));
            return Ok(());
        }
        let alike = session.owed.iter().enumerate().filter(|(_, owed)| is_it(owed));
        let alike: Vec<String> =
            alike.map(|(at, owed)| format!("{at}: {} received {}", describe(&owed.seen), owed.received)).collect();
        Err(format!("{client_id} got what it is not owed behind {from}: {}; alike: {alike:?}", describe(seen)))
    }

    pub(super) fn check_missing(
        &self,
        client_id: &str,
        session: &Session,
        info: &SessionInfo,
        had_cut: bool,
    ) -> Result<u64, String> {
        // A publisher's own repetitions of QoS 1 are alike, and which one a DUP belongs to nobody can tell.
        let is_alike =
            |one: &Owed, other: &Owed| one.seen.payload == other.seen.payload && one.seen.topic == other.seen.topic;
        let made_up_for = |owed: &Owed| {
            let alike = || session.owed.iter().filter(|other| is_alike(owed, other));
            alike().map(|other| other.received as usize).sum::<usize>() >= alike().count()
        };
        let missing = session.owed.iter().filter(|owed| owed.received == 0 && !made_up_for(owed));
        let missing: Vec<&Owed> = missing.collect();
        let above_0 = missing.iter().filter(|owed| owed.seen.qos != Qos::AtMostOnce).count() as u64;
        let dropped = info.drops.total();
        let lost = memory::above_0(&info.drops);
        if above_0 > lost {
            let first = missing.iter().find(|owed| owed.seen.qos != Qos::AtMostOnce).map(|owed| describe(&owed.seen));
            return Err(format!("{client_id} misses {above_0} messages, {lost} are counted: {first:?}"));
        }
        if !had_cut && missing.len() as u64 > dropped {
            return Err(format!("{client_id} misses {} messages, {dropped} are counted", missing.len()));
        }
        let stale = |(topic, _, change): &&(String, Vec<u8>, u64)| {
            self.changes.get(&(session.home, topic.clone())).copied().unwrap_or(0) == *change
        };
        match session.replays.iter().find(stale) {
            Some((topic, ..)) if !had_cut && dropped == 0 => Err(format!("{client_id} misses what {topic} retains")),
            _ => Ok(above_0),
        }
    }
}

impl Oracle {
    /// A client has acknowledged a message.
    pub(super) fn on_ack(&mut self, place: Place, kind: AckKind, packet_id: PacketId) {
        let now = self.now_ms;
        let Some(session) = self.session_at(place).filter(|_| kind == AckKind::Puback) else { return };
        let is_it = |owed: &&mut Owed| {
            owed.received > 0 && owed.seen.qos == Qos::AtLeastOnce && owed.seen.packet_id == Some(packet_id)
        };
        if let Some(owed) = session.owed.iter_mut().rev().find(is_it) {
            owed.acked_ms.get_or_insert(now);
        }
    }
}

pub(super) fn describe(seen: &Seen) -> String {
    let payload: String = String::from_utf8_lossy(&seen.payload).chars().take(8).collect();
    format!("{} q{} retain={} dup={} {:?} {payload}", seen.topic, seen.qos, seen.retain, seen.dup, seen.ids)
}

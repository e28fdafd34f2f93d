//! The last step of a recovery: from what was found to an engine that serves.
//!
//! Owns: what is live in the log, who is there, and what has happened to them while nobody looked.

use super::Recovery;
use super::restored::Restored;
use crate::log::Log;
use crate::records::coding::put_number;
use crate::records::kind;
use crate::records::session::{ReplayState, SessionRecord};
use crate::replay::Replay;
use crate::sessions::{Session, filter_bytes};
use crate::stored::{Stored, Written};
use crate::stored_groups::StoredGroup;
use crate::timers::Timer;
use crate::will::Will;
use crate::{Effect, Engine, Tray, Urgency, Who};
use postrider_ports::Peer;
use postrider_proto::{Filter, Topic};
use postrider_router::SessionKey;
use postrider_session::flow::{Inbound, Outbound};
use postrider_session::{Mono, Now, Parcel, Sequence, Wall};
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How long a client may take at least to come back before its will is published: it could not while nobody was here.
const RETURN_S: u64 = 30;

impl Recovery {
    /// All records have been taken; `last` is the last number that the log has given. What is needed no more is
    /// released through the tray, and everything from now on is appended.
    #[must_use]
    pub fn finish(mut self, now: Now, last: Sequence, tray: &mut Tray) -> Engine {
        let (last, seed) = (last.max(self.seen.last().copied().unwrap_or_default()), self.seeds.hash);
        // Before there is a log: who else needs them is found below.
        self.forget_unretained(tray);
        self.engine.log = Some(Box::new(Log::new(last, seed)));
        self.engine.asks = self.engine.asks_of_publish();
        let mut holders = Vec::new();
        let mut live = Vec::new();
        let (mut over, mut ended) = (Vec::new(), Vec::new());
        let groups = self.take_groups();
        let sessions = self.take_sessions();
        let peers = self.engine.peers_of_listeners();
        for (record, mut restored) in sessions {
            let has = |sequence: Sequence| self.seen.binary_search(&sequence).is_ok();
            live.push(restored.sequence);
            live.extend(restored.pictures.records());
            live.extend(restored.subscriptions.values().map(|(sequence, ..)| *sequence));
            holders.extend(restored.pictures.pinned.iter().copied());
            let (outbound, inbound) = restored.take_flows(has);
            let is_will_out = restored.is_will_out;
            let peer = record.listener.as_ref().and_then(|name| peers.get(name)).cloned();
            let key = self.engine.restore_session(now, record, &mut restored);
            if let Some(session) = self.engine.sessions.get_mut(key) {
                session.peer = peer;
            }
            self.engine.restore_flows(key, (outbound, inbound), restored, &mut holders);
            if self.engine.restore_timers(now, key) == Lifetime::Over {
                over.push(key);
            } else if is_will_out {
                // What says so is the message itself, which may go before the session's record is renewed.
                self.engine.store_session(key, Urgency::Lazy, tray);
            }
        }
        // The newest first: an older one of the same name is over.
        for (number, restored) in groups.into_iter().rev() {
            let has = |sequence: Sequence| self.seen.binary_search(&sequence).is_ok();
            if self.engine.restore_group(number, restored, has, &mut live, &mut holders) == Lifetime::Over {
                ended.push(number);
            }
        }
        self.engine.record_groups(tray);
        holders.extend(self.engine.retained.iter().map(|kept| kept.message.sequence()));
        holders.sort_unstable();
        self.mark_unretained(&holders, tray);
        self.release_dead(&holders, live, tray);
        self.engine.bury_groups(ended, tray);
        for key in over {
            self.engine.counters.sessions_expired += 1;
            self.engine.end_session(now, key, tray);
        }
        tray.wait_no_more();
        self.engine
    }

    fn take_groups(&mut self) -> BTreeMap<u64, Restored> {
        let is_group = |restored: &Restored| restored.record.is_none() && restored.share.is_some();
        let (groups, others): (BTreeMap<_, _>, _) =
            core::mem::take(&mut self.sessions).into_iter().partition(|(_, it)| is_group(it));
        self.sessions = others;
        groups
    }

    /// One session for each client: should there be more, the newest.
    fn take_sessions(&mut self) -> Vec<(SessionRecord, Restored)> {
        let mut newest = BTreeMap::new();
        for mut restored in core::mem::take(&mut self.sessions).into_values() {
            if let Some(record) = restored.record.take() {
                newest.insert(record.subject.client_id.clone(), (record, restored));
            }
        }
        newest.into_values().collect()
    }

    fn forget_unretained(&mut self, tray: &mut Tray) {
        let is_gone = |sequence: Sequence| self.unretained.contains_key(&sequence);
        let gone: Vec<Box<[u8]>> = self
            .engine
            .retained
            .iter()
            .filter(|kept| is_gone(kept.message.sequence()))
            .map(|kept| kept.message.topic().as_bytes().into())
            .collect();
        for topic in gone {
            self.engine.forget_retained(Topic::trusted(&topic), tray);
        }
    }

    /// A message that is retained no more and that somebody still needs must not be taken for a retained one when what
    /// replaced or cleared it is gone.
    fn mark_unretained(&mut self, holders: &[Sequence], tray: &mut Tray) {
        let mut kept: Vec<_> = self.engine.retained.iter().map(|kept| kept.message.sequence()).collect();
        kept.sort_unstable();
        let Some(log) = &mut self.engine.log else { return };
        for sequence in core::mem::take(&mut self.retained) {
            let is_retained = kept.binary_search(&sequence).is_ok();
            if is_retained || holders.binary_search(&sequence).is_err() || self.unretained.contains_key(&sequence) {
                continue;
            }
            let write = |out: &mut Vec<u8>| put_number(out, sequence.0);
            let mark = log.append_essential(kind::UNRETAINED, Urgency::Lazy, tray, write);
            self.unretained.insert(sequence, mark);
        }
    }

    /// Counts who needs which message, and releases what nobody needs.
    fn release_dead(&mut self, holders: &[Sequence], mut live: Vec<Sequence>, tray: &mut Tray) {
        let Some(log) = &mut self.engine.log else { return };
        for same in holders.chunk_by(|left, right| left == right) {
            if let ([first, ..], Ok(count)) = (same, u32::try_from(same.len())) {
                log.set_holders(*first, count, tray);
                if let Some(mark) = self.unretained.get(first) {
                    log.mark(*first, *mark);
                    live.push(*mark);
                }
            }
        }
        live.sort_unstable();
        for sequence in &self.seen {
            if live.binary_search(sequence).is_err() && holders.binary_search(sequence).is_err() {
                tray.push(Effect::Release(*sequence));
            }
        }
    }
}

/// Whether a session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lifetime {
    Running,
    Over,
}

impl Engine {
    /// What is known of where sessions came from, by the names of listeners, if anybody wants to know.
    fn peers_of_listeners(&self) -> BTreeMap<Arc<str>, Peer> {
        let asked = self.limits.listeners.iter().filter(|_| self.limits.authorize == Who::Plugin);
        let names = asked.filter_map(|own| own.name.clone());
        let peer = |name: Arc<str>| Some((name.clone(), Peer::through(self.limits.listener_named(&name)?, "")));
        names.filter_map(peer).collect()
    }

    fn restore_session(&mut self, now: Now, mut record: SessionRecord, restored: &mut Restored) -> SessionKey {
        let will = record.will.take().map(|will| {
            Box::new(Will {
                message: will.message,
                retain: will.retain,
                expiry_s: will.expiry_s,
                delay_s: will.delay_s,
                timer: None,
                brought_by: will.brought_by,
            })
        });
        let written = Written { expiry_s: record.expiry_s, has_will: will.is_some() };
        let key = self.sessions.insert(Session {
            subject: Arc::new(record.subject.clone()),
            online: None,
            flows: None,
            filters: SmallVec::new(),
            filters_bytes: 0,
            peer: None,
            guard: None,
            will,
            expiry_s: record.expiry_s,
            expiry_timer: None,
            drops: None,
            stored: None,
        });
        let mut stored = Box::new(Stored::new(record.number, key));
        (stored.session, stored.written) = (restored.sequence, written);
        stored.pictures = core::mem::take(&mut restored.pictures);
        stored.sent_through = restored.sent_through;
        stored.away_since = record.away_since;
        stored.listener = record.listener;
        if let Some(log) = &mut self.log {
            log.sessions += 1;
            // What was in steps becomes one picture.
            stored.touch_flows(now.mono, log);
        }
        if let Some(session) = self.sessions.get_mut(key) {
            session.stored = Some(stored);
        }
        key
    }

    fn restore_flows(
        &mut self,
        key: SessionKey,
        (outbound, inbound): (Outbound<Parcel>, Inbound),
        restored: Restored,
        holders: &mut Vec<Sequence>,
    ) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let flows = session.flows_mut();
        (flows.outbound, flows.inbound, flows.mailbox) = (outbound, inbound, restored.mailbox);
        holders.extend(flows.mailbox.recorded().map(|(sequence, ..)| sequence));
        let in_flight = flows.outbound.unfinished().filter_map(|(.., parcel)| Some(parcel?.recorded()));
        let before = holders.len();
        holders.extend(in_flight);
        let sent = flows.outbound.len() as u64;
        debug_assert!(holders.len() as u64 - before as u64 <= sent, "what was received has no message");
        let queued = flows.mailbox.len() as u64;
        self.counters.deliveries_owed += sent + queued;
        self.counters.deliveries_sent += sent;
        self.counters.deliveries_queued += queued;
        self.counters.queued_bytes += flows.mailbox.bytes();
        for (text, (sequence, grant, replay)) in restored.subscriptions {
            let filter = Filter::trusted(&text);
            let subscribed = self.router.subscribe(filter, key, grant);
            session.filters.push(subscribed.filter);
            session.filters_bytes += filter_bytes(filter);
            let flows = session.flows_mut();
            if filter.share().is_some() {
                flows.shares.push(subscribed.filter);
                self.groups.found(subscribed.filter);
                self.counters.shared_subscriptions += 1;
            } else if replay == ReplayState::Unfinished {
                // From its beginning: nobody knows how far it came.
                flows.replays.push_back(Replay::new(filter, grant, u64::MAX));
            }
            if let Some(stored) = &mut session.stored {
                stored.subscriptions.insert(subscribed.filter.to_bits(), sequence);
            }
        }
        if session.flows.as_ref().is_some_and(|flows| flows.is_idle()) {
            session.flows = None;
        }
    }

    /// A group of which a member is still there.
    fn restore_group(
        &mut self,
        number: u64,
        restored: Restored,
        has: impl Fn(Sequence) -> bool,
        live: &mut Vec<Sequence>,
        holders: &mut Vec<Sequence>,
    ) -> Lifetime {
        let share = restored.share.as_ref().and_then(|filter| self.router.find(filter));
        let Some(share) = share.filter(|share| self.groups.contains(*share) && self.group_number(*share) == 0) else {
            return Lifetime::Over;
        };
        live.push(restored.sequence);
        live.extend(restored.pictures.records());
        holders.extend(restored.pictures.pinned.iter().copied());
        let mut stored = StoredGroup::new(number);
        stored.given_through = restored.sent_through;
        stored.pictures = restored.pictures;
        let mut mailbox = restored.mailbox;
        // What is not in the log any more was acknowledged.
        let waiting = mailbox.take_away();
        for delivery in waiting.into_iter().filter(|delivery| has(delivery.sequence)) {
            holders.push(delivery.sequence);
            self.counters.deliveries_owed += 1;
            self.counters.deliveries_queued += 1;
            mailbox.spill(&delivery);
        }
        self.groups.with_queue(share, |queue| *queue = mailbox);
        if let Some(group) = self.groups.get_mut(share) {
            group.stored = Some(Box::new(stored));
        }
        Lifetime::Running
    }

    /// The record of a group stands behind the subscription of its first member, and a crash may leave that one alone.
    /// What is acknowledged from now on has to be on record as the group's.
    fn record_groups(&mut self, tray: &mut Tray) {
        let unrecorded = self.groups.iter().filter(|(_, group)| group.stored.is_none());
        let mut unrecorded: Vec<_> = unrecorded.map(|(share, _)| share).collect();
        unrecorded.sort_unstable_by_key(|share| share.to_bits());
        for share in unrecorded {
            // Whoever is there by now is a recorded session.
            let member = self.router.members(share).next();
            if let Some(key) = member {
                self.store_group(share, key, tray);
            }
        }
    }

    /// What is left of groups without members says from now on that it is over: it may come back without what overruled
    /// it.
    fn bury_groups(&mut self, numbers: Vec<u64>, tray: &mut Tray) {
        let Some(log) = &mut self.log else { return };
        for number in numbers {
            let gone = log.append_essential(kind::GONE, Urgency::Lazy, tray, |out| put_number(out, number));
            tray.push(Effect::Release(gone));
        }
    }

    /// When the session ends, and when its will is published.
    fn restore_timers(&mut self, now: Now, key: SessionKey) -> Lifetime {
        let (Some(log), Some(session)) = (&mut self.log, self.sessions.get_mut(key)) else { return Lifetime::Over };
        let Some(stored) = &mut session.stored else { return Lifetime::Over };
        let was_connected = stored.away_since.is_none();
        let Wall(since) = *stored.away_since.get_or_insert(now.wall);
        if was_connected {
            stored.touch_session(now.mono, log);
        }
        let away_ms = now.wall.0.saturating_sub(since);
        let left = |seconds: u64| Mono(now.mono.0.saturating_add((seconds * 1000).saturating_sub(away_ms)));
        if session.expiry_s != u32::MAX {
            let expires = left(u64::from(session.expiry_s));
            if expires <= now.mono {
                return Lifetime::Over;
            }
            session.expiry_timer = Some(self.timers.insert(expires, Timer::Session(key)));
        }
        if let Some(will) = &mut session.will {
            let delay_s = u64::from(will.delay_s.min(session.expiry_s)).max(RETURN_S);
            will.timer = Some(self.timers.insert(left(delay_s), Timer::Will(key)));
        }
        Lifetime::Running
    }
}

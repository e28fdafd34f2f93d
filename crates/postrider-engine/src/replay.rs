//! Retained messages on their way out: a cursor for each subscription that asked for them.
//!
//! Owns: how far each replay has come. It goes as far as room and quota go, and on when there is more.
//! Spec: 3.3.1.3, 3.8.4.

use crate::authors::Hearing;
use crate::review::may_get;
use crate::{Engine, Tray};
use postrider_ports::Subject;
use postrider_proto::{Filter, Qos};
use postrider_router::{Cursor, Grant, Scan, SessionKey};
use postrider_session::{Now, Parcel, SubscriptionIds};
use std::sync::Arc;

/// One subscription's way through the retained store.
#[derive(Debug)]
pub(crate) struct Replay {
    filter: Box<[u8]>,
    grant: Grant,
    cursor: Cursor,
    /// What was retained after this came as a live message already.
    until: u64,
}

/// Topics that a scan looks at, and messages that it finds, before others get their turn.
const STEPS: usize = 1024;
const FOUND: usize = 128;

impl Replay {
    pub(crate) fn new(filter: Filter<'_>, grant: Grant, until: u64) -> Self {
        Self { filter: filter.as_bytes().into(), grant, cursor: Cursor::new(filter), until }
    }

    pub(crate) fn filter(&self) -> Filter<'_> {
        Filter::trusted(&self.filter)
    }

    /// Where it goes on.
    pub(crate) fn cursor(&self) -> Cursor {
        self.cursor.clone()
    }
}

/// What a session can be sent now.
#[derive(Clone, Copy, Debug)]
struct Room {
    bytes: i64,
    /// QoS 1 and 2 messages.
    quota: u32,
    /// Bytes of these, where they are limited.
    weight: Option<u64>,
}

impl Room {
    /// Whether what is in flight weighs too much for one that needs quota.
    const fn is_filled(&self, needs: u32) -> bool {
        matches!(self.weight, Some(0)) && needs > 0
    }
}

impl Engine {
    /// Sends retained messages as long as there is room and nothing else waits; what is left after a while
    /// becomes work for later. [MQTT-3.3.1-9]
    pub(crate) fn replay(&mut self, now: Now, key: SessionKey, tray: &mut Tray) {
        if self.relief.is_full() {
            // Whoever asked for it gets it when there is memory again.
            return;
        }
        let Some(session) = self.sessions.get_mut(key) else { return };
        let (Some(online), Some(flows)) = (&session.online, &mut session.flows) else { return };
        if online.credit <= 0 || flows.is_asking || !flows.mailbox.is_empty() || !flows.outbound.is_open() {
            return;
        }
        let weight = online.is_weighed.then(|| {
            let bytes_max = self.limits.in_flight_bytes_max_at(online.listener);
            bytes_max.saturating_sub(flows.outbound.bytes()).max(1)
        });
        let room = Room { bytes: online.credit, quota: flows.outbound.quota(), weight };
        let Some(mut replay) = flows.replays.pop_front() else { return };
        let subject = session.subject.clone();
        let (found, scan, is_in_doubt) = self.scan_retained(now, &mut replay, key, &subject, room);
        for parcel in &found {
            self.counters.deliveries_owed += 1;
            if self.send_parcel(now, key, parcel, tray)
                && self.is_stored(key)
                && let Some(log) = &mut self.log
            {
                log.hold_on(parcel.recorded());
            }
        }
        if scan != Scan::Stopped {
            self.store_replayed(key, replay.filter(), tray);
        }
        let is_asking = is_in_doubt && self.ask_about_author(key, &replay, tray);
        let Some(flows) = self.sessions.get_mut(key).and_then(|session| session.flows.as_mut()) else { return };
        flows.is_asking = is_asking;
        if scan == Scan::Stopped {
            flows.replays.push_front(replay);
        }
        if !flows.replays.is_empty() && !is_asking && !flows.is_replaying {
            flows.is_replaying = true;
            self.replaying.push_back(key);
        }
    }

    /// Whether a first look finds something retained that the filter matches, or does not come to an end: a
    /// subscription that brings nothing retained costs no memory.
    pub(crate) fn may_replay(&self, filter: Filter<'_>) -> bool {
        if self.retained.is_empty() {
            return false;
        }
        self.retained.scan(filter, &mut Cursor::new(filter), STEPS, |_| false) == Scan::Stopped
    }

    /// One session's turn to go on with its replays.
    pub(crate) fn continue_replay(&mut self, now: Now, tray: &mut Tray) {
        let Some(key) = self.replaying.pop_front() else { return };
        if let Some(flows) = self.sessions.get_mut(key).and_then(|session| session.flows.as_mut()) {
            flows.is_replaying = false;
            self.pump(now, key, tray);
        }
    }

    /// The next few retained messages of a replay, no more than there is room for. And whether the author of the one
    /// behind them has to be asked about.
    fn scan_retained(
        &self,
        now: Now,
        replay: &mut Replay,
        key: SessionKey,
        subject: &Arc<Subject>,
        mut room: Room,
    ) -> (Vec<Parcel>, Scan, bool) {
        let (mut found, mut is_in_doubt) = (Vec::new(), false);
        let (grant, until) = (replay.grant, replay.until);
        let found_max = if self.is_pressed() { FOUND / 8 } else { FOUND };
        let filter = Filter::trusted(&replay.filter);
        // Few sessions are guarded; the others are not looked at for each message.
        let guarded = self.sessions.get(key).filter(|session| session.guard.is_some());
        let scan = self.retained.scan(filter, &mut replay.cursor, STEPS, |kept| {
            let is_own = || kept.author.as_ref().is_some_and(|author| author.client_id == subject.client_id);
            // [MQTT-3.8.3-3]
            if guarded.is_some_and(|session| !may_get(session, &self.router, kept.message.topic()))
                || kept.sequence > until
                || kept.is_over(now.mono)
                || (grant.no_local && is_own())
            {
                return true;
            }
            match self.hearing(kept) {
                Hearing::Heard => {}
                Hearing::Withheld => return true,
                Hearing::Unknown => {
                    is_in_doubt = true;
                    return false;
                }
            }
            let qos = grant.qos.min(kept.message.qos());
            let needs = u32::from(qos != Qos::AtMostOnce);
            if room.bytes <= 0 || room.quota < needs || room.is_filled(needs) || found.len() == found_max {
                return false;
            }
            room.bytes -= i64::try_from(kept.message.size()).unwrap_or(i64::MAX);
            room.quota -= needs;
            if let Some(weight) = &mut room.weight {
                *weight = weight.saturating_sub(u64::from(needs) * kept.message.parts().payload.len() as u64);
            }
            let subscription_ids = grant.identifier.map_or(SubscriptionIds::None, SubscriptionIds::One);
            found.push(Parcel { message: kept.message.clone(), qos, retain: true, subscription_ids, share: None });
            true
        });
        (found, scan, is_in_doubt)
    }
}

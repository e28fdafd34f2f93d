//! What the engine does while memory is short.
//!
//! Owns: the order of it: whoever is new waits outside, whoever does not keep up gets less, whoever needs memory waits or
//! hears 0x97, and at last whoever costs most is disconnected.
//! Never: drops a message with QoS 1 or 2 that was acknowledged; measures memory: the driver says how short it is.

use crate::links::LinkState;
use crate::recording::RoomFor;
use crate::timers::Timer;
use crate::{Effect, Engine, LinkId, Tray};
use postrider_ports::{Cause, DropReason};
use postrider_proto::{Publish, Qos, ReasonCode};
use postrider_router::SessionKey;
use postrider_session::{Bounds, MessageParts, Mono, Now, Sequence, TimerKey};

/// How short memory is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pressure {
    /// It is not.
    #[default]
    Calm,
    /// What grows is slowed down.
    Tight,
    /// Nothing more is taken that would stay.
    Full,
}

/// What is under way because memory is or was short.
#[derive(Debug, Default)]
pub(crate) struct Relief {
    pressure: Pressure,
    /// The most that may be in an outbox while memory is short.
    outbox_bytes_max: u32,
    /// The next session that gives back what it can.
    next: Option<u32>,
    /// Links whose PUBLISH waits for memory.
    held: Vec<LinkId>,
    /// When the worst is disconnected.
    timer: Option<TimerKey>,
}

/// How long a PUBLISH waits that would need memory, and how many pass after that: slow enough for whoever reads to catch
/// up.
const PACE_MS: u64 = 100;
const PACE: u8 = 16;
/// How long everything else may take until the first client is disconnected, and then from one to the next.
const PATIENCE_MS: u64 = 1000;
const AGAIN_MS: u64 = 100;
/// Who costs less is not worth it.
const WORST_BYTES_MIN: u64 = 16 * 1024;
/// Which part of an outbox may be used while memory is short, and what is left of it if there are very many.
const OUTBOX_PART: u32 = 16;
const OUTBOX_BYTES_MIN: u64 = 1024;
/// Sessions that give back at a stretch.
const SESSIONS: u32 = 256;

impl Relief {
    pub(crate) const fn has_work(&self) -> bool {
        self.next.is_some()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.pressure == Pressure::Full
    }
}

impl Engine {
    /// How short memory is, as far as the engine has heard.
    #[must_use]
    pub const fn pressure(&self) -> Pressure {
        self.relief.pressure
    }

    #[inline]
    pub(crate) fn is_pressed(&self) -> bool {
        self.relief.pressure != Pressure::Calm
    }

    /// The most that may be in an outbox now.
    #[must_use]
    pub const fn outbox_bytes_max(&self) -> u32 {
        match self.relief.pressure {
            Pressure::Calm => self.limits.outbox_bytes_max,
            Pressure::Tight | Pressure::Full => self.relief.outbox_bytes_max,
        }
    }

    /// A part of the usual, or less where there are so many clients that even that would be too much together.
    fn outbox_bytes_pressed(&self, outboxes_bytes: u64) -> u32 {
        let share = (outboxes_bytes / self.counters.clients_connected.max(1)).max(OUTBOX_BYTES_MIN);
        let part = self.limits.outbox_bytes_max / OUTBOX_PART;
        u32::try_from(share).unwrap_or(u32::MAX).min(part).max(1)
    }

    /// The same for one link: whoever was given more when there was memory has it, and less is raised when it reads.
    #[must_use]
    pub fn outbox_bytes_max_of(&self, link: LinkId) -> u32 {
        self.online_of(link).map_or(self.limits.outbox_bytes_max, |online| online.outbox_bytes_max)
    }

    /// What waits in memory, where the log has it too, shrinks to nothing.
    pub(crate) fn mailbox_bounds(&self) -> Bounds {
        let bounds = self.limits.mailbox;
        if self.is_pressed() { Bounds { memory_bytes_max: 0, ..bounds } } else { bounds }
    }

    /// Memory is as short as that from now on.
    pub(crate) fn on_pressed(&mut self, now: Now, pressure: Pressure, outboxes_bytes: u64, tray: &mut Tray) {
        let before = core::mem::replace(&mut self.relief.pressure, pressure);
        self.asks = self.asks_of_publish();
        self.relief.outbox_bytes_max = self.outbox_bytes_pressed(outboxes_bytes);
        if pressure > before {
            self.lower_credits();
            self.relief.next = Some(0);
        }
        match (before == Pressure::Full, pressure == Pressure::Full) {
            (false, true) => self.wait_for_relief(now, PATIENCE_MS),
            (true, false) => self.go_on(tray),
            (true, true) | (false, false) => {}
        }
    }

    fn lower_credits(&mut self) {
        let most = self.outbox_bytes_max();
        for session in self.sessions.iter_mut() {
            let Some(online) = &mut session.online else { continue };
            let less = online.outbox_bytes_max.saturating_sub(most);
            online.outbox_bytes_max -= less;
            online.credit -= i64::from(less);
        }
    }

    fn wait_for_relief(&mut self, now: Now, ms: u64) {
        self.relief.timer = Some(self.timers.insert(now.mono.plus_ms(ms), Timer::Relief));
    }

    /// There is some memory again.
    fn go_on(&mut self, tray: &mut Tray) {
        if let Some(timer) = self.relief.timer.take() {
            self.timers.cancel(timer);
        }
        for link in core::mem::take(&mut self.relief.held) {
            if self.links.session_of(link).is_some() {
                tray.push(Effect::Resume { link });
            }
        }
        let replaying = &mut self.replaying;
        for (key, session) in self.sessions.iter_mut_with_keys() {
            if let Some(flows) = session.flows.as_mut().filter(|flows| !flows.replays.is_empty() && !flows.is_replaying)
            {
                flows.is_replaying = true;
                replaying.push_back(key);
            }
        }
    }

    /// Some sessions give back what they can do without: what the log has too, and at last QoS 0.
    pub(crate) fn continue_relief(&mut self, now: Mono, tray: &mut Tray) {
        let Some(first) = self.relief.next else { return };
        let end = first.saturating_add(SESSIONS);
        self.relief.next = (end < self.sessions.keys_end() && self.is_pressed()).then_some(end);
        for key in (first..end).map(SessionKey) {
            self.unload(key);
            if self.relief.is_full() {
                self.shed_qos0(now, key, tray);
            }
        }
    }

    fn unload(&mut self, key: SessionKey) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        if let (Some(_), Some(flows)) = (&session.stored, &mut session.flows) {
            flows.mailbox.unload();
        }
    }

    fn shed_qos0(&mut self, now: Mono, key: SessionKey, tray: &mut Tray) {
        let Some(flows) = self.sessions.get_mut(key).and_then(|session| session.flows.as_mut()) else { return };
        if flows.mailbox.qos0_len() == 0 {
            return;
        }
        let before = flows.mailbox.bytes();
        let parcels = flows.mailbox.take_qos0();
        let gone = parcels.len() as u64;
        self.counters.queued_bytes -= before - flows.mailbox.bytes();
        self.counters.deliveries_queued -= gone;
        for parcel in &parcels {
            // Whatever came through a shared subscription with QoS 0 is nobody else's either, and its group may hold the
            // record of a message with more.
            self.finish_shared(now, parcel, tray);
        }
        self.drop_delivery(key, DropReason::Memory, gone, tray);
    }

    /// Whether there is memory for what would stay of a PUBLISH.
    #[cold]
    pub(crate) fn find_memory(&mut self, now: Now, link: LinkId, key: SessionKey, publish: &Publish<'_>) -> RoomFor {
        let is_told =
            self.online_of(link).is_some_and(|online| online.version.is_v5()) && publish.qos > Qos::AtMostOnce;
        if !self.would_stay(key, publish) {
            return RoomFor::It;
        }
        if !self.relief.is_full() {
            return self.pace(now, link);
        }
        if is_told {
            self.counters.publishes_refused += 1;
            return RoomFor::Nothing;
        }
        self.counters.publishes_paced += 1;
        self.relief.held.push(link);
        RoomFor::NothingYet
    }

    /// A few pass, and then the link waits for a moment.
    fn pace(&mut self, now: Now, link: LinkId) -> RoomFor {
        let at = now.mono.plus_ms(PACE_MS);
        let Some(extra) = self.links.extra_mut(link) else { return RoomFor::It };
        if extra.paced > 0 || extra.verdict.is_some() {
            extra.paced = extra.paced.saturating_sub(1);
            return RoomFor::It;
        }
        extra.paced = PACE;
        extra.held = Some(self.timers.insert(at, Timer::Held(link)));
        self.counters.publishes_paced += 1;
        RoomFor::NothingYet
    }

    /// Whether something of it would stay in memory: a larger retained message, or one that waits for somebody and is
    /// not in the log.
    fn would_stay(&mut self, key: SessionKey, publish: &Publish<'_>) -> bool {
        if publish.retain && !publish.payload.is_empty() && self.would_grow(publish) {
            return true;
        }
        if publish.qos == Qos::AtMostOnce && !self.limits.raises_qos {
            return false;
        }
        let matches = self.match_up(publish.topic, Some(key));
        let stays = matches.hits().iter().any(|hit| hit.qos > Qos::AtMostOnce && self.would_wait(hit.session, hit.qos))
            || matches.shares().iter().any(|share| {
                self.group_number(*share) == 0
                    && self.groups.get(*share).is_some_and(|group| !group.queue().is_empty() || !group.is_attended())
            });
        self.matches = Some(matches);
        stays
    }

    fn would_wait(&self, key: SessionKey, qos: Qos) -> bool {
        self.sessions.get(key).is_some_and(|session| session.stored.is_none() && !session.may_send(qos))
    }

    fn would_grow(&self, publish: &Publish<'_>) -> bool {
        let (topic, payload, properties) = (publish.topic, publish.payload, publish.properties);
        let parts =
            MessageParts { topic, payload, properties, qos: publish.qos, expires: None, sequence: Sequence::NONE };
        self.retained.get(topic).is_none_or(|kept| kept.message.size() < parts.size())
    }

    /// Nothing else has helped: whoever costs most goes.
    pub(crate) fn shed_worst(&mut self, now: Now, tray: &mut Tray) {
        self.relief.timer = None;
        if !self.relief.is_full() {
            return;
        }
        let cost = |link, state: &LinkState| match state {
            LinkState::Open(key, _) => Some((self.sessions.get(*key)?.ledger().in_memory(), link)),
            LinkState::Vacant | LinkState::Asking(..) | LinkState::Exchanging(_) => None,
        };
        let worst = self.links.iter().filter_map(|(link, state)| cost(link, state)).max();
        if let Some((_, link)) = worst.filter(|(bytes, _)| *bytes >= WORST_BYTES_MIN) {
            self.counters.clients_shed += 1;
            self.dismiss(now, link, ReasonCode::QuotaExceeded, Cause::Memory, tray);
        }
        self.wait_for_relief(now, AGAIN_MS);
    }
}

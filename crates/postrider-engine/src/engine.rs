//! The engine itself: what it owns, and which room takes which input.

use crate::adopt::Highest;
use crate::bans::Bans;
use crate::entropy::Entropy;
use crate::fanout::Fanout;
use crate::groups::Groups;
use crate::judge::Pending;
use crate::links::{LinkState, Links};
use crate::log::Log;
use crate::pressure::Relief;
use crate::rates::Meters;
use crate::retain::Kept;
use crate::review::Reviews;
use crate::sessions::{Online, Sessions};
use crate::sys::Sys;
use crate::timers::Timer;
use crate::{Input, Limits, LinkId, Progress, Seeds, Tray};
use bytes::Bytes;
use postrider_ports::{Cause, Counters, Event, PartitionId, Ticket};
use postrider_proto::{Packet, Qos};
use postrider_router::{Matches, Retained, Router, SessionKey};
use postrider_session::{Mono, Now, Wheel};
use std::collections::{BTreeMap, VecDeque};

/// One partition of the broker.
#[derive(Debug)]
pub struct Engine {
    pub(crate) limits: Limits,
    pub(crate) partition: PartitionId,
    pub(crate) links: Links,
    pub(crate) sessions: Sessions,
    pub(crate) router: Router,
    pub(crate) groups: Groups,
    pub(crate) retained: Retained<Kept>,
    pub(crate) retained_bytes: u64,
    /// Counts up with each retained message, so that a replay knows what came after it began.
    pub(crate) retained_sequence: u64,
    pub(crate) timers: Wheel<Timer>,
    pub(crate) pending: BTreeMap<Ticket, Pending>,
    pub(crate) last_ticket: u64,
    pub(crate) reviews: Reviews,
    pub(crate) fanouts: VecDeque<Fanout>,
    /// Sessions whose retained replays can go on.
    pub(crate) replaying: VecDeque<SessionKey>,
    /// Storage for who gets a message; elsewhere while one is delivered.
    pub(crate) matches: Option<Box<Matches>>,
    /// Whether any rate of messages or bytes is limited.
    pub(crate) is_metered: bool,
    pub(crate) highest: Highest,
    /// Whether the clients of any listener live below a topic.
    pub(crate) has_mounts: bool,
    /// Whether anything is asked of payloads.
    pub(crate) has_payload_rules: bool,
    /// The highest QoS that all listeners take.
    pub(crate) qos_max_least: Qos,
    /// Whether anything but its topic decides if a PUBLISH may pass; see [`Engine::asks_of_publish`].
    pub(crate) asks: bool,
    pub(crate) meters: Meters,
    pub(crate) bans: Bans,
    /// What was counted as it happened; [`Engine::counters`] adds what is known otherwise.
    pub(crate) counters: Counters,
    pub(crate) repeats: Repeats,
    pub(crate) sys: Sys,
    pub(crate) relief: Relief,
    pub(crate) entropy: Entropy,
    /// Nothing is kept without.
    pub(crate) log: Option<Box<Log>>,
}

/// PUBLISH packets that brought nothing new: those that came are no messages received, those that went no deliveries
/// sent, or not any more.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    pub(crate) received: u64,
    pub(crate) sent: u64,
}

impl Engine {
    /// An engine without clients.
    #[must_use]
    pub fn new(limits: Limits, partition: PartitionId, seeds: Seeds) -> Self {
        let mut engine = Self {
            is_metered: limits.limits_publishing(),
            has_mounts: limits.has_mounts(),
            has_payload_rules: limits.has_payload_rules(),
            highest: Highest::of(&limits),
            qos_max_least: limits.qos_max_least(),
            asks: true,
            sys: Sys::new(&limits),
            limits,
            partition,
            links: Links::default(),
            sessions: Sessions::new(seeds.hash),
            router: Router::new(seeds.hash),
            groups: Groups::default(),
            retained: Retained::default(),
            retained_bytes: 0,
            retained_sequence: 0,
            timers: Wheel::default(),
            pending: BTreeMap::new(),
            last_ticket: 0,
            reviews: Reviews::default(),
            fanouts: VecDeque::new(),
            replaying: VecDeque::new(),
            matches: None,
            meters: Meters::default(),
            bans: Bans::new(seeds.hash),
            counters: Counters::default(),
            repeats: Repeats::default(),
            relief: Relief::default(),
            entropy: Entropy::new(seeds.ids),
            log: None,
        };
        engine.asks = engine.asks_of_publish();
        engine
    }

    /// Takes one input and writes what must happen into `tray`, behind what is there.
    #[inline]
    pub fn handle(&mut self, now: Now, input: Input<'_>, tray: &mut Tray) -> Progress {
        // What the last input waited for is no affair of this one.
        tray.wait_no_more();
        match input {
            Input::Received { link, packet, source } => return self.on_packet(now, link, packet, source, tray),
            Input::Linked { link, connect, peer } => {
                self.counters.connects_received += 1;
                self.on_linked(now, link, connect, peer, tray);
            }
            Input::Parted { link, cause } => self.on_parted(now, link, cause, tray),
            Input::Broke { link, violation } => {
                self.on_parted(now, link, Cause::Violation(violation.reason(), violation.clause()), tray);
            }
            Input::Judged { ticket, verdict } => self.on_judged(now, ticket, verdict, tray),
            Input::Room { link, bytes } => self.on_room(now, link, bytes, tray),
            Input::Remote { from: _, message, retain } => self.on_remote(now, &message, retain, tray),
            Input::Passed(passed) => self.on_passed(&passed),
            Input::Asked { ticket, question } => self.on_asked(now, ticket, &question, tray),
            Input::Committed { through, room, is_full } => self.on_committed(through, room, is_full, tray),
            Input::Loaded { ticket, records } => self.on_loaded(now, ticket, records, tray),
            Input::Adopted(limits) => self.adopt(now, *limits),
            Input::Pressed { pressure, outboxes_bytes } => {
                self.on_pressed(now, pressure, outboxes_bytes, tray);
            }
            Input::Continue => self.on_continue(now, tray),
            Input::Tick => self.on_tick(now, tray),
        }
        Progress::Done
    }

    /// When [`Input::Tick`] has to come next; cheap.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Mono> {
        let renewal = self.log.as_ref().and_then(|log| log.renew_at);
        [self.timers.next_deadline(), self.sys.next_deadline(), renewal].into_iter().flatten().min()
    }

    /// True while sliced work waits for [`Input::Continue`].
    #[inline]
    #[must_use]
    pub fn has_work(&self) -> bool {
        !self.fanouts.is_empty() || !self.replaying.is_empty() || self.reviews.has_work() || self.relief.has_work()
    }

    /// What is allowed.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    #[inline]
    fn on_packet(&mut self, now: Now, link: LinkId, packet: &Packet<'_>, source: &Bytes, tray: &mut Tray) -> Progress {
        let Some(key) = self.links.session_of(link) else {
            return self.on_early_packet(now, link, packet, tray);
        };
        if self.has_mounts {
            return self.on_packet_below(now, link, packet, source, tray);
        }
        match packet {
            Packet::Publish(publish) => self.on_publish(now, link, key, publish, source, tray),
            Packet::Ack(ack) => {
                self.on_ack(now, key, ack, tray);
                Progress::Done
            }
            Packet::Subscribe(subscribe) => match self.check_answer(key, subscribe.subscriptions.iter()) {
                Ok(()) => self.on_subscribe(now, link, key, subscribe, tray),
                Err(violation) => self.violate(now, link, violation, tray),
            },
            Packet::Unsubscribe(unsubscribe) => match self.check_answer(key, unsubscribe.filters.iter()) {
                Ok(()) => self.on_unsubscribe(now, link, key, unsubscribe, tray),
                Err(violation) => self.violate(now, link, violation, tray),
            },
            Packet::Disconnect(disconnect) => self.on_disconnect(now, link, key, disconnect, tray),
            Packet::Auth(auth) => self.on_reauthenticate(now, link, key, auth, tray),
            Packet::Pingreq => {
                self.answer_ping(link, tray);
                Progress::Done
            }
            Packet::Connect(_) | Packet::Connack(_) | Packet::Suback(_) | Packet::Unsuback(_) | Packet::Pingresp => {
                // A link's own half refuses these; see `ServerLink`.
                debug_assert!(false, "{} reached the engine", packet.name());
                Progress::Gone
            }
        }
    }

    /// AUTH and DISCONNECT while authentication goes on, also while a plugin thinks.
    fn on_early_packet(&mut self, now: Now, link: LinkId, packet: &Packet<'_>, tray: &mut Tray) -> Progress {
        match (self.links.get(link), packet) {
            (Some(LinkState::Exchanging(_)), Packet::Auth(auth)) => self.on_auth(link, auth, tray),
            (Some(LinkState::Asking(..)), Packet::Auth(_)) => self.on_hasty_auth(link, tray),
            (Some(LinkState::Exchanging(_) | LinkState::Asking(..)), Packet::Disconnect(disconnect)) => {
                self.part(now, link, Cause::Disconnect(disconnect.reason), tray);
                Progress::Gone
            }
            _ => Progress::Gone,
        }
    }

    /// The connection that an open link serves.
    pub(crate) fn online_of(&self, link: LinkId) -> Option<Online> {
        self.sessions.get(self.links.session_of(link)?)?.online
    }

    pub(crate) fn next_ticket(&mut self) -> Ticket {
        self.last_ticket += 1;
        Ticket(self.last_ticket)
    }

    /// Tells whoever watches, if anybody does.
    #[inline]
    pub(crate) fn observe(&self, tray: &mut Tray, event: impl FnOnce() -> Event) {
        if self.limits.is_observed {
            tray.push(crate::Effect::Observe(Box::new(event())));
        }
    }
}

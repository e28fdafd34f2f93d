//! How connections and sessions end.
//!
//! Owns: what is kept of a session without a connection, and for how long.
//! Spec: 3.1.2.11.2, 3.14, 4.1.

use crate::authors::Author;
use crate::links::{Extra, LinkState};
use crate::timers::Timer;
use crate::{Effect, Engine, LinkId, Progress, Tray};
use postrider_ports::{Cause, DropReason, Event};
use postrider_proto::{Disconnect, PropertyId, ReasonCode};
use postrider_router::SessionKey;
use postrider_session::{Now, Violation};

impl Engine {
    /// The driver says that a link is gone.
    pub(crate) fn on_parted(&mut self, now: Now, link: LinkId, cause: Cause, tray: &mut Tray) {
        if let Some(key) = self.close_link(now, link, cause, tray) {
            self.detach(now, key, tray);
        }
    }

    /// The engine ends a link.
    pub(crate) fn part(&mut self, now: Now, link: LinkId, cause: Cause, tray: &mut Tray) {
        tray.push(Effect::Part { link, cause });
        self.on_parted(now, link, cause, tray);
    }

    /// The client broke the protocol in a way only the engine can see. [MQTT-4.13.1-1]
    pub(crate) fn violate(&mut self, now: Now, link: LinkId, violation: Violation, tray: &mut Tray) -> Progress {
        let reason = violation.reason();
        if let Some(online) = self.online_of(link) {
            online.farewell(reason, Some(&violation.to_string()), tray);
        }
        self.part(now, link, Cause::Violation(reason, violation.clause()), tray);
        Progress::Gone
    }

    /// A client says good-bye. [MQTT-3.14.4-3]
    pub(crate) fn on_disconnect(
        &mut self,
        now: Now,
        link: LinkId,
        key: SessionKey,
        disconnect: &Disconnect<'_>,
        tray: &mut Tray,
    ) -> Progress {
        let Some(session) = self.sessions.get_mut(key) else { return Progress::Gone };
        if let Some(expiry_s) = disconnect.properties.number(PropertyId::SessionExpiryInterval) {
            if session.expiry_s == 0 && expiry_s != 0 {
                return self.violate(now, link, Violation::SessionExpiryRaised, tray);
            }
            session.expiry_s = expiry_s.min(self.limits.session_expiry_s_max);
        }
        if disconnect.reason == ReasonCode::Success {
            self.cancel_will(key);
        }
        self.part(now, link, Cause::Disconnect(disconnect.reason), tray);
        Progress::Gone
    }

    /// Forgets a link; its session, if it had one.
    fn close_link(&mut self, now: Now, link: LinkId, cause: Cause, tray: &mut Tray) -> Option<SessionKey> {
        match self.links.take(link)? {
            LinkState::Open(key, extra) => {
                self.forget(extra);
                self.counters.clients_connected -= 1;
                if let Some(session) = self.sessions.get(key) {
                    let client_id = session.subject.client_id.clone();
                    if matches!(cause, Cause::Violation(..) | Cause::TakenOver) {
                        self.strike(now, &client_id, tray);
                    }
                    self.observe(tray, || Event::Disconnected { client_id, cause });
                }
                Some(key)
            }
            LinkState::Asking(_, ticket) => {
                self.pending.remove(&ticket);
                None
            }
            LinkState::Exchanging(_) | LinkState::Vacant => None,
        }
    }

    /// What an open link waited for.
    fn forget(&mut self, extra: Option<Box<Extra>>) {
        let Some(extra) = extra else { return };
        for ticket in extra.waiting.iter().chain(&extra.again) {
            self.pending.remove(ticket);
        }
        if let Some(timer) = extra.held {
            self.timers.cancel(timer);
        }
    }

    /// The session is without a connection from now on. [MQTT-3.1.2-23]
    fn detach(&mut self, now: Now, key: SessionKey, tray: &mut Tray) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        session.online = None;
        if !session.is_durable() {
            self.end_session(now, key, tray);
            return;
        }
        self.part_from_groups(now, key, tray);
        let Some(session) = self.sessions.get_mut(key) else { return };
        if let Some(flows) = &mut session.flows {
            // QoS 0 is not kept for a client that is away. [3.1.2.4 of 3.1.1]
            let before = flows.mailbox.bytes();
            let gone = if self.limits.queues_qos0 { 0 } else { flows.mailbox.take_qos0().len() as u64 };
            self.counters.queued_bytes -= before - flows.mailbox.bytes();
            if flows.is_idle() {
                session.flows = None;
            }
            if gone > 0 {
                session.count_drop(DropReason::Offline, gone);
                self.counters.drops.add(DropReason::Offline, gone);
                self.counters.deliveries_queued -= gone;
            }
        }
        if session.expiry_s != u32::MAX {
            let deadline = now.mono.plus_s(u64::from(session.expiry_s));
            session.expiry_timer = Some(self.timers.insert(deadline, Timer::Session(key)));
        }
        if self.log.is_some() {
            self.store_parted(now, key, tray);
        }
        // After DISCONNECT 0 there is none.
        self.arm_will(now, key, tray);
    }

    /// The session ends and everything in it. A will that has not been published is published now.
    /// [MQTT-4.1.0-2], [MQTT-3.1.2-8]
    pub(crate) fn end_session(&mut self, now: Now, key: SessionKey, tray: &mut Tray) {
        let over = self.bequeath(now, key, tray);
        let Some(mut session) = self.sessions.remove(key) else { return };
        for filter in &session.filters {
            self.router.remove(*filter, key);
        }
        if let Some(timer) = session.expiry_timer.take() {
            self.timers.cancel(timer);
        }
        if let Some(flows) = &session.flows {
            let waiting = flows.mailbox.len() as u64;
            self.counters.drops.add(DropReason::SessionEnded, waiting);
            self.counters.deliveries_queued -= waiting;
            self.counters.queued_bytes -= flows.mailbox.bytes();
        }
        if self.fanouts.is_empty() {
            self.sessions.release();
        }
        self.observe(tray, || Event::SessionEnded { client_id: session.subject.client_id.clone() });
        let will = session.will.take();
        // A will that stands in no record is seen when the log says that its session is over.
        let is_recorded = will.as_ref().is_some_and(|will| self.is_will_recorded(will));
        let mut stored = session.stored.take();
        if let Some(stored) = stored.take_if(|_| !is_recorded) {
            self.store_gone(*stored, &session, tray);
        }
        if let Some(will) = will {
            self.publish_will(now, *will, Author::of(&session), tray);
        }
        if let Some(stored) = stored {
            self.store_gone(*stored, &session, tray);
        }
        over.into_iter().for_each(|group| self.bury_group(group, tray));
    }
}

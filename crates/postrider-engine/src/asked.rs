//! What administrators ask.
//!
//! Owns: nothing; it looks and counts, ends connections, and says how many.

use crate::links::LinkState;
use crate::sessions::Session;
use crate::{Effect, Engine, LinkId, Passed, Tray};
use postrider_ports::{Answer, Cause, Counters, Principal, Question, SessionInfo, Ticket};
use postrider_proto::{PropertiesBuf, Property, PropertyId, ReasonCode};
use postrider_session::Now;

impl Engine {
    pub(crate) fn on_asked(&mut self, now: Now, ticket: Ticket, question: &Question, tray: &mut Tray) {
        let answer = match question {
            Question::Counters => Answer::Counters(Box::new(self.count(tray))),
            Question::Figures => Answer::Figures(self.figures(now, tray)),
            Question::Session(client_id) => {
                let found = self.sessions.find(client_id.as_str()).and_then(|key| self.sessions.get(key));
                Answer::Session(found.map(|session| Box::new(info_of(session))))
            }
            Question::Disconnect(client_id) => {
                let found = self.sessions.find(client_id.as_str()).and_then(|key| self.sessions.get(key)?.online);
                if let Some(online) = found {
                    let reason = ReasonCode::AdministrativeAction;
                    self.dismiss(now, online.link, reason, Cause::Administrative(reason), tray);
                }
                Answer::Ended(u64::from(found.is_some()))
            }
            Question::Dismiss(principals, reason) => Answer::Ended(self.dismiss_all(now, principals, *reason, tray)),
            Question::Review => Answer::Reviewing(self.review(now, tray)),
            Question::Say { topic, text } => Answer::Said(self.say_once(now, topic, text, tray)),
            Question::Shutdown => {
                let ended = self.shut_down(now, tray);
                self.answer_when_written(ticket, ended, tray);
                return;
            }
            _ => return,
        };
        tray.push(Effect::Answer { ticket, answer });
    }

    /// What the driver has counted.
    pub(crate) const fn on_passed(&mut self, passed: &Passed) {
        let counters = &mut self.counters;
        counters.sockets_opened += passed.sockets;
        counters.received.packets += passed.packets_received;
        counters.received.bytes += passed.bytes_received;
        counters.sent.packets += passed.packets_sent;
        counters.sent.bytes += passed.bytes_sent;
    }

    /// What has been counted and what there is now.
    pub(crate) fn count(&mut self, tray: &mut Tray) -> Counters {
        self.counters.sent.packets += tray.take_answers();
        self.counters()
    }

    /// The same, but packets and bytes are as old as the last word of the driver about them.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let mut received = self.counters.received;
        received.publishes = self.counters.messages_received + self.repeats.received;
        let mut sent = self.counters.sent;
        sent.publishes = self.counters.deliveries_sent + self.repeats.sent;
        sent.packets += sent.publishes;
        Counters {
            received,
            sent,
            sessions: self.sessions.len() as u64,
            subscriptions: self.router.len() as u64,
            queued_bytes: self.counters.queued_bytes + self.groups.bytes(),
            retained: self.retained_of_clients(),
            retained_bytes: self.retained_bytes,
            ..self.counters
        }
    }

    /// 0x8B, or 0x9C and where to go. [3.14.2.2.5]
    fn send_away(&mut self, now: Now, link: LinkId, tray: &mut Tray) {
        let Some(place) = self.limits.server_reference.clone() else {
            self.dismiss(now, link, ReasonCode::ServerShuttingDown, Cause::Shutdown, tray);
            return;
        };
        if let Some(online) = self.online_of(link) {
            let mut properties = PropertiesBuf::new();
            properties.push(Property::Text(PropertyId::ServerReference, (&*place).into()));
            online.farewell_with(ReasonCode::UseAnotherServer, properties.as_properties(), tray);
        }
        self.part(now, link, Cause::Shutdown, tray);
    }

    /// Everybody hears 0x8B or where else to go, and every connection ends. Sessions stay as they are.
    fn shut_down(&mut self, now: Now, tray: &mut Tray) -> u64 {
        let links: Vec<(LinkId, bool)> = self
            .links
            .iter()
            .filter(|(_, state)| !matches!(state, LinkState::Vacant))
            .map(|(link, state)| (link, matches!(state, LinkState::Open(..))))
            .collect();
        for (link, is_open) in &links {
            if *is_open {
                self.send_away(now, *link, tray);
            } else {
                self.part(now, *link, Cause::Shutdown, tray);
            }
        }
        links.len() as u64
    }

    /// Those who are let in no more, or who have to come anew.
    fn dismiss_all(&mut self, now: Now, principals: &[Option<Principal>], reason: ReasonCode, tray: &mut Tray) -> u64 {
        let of_one = |link: LinkId| {
            let subject = &self.sessions.get(self.links.session_of(link)?)?.subject;
            principals.binary_search(&subject.principal).ok().map(|_| link)
        };
        let links: Vec<LinkId> = self.links.iter().filter_map(|(link, _)| of_one(link)).collect();
        for link in &links {
            self.dismiss(now, *link, reason, Cause::Administrative(reason), tray);
        }
        links.len() as u64
    }

    /// DISCONNECT to a 5.0 client, and the end of its connection.
    pub(crate) fn dismiss(&mut self, now: Now, link: LinkId, reason: ReasonCode, cause: Cause, tray: &mut Tray) {
        if let Some(online) = self.online_of(link) {
            online.farewell(reason, None, tray);
        }
        self.part(now, link, cause, tray);
    }
}

fn info_of(session: &Session) -> SessionInfo {
    let flows = session.flows.as_ref();
    SessionInfo {
        client_id: session.subject.client_id.clone(),
        principal: session.subject.principal.clone(),
        is_connected: session.online.is_some(),
        subscriptions: session.filters.len(),
        queued: flows.map_or(0, |flows| flows.mailbox.len()),
        queued_bytes: flows.map_or(0, |flows| flows.mailbox.bytes()),
        in_flight: flows.map_or(0, |flows| flows.outbound.len()),
        awaiting_pubrel: flows.map_or(0, |flows| flows.inbound.awaiting_pubrel()),
        drops: session.drops.as_deref().copied().unwrap_or_default(),
    }
}

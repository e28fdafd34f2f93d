//! Wills: what is published when a connection ends otherwise than by DISCONNECT.
//!
//! Owns: when a will is published, delayed, or forgotten.
//! Spec: 3.1.2.5, 3.1.3.2.2.

use crate::accept::Refusal;
use crate::authorized::Authorized;
use crate::authors::Author;
use crate::judge::Pending;
use crate::leave::check_topic;
use crate::mount;
use crate::publish::{Incoming, forwarded};
use crate::timers::Timer;
use crate::{Effect, Engine, Judge, Limits, Tray, Urgency, Who};
use postrider_ports::{Action, AuthorizeRequest, Event, ListenerId};
use postrider_proto::{self as proto, PropertyId, ReasonCode};
use postrider_router::SessionKey;
use postrider_session::{Message, MessageParts, Now, Sequence, TimerKey};

/// A will, kept with its session. [MQTT-3.1.2-7]
#[derive(Debug)]
pub(crate) struct Will {
    pub(crate) message: Message,
    pub(crate) retain: bool,
    /// Lifetime in seconds from its publication.
    pub(crate) expiry_s: Option<u32>,
    pub(crate) delay_s: u32,
    pub(crate) timer: Option<TimerKey>,
    /// The record of the log that brought it, if one did.
    pub(crate) brought_by: Sequence,
}

impl Will {
    /// Takes over the will of a CONNECT. [MQTT-3.2.2-12], [MQTT-3.2.2-13], A13
    pub(crate) fn of(will: &proto::Will<'_>, listener: ListenerId, limits: &Limits) -> Result<Self, Refusal> {
        if will.qos > limits.qos_max_at(listener) {
            return Err(Refusal::of(ReasonCode::QosNotSupported));
        }
        if will.retain && !limits.retain_available {
            return Err(Refusal::of(ReasonCode::RetainNotSupported));
        }
        if let Err(reason) = check_topic(will.topic, limits) {
            return Err(Refusal::of(reason));
        }
        if will.payload.len() > limits.payload_bytes_max as usize {
            return Err(Refusal::of(ReasonCode::QuotaExceeded));
        }
        let mounted = limits.mount_point_at(listener).map(|point| mount::before(point, will.topic.as_bytes()));
        let topic = match &mounted {
            None => will.topic,
            Some(bytes) => mount::topic(bytes).map_err(Refusal::of)?,
        };
        let properties = forwarded(will.properties);
        let parts = MessageParts {
            topic,
            payload: will.payload,
            properties: properties.as_properties(),
            qos: will.qos,
            expires: None,
            sequence: Sequence::NONE,
        };
        Ok(Self {
            message: Message::new(&parts),
            retain: will.retain,
            expiry_s: will.properties.number(PropertyId::MessageExpiryInterval),
            delay_s: will.properties.number(PropertyId::WillDelayInterval).unwrap_or(0),
            timer: None,
            brought_by: Sequence::NONE,
        })
    }

    /// Its delay runs.
    pub(crate) const fn is_armed(&self) -> bool {
        self.timer.is_some()
    }

    /// What a plugin is asked about it.
    pub(crate) fn action(&self) -> Action {
        let parts = self.message.parts();
        Action::Publish { topic: parts.topic.as_str().into(), qos: parts.qos, retain: self.retain }
    }
}

impl Engine {
    /// The connection ended without DISCONNECT 0: the will goes out now or after its delay, or when the
    /// session ends if that comes first. [MQTT-3.1.2-8]
    pub(crate) fn arm_will(&mut self, now: Now, key: SessionKey, tray: &mut Tray) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(will) = &mut session.will else { return };
        let delay_s = will.delay_s.min(session.expiry_s);
        if delay_s == 0 {
            self.fire_will(now, key, tray);
        } else {
            will.timer = Some(self.timers.insert(now.mono.plus_s(u64::from(delay_s)), Timer::Will(key)));
        }
    }

    /// The client came back or said good-bye. [MQTT-3.1.2-10], [MQTT-3.1.3-9]
    pub(crate) fn cancel_will(&mut self, key: SessionKey) {
        let will = self.sessions.get_mut(key).and_then(|session| session.will.take());
        if let Some(timer) = will.and_then(|will| will.timer) {
            self.timers.cancel(timer);
        }
    }

    /// Publishes the will of a session, once. [MQTT-3.1.2-10]
    pub(crate) fn fire_will(&mut self, now: Now, key: SessionKey, tray: &mut Tray) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(will) = session.will.take() else { return };
        let author = Author::of(session);
        self.publish_will(now, *will, author, tray);
    }

    /// Publishes a will whose session may be gone; a plugin is asked again whether it may. A13
    pub(crate) fn publish_will(&mut self, now: Now, will: Will, author: Author, tray: &mut Tray) {
        if let Some(timer) = will.timer {
            self.timers.cancel(timer);
        }
        if self.limits.authorize == Who::Plugin {
            let (subject, peer) = ((*author.subject).clone(), author.peer.clone());
            let request = AuthorizeRequest { subject, peer, actions: vec![will.action()] };
            let ticket = self.next_ticket();
            self.pending.insert(ticket, Pending::FireWill(Box::new((will, author))));
            tray.push(Effect::Judge { ticket, question: Box::new(Judge::Authorize(request)) });
            return;
        }
        self.publish_allowed_will(now, &will, &author, tray);
    }

    /// Whether a will stands in the log when it is published.
    pub(crate) fn is_will_recorded(&mut self, will: &Will) -> bool {
        let incoming = Incoming::anonymous(will.message.parts(), will.retain);
        self.would_be_recorded(&Incoming { will: will.brought_by, ..incoming })
    }

    /// Publishes a will that is allowed, or whose rights nobody guards.
    pub(crate) fn publish_allowed_will(&mut self, now: Now, will: &Will, author: &Author, tray: &mut Tray) {
        let subject = &author.subject;
        self.counters.wills_published += 1;
        self.observe(tray, || Event::WillPublished {
            client_id: subject.client_id.clone(),
            topic: will.message.topic().as_str().into(),
        });
        let parts = will.message.parts();
        let expires = will.expiry_s.map(|seconds| now.mono.plus_s(u64::from(seconds)));
        let incoming = Incoming {
            parts: MessageParts { expires, ..parts },
            retain: will.retain,
            source: None,
            author: Some(subject),
            peer: author.peer.as_ref(),
            publisher: None,
            will: will.brought_by,
        };
        let session = self.sessions.find(subject.client_id.as_str()).filter(|key| self.is_stored(*key));
        // The log says that it is over: in its own record, or before anybody sees it.
        let is_recorded = self.would_be_recorded(&incoming);
        if let Some(key) = session.filter(|_| !is_recorded) {
            self.store_session(key, Urgency::Now, tray);
        }
        if will.brought_by.is_some() {
            tray.wait_for(self.last_record());
        }
        self.route(now, &Authorized::certify(incoming), None, tray);
        if let Some(key) = session.filter(|_| is_recorded) {
            self.store_session(key, Urgency::Now, tray);
        }
    }
}

//! CONNECT, from the answer who the client is: take-over, resumption, CONNACK.
//!
//! Owns: how a client gets its session.
//! Spec: 3.1.4, 3.2, 4.1.

use crate::judge::Pending;
use crate::links::{Extra, LinkState};
use crate::sessions::{Online, Session};
use crate::will::Will;
use crate::{Effect, Engine, Judge, Lane, LinkId, Tray, Who};
use postrider_ports::{AuthorizeRequest, Cause, ClientId, Event, Peer, Principal, Subject};
use postrider_proto::{Connack, Properties, PropertiesBuf, Property, PropertyId, Qos, ReasonCode, Start, Version};
use postrider_router::SessionKey;
use postrider_session::Now;
use smallvec::SmallVec;
use std::sync::Arc;

/// A client at the door: its CONNECT, owned.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) version: Version,
    pub(crate) is_bridge: bool,
    pub(crate) start: Start,
    pub(crate) keep_alive_s: u16,
    pub(crate) is_keep_alive_ours: bool,
    pub(crate) client_id: ClientId,
    pub(crate) is_assigned: bool,
    pub(crate) will: Option<Box<Will>>,
    pub(crate) expiry_s: u32,
    pub(crate) is_expiry_ours: bool,
    pub(crate) receive_maximum: u16,
    pub(crate) packet_bytes_max: u32,
    pub(crate) topic_alias_max: u16,
    pub(crate) wants_problems: bool,
    pub(crate) wants_response_information: bool,
    pub(crate) user_name: Option<Box<str>>,
    pub(crate) password: Option<Box<[u8]>>,
    pub(crate) method: Option<Box<str>>,
    pub(crate) data: Option<Box<[u8]>>,
    pub(crate) user_properties: Vec<(Box<str>, Box<str>)>,
    pub(crate) peer: Peer,
    /// AUTH packets so far.
    pub(crate) steps: u32,
    pub(crate) principal: Option<Principal>,
    /// What authentication adds to the CONNACK.
    pub(crate) answer_data: Option<Box<[u8]>>,
    pub(crate) answer_properties: Vec<(Box<str>, Box<str>)>,
}

/// What clients hear that would need memory.
pub(crate) const SHORT: &str = "the broker is short of memory; try again later";

/// Why a client stays outside.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) reason: ReasonCode,
    pub(crate) text: Option<Box<str>>,
}

impl Refusal {
    pub(crate) const fn of(reason: ReasonCode) -> Self {
        Self { reason, text: None }
    }

    fn properties(&self) -> PropertiesBuf {
        let mut properties = PropertiesBuf::new();
        if let Some(text) = &self.text {
            properties.push(Property::Text(PropertyId::ReasonString, (&**text).into()));
        }
        properties
    }

    /// Without its sentence, if the CONNACK would grow larger than the client takes. [MQTT-3.2.2-19]
    pub(crate) fn within(&self, packet_bytes_max: u32) -> Self {
        let properties = self.properties();
        let connack = Connack { session_present: false, reason: self.reason, properties: properties.as_properties() };
        if connack.encoded_len(Version::V5) > packet_bytes_max as usize { Self::of(self.reason) } else { self.clone() }
    }
}

impl Engine {
    /// The client is who it says; if a will needs a plugin's consent, that is asked first. A13
    pub(crate) fn accept_or_ask_about_will(
        &mut self,
        now: Now,
        link: LinkId,
        candidate: Box<Candidate>,
        tray: &mut Tray,
    ) {
        match &candidate.will {
            Some(will) if self.limits.authorize == Who::Plugin => {
                let subject =
                    Subject { client_id: candidate.client_id.clone(), principal: candidate.principal.clone() };
                let peer = Some(candidate.peer.clone());
                let request = AuthorizeRequest { subject, peer, actions: vec![will.action()] };
                let ticket = self.next_ticket();
                self.links.insert(link, LinkState::Asking(candidate, ticket));
                self.pending.insert(ticket, Pending::ConnectWill(link));
                tray.push(Effect::Judge { ticket, question: Box::new(Judge::Authorize(request)) });
            }
            _ => self.accept(now, link, candidate, tray),
        }
    }

    /// Gives the client its session. [MQTT-3.1.4-3] to [MQTT-3.1.4-5]
    pub(crate) fn accept(&mut self, now: Now, link: LinkId, mut candidate: Box<Candidate>, tray: &mut Tray) {
        let found = self.sessions.find(candidate.client_id.as_str());
        if let Some(refusal) = self.check_owner(found, &candidate).or_else(|| self.check_room(&candidate)) {
            let peer = candidate.peer.clone();
            self.links.take(link);
            self.refuse(link, candidate.version, &candidate.client_id, &peer, &refusal, tray);
            return;
        }
        let before = self.last_record();
        if let Some(key) = found {
            self.take_over(now, key, tray);
        }
        // The take-over may have ended the session.
        let mut found = self.sessions.find(candidate.client_id.as_str());
        if let Some(key) = found
            && (candidate.start == Start::Clean || self.is_too_weak(key, candidate.peer.listener()))
        {
            self.end_session(now, key, tray);
            found = None;
        }
        let online = self.online(link, &candidate);
        let will = candidate.will.take();
        let key = match found {
            Some(key) => {
                self.resume(key, online, will, candidate.expiry_s);
                key
            }
            None => self.sessions.insert(Session {
                subject: Arc::new(Subject {
                    client_id: candidate.client_id.clone(),
                    principal: candidate.principal.clone(),
                }),
                online: Some(online),
                flows: None,
                filters: SmallVec::new(),
                filters_bytes: 0,
                will,
                expiry_s: candidate.expiry_s,
                expiry_timer: None,
                drops: None,
                stored: None,
                peer: None,
                guard: None,
            }),
        };
        if self.limits.authorize == Who::Plugin
            && let Some(session) = self.sessions.get_mut(key)
        {
            session.peer = Some(candidate.peer.clone());
        }
        if candidate.topic_alias_max > 0
            && let Some(session) = self.sessions.get_mut(key)
        {
            // It keeps the aliases.
            session.flows_mut();
        }
        self.links.insert(link, LinkState::Open(key, extra(&candidate)));
        self.counters.clients_connected += 1;
        self.counters.clients_maximum = self.counters.clients_maximum.max(self.counters.clients_connected);
        if self.log.is_some() {
            self.store_accepted(key, before, tray);
        }
        if let Some(gone) = self.log.as_ref().and_then(|log| log.gone.get(&candidate.client_id)) {
            // Its session that an earlier connection ended does not come back.
            tray.wait_for(*gone);
        }
        self.welcome(link, found.is_some(), &candidate, tray);
        if self.log.is_some() {
            self.promise(link, key, tray);
            self.fetch_in_flight(key, tray);
        }
        self.pump(now, key, tray);
        self.return_to_groups(now, key, tray);
    }

    /// A session belongs to the principal that made it. A11
    fn check_owner(&mut self, found: Option<SessionKey>, candidate: &Candidate) -> Option<Refusal> {
        let Some(session) = found.and_then(|key| self.sessions.get(key)) else {
            let is_to_be_stored = candidate.expiry_s > 0 && !self.is_forgetful(candidate.peer.listener());
            let is_full = self.sessions.len() >= self.limits.sessions_max as usize
                || (is_to_be_stored && self.log.as_ref().is_some_and(|log| log.is_full()));
            if self.is_pressed() {
                self.counters.sessions_refused += 1;
                return Some(Refusal { reason: ReasonCode::QuotaExceeded, text: Some(SHORT.into()) });
            }
            return is_full.then(|| Refusal::of(ReasonCode::QuotaExceeded));
        };
        let is_own = session.subject.principal == candidate.principal;
        (!is_own).then(|| Refusal::of(ReasonCode::ClientIdentifierNotValid))
    }

    /// A client that does not even take its CONNACK stays outside. [MQTT-3.1.2-24]
    fn check_room(&self, candidate: &Candidate) -> Option<Refusal> {
        if candidate.packet_bytes_max == u32::MAX {
            return None;
        }
        let (must, _) = self.connack_properties(candidate);
        let connack = Connack { session_present: false, reason: ReasonCode::Success, properties: must.as_properties() };
        let is_too_large = connack.encoded_len(candidate.version) > candidate.packet_bytes_max as usize;
        is_too_large.then(|| Refusal::of(ReasonCode::QuotaExceeded))
    }

    fn online(&self, link: LinkId, candidate: &Candidate) -> Online {
        let listener = candidate.peer.listener();
        let is_counted = candidate.version.is_v5() && self.limits.is_receive_maximum_strict;
        let topic_alias_max = candidate.topic_alias_max.min(self.limits.topic_alias_out_max_at(listener));
        let is_mounted = self.limits.mount_point_at(listener).is_some();
        let is_weighed = self.limits.in_flight_bytes_max_at(listener) < u64::MAX;
        Online {
            link,
            credit: i64::from(self.outbox_bytes_max()),
            outbox_bytes_max: self.outbox_bytes_max(),
            packet_bytes_max: candidate.packet_bytes_max,
            receive_maximum: candidate.receive_maximum.min(self.limits.in_flight_max_at(listener)),
            topic_alias_max,
            our_receive_maximum: if is_counted { self.limits.receive_maximum_at(listener) } else { 0 },
            listener,
            qos_max: self.limits.qos_max_at(listener),
            may_retain: self.limits.retain_available,
            is_weighed,
            is_mounted,
            is_plain: !is_mounted && topic_alias_max == 0 && !is_weighed,
            version: candidate.version,
            wants_problems: candidate.wants_problems,
            is_bridge: candidate.is_bridge,
        }
    }

    /// The connection that has the session now gives way. [MQTT-3.1.4-3]
    fn take_over(&mut self, now: Now, key: SessionKey, tray: &mut Tray) {
        let Some(old) = self.sessions.get(key).and_then(|session| session.online) else { return };
        old.farewell(ReasonCode::SessionTakenOver, None, tray);
        self.part(now, old.link, Cause::TakenOver, tray);
    }

    /// A stored session goes on. [MQTT-3.1.2-5], [MQTT-3.1.3-9]
    fn resume(&mut self, key: SessionKey, online: Online, will: Option<Box<Will>>, expiry_s: u32) {
        self.cancel_will(key);
        let Some(session) = self.sessions.get_mut(key) else { return };
        if let Some(timer) = session.expiry_timer.take() {
            self.timers.cancel(timer);
        }
        session.online = Some(online);
        session.will = will;
        session.expiry_s = expiry_s;
        if let Some(flows) = &mut session.flows {
            flows.connect(&online);
        }
    }

    /// [MQTT-3.2.0-1], [MQTT-3.2.2-2], [MQTT-3.2.2-3]
    fn welcome(&self, link: LinkId, session_present: bool, candidate: &Candidate, tray: &mut Tray) {
        let mut connack = Connack { session_present, reason: ReasonCode::Success, properties: Properties::NONE };
        let (must, may) = self.connack_properties(candidate);
        let mut all = must.clone();
        may.as_properties().iter().for_each(|property| {
            all.push(property);
        });
        connack.properties = all.as_properties();
        if connack.encoded_len(candidate.version) > candidate.packet_bytes_max as usize {
            // [MQTT-3.2.2-19], [MQTT-3.2.2-20]
            connack.properties = must.as_properties();
        }
        let start = tray.mark();
        connack.encode(candidate.version, &mut tray.bytes);
        tray.send_since(link, start, Lane::Control);
        let (keep_alive_s, packet_bytes_max) = (candidate.keep_alive_s, candidate.packet_bytes_max);
        tray.push(Effect::Accepted { link, keep_alive_s, packet_bytes_max });
        self.observe(tray, || Event::Connected {
            client_id: candidate.client_id.clone(),
            peer: candidate.peer.clone(),
            version: candidate.version,
            session_present,
            is_clean: candidate.start == Start::Clean,
            keep_alive_s: candidate.keep_alive_s,
            principal: candidate.principal.clone(),
        });
    }

    /// What CONNACK has to say, and what it may leave out if it grows too large. [3.2.2.3]
    fn connack_properties(&self, candidate: &Candidate) -> (PropertiesBuf, PropertiesBuf) {
        let (mut must, mut may) = (PropertiesBuf::new(), PropertiesBuf::new());
        if !candidate.version.is_v5() {
            return (must, may);
        }
        let (limits, listener) = (&self.limits, candidate.peer.listener());
        let (link, qos_max) = (limits.link_of(listener), limits.qos_max_at(listener));
        if candidate.is_expiry_ours {
            must.push(Property::FourBytes(PropertyId::SessionExpiryInterval, candidate.expiry_s));
        }
        must.push(Property::TwoBytes(PropertyId::ReceiveMaximum, limits.receive_maximum_at(listener)));
        if qos_max < Qos::ExactlyOnce {
            must.push(Property::Byte(PropertyId::MaximumQos, qos_max.as_u8()));
        }
        if !limits.retain_available {
            must.push(Property::Byte(PropertyId::RetainAvailable, 0));
        }
        must.push(Property::FourBytes(PropertyId::MaximumPacketSize, link.packet_bytes_max));
        if candidate.is_assigned {
            must.push(Property::Text(PropertyId::AssignedClientIdentifier, candidate.client_id.as_str().into()));
        }
        must.push(Property::TwoBytes(PropertyId::TopicAliasMaximum, link.topic_alias_max));
        if !limits.wildcards_available {
            must.push(Property::Byte(PropertyId::WildcardSubscriptionAvailable, 0));
        }
        if !limits.shares_available() {
            must.push(Property::Byte(PropertyId::SharedSubscriptionAvailable, 0));
        }
        if candidate.is_keep_alive_ours {
            must.push(Property::TwoBytes(PropertyId::ServerKeepAlive, candidate.keep_alive_s));
        }
        // [MQTT-3.1.2-28]
        if let (true, Some(text)) = (candidate.wants_response_information, &limits.response_information) {
            must.push(Property::Text(PropertyId::ResponseInformation, (&**text).into()));
        }
        // [MQTT-4.12.0-5], [MQTT-4.12.0-6]
        if let Some(method) = &candidate.method {
            must.push(Property::Text(PropertyId::AuthenticationMethod, (&**method).into()));
            if let Some(data) = &candidate.answer_data {
                must.push(Property::Binary(PropertyId::AuthenticationData, data));
            }
        }
        if limits.tells_durability {
            may.push(Property::Pair("durability".into(), limits.durability_at(listener).name().into()));
        }
        for (name, value) in &candidate.answer_properties {
            may.push(Property::Pair((&**name).into(), (&**value).into()));
        }
        (must, may)
    }

    /// CONNACK with a reason, and the end of the link. [MQTT-3.2.2-6], [MQTT-3.2.2-7]
    pub(crate) fn refuse(
        &self,
        link: LinkId,
        version: Version,
        client_id: &ClientId,
        peer: &Peer,
        refusal: &Refusal,
        tray: &mut Tray,
    ) {
        let properties = refusal.properties();
        let start = tray.mark();
        let connack =
            Connack { session_present: false, reason: refusal.reason, properties: properties.as_properties() };
        connack.encode(version, &mut tray.bytes);
        tray.send_since(link, start, Lane::Control);
        self.observe(tray, || Event::Refused {
            client_id: client_id.clone(),
            peer: peer.clone(),
            version,
            reason: refusal.reason,
        });
        tray.push(Effect::Part { link, cause: Cause::Violation(refusal.reason, "MQTT-3.1.4-2") });
    }
}

/// What an open link keeps of its CONNECT for authenticating anew.
fn extra(candidate: &Candidate) -> Option<Box<Extra>> {
    candidate.method.as_ref().map(|method| {
        Box::new(Extra { auth_method: Some(method.clone()), peer: Some(candidate.peer.clone()), ..Extra::default() })
    })
}

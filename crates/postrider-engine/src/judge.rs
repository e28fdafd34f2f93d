//! Questions to plugins and what their answers lead to.
//!
//! Owns: the questions that are open, and the verdicts a connection remembers.
//! Never: lets anything happen before the answer; a missing verdict denies.
//! Spec: 3.1.4, 4.12.

use crate::accept::{Candidate, Refusal};
use crate::authors::{Author, Doubt};
use crate::control::Command;
use crate::links::LinkState;
use crate::review::Case;
use crate::will::Will;
use crate::{Effect, Engine, Judge, Lane, LinkId, Progress, Tray, Verdict, Who};
use postrider_ports::{Access, Action, AuthenticateAnswer, AuthenticateRequest, AuthorizeRequest, Cause, Ticket};
use postrider_proto::{
    Auth, Filter, PropertiesBuf, Property, PropertyId, Publish, ReasonCode, Subscribe, Text, Unsubscribe,
};
use postrider_router::SessionKey;
use postrider_session::{Now, Violation};

/// What an open question is about.
#[derive(Debug)]
pub(crate) enum Pending {
    /// Who a newcomer is.
    Authenticate(LinkId),
    /// Whether its will is allowed.
    ConnectWill(LinkId),
    /// Whether a client that authenticates anew is still who it was.
    Reauthenticate(LinkId),
    /// Whether a held PUBLISH, SUBSCRIBE or UNSUBSCRIBE is allowed.
    Held(LinkId),
    /// Whether a will may still be published.
    FireWill(Box<(Will, Author)>),
    /// Whether a session may keep its subscriptions.
    Review(Box<Case>),
    /// What a command leads to.
    Control(Box<Command>),
    /// Whether retained messages may still be heard.
    Author(Box<Doubt>),
}

impl Engine {
    /// An answer came. One to a question that nobody waits for any more is dropped.
    pub(crate) fn on_judged(&mut self, now: Now, ticket: Ticket, verdict: Verdict, tray: &mut Tray) {
        let Some(pending) = self.pending.remove(&ticket) else { return };
        if self.reviews.is_outdated(ticket) {
            let Some(current) = self.ask_once_more(now, pending, tray) else { return };
            return self.on_current(now, current, verdict, tray);
        }
        self.on_current(now, pending, verdict, tray);
    }

    fn on_current(&mut self, now: Now, pending: Pending, verdict: Verdict, tray: &mut Tray) {
        match (pending, verdict) {
            (Pending::Authenticate(link), Verdict::Authenticate(answer)) => {
                self.on_authenticated(now, link, answer, tray);
            }
            (Pending::Reauthenticate(link), Verdict::Authenticate(answer)) => {
                self.on_reauthenticated(now, link, answer, tray);
            }
            (Pending::ConnectWill(link), Verdict::Authorize(list)) => {
                self.on_connect_will(now, link, is_allowed(&list), tray);
            }
            (Pending::Held(link), Verdict::Authorize(list)) => {
                if let Some(extra) = self.links.extra_mut(link) {
                    extra.waiting = None;
                    extra.verdict = Some(list);
                    tray.push(Effect::Resume { link });
                }
            }
            (Pending::FireWill(fired), Verdict::Authorize(list)) => {
                if is_allowed(&list) {
                    self.publish_allowed_will(now, &fired.0, &fired.1, tray);
                }
            }
            (Pending::Review(case), Verdict::Authorize(list)) => self.on_reviewed(now, &case, &list, tray),
            (Pending::Control(command), Verdict::Control(Some(response))) => {
                self.respond(now, &command, &response, tray);
            }
            (Pending::Author(doubt), Verdict::Authorize(list)) => self.on_author_judged(now, &doubt, &list, tray),
            // An answer of the wrong kind is none.
            (Pending::Author(doubt), Verdict::Authenticate(_) | Verdict::Control(_)) => {
                self.on_author_judged(now, &doubt, &[], tray);
            }
            (Pending::Control(_), Verdict::Control(None) | Verdict::Authenticate(_) | Verdict::Authorize(_)) => {}
            (Pending::Review(case), Verdict::Authenticate(_) | Verdict::Control(_)) => {
                self.on_reviewed(now, &case, &[], tray)
            }
            (Pending::Authenticate(link), Verdict::Authorize(_) | Verdict::Control(_)) => {
                self.on_authenticated(now, link, AuthenticateAnswer::unavailable(), tray);
            }
            (Pending::Reauthenticate(link), Verdict::Authorize(_) | Verdict::Control(_)) => {
                self.on_reauthenticated(now, link, AuthenticateAnswer::unavailable(), tray);
            }
            (Pending::ConnectWill(link), Verdict::Authenticate(_) | Verdict::Control(_)) => {
                self.on_connect_will(now, link, false, tray);
            }
            (Pending::Held(link), Verdict::Authenticate(_) | Verdict::Control(_)) => {
                self.on_current(now, Pending::Held(link), Verdict::Authorize(Vec::new()), tray);
            }
            (Pending::FireWill(_), Verdict::Authenticate(_) | Verdict::Control(_)) => {}
        }
    }

    /// Takes the newcomer that a question was about.
    pub(crate) fn take_candidate(&mut self, link: LinkId) -> Option<Box<Candidate>> {
        match self.links.take(link)? {
            LinkState::Asking(candidate, ticket) => {
                self.pending.remove(&ticket);
                Some(candidate)
            }
            LinkState::Exchanging(candidate) => Some(candidate),
            other @ (LinkState::Open(..) | LinkState::Vacant) => {
                self.links.insert(link, other);
                None
            }
        }
    }

    fn on_authenticated(&mut self, now: Now, link: LinkId, answer: AuthenticateAnswer, tray: &mut Tray) {
        let Some(mut candidate) = self.take_candidate(link) else { return };
        match answer {
            AuthenticateAnswer::Accept { principal, data, user_properties } => {
                candidate.principal = principal;
                candidate.answer_data = data;
                candidate.answer_properties = user_properties;
                self.accept_or_ask_about_will(now, link, candidate, tray);
            }
            AuthenticateAnswer::Continue { data } => match candidate.method.clone() {
                Some(method) => {
                    let auth = auth_properties(&method, data.as_deref());
                    if auth_len(&auth) > candidate.packet_bytes_max as usize {
                        self.turn_away(link, &candidate, &Refusal::of(ReasonCode::QuotaExceeded), tray);
                        return;
                    }
                    send_auth(link, ReasonCode::ContinueAuthentication, &auth, tray);
                    tray.push(Effect::Exchange { link });
                    self.links.insert(link, LinkState::Exchanging(candidate));
                }
                // [MQTT-4.12.0-6]
                None => self.turn_away(link, &candidate, &Refusal::of(ReasonCode::BadAuthenticationMethod), tray),
            },
            AuthenticateAnswer::Refuse { reason, text } => {
                let reason = if reason.is_error() { reason } else { ReasonCode::NotAuthorized };
                self.turn_away(link, &candidate, &Refusal { reason, text }, tray);
            }
        }
    }

    fn turn_away(&self, link: LinkId, candidate: &Candidate, refusal: &Refusal, tray: &mut Tray) {
        let refusal = refusal.within(candidate.packet_bytes_max);
        self.refuse(link, candidate.version, &candidate.client_id, &candidate.peer, &refusal, tray);
    }

    fn on_connect_will(&mut self, now: Now, link: LinkId, is_allowed: bool, tray: &mut Tray) {
        let Some(candidate) = self.take_candidate(link) else { return };
        if is_allowed {
            self.accept(now, link, candidate, tray);
        } else {
            self.turn_away(link, &candidate, &Refusal::of(ReasonCode::NotAuthorized), tray);
        }
    }

    /// The client's next step of an exchange. [4.12]
    pub(crate) fn on_auth(&mut self, link: LinkId, auth: &Auth<'_>, tray: &mut Tray) -> Progress {
        let Some(mut candidate) = self.take_candidate(link) else { return Progress::Gone };
        let method = auth.properties.text(PropertyId::AuthenticationMethod);
        let is_same = method.map(Text::as_str) == candidate.method.as_deref();
        // [MQTT-4.12.0-3], [MQTT-4.12.0-5]
        if auth.reason != ReasonCode::ContinueAuthentication || !is_same {
            let refusal = Refusal::of(ReasonCode::ProtocolError);
            self.turn_away(link, &candidate, &refusal, tray);
            return Progress::Gone;
        }
        candidate.steps += 1;
        candidate.data = auth.properties.binary(PropertyId::AuthenticationData).map(Box::from);
        self.ask_who(link, candidate, tray);
        Progress::Done
    }

    /// The client does not wait for what becomes of its last step.
    pub(crate) fn on_hasty_auth(&mut self, link: LinkId, tray: &mut Tray) -> Progress {
        if let Some(candidate) = self.take_candidate(link) {
            self.turn_away(link, &candidate, &Refusal::of(ReasonCode::ProtocolError), tray);
        }
        Progress::Gone
    }

    /// A client that is in sends AUTH. [4.12.1]
    pub(crate) fn on_reauthenticate(
        &mut self,
        now: Now,
        link: LinkId,
        key: SessionKey,
        auth: &Auth<'_>,
        tray: &mut Tray,
    ) -> Progress {
        let method = auth.properties.text(PropertyId::AuthenticationMethod).map(Text::as_str);
        let known = self.links.extra(link).and_then(|extra| extra.auth_method.as_deref());
        if known.is_none() || self.limits.authenticate == Who::Nobody {
            return self.violate(now, link, Violation::AuthUnexpected, tray);
        }
        if method != known {
            return self.violate(now, link, Violation::AuthMethodChanged, tray);
        }
        let ticket = self.next_ticket();
        let Some(request) = self.reauthentication(link, key, auth) else { return Progress::Gone };
        let Some(extra) = self.links.extra_mut(link) else { return Progress::Gone };
        if extra.again.is_some() {
            return self.violate(now, link, Violation::AuthHasty, tray);
        }
        extra.again = Some(ticket);
        self.pending.insert(ticket, Pending::Reauthenticate(link));
        tray.push(Effect::Judge { ticket, question: Box::new(Judge::Authenticate(request)) });
        Progress::Done
    }

    fn reauthentication(&self, link: LinkId, key: SessionKey, auth: &Auth<'_>) -> Option<AuthenticateRequest> {
        let session = self.sessions.get(key)?;
        let extra = self.links.extra(link)?;
        Some(AuthenticateRequest {
            client_id: session.subject.client_id.clone(),
            user_name: None,
            password: None,
            method: extra.auth_method.clone(),
            data: auth.properties.binary(PropertyId::AuthenticationData).map(Box::from),
            step: u32::from(auth.reason == ReasonCode::ContinueAuthentication),
            is_again: true,
            user_properties: Vec::new(),
            version: postrider_proto::Version::V5,
            peer: extra.peer.clone()?,
        })
    }

    /// [MQTT-4.12.1-2]; a client that turns out to be somebody else does not keep the session.
    fn on_reauthenticated(&mut self, now: Now, link: LinkId, answer: AuthenticateAnswer, tray: &mut Tray) {
        let Some(extra) = self.links.extra_mut(link) else { return };
        extra.again = None;
        let Some(method) = extra.auth_method.clone() else { return };
        let owner = self.links.session_of(link).and_then(|key| self.sessions.get(key));
        let owner = owner.and_then(|session| session.subject.principal.clone());
        let bytes_max = self.online_of(link).map_or(u32::MAX, |online| online.packet_bytes_max);
        let reason = match answer {
            AuthenticateAnswer::Accept { principal, data, .. } if principal == owner => {
                let auth = auth_properties(&method, data.as_deref());
                if auth_len(&auth) <= bytes_max as usize {
                    send_auth(link, ReasonCode::Success, &auth, tray);
                    return;
                }
                ReasonCode::QuotaExceeded
            }
            AuthenticateAnswer::Continue { data } => {
                let auth = auth_properties(&method, data.as_deref());
                if auth_len(&auth) <= bytes_max as usize {
                    send_auth(link, ReasonCode::ContinueAuthentication, &auth, tray);
                    return;
                }
                ReasonCode::QuotaExceeded
            }
            AuthenticateAnswer::Accept { .. } => ReasonCode::NotAuthorized,
            AuthenticateAnswer::Refuse { .. } => ReasonCode::NotAuthorized,
        };
        if let Some(online) = self.online_of(link) {
            online.farewell(reason, Some("authenticating anew failed"), tray);
        }
        self.part(now, link, Cause::Violation(reason, "MQTT-4.12.1-2"), tray);
    }

    /// Whether a client may publish this; `None` while a plugin thinks.
    pub(crate) fn may_publish_by_plugin(
        &mut self,
        link: LinkId,
        key: SessionKey,
        publish: &Publish<'_>,
        tray: &mut Tray,
    ) -> Option<Access> {
        let extra = self.links.extra_mut(link)?;
        if let Some(list) = extra.verdict.take() {
            let access = list.into_iter().next().unwrap_or(Access::Deny);
            extra.publish_verdicts.remember(publish, access.clone());
            return Some(access);
        }
        if let Some(access) = extra.publish_verdicts.of(publish) {
            return Some(access.clone());
        }
        let action = Action::Publish { topic: publish.topic.as_str().into(), qos: publish.qos, retain: publish.retain };
        self.hold(link, key, vec![action], tray);
        None
    }

    /// Whether a client may subscribe to each of these; `None` while a plugin thinks.
    pub(crate) fn may_subscribe(
        &mut self,
        link: LinkId,
        key: SessionKey,
        subscribe: &Subscribe<'_>,
        tray: &mut Tray,
    ) -> Option<Vec<Access>> {
        if let Some(list) = self.links.extra_mut(link)?.verdict.take() {
            return Some(list);
        }
        let action = |subscription: postrider_proto::Subscription<'_>| {
            let inner = subscription.filter.ok().and_then(|filter| filter.share());
            let filter = inner.map_or(subscription.raw_filter, |share| share.filter.as_bytes());
            Action::Subscribe { filter: Text::trusted(filter).as_str().into(), qos: subscription.options.qos }
        };
        let actions = subscribe.subscriptions.iter().map(action).collect();
        self.hold(link, key, actions, tray);
        None
    }

    /// The same about subscriptions that are to end.
    pub(crate) fn may_unsubscribe(
        &mut self,
        link: LinkId,
        key: SessionKey,
        unsubscribe: &Unsubscribe<'_>,
        tray: &mut Tray,
    ) -> Option<Vec<Access>> {
        if let Some(list) = self.links.extra_mut(link)?.verdict.take() {
            return Some(list);
        }
        let action = |raw| {
            let inner = Filter::parse(raw).ok().and_then(|filter| filter.share());
            let filter = inner.map_or(raw, |share| share.filter.as_bytes());
            Action::Unsubscribe { filter: Text::trusted(filter).as_str().into() }
        };
        let actions = unsubscribe.filters.iter().map(action).collect();
        self.hold(link, key, actions, tray);
        None
    }

    /// Asks, and lets the packet wait in front of the door.
    fn hold(&mut self, link: LinkId, key: SessionKey, actions: Vec<Action>, tray: &mut Tray) {
        let Some(session) = self.sessions.get(key) else { return };
        let (subject, peer) = ((*session.subject).clone(), session.whence());
        let request = AuthorizeRequest { subject, peer, actions };
        let ticket = self.next_ticket();
        if let Some(extra) = self.links.extra_mut(link) {
            extra.waiting = Some(ticket);
        }
        self.pending.insert(ticket, Pending::Held(link));
        tray.push(Effect::Judge { ticket, question: Box::new(Judge::Authorize(request)) });
    }
}

fn is_allowed(list: &[Access]) -> bool {
    list.first() == Some(&Access::Allow)
}

/// Always with the method of the CONNECT. [MQTT-4.12.0-5]
fn auth_properties(method: &str, data: Option<&[u8]>) -> PropertiesBuf {
    let mut properties = PropertiesBuf::new();
    properties.push(Property::Text(PropertyId::AuthenticationMethod, method.into()));
    if let Some(data) = data {
        properties.push(Property::Binary(PropertyId::AuthenticationData, data));
    }
    properties
}

/// The size of the AUTH. [MQTT-3.1.2-24]
fn auth_len(properties: &PropertiesBuf) -> usize {
    let properties = properties.as_properties();
    Auth { reason: ReasonCode::ContinueAuthentication, properties }.encoded_len()
}

/// AUTH to a client. [MQTT-4.12.0-2]
fn send_auth(link: LinkId, reason: ReasonCode, properties: &PropertiesBuf, tray: &mut Tray) {
    let start = tray.mark();
    Auth { reason, properties: properties.as_properties() }.encode(&mut tray.bytes);
    tray.send_since(link, start, Lane::Control);
}

//! SUBSCRIBE and UNSUBSCRIBE.
//!
//! Owns: the verdict on each filter, and what a new subscription brings with it.
//! Spec: 3.8, 3.10.

use crate::records::session::ReplayState;
use crate::replay::Replay;
use crate::sessions::{Session, filter_bytes};
use crate::{Engine, LinkId, Progress, Tray, Who};
use postrider_ports::{Access, Event, ListenerId};
use postrider_proto::{
    Filter, Properties, PropertyId, Qos, ReasonCode, RetainHandling, Suback, Subscribe, Subscription, Unsuback,
    Unsubscribe,
};
use postrider_router::{FilterId, Grant, SessionKey};
use postrider_session::Now;
use smallvec::SmallVec;
use std::sync::Arc;

/// What else there is to a filter of a SUBSCRIBE.
#[derive(Clone, Copy, Debug)]
struct Asked<'a> {
    identifier: Option<u32>,
    access: &'a Access,
}

impl Engine {
    /// [MQTT-3.8.4-1] to [MQTT-3.8.4-7]
    pub(crate) fn on_subscribe(
        &mut self,
        now: Now,
        link: LinkId,
        key: SessionKey,
        subscribe: &Subscribe<'_>,
        tray: &mut Tray,
    ) -> Progress {
        let verdicts = match self.limits.authorize {
            Who::Nobody => None,
            Who::Plugin => match self.may_subscribe(link, key, subscribe, tray) {
                Some(verdicts) => Some(verdicts),
                None => return Progress::Hold,
            },
        };
        let identifier = subscribe.properties.number(PropertyId::SubscriptionIdentifier);
        let mut codes: SmallVec<[u8; 32]> = SmallVec::new();
        let (mut replays, mut shares, mut text) = (Vec::new(), Vec::new(), None);
        for (at, subscription) in subscribe.subscriptions.iter().enumerate() {
            let access = verdicts.as_ref().map_or(&Access::Allow, |list| list.get(at).unwrap_or(&Access::Deny));
            let asked = Asked { identifier, access };
            let granted = self.subscribe_one(key, &subscription, asked, &mut replays, &mut shares, tray);
            let why = granted.err().and_then(|_| why_of(access));
            codes.push(match granted {
                Ok(qos) => qos.as_u8(),
                Err(reason) => reason.as_u8(),
            });
            self.tell_subscribed(key, &subscription, granted, why.cloned(), tray);
            text = text.or(why);
        }
        let Some(online) = self.sessions.get(key).and_then(|session| session.online) else { return Progress::Gone };
        let suback = Suback { packet_id: subscribe.packet_id, properties: Properties::NONE, codes: &codes };
        let refused = codes.iter().copied().filter_map(ReasonCode::from_u8).find(|reason| reason.is_error());
        let text = text.map(|text| &**text).or_else(|| refused.map(ReasonCode::text));
        online.suback(suback, text, tray);
        if !replays.is_empty()
            && let Some(session) = self.sessions.get_mut(key)
        {
            session.flows_mut().replays.extend(replays);
            self.pump(now, key, tray);
        }
        for share in shares {
            self.join(now, share, key, tray);
        }
        Progress::Done
    }

    /// One filter of a SUBSCRIBE. [MQTT-3.8.4-5] A19
    fn subscribe_one(
        &mut self,
        key: SessionKey,
        subscription: &Subscription<'_>,
        asked: Asked<'_>,
        replays: &mut Vec<Replay>,
        shares: &mut Vec<FilterId>,
        tray: &mut Tray,
    ) -> Result<Qos, ReasonCode> {
        let filter = self.check_filter(subscription)?;
        let is_allowed = match asked.access {
            Access::Allow => true,
            // A member that may not have everything would lose messages of its group.
            Access::AllowExcept(_) | Access::AllowBy(_) => filter.share().is_none(),
            Access::Deny | Access::DenyFor(_) => false,
        };
        if !is_allowed {
            return Err(ReasonCode::NotAuthorized);
        }
        let Some(session) = self.sessions.get(key) else { return Err(ReasonCode::UnspecifiedError) };
        let listener = session.online.map_or(ListenerId::ATTACHED, |online| online.listener);
        let mut grant = Grant::of(subscription.options, asked.identifier, self.limits.granted_qos_max_at(listener));
        if session.online.is_some_and(|online| online.is_bridge) {
            grant.no_local = true;
            grant.retain_as_published = true;
        }
        let known = self.router.find(filter.as_bytes()).and_then(|id| self.router.grant(id, key));
        let bytes = filter_bytes(filter);
        let (held, held_bytes) = match known {
            None => (session.filters.len(), session.filters_bytes),
            // It costs nothing but another replay, if the last ones are over.
            Some(_) => replaying(session, replays),
        };
        let is_disk_full = session.stored.is_some() && self.log.as_ref().is_some_and(|log| log.is_full());
        let needs_memory = known.is_none() && self.relief.is_full();
        if is_disk_full
            || needs_memory
            || held >= self.limits.subscriptions_max as usize
            || held_bytes.saturating_add(bytes) > self.limits.subscription_bytes_max
        {
            self.counters.subscriptions_over += 1;
            return Err(ReasonCode::QuotaExceeded);
        }
        self.except(key, asked.access);
        let subscribed = self.router.subscribe(filter, key, grant);
        if subscribed.replaced.is_none()
            && let Some(session) = self.sessions.get_mut(key)
        {
            session.filters.push(subscribed.filter);
            session.filters_bytes += bytes;
        }
        let replays_now = match subscription.options.retain_handling {
            RetainHandling::Always => true,
            RetainHandling::IfNew => subscribed.replaced.is_none(),
            RetainHandling::Never => false,
        };
        // Nothing retained goes through a shared subscription. [4.8.2], [MQTT-3.3.1-9] to [MQTT-3.3.1-11]
        let replays_now = replays_now && filter.share().is_none() && self.may_replay(filter);
        if self.is_stored(key) {
            let replay = if replays_now { ReplayState::Unfinished } else { ReplayState::Done };
            self.store_subscription(key, subscribed.filter, grant, replay, tray);
        }
        if filter.share().is_some() {
            shares.push(subscribed.filter);
            return Ok(grant.qos);
        }
        if replays_now {
            replays.push(Replay::new(filter, grant, self.retained_sequence));
        }
        Ok(grant.qos)
    }

    fn check_filter<'a>(&mut self, subscription: &Subscription<'a>) -> Result<Filter<'a>, ReasonCode> {
        let filter = subscription.filter.map_err(|_| ReasonCode::TopicFilterInvalid)?;
        let share = filter.share();
        if share.is_some() && !self.limits.shares_available() {
            return Err(ReasonCode::SharedSubscriptionsNotSupported);
        }
        let inner = share.map_or(filter, |share| share.filter);
        if filter.has_wildcard() && !self.limits.wildcards_available {
            return Err(ReasonCode::WildcardSubscriptionsNotSupported);
        }
        let levels_max = usize::from(self.limits.link.levels_max);
        if inner.as_bytes().len() >= levels_max && inner.level_count() > levels_max {
            self.counters.levels_over += 1;
            return Err(ReasonCode::TopicFilterInvalid);
        }
        Ok(filter)
    }

    fn tell_subscribed(
        &self,
        key: SessionKey,
        subscription: &Subscription<'_>,
        granted: Result<Qos, ReasonCode>,
        why: Option<Arc<str>>,
        tray: &mut Tray,
    ) {
        let Some(session) = self.sessions.get(key) else { return };
        self.observe(tray, || Event::Subscribed {
            client_id: session.subject.client_id.clone(),
            filter: Filter::trusted(subscription.raw_filter).as_str().into(),
            granted,
            why,
        });
    }

    /// [MQTT-3.10.4-1] to [MQTT-3.10.4-6]
    pub(crate) fn on_unsubscribe(
        &mut self,
        now: Now,
        link: LinkId,
        key: SessionKey,
        unsubscribe: &Unsubscribe<'_>,
        tray: &mut Tray,
    ) -> Progress {
        let mut verdicts = None;
        if self.limits.authorizes_unsubscribe && self.limits.authorize == Who::Plugin {
            let Some(list) = self.may_unsubscribe(link, key, unsubscribe, tray) else { return Progress::Hold };
            verdicts = Some(list);
        }
        let mut codes: SmallVec<[u8; 32]> = SmallVec::new();
        for (at, filter) in unsubscribe.filters.iter().enumerate() {
            if verdicts.as_ref().is_some_and(|list| list.get(at) != Some(&Access::Allow)) {
                codes.push(ReasonCode::NotAuthorized.as_u8());
                continue;
            }
            let gone = self.unsubscribe_one(now, key, filter, tray);
            codes.push(if gone { ReasonCode::Success } else { ReasonCode::NoSubscriptionExisted }.as_u8());
            if let Some(session) = self.sessions.get(key).filter(|_| gone) {
                self.observe(tray, || Event::Unsubscribed {
                    client_id: session.subject.client_id.clone(),
                    filter: Filter::trusted(filter).as_str().into(),
                });
            }
        }
        let Some(online) = self.sessions.get(key).and_then(|session| session.online) else { return Progress::Gone };
        let unsuback = Unsuback { packet_id: unsubscribe.packet_id, properties: Properties::NONE, codes: &codes };
        online.unsuback(&unsuback, tray);
        Progress::Done
    }

    pub(crate) fn unsubscribe_one(&mut self, now: Now, key: SessionKey, filter: &[u8], tray: &mut Tray) -> bool {
        let Some(id) = self.router.find(filter) else { return false };
        if self.router.remove(id, key).is_none() {
            return false;
        }
        if let Some(session) = self.sessions.get_mut(key) {
            session.filters.retain(|other| *other != id);
            session.filters_bytes -= filter_bytes(Filter::trusted(filter));
            if let Some(flows) = &mut session.flows {
                flows.replays.retain(|replay| replay.filter().as_bytes() != filter);
            }
        }
        if self.log.is_some() {
            self.store_unsubscribed(key, id, filter, tray);
        }
        if self.groups.contains(id) {
            let over = self.leave_group(now, id, key, tray);
            over.into_iter().for_each(|group| self.bury_group(group, tray));
        }
        true
    }
}

/// What a plugin says of its denial.
const fn why_of(access: &Access) -> Option<&Arc<str>> {
    match access {
        Access::DenyFor(text) => Some(text),
        Access::Allow | Access::AllowExcept(_) | Access::AllowBy(_) | Access::Deny => None,
    }
}

/// How many replays of a session are not over, and what they are charged.
fn replaying(session: &Session, new: &[Replay]) -> (usize, u32) {
    let old = session.flows.iter().flat_map(|flows| &flows.replays);
    let charges = old.chain(new).map(|replay| filter_bytes(replay.filter()));
    charges.fold((0, 0), |(count, bytes), more| (count + 1, bytes.saturating_add(more)))
}

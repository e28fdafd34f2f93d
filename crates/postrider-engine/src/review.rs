//! Rights that changed: what was allowed is judged again.
//!
//! Owns: the sessions that are still to be asked about, and what a session does not get although it subscribes to it.
//! Never: lets an answer from before the change have an effect.

use crate::judge::Pending;
use crate::sessions::Session;
use crate::{Effect, Engine, Judge, Tray, Who};
use postrider_ports::{Access, Action, AuthorizeRequest, Event, Sieve, Subject, Ticket};
use postrider_proto::{Filter, Topic};
use postrider_router::{Router, SessionKey};
use postrider_session::Now;
use std::collections::VecDeque;
use std::sync::Arc;

/// How far a review has come.
#[derive(Debug, Default)]
pub(crate) struct Reviews {
    /// Answers to questions up to this one rest on rights that changed.
    outdated: u64,
    /// How many there were.
    pub(crate) count: u32,
    waiting: VecDeque<SessionKey>,
    /// Whether any session was ever allowed a subscription but for a part of it.
    pub(crate) has_exceptions: bool,
}

/// What a session does not get although it subscribes to it, or did.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    except: Vec<Box<str>>,
    sieve: Option<Arc<Sieve>>,
    /// Something may wait or be on its way that came through a subscription which was taken away.
    is_suspect: bool,
}

/// What is asked about one session.
#[derive(Debug)]
pub(crate) struct Case {
    key: SessionKey,
    subject: Arc<Subject>,
    filters: Vec<Box<[u8]>>,
}

/// Sessions that are asked about before others get their turn.
const SLICE: usize = 256;

impl Reviews {
    pub(crate) fn has_work(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(crate) const fn is_outdated(&self, ticket: Ticket) -> bool {
        ticket.0 <= self.outdated
    }
}

impl Guard {
    fn is_denied(&self, topic: Topic<'_>) -> bool {
        let matches = |filter: &str| Filter::trusted(filter.as_bytes()).matches(topic);
        let lets_through = |sieve: &Sieve| {
            let rule = sieve.rules.iter().find(|(filter, _)| matches(filter));
            rule.map_or(sieve.otherwise, |(_, lets_through)| *lets_through)
        };
        self.except.iter().any(|filter| matches(filter)) || !self.sieve.as_deref().is_none_or(lets_through)
    }

    fn is_idle(&self) -> bool {
        self.except.is_empty() && self.sieve.is_none()
    }

    fn add(&mut self, filters: &[Box<str>]) {
        for filter in filters {
            if !self.except.contains(filter) {
                self.except.push(filter.clone());
            }
        }
    }
}

impl Engine {
    /// What was answered so far is void, and every session is asked about anew. How many there are.
    pub(crate) fn review(&mut self, now: Now, tray: &mut Tray) -> u64 {
        if self.limits.authorize == Who::Nobody {
            return 0;
        }
        self.reviews.outdated = self.last_ticket;
        self.reviews.count = self.reviews.count.wrapping_add(1);
        self.links.forget_verdicts();
        self.reviews.waiting = self.sessions.iter().map(|(key, _)| key).collect();
        let count = self.reviews.waiting.len() as u64;
        self.continue_review(now, tray);
        count
    }

    /// The next few sessions.
    pub(crate) fn continue_review(&mut self, now: Now, tray: &mut Tray) {
        for _ in 0..SLICE {
            let Some(key) = self.reviews.waiting.pop_front() else { return };
            self.ask_about(now, key, tray);
        }
    }

    fn ask_about(&mut self, now: Now, key: SessionKey, tray: &mut Tray) {
        let Some(session) = self.sessions.get(key) else { return };
        let (mut filters, mut actions) = (Vec::new(), Vec::new());
        for id in &session.filters {
            let (Some(filter), Some(grant)) = (self.router.text(*id), self.router.grant(*id, key)) else { continue };
            let inner = filter.share().map_or(filter, |share| share.filter);
            actions.push(Action::Subscribe { filter: inner.as_str().into(), qos: grant.qos });
            filters.push(filter.as_bytes().into());
        }
        let subject = session.subject.clone();
        let request = AuthorizeRequest { subject: (*subject).clone(), peer: session.whence(), actions };
        let case = Case { key, subject, filters };
        if case.filters.is_empty() {
            return self.on_reviewed(now, &case, &[], tray);
        }
        let ticket = self.next_ticket();
        self.pending.insert(ticket, Pending::Review(Box::new(case)));
        tray.push(Effect::Judge { ticket, question: Box::new(Judge::Authorize(request)) });
    }

    /// The answer to a question from before the change. Gives back what it is an answer to all the same.
    pub(crate) fn ask_once_more(&mut self, now: Now, pending: Pending, tray: &mut Tray) -> Option<Pending> {
        match pending {
            Pending::Authenticate(_) | Pending::Reauthenticate(_) | Pending::Control(_) => return Some(pending),
            // The packet comes again, and brings the question with it.
            Pending::Held(link) => {
                if let Some(extra) = self.links.extra_mut(link) {
                    extra.waiting = None;
                    tray.push(Effect::Resume { link });
                }
            }
            Pending::ConnectWill(link) => {
                if let Some(candidate) = self.take_candidate(link) {
                    self.accept_or_ask_about_will(now, link, candidate, tray);
                }
            }
            Pending::FireWill(fired) => {
                let (will, author) = *fired;
                self.publish_will(now, will, author, tray);
            }
            Pending::Author(doubt) => self.hear_on(now, &doubt, tray),
            // It waits for another question already.
            Pending::Review(_) => {}
        }
        None
    }

    /// Takes away what a session may not have any more.
    pub(crate) fn on_reviewed(&mut self, now: Now, case: &Case, list: &[Access], tray: &mut Tray) {
        let key = case.key;
        let is_same = |session: &&Session| Arc::ptr_eq(&session.subject, &case.subject);
        if self.sessions.get(key).filter(is_same).is_none() {
            return;
        }
        let mut guard = Guard::default();
        for (at, filter) in case.filters.iter().enumerate() {
            let is_shared = Filter::trusted(filter).share().is_some();
            match list.get(at).unwrap_or(&Access::Deny) {
                Access::Allow => {}
                Access::AllowExcept(filters) if !is_shared => guard.add(filters),
                Access::AllowBy(sieve) if !is_shared => guard.sieve = Some(sieve.clone()),
                Access::AllowExcept(_) | Access::AllowBy(_) | Access::Deny => {
                    self.revoke(now, case, filter, None, tray)
                }
                Access::DenyFor(why) => self.revoke(now, case, filter, Some(why), tray),
            }
        }
        let Some(session) = self.sessions.get_mut(key) else { return };
        guard.is_suspect = session.in_flight() > 0;
        self.reviews.has_exceptions |= !guard.is_idle();
        let is_new = |filter| !case.filters.iter().any(|old| **old == *Filter::as_bytes(filter));
        let mut filters = session.filters.iter().filter_map(|id| self.router.text(*id));
        if filters.any(is_new)
            && let Some(old) = session.guard.take()
        {
            // What was subscribed to since the question brought its own exceptions.
            guard.add(&old.except);
            guard.sieve = guard.sieve.or(old.sieve);
        }
        let is_needed = guard.is_suspect || !guard.is_idle();
        session.guard = is_needed.then(|| Box::new(guard));
    }

    fn revoke(&mut self, now: Now, case: &Case, filter: &[u8], why: Option<&Arc<str>>, tray: &mut Tray) {
        if self.unsubscribe_one(now, case.key, filter, tray) {
            self.observe(tray, || Event::Revoked {
                client_id: case.subject.client_id.clone(),
                filter: Filter::trusted(filter).as_str().into(),
                why: why.cloned(),
            });
        }
    }

    /// A session is allowed a subscription but for a part of it.
    pub(crate) fn except(&mut self, key: SessionKey, access: &Access) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        match access {
            Access::Allow | Access::Deny | Access::DenyFor(_) => return,
            Access::AllowExcept(filters) => session.guard.get_or_insert_default().add(filters),
            Access::AllowBy(sieve) => session.guard.get_or_insert_default().sieve = Some(sieve.clone()),
        }
        self.reviews.has_exceptions = true;
    }

    /// Whether a session may get what is published there.
    #[inline]
    pub(crate) fn may_get(&self, key: SessionKey, topic: Topic<'_>) -> bool {
        self.sessions.get(key).is_none_or(|session| may_get(session, &self.router, topic))
    }

    /// Nobody is asked any more: everybody gets all that it subscribes to.
    pub(crate) fn lift_guards(&mut self) {
        self.reviews.has_exceptions = false;
        self.sessions.iter_mut().for_each(|session| session.guard = None);
    }

    /// Nothing is left of the time before the rights changed.
    pub(crate) fn trust_again(&mut self, key: SessionKey) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        if session.guard.as_ref().is_some_and(|guard| guard.is_suspect)
            && session.in_flight() == 0
            && let Some(guard) = &mut session.guard
        {
            guard.is_suspect = false;
        }
    }
}

/// The same for whoever has the session at hand. What was taken before a review goes out only if a subscription still
/// wants it.
#[inline]
pub(crate) fn may_get(session: &Session, router: &Router, topic: Topic<'_>) -> bool {
    session.guard.as_ref().is_none_or(|guard| is_allowed(guard, session, router, topic))
}

#[cold]
fn is_allowed(guard: &Guard, session: &Session, router: &Router, topic: Topic<'_>) -> bool {
    let wants = |filter: Filter<'_>| filter.share().map_or(filter, |share| share.filter).matches(topic);
    let is_wanted = || session.filters.iter().filter_map(|id| router.text(*id)).any(wants);
    !guard.is_denied(topic) && (!guard.is_suspect || is_wanted())
}

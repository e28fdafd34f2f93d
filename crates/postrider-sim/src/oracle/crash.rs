//! What a crash of the broker leaves of what the reference broker knows.
//!
//! Owns: which memories end with a process, and how exact the rest can be.

use super::{Due, Oracle, Owed, Session, WillTerms};
use postrider_proto::Qos;
use postrider_testkit::Witnessed;
use std::collections::BTreeMap;

/// When a broker crashed and when the next one began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crash {
    pub(crate) at_ms: u64,
    pub(crate) back_ms: u64,
}

/// How late the log may hear that a message was acknowledged.
pub(super) const ACKS_LATE_MS: u64 = 400;
/// So long a client has to come back after a crash before its will is published.
const RETURN_MS: u64 = 30_000;

/// What comes once more comes as it stood on record: behind what the broker had passed over by then, because it had to
/// make room, say, and has forgotten that too. So order begins again behind what comes no more.
fn rewind(session: &mut Session, authors: &BTreeMap<Vec<u8>, String>) {
    let owed = &session.owed;
    session.last.retain(|(author, topic, qos), last| {
        let is_before = |one: &Owed| {
            let is_of = authors.get(&one.seen.payload).map_or("", String::as_str) == author && one.seen.topic == *topic;
            is_of && one.seen.qos == *qos && one.received > 0 && !one.may_return
        };
        let before = owed.iter().take(*last + 1).rposition(is_before);
        *last = before.unwrap_or(0);
        before.is_some()
    });
}

impl Oracle {
    /// The process ends: connections and clean sessions are gone. `durable_ms` is when the last input came of which
    /// everything was found.
    pub(super) fn crash(&mut self, crash: Crash, durable_ms: u64) {
        self.doors = self.doors_at_first.clone();
        self.memory.forget();
        self.present.clear();
        self.said.clear();
        self.terms.clear();
        self.has_lost = false;
        let ended: Vec<String> =
            self.sessions.iter().filter(|(_, session)| session.expiry_s == 0).map(|(id, _)| id.clone()).collect();
        for client_id in ended {
            self.sessions.remove(&client_id);
        }
        self.groups.crash(|client_id| self.sessions.contains_key(client_id), durable_ms);
        // A will of a clean session was in memory.
        self.due.retain(|client_id, _| self.sessions.contains_key(client_id));
        for due in self.due.values_mut().flatten() {
            due.late_ms = due.late_ms.max(crash.back_ms) + RETURN_MS;
        }
        for (client_id, session) in &mut self.sessions {
            if session.online.take().is_some() {
                let lives = session.expiry_s != u32::MAX;
                session.ends_ms = lives.then(|| crash.at_ms + u64::from(session.expiry_s) * 1000);
            }
            if let Some(ends) = session.ends_ms {
                // When its client left is not in the log for certain, so it may get its whole time again.
                let late = crash.back_ms + u64::from(session.expiry_s) * 1000;
                session.ends_late_ms = session.ends_late_ms.max(late.saturating_sub(ends));
            }
            for owed in session.owed.iter_mut().filter(|owed| owed.seen.qos == Qos::AtLeastOnce && owed.received > 0) {
                owed.may_return |= owed.acked_ms.is_none_or(|acked| acked + ACKS_LATE_MS >= durable_ms);
            }
            rewind(session, &self.authors);
            if let Some(terms) = session.will.take() {
                let late_ms = crash.back_ms + RETURN_MS.max(u64::from(terms.delay_s) * 1000);
                let at_ms = late_ms.min(session.ends_ms.unwrap_or(u64::MAX));
                self.due.entry(client_id.clone()).or_default().push(Due { terms, at_ms, late_ms });
            }
        }
    }

    /// Topics and payloads of wills that a client without a durable session may have left behind, and that need no
    /// record: nobody durable gets them, and nobody was told that they would be kept.
    pub(super) fn unsaid_wills(&self, event: &Witnessed) -> Vec<(String, Vec<u8>)> {
        let Witnessed::Will { client_id } = event else { return Vec::new() };
        let terms = self.terms.values().filter(|terms| terms.client_id == *client_id && terms.expiry_s == 0);
        let is_unsaid = |will: &&WillTerms| {
            will.qos == Qos::AtMostOnce || !self.is_recorded(None, &will.topic, will.qos, will.retain)
        };
        let wills = terms.filter_map(|terms| terms.will.as_ref()).filter(is_unsaid);
        wills.map(|will| (will.topic.clone(), will.payload.clone())).collect()
    }

    /// Whether nothing of a client is on record.
    pub(super) fn is_clean(&self, client_id: &str) -> bool {
        self.sessions.get(client_id).is_none_or(|session| session.expiry_s == 0)
    }

    /// States that a crash in the middle of an input may leave: after each thing that happened in it, and between a
    /// session's end and the beginning of the next.
    pub(super) fn halves(&self, partition: usize, events: &[Witnessed]) -> Vec<Self> {
        let mut found = vec![self.clone()];
        let mut at = self.clone();
        for event in events {
            if let Witnessed::Connect { client_id, .. } = event {
                let mut between = at.clone();
                between.sessions.remove(client_id);
                found.push(between);
            }
            if let Witnessed::Subscribe { at: link, filters, identifier, .. } = event {
                let mut between = at.clone();
                for filter in filters {
                    between.subscribe((partition, *link), std::slice::from_ref(filter), *identifier);
                    found.push(between.clone());
                }
            }
            if at.take(partition, event).is_err() {
                break;
            }
            found.push(at.clone());
        }
        for event in events {
            if let Witnessed::Connect { client_id, .. } = event {
                let mut between = at.clone();
                between.sessions.remove(client_id);
                found.push(between);
            }
            if let Witnessed::Will { client_id } = event {
                // It is taken out of the session first: then it is published not at all.
                let lost = found.iter().cloned().map(|mut oracle| {
                    oracle.due.remove(client_id);
                    if let Some(session) = oracle.sessions.get_mut(client_id) {
                        session.will = None;
                    }
                    oracle
                });
                let lost: Vec<Self> = lost.collect();
                found.extend(lost);
            }
        }
        found
    }
}

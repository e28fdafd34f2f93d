//! Pictures in the log that are old, and are written anew.
//!
//! Owns: when, in which order, and how many at a time.

use crate::{Effect, Engine, Tray, Urgency};
use postrider_ports::{Answer, Ticket};
use postrider_session::Now;

/// Pictures that are renewed in one call.
const RENEWED_MAX: usize = 256;

impl Engine {
    /// Writes the pictures that are old by now, a bounded number at a time.
    pub(crate) fn renew_if_due(&mut self, now: Now, tray: &mut Tray) {
        let renew_at = self.log.as_ref().and_then(|log| log.renew_at);
        if renew_at.is_none_or(|at| at > now.mono) {
            return;
        }
        self.renew(tray);
        self.write_rest(tray);
    }

    /// The broker is about to end: every picture that is old is written, whenever it is due. The answer says that the
    /// log has been given all there is to know.
    pub(crate) fn answer_when_written(&mut self, ticket: Ticket, ended: u64, tray: &mut Tray) {
        match &mut self.log {
            None => tray.push(Effect::Answer { ticket, answer: Answer::Ended(ended) }),
            Some(log) => {
                log.stopping.push((ticket, ended));
                self.write_rest(tray);
            }
        }
    }

    /// Goes on with what somebody waits for who ends the broker, as far as there is room; the rest follows when the log
    /// has advanced.
    pub(crate) fn write_rest(&mut self, tray: &mut Tray) {
        while let Some(log) = self.log.as_mut().filter(|log| !log.stopping.is_empty()) {
            if log.is_settled() {
                for (ticket, ended) in core::mem::take(&mut log.stopping) {
                    tray.push(Effect::Answer { ticket, answer: Answer::Ended(ended) });
                }
                return;
            }
            let before = log.last;
            self.renew(tray);
            // Without a new record nobody would come again.
            if self.log.as_ref().is_some_and(|log| log.is_tight() && log.last > before) {
                return;
            }
        }
    }

    fn renew(&mut self, tray: &mut Tray) {
        for _ in 0..RENEWED_MAX {
            let Some(key) = self.log.as_mut().and_then(|log| log.dirty.pop_front()) else { break };
            let stored = self.sessions.get(key).and_then(|session| session.stored.as_ref());
            let Some((session, flows)) = stored.map(|stored| (stored.is_session_dirty, stored.is_flows_dirty)) else {
                continue;
            };
            if session {
                self.store_session(key, Urgency::Now, tray);
            }
            if flows {
                self.store_flows(key, tray);
            }
        }
        if self.log.as_ref().is_some_and(|log| log.dirty.is_empty()) {
            // After the sessions: what moved from a group to one of them is in both rather than in none.
            self.renew_groups(tray);
        }
    }

    fn renew_groups(&mut self, tray: &mut Tray) {
        for _ in 0..RENEWED_MAX {
            let Some(share) = self.log.as_mut().and_then(|log| log.dirty_groups.pop_front()) else { break };
            self.store_picture(share, tray);
        }
        if let Some(log) = self.log.as_mut().filter(|log| log.dirty_groups.is_empty()) {
            log.renew_at = None;
        }
    }
}

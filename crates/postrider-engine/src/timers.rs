//! What happens when time passes.
//!
//! Owns: the kinds of timers, and how many fire at a stretch.

use crate::{Engine, LinkId, Tray};
use postrider_proto::Topic;
use postrider_router::SessionKey;
use postrider_session::Now;

/// What a timer stands for. Each is cancelled when its reason goes, so a session key is never stale and no more
/// timers are kept than reasons.
#[derive(Clone, Debug)]
pub(crate) enum Timer {
    /// The delay of a will is over.
    Will(SessionKey),
    /// A session without a connection has expired.
    Session(SessionKey),
    /// The retained message of a topic has expired.
    Retained(Box<[u8]>),
    /// A PUBLISH that was over a rate may come again.
    Held(LinkId),
    /// Memory has been short for a while.
    Relief,
}

/// Timers that fire in one call; the rest waits for the next, so that others get their turn.
const FIRED_MAX: usize = 256;

impl Engine {
    /// Fires what is due, a bounded number at a time; [`Engine::next_deadline`] tells if there is more.
    pub(crate) fn on_tick(&mut self, now: Now, tray: &mut Tray) {
        self.report_if_due(now, tray);
        self.renew_if_due(now, tray);
        for _ in 0..FIRED_MAX {
            let Some(timer) = self.timers.take_due(now.mono) else { return };
            match timer {
                Timer::Will(key) => self.fire_will(now, key, tray),
                Timer::Session(key) => {
                    if let Some(session) = self.sessions.get_mut(key) {
                        session.expiry_timer = None;
                    }
                    self.counters.sessions_expired += 1;
                    self.end_session(now, key, tray);
                }
                Timer::Retained(topic) => self.expire_retained(now, Topic::trusted(&topic), tray),
                Timer::Held(link) => self.release_held(link, tray),
                Timer::Relief => self.shed_worst(now, tray),
            }
        }
    }
}

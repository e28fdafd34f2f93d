//! Listeners whose clients are promised less than the broker's log could keep.
//!
//! Owns: which sessions stand in no log although they outlive their connections, and who waits for less.
//! Never: takes anything from a session that stands in the log.

use crate::{Durability, Effect, Engine, LinkId, Tray};
use postrider_ports::ListenerId;
use postrider_router::SessionKey;

impl Engine {
    /// Whether sessions that begin there end with the process.
    pub(crate) fn is_forgetful(&self, listener: ListenerId) -> bool {
        self.limits.at(listener).and_then(|own| own.durability) == Some(Durability::Memory)
    }

    /// Whether a session cannot be what its client is promised now: it began where less was promised.
    pub(crate) fn is_too_weak(&self, key: SessionKey, listener: ListenerId) -> bool {
        let is_recorded = || self.sessions.get(key).is_some_and(|session| session.stored.is_some());
        self.log.is_some() && !self.is_forgetful(listener) && !is_recorded()
    }

    /// Whether the session of a client that has come is to stand in the log.
    pub(crate) fn is_to_be_stored(&self, key: SessionKey) -> bool {
        let Some(session) = self.sessions.get(key) else { return false };
        let is_forgetful = session.online.is_some_and(|online| self.is_forgetful(online.listener));
        session.stored.is_some() || (session.is_durable() && !is_forgetful)
    }

    /// Says what a client that is in waits for, if that is less than others do. One whose session stands in the log
    /// sees nothing of it that a crash could take back, wherever it comes in.
    pub(crate) fn promise(&self, link: LinkId, key: SessionKey, tray: &mut Tray) {
        let Some(session) = self.sessions.get(key) else { return };
        let Some(listener) = session.online.map(|online| online.listener) else { return };
        let Some(durability) = self.limits.at(listener).and_then(|own| own.durability) else { return };
        let is_less = durability == Durability::Memory || durability < self.limits.durability;
        let is_kept = durability == Durability::Memory && session.stored.is_some();
        if is_less && !is_kept {
            tray.push(Effect::Promised { link, durability });
        }
    }
}

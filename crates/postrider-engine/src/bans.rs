//! Client identifiers that misbehaved and stay outside for a while.
//!
//! Owns: the strikes against each identifier. Only a client that was let in can earn one, so where passwords are
//! asked for nobody gets another one's identifier banned.

use crate::{Engine, Tray};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use postrider_ports::{ClientId, Event};
use postrider_session::Now;

/// When an identifier is banned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BanRule {
    /// Breaches of the protocol or of a limit, and take-overs, that lead to a ban; at least 1.
    pub strikes: u32,
    /// Seconds within which they have to happen.
    pub within_s: u32,
    /// Seconds for which CONNECT is answered with 0x8A.
    pub for_s: u32,
}

#[derive(Debug)]
pub(crate) struct Bans {
    all: HashMap<ClientId, Record, FixedState>,
    /// When those whose time is over may be looked for again.
    sweep_at_ms: u64,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    strikes: u32,
    since_ms: u64,
    banned_until_ms: u64,
}

/// Identifiers remembered; beyond, those whose time is over are forgotten first, then new ones are not noted.
const REMEMBERED: usize = 65_536;

/// A full memory is swept no more often than this.
const SWEEP_MS: u64 = 1000;

impl Bans {
    /// `seed` keeps strangers from choosing identifiers that collide.
    pub(crate) fn new(seed: u64) -> Self {
        Self { all: HashMap::with_hasher(FixedState::with_seed(seed)), sweep_at_ms: 0 }
    }

    /// True when this strike was the one too many.
    fn strike(&mut self, now: Now, client_id: &ClientId, rule: BanRule) -> bool {
        let now_ms = now.mono.0;
        let window_ms = u64::from(rule.within_s) * 1000;
        if self.all.len() >= REMEMBERED && !self.all.contains_key(client_id) {
            if now_ms < self.sweep_at_ms {
                return false;
            }
            self.sweep_at_ms = now_ms.saturating_add(SWEEP_MS);
            self.all.retain(|_, record| {
                now_ms < record.banned_until_ms || now_ms < record.since_ms.saturating_add(window_ms)
            });
            if self.all.len() >= REMEMBERED {
                return false;
            }
        }
        let fresh = Record { strikes: 0, since_ms: now_ms, banned_until_ms: 0 };
        let record = self.all.entry(client_id.clone()).or_insert(fresh);
        if now_ms >= record.since_ms.saturating_add(window_ms) {
            *record = fresh;
        }
        record.strikes += 1;
        if record.strikes < rule.strikes {
            return false;
        }
        *record = Record { banned_until_ms: now_ms.saturating_add(u64::from(rule.for_s) * 1000), ..fresh };
        true
    }

    fn is_banned(&self, now: Now, client_id: &ClientId) -> bool {
        self.all.get(client_id).is_some_and(|record| now.mono.0 < record.banned_until_ms)
    }
}

impl Engine {
    /// A client that was let in broke the rules.
    pub(crate) fn strike(&mut self, now: Now, client_id: &ClientId, tray: &mut Tray) {
        let Some(rule) = self.limits.ban else { return };
        if self.bans.strike(now, client_id, rule) {
            self.counters.clients_banned += 1;
            self.observe(tray, || Event::Banned { client_id: client_id.clone(), for_s: rule.for_s });
        }
    }

    /// Whether CONNECT with this identifier is refused. [3.2.2.2, 0x8A]
    pub(crate) fn is_banned(&mut self, now: Now, client_id: &ClientId) -> bool {
        let is_banned = self.limits.ban.is_some() && self.bans.is_banned(now, client_id);
        self.counters.banned_refused += u64::from(is_banned);
        is_banned
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_session::{Mono, Wall};

    const RULE: BanRule = BanRule { strikes: 3, within_s: 10, for_s: 60 };

    fn at(seconds: u64) -> Now {
        Now { mono: Mono(seconds * 1000), wall: Wall(0) }
    }

    #[test]
    fn three_strikes_within_the_window_ban_and_spread_out_they_do_not() {
        let (mut bans, id) = (Bans::new(7), ClientId::from("c"));
        assert_eq!([100, 105, 111, 112].map(|second| bans.strike(at(second), &id, RULE)), [false; 4]);
        assert!(bans.strike(at(113), &id, RULE));
        assert!(bans.is_banned(at(172), &id) && !bans.is_banned(at(173), &id));
        assert!(!bans.is_banned(at(120), &ClientId::from("other")));
    }

    #[test]
    fn the_memory_for_strikes_is_bounded_and_freed_with_time() {
        let mut bans = Bans::new(7);
        let one = BanRule { strikes: 1, ..RULE };
        for number in 0..REMEMBERED + 10 {
            bans.strike(at(100), &ClientId::from(number.to_string().as_str()), one);
        }
        assert_eq!(bans.all.len(), REMEMBERED);
        assert!(bans.strike(at(200), &ClientId::from("later"), one));
        assert_eq!(bans.all.len(), 1);
    }
}

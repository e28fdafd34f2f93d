//! Bytes, and who they are kept for.
//!
//! Owns: what each session is charged, added up when somebody asks: nothing is counted twice while messages pass.

use crate::Engine;
use crate::sessions::Session;
use core::ops::AddAssign;

/// What is kept in memory for one session, for the clients of one listener, or for all.
///
/// A message that waits for several is charged to each of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Sessions.
    pub sessions: u64,
    /// Connections with an accepted client.
    pub links: u64,
    /// On their way to sockets, or room there that was not reported yet.
    pub outboxes: u64,
    /// Messages that wait, those that are in the log alone left out.
    pub mailboxes: u64,
    /// Messages that were sent and not acknowledged.
    pub in_flight: u64,
    /// Filters.
    pub subscriptions: u64,
    /// Retained messages; nobody's but the broker's.
    pub retained: u64,
    /// Messages that wait for shared subscriptions; nobody's but the broker's.
    pub groups: u64,
    /// What a session and a connection cost by themselves.
    pub fixed: u64,
}

/// A session with its identifier and its places in tables; a connection with its task.
/// `postrider bench idle` measures 1,168 bytes for both with a subscription.
const SESSION_BYTES: u64 = 512;
const LINK_BYTES: u64 = 656;

impl Ledger {
    /// All of it.
    #[must_use]
    pub const fn in_memory(&self) -> u64 {
        self.outboxes + self.mailboxes + self.in_flight + self.subscriptions + self.retained + self.groups + self.fixed
    }
}

impl AddAssign for Ledger {
    fn add_assign(&mut self, more: Self) {
        self.sessions += more.sessions;
        self.links += more.links;
        self.outboxes += more.outboxes;
        self.mailboxes += more.mailboxes;
        self.in_flight += more.in_flight;
        self.subscriptions += more.subscriptions;
        self.retained += more.retained;
        self.groups += more.groups;
        self.fixed += more.fixed;
    }
}

impl Session {
    /// What is kept for it.
    pub(crate) fn ledger(&self) -> Ledger {
        let mut ledger = Ledger {
            sessions: 1,
            subscriptions: u64::from(self.filters_bytes),
            fixed: SESSION_BYTES,
            ..Ledger::default()
        };
        if let Some(online) = &self.online {
            ledger.links = 1;
            ledger.fixed += LINK_BYTES;
            ledger.outboxes = u64::try_from(i64::from(online.outbox_bytes_max) - online.credit).unwrap_or(0);
        }
        if let Some(flows) = &self.flows {
            ledger.mailboxes = flows.mailbox.ready_bytes();
            let parcels = flows.outbound.iter().filter_map(|(_, parcel)| parcel);
            ledger.in_flight = parcels.map(|parcel| parcel.message.size() as u64).sum();
        }
        ledger
    }
}

impl Engine {
    /// What grows fastest of it, known at any time: messages that wait, in the log or not, and retained ones.
    #[inline]
    #[must_use]
    pub fn kept_bytes(&self) -> u64 {
        self.counters.queued_bytes + self.groups.bytes() + self.retained_bytes
    }

    /// What is kept in memory for all; linear in the number of sessions.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        let groups = self.groups.iter().map(|(_, group)| group.queue().ready_bytes()).sum();
        let mut ledger = Ledger { retained: self.retained_bytes, groups, ..Ledger::default() };
        self.sessions.iter().for_each(|(_, session)| ledger += session.ledger());
        ledger
    }

    /// What is kept for the clients that are connected through each listener, by its number.
    #[must_use]
    pub fn ledger_by_listener(&self) -> Vec<(postrider_ports::ListenerId, Ledger)> {
        let mut all = std::collections::BTreeMap::<u16, Ledger>::new();
        for (_, session) in self.sessions.iter() {
            if let Some(online) = &session.online {
                *all.entry(online.listener.0).or_default() += session.ledger();
            }
        }
        all.into_iter().map(|(listener, ledger)| (postrider_ports::ListenerId(listener), ledger)).collect()
    }
}

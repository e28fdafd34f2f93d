//! What a soak did, what it is owed, and what came.

use crate::bench::stamp::Stamp;
use crate::bench::tally::Tally;
use postrider_client::{Event, Qos};

/// Messages that are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    Steady,
    /// What short connections publish to themselves.
    Own,
    Will,
    /// For clients that are taken over.
    Takeover,
    /// For clients that are away.
    Away,
}

/// Publishers and subscribers of each lane; every message is for all subscribers of its lane.
const SIZES: [(Lane, usize, usize); 5] =
    [(Lane::Steady, 6, 3), (Lane::Own, 1, 1), (Lane::Will, 1, 1), (Lane::Takeover, 4, 1), (Lane::Away, 8, 1)];

#[derive(Debug)]
struct Account {
    lane: Lane,
    tally: Tally,
    /// Messages of each publisher.
    published: Vec<u32>,
    subscribers: u64,
}

/// Events of the mix that are only counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) connections: u64,
    pub(crate) takeovers: u64,
    pub(crate) left_to_expire: u64,
    pub(crate) returns: u64,
    pub(crate) subscriptions: u64,
    pub(crate) retained_changes: u64,
    pub(crate) retained_received: u64,
    /// Messages for slow consumers, and how many of them they saw.
    pub(crate) slow_offered: u64,
    pub(crate) slow_received: u64,
    /// Faults, each of which fails the run.
    pub(crate) retained_wrong: u64,
    pub(crate) sessions_forgotten: u64,
    pub(crate) refused: u64,
}

#[derive(Debug)]
pub(crate) struct Ledger {
    accounts: Vec<Account>,
    asked: u64,
    acknowledged: u64,
    pub(crate) doubled: u64,
    /// With QoS 1 and 0.
    pub(crate) repeated: u64,
    pub(crate) counts: Counts,
}

impl Ledger {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let open = |(lane, publishers, subscribers): (Lane, usize, usize)| {
            let (tally, published) = (Tally::new(subscribers, publishers)?, vec![0; publishers]);
            anyhow::Ok(Account { lane, tally, published, subscribers: subscribers as u64 })
        };
        let accounts = SIZES.into_iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { accounts, asked: 0, acknowledged: 0, doubled: 0, repeated: 0, counts: Counts::default() })
    }

    /// The number of the message.
    pub(super) fn on_published(&mut self, lane: Lane, publisher: u32) -> u32 {
        let mut account = self.accounts.iter_mut().filter(|account| account.lane == lane);
        let Some(next) = account.next().and_then(|account| account.published.get_mut(publisher as usize)) else {
            return 0;
        };
        *next += 1;
        *next - 1
    }

    pub(super) fn on_message(&mut self, lane: Lane, subscriber: usize, stamp: Stamp, now_ns: u64, qos: Qos) -> bool {
        let Some(account) = self.accounts.iter_mut().find(|account| account.lane == lane) else { return false };
        let before = account.tally.duplicates;
        let is_new = account.tally.receive(subscriber, stamp, now_ns);
        let again = account.tally.duplicates - before;
        if qos == Qos::ExactlyOnce {
            self.doubled += again;
        } else {
            self.repeated += again;
        }
        is_new
    }

    /// A message was published that the broker has to acknowledge.
    pub(crate) const fn on_asked(&mut self) {
        self.asked += 1;
    }

    /// An event that may be the acknowledgement of a message.
    pub(crate) fn on_event(&mut self, event: &Event) {
        if let Event::Acknowledged { reason, .. } = event {
            self.acknowledged += 1;
            self.counts.refused += u64::from(reason.is_error());
        }
    }

    pub(crate) const fn unacknowledged(&self) -> u64 {
        self.asked.saturating_sub(self.acknowledged)
    }

    /// Different messages that came, each once for each subscriber.
    pub(crate) fn received(&self) -> u64 {
        self.accounts.iter().map(|account| account.tally.unique).sum()
    }

    pub(crate) fn received_of(&self, lane: Lane) -> u64 {
        self.of(lane).map(|account| account.tally.unique).sum()
    }

    /// Messages of a lane that have not come.
    pub(crate) fn lost_of(&self, lane: Lane) -> u64 {
        self.of(lane).map(Account::lost).sum()
    }

    pub(crate) fn lost(&self) -> u64 {
        self.accounts.iter().map(Account::lost).sum()
    }

    /// Only connections that are never replaced have to see the order of first deliveries in that of numbers.
    pub(crate) fn out_of_order(&self) -> u64 {
        self.of(Lane::Steady).map(|account| account.tally.reordered).sum()
    }

    fn of(&self, lane: Lane) -> impl Iterator<Item = &Account> {
        self.accounts.iter().filter(move |account| account.lane == lane)
    }
}

impl Account {
    fn lost(&self) -> u64 {
        let published: u64 = self.published.iter().map(|count| u64::from(*count)).sum();
        (published * self.subscribers).saturating_sub(self.tally.unique)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_never_comes_is_lost_and_one_of_qos_2_that_comes_twice_is_doubled() {
        let mut ledger = Ledger::new().expect("bounds");
        let numbers = [(); 3].map(|()| ledger.on_published(Lane::Away, 5));
        assert_eq!(numbers, [0, 1, 2]);
        let mut come = |number, qos| {
            ledger.on_message(Lane::Away, 0, Stamp { due_ns: 0, publisher: 5, number }, 1, qos);
        };
        come(0, Qos::ExactlyOnce);
        come(0, Qos::ExactlyOnce);
        come(2, Qos::AtLeastOnce);
        come(2, Qos::AtLeastOnce);
        assert_eq!((ledger.lost(), ledger.doubled, ledger.repeated), (1, 1, 1));
        ledger.on_published(Lane::Steady, 0);
        assert_eq!((ledger.lost_of(Lane::Steady), ledger.received()), (3, 2), "three subscribers wait for it");
    }
}

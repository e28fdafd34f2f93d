//! In which order messages are written, and for whom.

use super::found::Found;
use super::held::Held;
use std::collections::{BTreeMap, BTreeSet};

/// A delivery: the place of the client among the clients, and its own among what that one is owed.
pub(super) type Owed = (usize, usize);

/// The messages that somebody needs.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Numbers of messages in the order in which they came, those that were held behind all others.
    pub(super) order: Vec<u64>,
    pub(super) owed: BTreeMap<u64, Vec<Owed>>,
    pub(super) retained: BTreeSet<u64>,
    /// Deliveries and retained topics without a message.
    pub(super) absent: u64,
}

impl Plan {
    pub(super) fn of(found: &Found, held: &Held) -> Self {
        let mut plan = Self { absent: held.absent, ..Self::default() };
        for (number, client) in found.clients.values().enumerate() {
            for (at, delivery) in client.owed.iter().enumerate() {
                match delivery.record {
                    Some(id) if found.messages.contains_key(&id) => {
                        plan.owed.entry(id).or_default().push((number, at));
                    }
                    Some(_) => plan.absent += 1,
                    None => {}
                }
            }
        }
        let (here, absent): (Vec<u64>, Vec<u64>) =
            found.retained.iter().partition(|id| found.messages.contains_key(id));
        plan.absent += absent.len() as u64;
        plan.retained = here.into_iter().chain(held.retained.values().copied()).collect();
        let mut order: BTreeSet<u64> = plan.owed.keys().chain(&plan.retained).copied().collect();
        order.retain(|id| !held.targets.contains_key(id));
        plan.order = order.into_iter().chain(held.targets.keys().copied()).collect();
        plan
    }
}

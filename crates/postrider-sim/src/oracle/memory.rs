//! What a broker may do for want of memory, and what it may not.
//!
//! Owns: the rules of docs/memory.md: whoever has no session stays outside, new subscriptions and messages that would
//! wait are refused and not taken in part, and only deliveries with QoS 0 are lost.

use super::{Oracle, Place};
use crate::topics::is_shared;
use postrider_engine::Pressure;
use postrider_ports::{DropReason, Drops};
use postrider_proto::ReasonCode;
use std::collections::{BTreeMap, BTreeSet};

/// How short memory is, by partition, and who was turned away for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    pressures: BTreeMap<usize, Pressure>,
    turned_away: BTreeSet<(Place, u8)>,
}

impl Memory {
    pub(super) fn press(&mut self, partition: usize, pressure: Pressure) {
        self.pressures.insert(partition, pressure);
    }

    fn pressure(&self, partition: usize) -> Pressure {
        self.pressures.get(&partition).copied().unwrap_or_default()
    }

    pub(super) fn has_turned_away(&self, place: Place, reason: ReasonCode) -> bool {
        self.turned_away.contains(&(place, reason.as_u8()))
    }

    /// A new process has nothing in its memory.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

impl Oracle {
    /// A CONNECT was refused. Who has no session may be, while memory is short; a session that is there goes on.
    pub(super) fn turn_away(&mut self, place: Place, reason: ReasonCode) {
        let is_short = self.memory.pressure(place.0) > Pressure::Calm;
        let is_why = matches!(reason, ReasonCode::QuotaExceeded | ReasonCode::ServerUnavailable);
        let client_id = self.terms.get(&place).map(|terms| terms.client_id.as_str()).unwrap_or_default();
        let has_session = self.sessions.get(client_id).is_some_and(|one| one.online.is_some() || one.expiry_s > 0);
        if is_short && is_why && !has_session {
            self.memory.turned_away.insert((place, reason.as_u8()));
        }
    }

    /// Subscriptions that are new, and nothing else, are refused while there is no memory at all.
    pub(super) fn check_filters(&self, place: Place, refused: &[String]) -> Result<(), String> {
        let may = |filter: &String| self.partitions > 1 && is_shared(filter);
        let is_full = self.memory.pressure(place.0) == Pressure::Full || self.has_lost;
        let is_known = |filter: &&String| {
            let client_id = self.publisher(place);
            let session = client_id.and_then(|client_id| self.sessions.get(client_id));
            session.is_some_and(|session| session.subscriptions.contains_key(*filter))
        };
        match refused.iter().find(|filter| !may(filter) && (!is_full || (is_known(filter) && !self.has_lost))) {
            Some(filter) => Err(format!("{place:?} was refused {filter}")),
            None => Ok(()),
        }
    }

    /// A PUBLISH was refused whole: what happens then is what happened to no message.
    pub(super) fn check_unplaced(&mut self, place: Place, payload: &[u8]) -> Result<(), String> {
        if self.memory.pressure(place.0) != Pressure::Full && !self.has_lost {
            return Err(format!("{place:?} was refused a message while there was memory"));
        }
        // It is measured against no rate.
        self.take_said(place, payload)
    }
}

/// Drops that a delivery above QoS 0 may be among: none of them is for want of memory.
pub(super) fn above_0(drops: &Drops) -> u64 {
    drops.total() - drops.of(DropReason::Memory)
}

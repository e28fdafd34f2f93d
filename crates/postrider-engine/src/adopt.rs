//! Other limits for a broker that runs.
//!
//! Owns: which of them can change, and what changes with them.
//! Never: takes anything from a client that it was told or given under the old ones.

use crate::{Engine, Limits, Who};
use postrider_session::{Bounds, Now};

/// The highest limits that ever held: what was taken in under them is still there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Highest {
    pub(crate) mailbox: Bounds,
    pub(crate) subscriptions: u32,
    pub(crate) subscription_bytes: u32,
    pub(crate) retained_bytes: u64,
    /// Whether some sessions outlive their connections and not the process.
    pub(crate) has_forgetful: bool,
}

impl Highest {
    pub(crate) fn of(limits: &Limits) -> Self {
        Self {
            mailbox: limits.mailbox,
            subscriptions: limits.subscriptions_max,
            subscription_bytes: limits.subscription_bytes_max,
            retained_bytes: limits.retained_bytes_max,
            has_forgetful: limits.has_forgetful(),
        }
    }

    fn raise(&mut self, limits: &Limits) {
        let (mailbox, bounds) = (&mut self.mailbox, &limits.mailbox);
        mailbox.messages_max = mailbox.messages_max.max(bounds.messages_max);
        mailbox.qos0_max = mailbox.qos0_max.max(bounds.qos0_max);
        mailbox.bytes_max = mailbox.bytes_max.max(bounds.bytes_max);
        self.subscriptions = self.subscriptions.max(limits.subscriptions_max);
        self.subscription_bytes = self.subscription_bytes.max(limits.subscription_bytes_max);
        self.retained_bytes = self.retained_bytes.max(limits.retained_bytes_max);
        self.has_forgetful |= limits.has_forgetful();
    }
}

impl Limits {
    /// These limits, as far as they can take the place of `old` ones in a broker that runs. The number of partitions,
    /// the promise of an acknowledgement, the size of outboxes, and whether anybody watches stay.
    #[must_use]
    pub fn in_place_of(self, old: &Self) -> Self {
        Self {
            partitions: old.partitions,
            durability: old.durability,
            outbox_bytes_max: old.outbox_bytes_max,
            is_observed: old.is_observed,
            controls: old.controls.clone(),
            ..self
        }
    }
}

impl Engine {
    /// From now on these hold; for clients that are in, what CONNACK has told them holds on. [3.2.2.3]
    pub(crate) fn adopt(&mut self, now: Now, limits: Limits) {
        let limits = limits.in_place_of(&self.limits);
        self.highest.raise(&limits);
        self.sys.adopt(now.mono, &limits);
        self.is_metered = limits.limits_publishing();
        self.qos_max_least = limits.qos_max_least();
        self.has_mounts = limits.has_mounts();
        self.has_payload_rules = limits.has_payload_rules();
        let is_shorter = limits.retained_expiry_s_max < self.limits.retained_expiry_s_max;
        self.limits = limits;
        self.asks = self.asks_of_publish();
        if is_shorter {
            self.shorten_retained(now.mono);
        }
        if self.limits.authorize == Who::Nobody {
            self.lift_guards();
        }
    }
}

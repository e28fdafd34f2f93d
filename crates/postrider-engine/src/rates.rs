//! How often clients may do what costs others something.
//!
//! Owns: one bucket for each scope and kind; what is over a rate of messages waits, what is over one of
//! connections is refused.

use crate::timers::Timer;
use crate::{Effect, Engine, Limits, LinkId, Tray};
use postrider_ports::ListenerId;
use postrider_proto::Publish;
use postrider_session::{Mono, Now};

/// So many a second, and so many at once after a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    /// A second, at least 1.
    pub per_s: u32,
    /// At once; a quarter of a second's worth if that is more, because what waits is looked at eight times a second.
    /// What is larger than this alone passes when nothing has passed for long enough.
    pub burst: u32,
}

impl Rate {
    fn at_once(self) -> u64 {
        u64::from(self.burst.max(self.per_s.div_ceil(4)).max(1))
    }
}

/// The rates of one scope: a client, a listener or the whole broker. `None` for no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// PUBLISH packets. What is over waits in its connection, which is not read meanwhile.
    pub messages: Option<Rate>,
    /// Bytes of topics, properties and payloads. What is over waits too.
    pub bytes: Option<Rate>,
    /// CONNECT packets. What is over is refused with 0x9F.
    pub connects: Option<Rate>,
}

impl Rates {
    /// No limits.
    pub const OFF: Self = Self { messages: None, bytes: None, connects: None };

    const fn limits_publishing(&self) -> bool {
        self.messages.is_some() || self.bytes.is_some()
    }
}

/// What has passed in one scope.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Buckets {
    messages: Bucket,
    bytes: Bucket,
    connects: Bucket,
}

/// When everything that has passed is paid for, in nanoseconds of the monotonic clock.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    paid_at_ns: u64,
}

const NS_PER_S: u64 = 1_000_000_000;
const NS_PER_MS: u64 = 1_000_000;

impl Bucket {
    /// Milliseconds until `count` may pass; 0 when they may now.
    fn wait_ms(self, now: Mono, count: u64, rate: Rate) -> u64 {
        let now_ns = now.0.saturating_mul(NS_PER_MS);
        let each_ns = NS_PER_S / u64::from(rate.per_s.max(1));
        let at_once = rate.at_once().saturating_sub(count).saturating_mul(each_ns);
        self.paid_at_ns.saturating_sub(now_ns.saturating_add(at_once)).div_ceil(NS_PER_MS)
    }

    fn take(&mut self, now: Mono, count: u64, rate: Rate) {
        let now_ns = now.0.saturating_mul(NS_PER_MS);
        let each_ns = NS_PER_S / u64::from(rate.per_s.max(1));
        self.paid_at_ns = self.paid_at_ns.max(now_ns).saturating_add(count.saturating_mul(each_ns));
    }
}

impl Buckets {
    fn publish_wait_ms(&self, now: Mono, bytes: u64, rates: &Rates) -> u64 {
        let messages = rates.messages.map_or(0, |rate| self.messages.wait_ms(now, 1, rate));
        messages.max(rates.bytes.map_or(0, |rate| self.bytes.wait_ms(now, bytes, rate)))
    }

    fn take_publish(&mut self, now: Mono, bytes: u64, rates: &Rates) {
        if let Some(rate) = rates.messages {
            self.messages.take(now, 1, rate);
        }
        if let Some(rate) = rates.bytes {
            self.bytes.take(now, bytes, rate);
        }
    }

    fn connect_wait_ms(&self, now: Mono, rates: &Rates) -> u64 {
        rates.connects.map_or(0, |rate| self.connects.wait_ms(now, 1, rate))
    }
}

/// The buckets of the broker and of its listeners; a client's are with its link.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    broker: Buckets,
    listeners: Vec<Buckets>,
}

impl Meters {
    fn listener(&mut self, listener: ListenerId) -> &mut Buckets {
        let at = usize::from(listener.0);
        if self.listeners.len() <= at {
            self.listeners.resize(at + 1, Buckets::default());
        }
        &mut self.listeners[at]
    }
}

impl Limits {
    /// Whether any rate of messages or bytes is limited.
    pub(crate) fn limits_publishing(&self) -> bool {
        self.client_rates.limits_publishing()
            || self.broker_rates.limits_publishing()
            || self.listeners.iter().filter_map(|own| own.rates).any(|rates| rates.limits_publishing())
    }
}

impl Engine {
    /// Takes one PUBLISH within all its rates; false when it has to wait, and then a timer brings it again.
    #[cold]
    pub(crate) fn may_publish_now(&mut self, now: Now, link: LinkId, publish: &Publish<'_>) -> bool {
        if self.links.extra(link).is_some_and(|extra| extra.verdict.is_some()) {
            // It was let through, and then a plugin was asked about it.
            return true;
        }
        let length = publish.topic.as_bytes().len() + publish.properties.as_bytes().len() + publish.payload.len();
        let bytes = length as u64;
        let listener = self.links.listener_of(link);
        let rates = self.rates_of(listener);
        let client_rates = self.limits.client_rates;
        let mut own = self.links.extra(link).map(|extra| extra.buckets).unwrap_or_default();
        let wait_ms = [
            own.publish_wait_ms(now.mono, bytes, &client_rates),
            self.meters.listener(listener).publish_wait_ms(now.mono, bytes, &rates),
            self.meters.broker.publish_wait_ms(now.mono, bytes, &self.limits.broker_rates),
        ]
        .into_iter()
        .max()
        .unwrap_or(0);
        if wait_ms > 0 {
            self.counters.publishes_held += 1;
            let held = self.timers.insert(now.mono.plus_ms(wait_ms), Timer::Held(link));
            if let Some(extra) = self.links.extra_mut(link) {
                extra.held = Some(held);
            }
            return false;
        }
        own.take_publish(now.mono, bytes, &client_rates);
        if client_rates.limits_publishing()
            && let Some(extra) = self.links.extra_mut(link)
        {
            extra.buckets = own;
        }
        self.meters.listener(listener).take_publish(now.mono, bytes, &rates);
        self.meters.broker.take_publish(now.mono, bytes, &self.limits.broker_rates);
        true
    }

    /// Takes one CONNECT within the rates of its listener and of the broker.
    pub(crate) fn may_connect_now(&mut self, now: Now, listener: ListenerId) -> bool {
        let rates = self.rates_of(listener);
        let broker_rates = self.limits.broker_rates;
        if rates.connects.is_none() && broker_rates.connects.is_none() {
            return true;
        }
        let is_over = self.meters.listener(listener).connect_wait_ms(now.mono, &rates) > 0
            || self.meters.broker.connect_wait_ms(now.mono, &broker_rates) > 0;
        if is_over {
            self.counters.connects_over_rate += 1;
            return false;
        }
        if let Some(rate) = rates.connects {
            self.meters.listener(listener).connects.take(now.mono, 1, rate);
        }
        if let Some(rate) = broker_rates.connects {
            self.meters.broker.connects.take(now.mono, 1, rate);
        }
        true
    }

    /// The time of a held PUBLISH has come.
    pub(crate) fn release_held(&mut self, link: LinkId, tray: &mut Tray) {
        if let Some(extra) = self.links.extra_mut(link) {
            extra.held = None;
            tray.push(Effect::Resume { link });
        }
    }

    fn rates_of(&self, listener: ListenerId) -> Rates {
        self.limits.at(listener).and_then(|own| own.rates).unwrap_or(Rates::OFF)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_s: 10, burst: 3 };

    #[test]
    fn a_burst_passes_and_then_one_for_each_tenth_of_a_second() {
        let mut bucket = Bucket::default();
        let mut passed_at = Vec::new();
        for ms in 5000..5400 {
            if bucket.wait_ms(Mono(ms), 1, RATE) == 0 {
                bucket.take(Mono(ms), 1, RATE);
                passed_at.push(ms - 5000);
            }
        }
        assert_eq!(passed_at, [0, 1, 2, 100, 200, 300]);
    }

    #[test]
    fn what_is_larger_than_a_burst_passes_after_a_pause_and_is_paid_for() {
        let mut bucket = Bucket::default();
        assert_eq!(bucket.wait_ms(Mono(5000), 100, RATE), 0);
        bucket.take(Mono(5000), 100, RATE);
        assert_eq!(bucket.wait_ms(Mono(5000), 1, RATE), 9_800);
        assert_eq!(bucket.wait_ms(Mono(14_799), 1, RATE), 1);
        assert_eq!(bucket.wait_ms(Mono(14_800), 1, RATE), 0);
    }
}

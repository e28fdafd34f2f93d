//! How short memory is.
//!
//! Owns: how the process's size and the ledger are put together, and from where on memory is short.
//!
//! The system says what the process has, which never says what is free inside of it; the ledger says what is in use,
//! which never says what it costs.

use crate::memory::Look;
use postrider_engine::Pressure;

/// What is in use of what the process has.
///
/// Memory that was given back to the allocator stays with the process, and is used again before the process takes more.
/// So what is in use follows the ledger, and the process's own size corrects it: when that grows, all of it was in use.
/// Where the ledger has more than that, as a message that waits for many is charged to each, it counts in that
/// proportion.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gauge {
    pub(crate) is_known: bool,
    /// What a byte of the ledger costs, in parts of `WHOLE`.
    weight: u64,
    /// What is in use beside the ledger.
    overhead: u64,
    /// The least of that.
    least: u64,
    /// The size at which all was in use.
    high: u64,
    pub(crate) pressure: Pressure,
}

/// In hundredths of the limit: where it becomes tight and full, and where it is so no more.
const TIGHT: u64 = 80;
const FULL: u64 = 95;
const NOT_FULL: u64 = 88;
const NOT_TIGHT: u64 = 70;
/// A process that grew by less than this part of the limit has not grown.
const GROWTH: u64 = 64;
/// What part of what is unexplained is taken for free at each thorough look while the process does not grow.
const FORGOTTEN: u64 = 16;
const WHOLE: u64 = 1 << 10;

impl Default for Gauge {
    fn default() -> Self {
        Self { is_known: false, weight: WHOLE, overhead: 0, least: 0, high: 0, pressure: Pressure::Calm }
    }
}

impl Gauge {
    pub(crate) fn measure(&mut self, resident: Option<u64>, ledger: u64, bytes_max: u64, look: Look) {
        let Some(resident) = resident else { return };
        // Beyond the limit every page counts.
        let slack = if resident > bytes_max { 0 } else { bytes_max / GROWTH };
        if resident > self.high.saturating_add(slack) {
            self.high = resident;
            self.explain(resident, ledger);
        } else {
            self.high = if resident.saturating_add(slack) < self.high { resident } else { self.high };
            if self.used(ledger) > resident {
                self.explain(resident, ledger);
            }
            if look == Look::Thorough && resident <= bytes_max {
                self.overhead -= self.overhead.saturating_sub(self.least) / FORGOTTEN;
            }
        }
        let least = if self.is_known { self.least } else { u64::MAX };
        (self.is_known, self.least) = (true, least.min(self.overhead));
    }

    /// All that there is, is in use.
    const fn explain(&mut self, resident: u64, ledger: u64) {
        if resident >= ledger {
            (self.weight, self.overhead) = (WHOLE, resident - ledger);
        } else {
            (self.weight, self.overhead) = (resident.saturating_mul(WHOLE) / ledger, 0);
        }
    }

    pub(crate) const fn used(&self, ledger: u64) -> u64 {
        (ledger / WHOLE).saturating_mul(self.weight).saturating_add(self.overhead)
    }

    pub(crate) fn judge(&mut self, ledger: u64, bytes_max: u64) -> Pressure {
        let part = |hundredths: u64| bytes_max / 100 * hundredths;
        let used = self.used(ledger);
        let (full, tight) = match self.pressure {
            Pressure::Calm => (FULL, TIGHT),
            Pressure::Tight => (FULL, NOT_TIGHT),
            Pressure::Full => (NOT_FULL, NOT_TIGHT),
        };
        self.pressure = if used >= part(full) {
            Pressure::Full
        } else if used >= part(tight) {
            Pressure::Tight
        } else {
            Pressure::Calm
        };
        self.pressure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const LIMIT: u64 = 64 * MIB;

    /// Looks at a process of so many MiB of which the ledger knows so many.
    fn look(gauge: &mut Gauge, resident: u64, ledger: u64) -> Pressure {
        gauge.measure(Some(resident * MIB), ledger * MIB, LIMIT, Look::Thorough);
        gauge.judge(ledger * MIB, LIMIT)
    }

    #[test]
    fn pressure_comes_at_80_and_95_hundredths_and_goes_later_than_it_came() {
        let mut gauge = Gauge::default();
        let mut heard = Vec::new();
        for resident in (8..=64).chain((8..64).rev()) {
            let before = gauge.pressure;
            // All of it is given back to the system.
            if look(&mut gauge, resident, resident - 8) != before {
                heard.push((resident, gauge.pressure));
            }
        }
        use Pressure::{Calm, Full, Tight};
        assert_eq!(heard, [(52, Tight), (61, Full), (56, Tight), (44, Calm)]);
    }

    #[test]
    fn memory_that_the_allocator_keeps_is_free_and_counts_again_when_it_is_used() {
        let mut gauge = Gauge::default();
        (8..=62).for_each(|resident| _ = look(&mut gauge, resident, resident - 8));
        assert_eq!(gauge.pressure, Pressure::Full);
        assert_eq!(look(&mut gauge, 62, 5), Pressure::Calm);
        assert_eq!(look(&mut gauge, 62, 48), Pressure::Tight);
        assert_eq!(look(&mut gauge, 62, 54), Pressure::Full);
    }

    #[test]
    fn a_process_that_grows_uses_all_it_has_whatever_the_ledger_says() {
        let mut gauge = Gauge::default();
        look(&mut gauge, 8, 0);
        assert_eq!(look(&mut gauge, 62, 0), Pressure::Full);
        // It does not grow: so something of it may be free, which is found out little by little.
        let looks = (0..100).take_while(|_| look(&mut gauge, 62, 0) == Pressure::Full).count();
        assert!((1..50).contains(&looks), "{looks}");
        assert_eq!(look(&mut gauge, 64, 0), Pressure::Full);
        // Beyond the limit nothing is tried.
        look(&mut gauge, 66, 0);
        assert!((0..100).all(|_| look(&mut gauge, 66, 0) == Pressure::Full));
    }

    #[test]
    fn what_many_shared_and_is_dropped_frees_no_more_than_its_part() {
        let mut gauge = Gauge::default();
        look(&mut gauge, 8, 0);
        // Each of 300 MiB costs a fifth of it.
        assert_eq!(look(&mut gauge, 62, 310), Pressure::Full);
        assert_eq!(look(&mut gauge, 62, 280), Pressure::Tight);
        assert_eq!(gauge.used(280 * MIB) / MIB, 55);
        assert_eq!(look(&mut gauge, 62, 100), Pressure::Calm);
    }

    #[test]
    fn messages_that_many_share_are_not_counted_more_than_once_in_the_end() {
        let mut gauge = Gauge::default();
        look(&mut gauge, 8, 0);
        assert_eq!(look(&mut gauge, 10, 1000), Pressure::Calm);
        assert!((9 * MIB..=10 * MIB).contains(&gauge.used(1000 * MIB)), "{}", gauge.used(1000 * MIB));
    }
}

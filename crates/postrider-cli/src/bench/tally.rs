//! What arrived, and what should have.
//!
//! Owns: loss, duplicates and order of each subscriber and publisher; latencies.

use super::stamp::Stamp;
use hdrhistogram::Histogram;

/// Everything that subscribers have received.
#[derive(Debug)]
pub(crate) struct Tally {
    /// By subscriber and publisher.
    series: Vec<Vec<Series>>,
    /// Copies, duplicates not counted.
    pub(crate) unique: u64,
    pub(crate) duplicates: u64,
    pub(crate) reordered: u64,
    pub(crate) latencies: Latencies,
}

/// What one subscriber has of one publisher.
#[derive(Clone, Debug, Default)]
struct Series {
    /// One above the highest number that came.
    next: u32,
    /// A bit for each number that came.
    seen: Vec<u64>,
}

/// A number so far above all others is none that was sent: no load has as many under way.
const JUMP_MAX: u32 = 1 << 26;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrival {
    InOrder,
    Late,
    Again,
    Foreign,
}

impl Series {
    fn take(&mut self, number: u32) -> Arrival {
        if number.saturating_sub(self.next) > JUMP_MAX {
            return Arrival::Foreign;
        }
        let (word, bit) = ((number / u64::BITS) as usize, 1 << (number % u64::BITS));
        if self.seen.len() <= word {
            self.seen.resize(word + 1, 0);
        }
        if self.seen[word] & bit != 0 {
            return Arrival::Again;
        }
        self.seen[word] |= bit;
        if number < self.next {
            return Arrival::Late;
        }
        self.next = number + 1;
        Arrival::InOrder
    }
}

/// Latencies in microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Latency {
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    pub(crate) max_us: f64,
}

impl Tally {
    pub(crate) fn new(subscribers: usize, publishers: usize) -> anyhow::Result<Self> {
        Ok(Self {
            series: vec![vec![Series::default(); publishers]; subscribers],
            unique: 0,
            duplicates: 0,
            reordered: 0,
            latencies: Latencies::new()?,
        })
    }

    /// A copy came; false when it is of no publisher of this run or came before.
    pub(crate) fn receive(&mut self, subscriber: usize, stamp: Stamp, now_ns: u64) -> bool {
        let publishers = self.series.get_mut(subscriber);
        let Some(series) = publishers.and_then(|all| all.get_mut(stamp.publisher as usize)) else { return false };
        match series.take(stamp.number) {
            Arrival::InOrder => {}
            Arrival::Late => self.reordered += 1,
            Arrival::Foreign => return false,
            Arrival::Again => {
                self.duplicates += 1;
                return false;
            }
        }
        self.unique += 1;
        self.latencies.record(now_ns.saturating_sub(stamp.due_ns));
        true
    }
}

/// Nanoseconds that things took since the measuring began.
#[derive(Debug)]
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    /// From a microsecond to a minute, two digits.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self(Histogram::new_with_bounds(1000, 60_000_000_000, 2)?))
    }

    /// The measuring begins.
    pub(crate) fn begin(&mut self) {
        self.0.reset();
    }

    pub(crate) fn record(&mut self, ns: u64) {
        self.0.saturating_record(ns);
    }

    /// How many there were.
    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of seconds fit")]
    pub(crate) fn read(&self) -> Latency {
        let at = |quantile| self.0.value_at_quantile(quantile) as f64 / 1000.0;
        Latency { p50_us: at(0.5), p99_us: at(0.99), p999_us: at(0.999), max_us: self.0.max() as f64 / 1000.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_late_is_out_of_order_and_what_comes_twice_is_a_duplicate() {
        let mut tally = Tally::new(1, 2).expect("bounds");
        let mut take = |number| tally.receive(0, Stamp { due_ns: 0, publisher: 1, number }, 2_000_000);
        assert_eq!([0, 1, 3, 2, 2, 100, 3, 99].map(&mut take), [true, true, true, true, false, true, false, true]);
        assert!(!take(u32::MAX), "a number nobody sent takes no memory");
        assert!(!tally.receive(0, Stamp { due_ns: 0, publisher: 9, number: 0 }, 0));
        assert_eq!((tally.unique, tally.reordered, tally.duplicates), (6, 2, 2));
        assert!((1980.0..2020.0).contains(&tally.latencies.read().p50_us), "{:?}", tally.latencies.read());
    }
}

//! How much happens in a minute, averaged over 1, 5 and 15 of them.
//!
//! Owns: exponential moving averages: what happened lately weighs most, and a look every second says the same as
//! one every minute.
//! Never: reads a clock; who looks says how long ago the last look was.

/// One thing that happens.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Load {
    /// How often it had happened at the last look.
    seen: u64,
    averages: [f64; SPANS.len()],
}

/// Minutes that the averages go over.
pub(crate) const SPANS: [u32; 3] = [1, 5, 15];

const MINUTE_MS: f64 = 60_000.0;

impl Load {
    /// Looks again after `elapsed_ms`, when it has happened `total` times in all.
    #[expect(clippy::cast_precision_loss, reason = "nobody reads more than 15 digits of an average")]
    pub(crate) fn look(&mut self, total: u64, elapsed_ms: u64) {
        if elapsed_ms == 0 {
            return;
        }
        let minutes = elapsed_ms as f64 / MINUTE_MS;
        let rate = total.saturating_sub(self.seen) as f64 / minutes;
        self.seen = total;
        for (average, span) in self.averages.iter_mut().zip(SPANS) {
            *average = rate + (-minutes / f64::from(span)).exp() * (*average - rate);
        }
    }

    /// How often it happens in a minute, in the order of [`SPANS`].
    pub(crate) const fn averages(&self) -> [f64; SPANS.len()] {
        self.averages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(load: &Load) -> [String; 3] {
        load.averages().map(|average| format!("{average:.2}"))
    }

    #[test]
    fn what_happens_evenly_is_after_a_while_what_each_average_says() {
        let mut load = Load::default();
        for minute in 1..=120 {
            load.look(minute * 6, 60_000);
        }
        assert_eq!(text(&load), ["6.00", "6.00", "6.00"]);
    }

    #[test]
    fn a_minute_after_a_beginning_each_average_has_gone_its_part_of_the_way() {
        let mut load = Load::default();
        load.look(60, 60_000);
        // 60 (1 - e^-1), 60 (1 - e^-1/5), 60 (1 - e^-1/15).
        assert_eq!(text(&load), ["37.93", "10.88", "3.87"]);
    }

    #[test]
    fn many_looks_say_the_same_as_one() {
        let (mut often, mut once) = (Load::default(), Load::default());
        (1..=60).for_each(|second| often.look(second * 7, 1000));
        once.look(420, 60_000);
        assert_eq!(text(&often), text(&once));
    }

    #[test]
    fn when_nothing_happens_any_more_the_averages_fade() {
        let mut load = Load::default();
        load.look(600, 60_000);
        let before = load.averages();
        load.look(600, 60_000);
        let after = load.averages();
        assert!(before.iter().zip(after).all(|(before, after)| *before > after && after > 0.0));
        load.look(600, 24 * 3_600_000);
        assert_eq!(text(&load), ["0.00", "0.00", "0.00"]);
    }

    #[test]
    fn no_time_between_two_looks_changes_nothing_and_loses_nothing() {
        let mut load = Load::default();
        load.look(100, 0);
        assert_eq!(text(&load), ["0.00", "0.00", "0.00"]);
        load.look(60, 60_000);
        assert_eq!(text(&load)[0], "37.93");
    }
}

//! What became of things that were acknowledged.

use std::time::Duration;

/// How many there were, how many are gone, and how old those were when the broker was killed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fate {
    pub(super) owed: u64,
    pub(super) lost: u64,
    /// Those that came more than once.
    pub(super) doubled: u64,
    pub(super) ages: Option<Ages>,
}

/// From an acknowledgement to the kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ages {
    pub(super) newest: Duration,
    pub(super) oldest: Duration,
}

impl Fate {
    /// How old it was matters only of what is acknowledged shortly before a kill.
    pub(super) fn lose(&mut self, age: Option<Duration>) {
        self.lost += 1;
        let Some(age) = age else { return };
        let ages = self.ages.get_or_insert(Ages { newest: age, oldest: age });
        (ages.newest, ages.oldest) = (ages.newest.min(age), ages.oldest.max(age));
    }

    /// One thing that had to be there.
    pub(super) fn check(&mut self, is_there: bool, age: Option<Duration>) {
        self.owed += 1;
        if !is_there {
            self.lose(age);
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.owed += other.owed;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.ages = match (self.ages, other.ages) {
            (Some(one), Some(two)) => {
                Some(Ages { newest: one.newest.min(two.newest), oldest: one.oldest.max(two.oldest) })
            }
            (one, two) => one.or(two),
        };
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of a run fit")]
    pub(super) fn percent(&self) -> f64 {
        if self.owed == 0 { 0.0 } else { 100.0 * self.lost as f64 / self.owed as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_and_the_newest_loss_are_known_of_one_and_of_sums() {
        let ms = Duration::from_millis;
        let mut fate = Fate::default();
        fate.check(true, Some(ms(1)));
        assert_eq!((fate.owed, fate.lost, fate.ages), (1, 0, None));
        fate.check(false, Some(ms(30)));
        fate.check(false, Some(ms(20)));
        fate.check(false, None);
        let mut sum = Fate::default();
        sum.add(fate);
        sum.add(Fate { owed: 1, lost: 1, doubled: 2, ages: Some(Ages { newest: ms(5), oldest: ms(25) }) });
        assert_eq!(sum, Fate { owed: 5, lost: 4, doubled: 2, ages: Some(Ages { newest: ms(5), oldest: ms(30) }) });
        assert!((sum.percent() - 80.0).abs() < 1e-9);
    }
}

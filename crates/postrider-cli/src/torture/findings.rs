//! What a run found.

use super::fate::Fate;
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) kills: u32,
    /// How often the broker ended before it was killed.
    pub(super) ended_by_itself: u64,
    /// How often it had to be killed because it did not stop.
    pub(super) stubborn: u64,
    /// Connections that broke before the broker was killed.
    pub(super) cut: u64,
    /// Messages that the broker acknowledged to their publishers.
    pub(super) acknowledged: u64,
    pub(super) refused: u64,
    /// Messages that were under way when their publisher's session was lost.
    pub(super) abandoned: u64,
    /// Copies that subscribers were owed.
    pub(super) copies: BTreeMap<Kind, Fate>,
    pub(super) retained: Fate,
    /// Those lost where there was an older message.
    pub(super) outdated: u64,
    pub(super) sessions: Fate,
    pub(super) falsely_present: u64,
    pub(super) subscriptions: Fate,
    pub(super) altered: u64,
    pub(super) restarts: Vec<Duration>,
    /// Why the run ended before its time.
    pub(super) end: Option<String>,
}

/// Whose messages, and where their subscribers were when the broker was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind {
    pub(super) qos: u8,
    pub(super) is_away: bool,
}

impl Findings {
    /// Everything that was acknowledged is there, and nothing of QoS 2 came twice.
    pub(super) fn is_sound(&self) -> bool {
        let fates = [self.retained, self.sessions, self.subscriptions];
        let lost = fates.iter().chain(self.copies.values()).map(|fate| fate.lost).sum::<u64>();
        let wrongs = [lost, self.doubled(), self.falsely_present, self.altered, self.ended_by_itself];
        self.end.is_none() && wrongs == [0; 5]
    }

    pub(super) fn all_copies(&self) -> Fate {
        let mut sum = Fate::default();
        self.copies.values().for_each(|fate| sum.add(*fate));
        sum
    }

    /// Copies of QoS 2 that came more than once.
    pub(super) fn doubled(&self) -> u64 {
        self.copies.iter().filter(|(kind, _)| kind.qos == 2).map(|(_, fate)| fate.doubled).sum()
    }

    /// Of the starts behind a kill, in milliseconds.
    pub(super) fn restart_ms(&self, percent: usize) -> f64 {
        let mut restarts = self.restarts.clone();
        restarts.sort_unstable();
        let at = (restarts.len() * percent).div_ceil(100).saturating_sub(1);
        restarts.get(at).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_few_restarts_are_among_them() {
        let restarts = [3, 1, 2].map(Duration::from_millis).to_vec();
        let findings = Findings { restarts, ..Findings::default() };
        assert_eq!([50, 99].map(|percent| findings.restart_ms(percent)), [2.0, 3.0]);
        assert!(Findings::default().restart_ms(50).abs() < 1e-9);
    }

    #[test]
    fn whatever_is_wrong_makes_a_run_unsound_and_a_double_of_qos_1_does_not() {
        assert!(Findings::default().is_sound());
        let lost = Fate { lost: 1, ..Fate::default() };
        let doubled = Fate { doubled: 1, ..Fate::default() };
        let copies = |qos, fate| BTreeMap::from([(Kind { qos, is_away: false }, fate)]);
        let wrongs = [
            Findings { copies: copies(1, lost), ..Findings::default() },
            Findings { copies: copies(2, doubled), ..Findings::default() },
            Findings { retained: lost, ..Findings::default() },
            Findings { sessions: lost, ..Findings::default() },
            Findings { subscriptions: lost, ..Findings::default() },
            Findings { falsely_present: 1, ..Findings::default() },
            Findings { altered: 1, ..Findings::default() },
            Findings { ended_by_itself: 1, ..Findings::default() },
            Findings { end: Some(String::new()), ..Findings::default() },
        ];
        assert!(wrongs.iter().all(|findings| !findings.is_sound()));
        assert!(Findings { copies: copies(1, doubled), ..Findings::default() }.is_sound());
    }
}

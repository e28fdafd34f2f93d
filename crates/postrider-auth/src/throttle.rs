//! A growing delay for whoever guesses passwords.
//!
//! Owns: how often each user was tried in vain from each network of late.
//! Never: holds up a user in one network because of another network; grows past its bound.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Who tries, as far as delays are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Guesser {
    user: u64,
    network: Network,
}

/// What one household or one hoster usually has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Network {
    V4([u8; 3]),
    V6([u8; 8]),
    /// A stream without an address.
    Named(u64),
}

/// Failures of late.
#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Instant,
}

#[derive(Debug, Default)]
pub(crate) struct Throttle {
    chance: RandomState,
    failures: Mutex<HashMap<Guesser, Failures>>,
}

impl Throttle {
    /// `peer` is an address, or a name that somebody gave to a stream.
    pub(crate) fn guesser(&self, user: &str, peer: &str) -> Guesser {
        let address = peer.parse::<SocketAddr>().ok().map(|address| address.ip().to_canonical());
        let network = match address {
            Some(IpAddr::V4(address)) => {
                let [a, b, c, _] = address.octets();
                Network::V4([a, b, c])
            }
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Network::V6([a, b, c, d, e, f, g, h])
            }
            None => Network::Named(self.chance.hash_one(peer)),
        };
        Guesser { user: self.chance.hash_one(user), network }
    }

    /// How long this one has to wait; nothing if it may try.
    pub(crate) fn wait(&self, guesser: Guesser, now: Instant) -> Option<Duration> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner).get(&guesser).copied()?;
        let left = (failures.last + delay(failures.count)).saturating_duration_since(now);
        (failures.is_remembered(now) && !left.is_zero()).then_some(left)
    }

    /// A wrong password.
    pub(crate) fn on_failed(&self, guesser: Guesser, now: Instant) {
        let mut table = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if table.len() >= GUESSERS_MAX && !table.contains_key(&guesser) {
            make_room(&mut table, now);
        }
        let failures = table.entry(guesser).or_insert(Failures { count: 0, last: now });
        let before = if failures.is_remembered(now) { failures.count } else { 0 };
        *failures = Failures { count: before.saturating_add(1), last: now };
    }

    /// The right password: whoever has it need not guess.
    pub(crate) fn on_right(&self, guesser: Guesser) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(&guesser);
    }
}

impl Failures {
    fn is_remembered(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) < REMEMBERED
    }
}

/// The first failures are typing errors; then it doubles.
fn delay(count: u32) -> Duration {
    match count.checked_sub(FREE + 1) {
        None => Duration::ZERO,
        Some(steps) => DELAY_MAX.min(Duration::from_secs(1) * 2_u32.saturating_pow(steps.min(16))),
    }
}

/// Whoever failed least goes first, so that the many cannot make the one forgotten who tries hardest.
fn make_room(table: &mut HashMap<Guesser, Failures>, now: Instant) {
    table.retain(|_, failures| failures.is_remembered(now));
    let mut least = 1;
    while table.len() > GUESSERS_MAX / 2 {
        table.retain(|_, failures| failures.count > least);
        least *= 2;
    }
}

const FREE: u32 = 3;
const DELAY_MAX: Duration = Duration::from_secs(60);
const REMEMBERED: Duration = Duration::from_secs(600);
const GUESSERS_MAX: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    fn wait_s(throttle: &Throttle, guesser: Guesser, now: Instant) -> u64 {
        throttle.wait(guesser, now).map_or(0, |wait| wait.as_secs())
    }

    #[test]
    fn the_delay_doubles_from_the_fourth_failure_to_a_minute() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        let guesser = throttle.guesser("anna", "192.0.2.7:1000");
        let waits: Vec<u64> = (0..12)
            .map(|_| {
                throttle.on_failed(guesser, now);
                wait_s(&throttle, guesser, now)
            })
            .collect();
        assert_eq!(waits, [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(throttle.wait(guesser, now + Duration::from_secs(60)), None);
        throttle.on_right(guesser);
        assert_eq!(throttle.wait(guesser, now), None);
    }

    #[test]
    fn a_delay_is_for_one_user_in_one_network() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        for (peer, near, far) in [
            ("192.0.2.7:1", "192.0.2.250:9", "192.0.3.7:1"),
            ("[2001:db8:0:1::1]:1", "[2001:db8:0:1:ffff::]:9", "[2001:db8:0:2::1]:1"),
            ("[::ffff:198.51.100.1]:1", "198.51.100.99:9", "198.51.101.1:1"),
            ("a pipe", "a pipe", "another pipe"),
        ] {
            for _ in 0..6 {
                throttle.on_failed(throttle.guesser("anna", peer), now);
            }
            assert_eq!(wait_s(&throttle, throttle.guesser("anna", near), now), 4, "{near}");
            assert_eq!(wait_s(&throttle, throttle.guesser("anna", far), now), 0, "{far}");
            assert_eq!(wait_s(&throttle, throttle.guesser("otto", near), now), 0, "{near}");
        }
    }

    #[test]
    fn failures_of_long_ago_are_forgotten() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        let guesser = throttle.guesser("anna", "192.0.2.7:1000");
        (0..20).for_each(|_| throttle.on_failed(guesser, now));
        throttle.on_failed(guesser, now + REMEMBERED);
        assert_eq!(throttle.wait(guesser, now + REMEMBERED), None);
    }

    #[test]
    fn a_crowd_of_guessers_neither_grows_the_table_nor_frees_the_one_who_tried_hardest() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        let hard = throttle.guesser("anna", "192.0.2.7:1000");
        (0..12).for_each(|_| throttle.on_failed(hard, now));
        for number in 0..3 * GUESSERS_MAX {
            throttle.on_failed(throttle.guesser(&number.to_string(), "192.0.2.7:1000"), now);
        }
        assert!(throttle.failures.lock().expect("nobody panicked").len() <= GUESSERS_MAX);
        assert_eq!(wait_s(&throttle, hard, now), 60);
    }
}

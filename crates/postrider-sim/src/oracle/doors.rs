//! Who may come in and how much may pass: bans and rates, in their naivest form.
//!
//! Owns: strikes, bans, and when connections and messages were let through.

use super::Place;
use postrider_engine::{BanRule, Limits, Rate};
use postrider_proto::ReasonCode;
use std::collections::{BTreeMap, VecDeque};

#[derive(Clone, Debug)]
pub(super) struct Doors {
    rule: Option<BanRule>,
    /// Take-overs of each client, in milliseconds.
    strikes: BTreeMap<String, Vec<u64>>,
    /// From when until when each client was banned.
    bans: BTreeMap<String, Vec<(u64, u64)>>,
    connects: Vec<Rate>,
    /// By partition.
    connected: BTreeMap<usize, VecDeque<u64>>,
    /// What one connection may publish, and all of a partition.
    messages: [Option<Rate>; 2],
    published: BTreeMap<(usize, Option<usize>), VecDeque<u64>>,
}

/// So many of the last are looked at.
const REMEMBERED: usize = 64;

impl Doors {
    pub(super) fn new(limits: &Limits) -> Self {
        let listener = limits.listeners.first().and_then(|own| own.rates?.connects);
        Self {
            rule: limits.ban,
            strikes: BTreeMap::new(),
            bans: BTreeMap::new(),
            connects: listener.into_iter().chain(limits.broker_rates.connects).collect(),
            connected: BTreeMap::new(),
            messages: [limits.client_rates.messages, limits.broker_rates.messages],
            published: BTreeMap::new(),
        }
    }

    /// A client was let in.
    pub(super) fn connect(&mut self, partition: usize, client_id: &str, now_ms: u64) -> Result<(), String> {
        if self.bans.get(client_id).into_iter().flatten().any(|(from, until)| (*from..*until).contains(&now_ms)) {
            return Err(format!("{client_id} is banned and was let in"));
        }
        let connected = self.connected.entry(partition).or_default();
        note(connected, now_ms);
        if self.connects.iter().any(|rate| is_over(connected, *rate)) {
            return Err(format!("{client_id} was let in beyond the rate of connections"));
        }
        Ok(())
    }

    /// A client's connection was taken over.
    pub(super) fn strike(&mut self, client_id: &str, now_ms: u64) {
        let Some(rule) = self.rule else { return };
        let strikes = self.strikes.entry(client_id.to_owned()).or_default();
        // The time begins anew with the first strike after it is over.
        if strikes.first().is_some_and(|first| now_ms >= first + u64::from(rule.within_s) * 1000) {
            strikes.clear();
        }
        strikes.push(now_ms);
        if strikes.len() >= rule.strikes as usize {
            strikes.clear();
            let until = now_ms + u64::from(rule.for_s) * 1000;
            self.bans.entry(client_id.to_owned()).or_default().push((now_ms, until));
        }
    }

    /// A client heard that it may not come in; the answer was given between when it dialled and now.
    pub(super) fn check_refused(&self, client_id: &str, reason: ReasonCode, since_ms: u64) -> Result<(), String> {
        let is_right = match reason {
            ReasonCode::ConnectionRateExceeded | ReasonCode::ServerUnavailable => !self.connects.is_empty(),
            ReasonCode::Banned | ReasonCode::NotAuthorized => {
                self.bans.get(client_id).into_iter().flatten().any(|(_, until)| *until > since_ms)
            }
            _ => false,
        };
        if is_right { Ok(()) } else { Err(format!("{client_id} was refused: {reason}")) }
    }

    /// A PUBLISH was let through.
    pub(super) fn publish(&mut self, place: Place, now_ms: u64) -> Result<(), String> {
        for (key, rate) in [(place.0, Some(place.1)), (place.0, None)].into_iter().zip(self.messages) {
            let Some(rate) = rate else { continue };
            let passed = self.published.entry(key).or_default();
            note(passed, now_ms);
            if is_over(passed, rate) {
                return Err(format!("{place:?} published beyond {rate:?}"));
            }
        }
        Ok(())
    }
}

fn note(times: &mut VecDeque<u64>, now_ms: u64) {
    times.push_back(now_ms);
    if times.len() > REMEMBERED {
        times.pop_front();
    }
}

/// Whether more has passed in any time up to now than a rate allows.
fn is_over(times: &VecDeque<u64>, rate: Rate) -> bool {
    let Some(now) = times.back() else { return false };
    let at_once = u64::from(rate.burst.max(rate.per_s.div_ceil(4)).max(1));
    (1..).zip(times.iter().rev()).any(|(count, from)| count > at_once + u64::from(rate.per_s) * (now - from) / 1000 + 1)
}

//! Connections, sessions and wills: when each begins and ends.

use super::groups::Origin;
use super::{Due, Oracle, Place, Seen, WillTerms};

/// How late a timer may be.
const GRACE_MS: u64 = 300;

impl Oracle {
    pub(super) fn connect(&mut self, place: Place) -> Result<(), String> {
        let now = self.now_ms;
        let Some(terms) = self.terms.get(&place).cloned() else { return Err("an unknown CONNECT".into()) };
        let id = &terms.client_id;
        if self.has_lost {
            match self.sessions.get(id).map(|session| session.expiry_s) {
                // A CONNECT that met a stored session is on record. This one met none: what ended it was taken back.
                Some(1..) => {
                    self.present.insert(place, false);
                    return Ok(());
                }
                // How the one before ended may have been taken back, and nobody asks any more.
                Some(0) => {
                    self.sessions.remove(id);
                    self.groups.end(id, now);
                    self.due.remove(id);
                }
                None => {}
            }
        } else {
            // Strikes and bans are in memory; some may have been taken back.
            self.doors.connect(place.0, id, now)?;
        }
        // A take-over parts the old connection first.
        if let Some((home, at)) = self.sessions.get(id).and_then(|session| Some((session.home, session.online?))) {
            self.doors.strike(id, now);
            self.part((home, at));
        }
        if let Some(old) = self.sessions.get(id) {
            if old.ends_ms.is_some_and(|ends| old.expiry_s > 0 && ends + old.ends_late_ms + GRACE_MS < now) {
                return Err(format!("the session of {id} should have ended"));
            }
            let is_over = terms.is_clean || old.expiry_s == 0;
            if is_over {
                self.sessions.remove(id);
                self.groups.end(id, now);
            }
            for due in self.due.get_mut(id).into_iter().flatten().filter(|_| is_over) {
                (due.at_ms, due.late_ms) = (due.at_ms.min(now), due.late_ms.min(now));
            }
            if !is_over && let Some(list) = self.due.get_mut(id) {
                // The client is back in time; what is due by now may have gone out or not.
                list.retain(|due| due.late_ms <= now && due.terms.delay_s == 0);
            }
        }
        let is_found = self.sessions.contains_key(id);
        let session = self.sessions.entry(id.clone()).or_default();
        session.home = place.0;
        session.online = Some(place.1);
        self.present.insert(place, is_found);
        session.is_v5 = terms.version.is_v5();
        session.expiry_s = terms.expiry_s;
        (session.ends_ms, session.ends_late_ms) = (None, 0);
        session.will = terms.will;
        self.groups.connect(&terms.client_id);
        Ok(())
    }

    /// Whether a CONNACK tells the truth about the session. I9
    pub(super) fn check_present(&self, place: Place, is_present: bool) -> Result<(), String> {
        match self.present.get(&place) {
            Some(expected) if *expected == is_present => Ok(()),
            expected => Err(format!("session present for {place:?} is {is_present}, but should be {expected:?}")),
        }
    }

    pub(super) fn part(&mut self, place: Place) {
        let now = self.now_ms;
        self.parted = Some(place);
        let Some(session) = self.session_at(place) else { return };
        session.online = None;
        session.ends_ms = (session.expiry_s != u32::MAX).then(|| now + u64::from(session.expiry_s) * 1000);
        let expiry_s = session.expiry_s;
        let will = session.will.take();
        if let Some(terms) = self.terms.get(&place) {
            self.groups.part(&terms.client_id);
        }
        let Some(terms) = will else { return };
        let at_ms = now + u64::from(terms.delay_s.min(expiry_s)) * 1000;
        if let Some(terms_of) = self.terms.get(&place) {
            self.due.entry(terms_of.client_id.clone()).or_default().push(Due { terms, at_ms, late_ms: at_ms });
        }
    }

    pub(super) fn ended(&mut self, client_id: &str) -> Result<(), String> {
        let now = self.now_ms;
        // A clean start has replaced it already; otherwise its time must have come.
        let Some(session) = self.sessions.get(client_id).filter(|session| session.online.is_none()) else {
            return Ok(());
        };
        if self.has_lost && session.expiry_s > 0 {
            // It was another one, in memory.
            return Ok(());
        }
        if session.ends_ms.is_none_or(|ends| ends > now) {
            return Err(format!("the session of {client_id} ended before its time"));
        }
        self.sessions.remove(client_id);
        self.groups.end(client_id, now);
        for due in self.due.get_mut(client_id).into_iter().flatten() {
            due.at_ms = due.at_ms.min(now);
        }
        Ok(())
    }

    /// Something was taken back, and a will came after that. One of a stored session would be on record; this is of a
    /// clean one, whose CONNECT may be among what was taken back.
    fn lost_will(&self, client_id: &str) -> Option<WillTerms> {
        let terms =
            self.terms.get(&self.parted?).filter(|terms| terms.client_id == client_id && terms.expiry_s == 0)?;
        terms.will.clone().filter(|will| !self.wills.contains(&will.payload))
    }

    fn due_will(&mut self, client_id: &str) -> Result<WillTerms, String> {
        let now = self.now_ms;
        let list = self.due.entry(client_id.to_owned()).or_default();
        let at = list.iter().position(|due| due.at_ms <= now);
        let at = at.ok_or_else(|| format!("a will of {client_id} was published that was not due"))?;
        Ok(list.remove(at).terms)
    }

    /// I10: a will is published when it is due, and once.
    pub(super) fn will(&mut self, partition: usize, client_id: &str) -> Result<(), String> {
        let terms = match self.has_lost {
            false => self.due_will(client_id)?,
            true => match self.lost_will(client_id) {
                Some(terms) => terms,
                None => return Ok(()),
            },
        };
        if !self.wills.insert(terms.payload.clone()) {
            return Err(format!("a will of {client_id} was published twice"));
        }
        self.authors.insert(terms.payload.clone(), client_id.to_owned());
        self.forward(partition, &terms.payload);
        let seen = Seen::published(&terms.topic, &terms.payload, terms.qos, terms.retain, None);
        self.publish(partition, None, &seen, None, Origin::Will);
        Ok(())
    }
}

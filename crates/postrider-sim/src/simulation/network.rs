//! Bytes on their way, and connections that break.
//!
//! Owns: delays, losses and what clients hear.

use super::Simulation;
use crate::client::Heard;
use postrider_ports::Cause;
use postrider_proto::{ReasonCode, Version};
use postrider_testkit::LinkEnd;

impl Simulation {
    /// Some bytes of a client reach the broker.
    pub(super) fn carry_up(&mut self, number: usize) {
        let client = &mut self.clients[number];
        let Some(connection) = &mut client.connection else { return };
        if connection.up.is_empty() {
            return;
        }
        let count = if self.random.once_in(3) { 1 + self.random.below(20) } else { usize::MAX };
        let count = count.min(connection.up.len());
        let bytes: Vec<u8> = connection.up.drain(..count).collect();
        let at = connection.at;
        self.oracle.expect_publish((client.partition, at), connection.said.drain(..).collect());
        self.drivers[client.partition].receive(self.now, at, &bytes);
    }

    /// Some bytes of the broker reach a client.
    pub(super) fn carry_down(&mut self, number: usize) {
        // What the engine has taken by now is what the client may see.
        if let Err(error) = self.settle() {
            return self.fail(error);
        }
        self.see_some(number);
        self.see_end(number);
    }

    /// The same for a client whose broker may be gone.
    pub(super) fn see_some(&mut self, number: usize) {
        let client = &mut self.clients[number];
        let Some(connection) = &mut client.connection else { return };
        if !connection.is_paused {
            let max = if self.random.once_in(3) { 1 + self.random.below(200) } else { 1 << 20 };
            let bytes = self.drivers[client.partition].take_output(self.now, connection.at, max);
            connection.down.extend(bytes);
        }
        let count = if self.random.once_in(3) { self.random.below(30) } else { connection.down.len() };
        let bytes: Vec<u8> = connection.down.drain(..count.min(connection.down.len())).collect();
        // Taking bytes made room for more, which may be among them.
        if let Err(error) = self.settle() {
            return self.fail(error);
        }
        let client = &mut self.clients[number];
        match client.receive(&bytes, &mut self.random) {
            Ok(heard) => self.hear(number, heard),
            Err(error) => self.fail(error),
        }
    }

    pub(super) fn hear(&mut self, number: usize, heard: Vec<Heard>) {
        for one in heard {
            self.say(|| format!("c{number} hears {one:?}"));
            let id = self.clients[number].id.clone();
            let client = &self.clients[number];
            let place = client.connection.as_ref().map(|connection| (client.partition, connection.at));
            let has_flag = self.clients[number].version != Version::V3_1;
            let result = match one {
                Heard::Accepted { is_present } if has_flag => self.check_accepted(place, is_present),
                Heard::Refused(reason) => self.turn_away(number, reason),
                Heard::Disconnected(ReasonCode::SessionTakenOver, _) => Ok(()),
                Heard::Disconnected(reason, place) => self.check_farewell(number, reason, place.as_deref()),
                Heard::Message(seen) => {
                    self.report.delivered += 1;
                    self.digest(&seen.payload);
                    self.oracle.received(&id, &seen)
                }
                Heard::Accepted { .. } => Ok(()),
                Heard::Other(answer) => {
                    self.report.acked += u64::from(matches!(answer.0, "PUBACK" | "PUBCOMP"));
                    place.map_or(Ok(()), |place| self.oracle.check_answer(place, answer))
                }
            };
            if let Err(error) = result {
                self.fail(error);
            }
        }
    }

    fn check_accepted(&mut self, place: Option<(usize, usize)>, is_present: bool) -> Result<(), String> {
        let Some(place) = place else { return Ok(()) };
        self.report.resumed += u64::from(is_present && self.report.crashes > 0);
        self.oracle.check_answer(place, ("CONNACK", None))?;
        self.oracle.check_present(place, is_present)
    }

    /// A client was refused: if it had a right to come in, this is wrong; otherwise it comes again later.
    fn turn_away(&mut self, number: usize, reason: ReasonCode) -> Result<(), String> {
        let client = &mut self.clients[number];
        client.not_before = self.now.mono.plus_ms(500);
        let Some(connection) = &client.connection else { return Ok(()) };
        self.oracle.check_refused((client.partition, connection.at), reason)
    }

    /// Only a broker that stops says good-bye of its own accord, and if it knows where to go it says that.
    fn check_farewell(&self, number: usize, reason: ReasonCode, place: Option<&str>) -> Result<(), String> {
        let known = self.drivers[0].engine.limits().server_reference.as_deref();
        let client = &self.clients[number];
        let end = client.connection.as_ref().map(|one| self.drivers[client.partition].end_of(one.at));
        if reason == ReasonCode::QuotaExceeded && end == Some(LinkEnd::Closed(Cause::Memory)) {
            return Ok(());
        }
        if self.has_stopped && reason == farewell(known) && place == known {
            return Ok(());
        }
        Err(format!("c{number} was told {reason} and {place:?}"))
    }

    /// A client notices that the broker has closed.
    pub(super) fn see_end(&mut self, number: usize) {
        let client = &self.clients[number];
        let Some(connection) = &client.connection else { return };
        let driver = &self.drivers[client.partition];
        if matches!(driver.end_of(connection.at), LinkEnd::Closed(_))
            && driver.output_len(connection.at) == 0
            && connection.down.is_empty()
        {
            self.say(|| format!("c{number} sees the connection closed"));
            let is_told = connection.farewell == Some(farewell(driver.engine.limits().server_reference.as_deref()));
            let has_to = client.version.is_v5() && driver.end_of(connection.at) == LinkEnd::Closed(Cause::Shutdown);
            if has_to && !is_told && connection.is_accepted {
                self.fail(format!("c{number} was not told that the broker stops"));
            }
            self.clients[number].connection = None;
            self.clients[number].cuts += 1;
        }
    }

    /// A connection breaks; what is on the way is lost.
    pub(super) fn cut(&mut self, number: usize) {
        if self.clients[number].connection.is_some() {
            self.say(|| format!("c{number} is cut off"));
            self.report.cuts += 1;
            self.drop_connection(number);
        }
    }

    pub(super) fn drop_connection(&mut self, number: usize) {
        let client = &mut self.clients[number];
        if let Some(connection) = client.connection.take() {
            client.cuts += 1;
            self.drivers[client.partition].close(self.now, connection.at);
        }
    }

    /// The client gives a connection up without the broker hearing of it.
    pub(super) fn leave_behind(&mut self, number: usize) {
        let client = &mut self.clients[number];
        if let Some(connection) = client.connection.take() {
            self.left.push((client.partition, connection.at));
            client.cuts += 1;
        }
    }

    pub(super) fn pause(&mut self, number: usize) {
        if let Some(connection) = &mut self.clients[number].connection {
            connection.is_paused = !connection.is_paused;
        }
    }
}

/// What clients of 5.0 hear from a broker that stops.
const fn farewell(place: Option<&str>) -> ReasonCode {
    match place {
        Some(_) => ReasonCode::UseAnotherServer,
        None => ReasonCode::ServerShuttingDown,
    }
}

//! The end of a run: no more faults, everything drains, and then nothing may be missing.

use super::Simulation;
use postrider_ports::{Answer, DropReason, Question, SessionInfo, Ticket};
use postrider_proto::Version;
use std::collections::BTreeMap;

impl Simulation {
    /// No more faults: everybody comes back, reads, and everything drains. I15
    pub(super) fn come_to_rest(&mut self) -> Result<(), String> {
        self.relieve()?;
        self.calm_down()?;
        // What was left behind is heard of at last.
        for (partition, at) in std::mem::take(&mut self.left) {
            self.drivers[partition].close(self.now, at);
        }
        for number in 0..self.clients.len() {
            if let Some(connection) = &mut self.clients[number].connection {
                connection.is_paused = false;
            }
        }
        for round in 0..5_000 {
            self.report.steps += 1;
            for number in 0..self.clients.len() {
                let client = &self.clients[number];
                if client.connection.is_none() && client.expiry_s > 0 && client.not_before <= self.now.mono {
                    self.dial(number);
                }
                self.carry_up(number);
                self.carry_down(number);
            }
            self.work();
            self.settle()?;
            self.commit()?;
            self.read_back()?;
            self.calm_down()?;
            if self.is_at_rest() {
                self.advance(400_000);
                self.settle()?;
                return self.commit();
            }
            if round % 10 == 9 {
                self.advance(100);
            }
        }
        Err(format!("it does not come to rest: {}", self.unrest()))
    }

    pub(super) fn is_at_rest(&self) -> bool {
        self.unrest().is_empty()
    }

    pub(super) fn unrest(&self) -> String {
        for client in &self.clients {
            let Some(connection) = &client.connection else {
                if client.expiry_s > 0 {
                    return format!("{} is not connected", client.id);
                }
                continue;
            };
            let driver = &self.drivers[client.partition];
            let waiting = driver.output_len(connection.at) + driver.gated_len(connection.at);
            if !connection.up.is_empty() || !connection.down.is_empty() || waiting > 0 {
                return format!("bytes of {} are on their way", client.id);
            }
            let is_taken = self.oracle.has_taken_all((client.partition, connection.at));
            if self.drivers[client.partition].input_len(connection.at) > 0 || !is_taken {
                return format!("what {} has sent is not taken", client.id);
            }
            if !connection.is_accepted {
                return format!("{} waits for CONNACK", client.id);
            }
            if client.unfinished() > 0 {
                return format!("{} has {} unacknowledged", client.id, client.unfinished());
            }
        }
        if self.drivers.iter().any(|driver| driver.engine.has_work())
            || self.wires.values().any(|wire| !wire.is_empty())
        {
            return "there is work".to_owned();
        }
        if self.drivers.iter().any(|driver| driver.shelf.as_ref().is_some_and(|shelf| !shelf.asked.is_empty())) {
            return "records are to be read back".to_owned();
        }
        String::new()
    }

    pub(super) fn check_end(&mut self) -> Result<(), String> {
        let mut infos: BTreeMap<(usize, String), Option<SessionInfo>> = BTreeMap::new();
        for client in &self.clients {
            let driver = &mut self.drivers[client.partition];
            driver.ask(self.now, Ticket(1), Question::Session(client.id.as_str().into()));
            let Some((_, Answer::Session(info))) = driver.answers.pop() else { return Err("no answer".into()) };
            let mut info = info.map(|info| *info);
            if let (Some(info), Some(before)) = (&mut info, self.dropped.get(&client.id)) {
                DropReason::ALL.iter().for_each(|reason| info.drops.add(*reason, before.of(*reason)));
            }
            if let Some(info) = info.as_ref().filter(|info| info.is_connected && info.queued + info.in_flight > 0) {
                return Err(format!("{} waiting and {} in flight for {}", info.queued, info.in_flight, client.id));
            }
            infos.insert((client.partition, client.id.clone()), info);
        }
        let mut drops = self.dropped_in_all;
        for (driver, reason) in self.drivers.iter().flat_map(|driver| DropReason::ALL.map(|reason| (driver, reason))) {
            drops.add(reason, driver.engine.counters().drops.of(reason));
        }
        let cuts: BTreeMap<String, u32> = self.clients.iter().map(|client| (client.id.clone(), client.cuts)).collect();
        self.oracle.check_end(
            |home, id| infos.get(&(home, id.to_owned())).cloned().flatten(),
            |id| cuts.get(id).is_some_and(|cuts| *cuts > 0),
            &drops,
        )?;
        self.check_retained()
    }

    /// A newcomer sees exactly what is retained. I7
    pub(super) fn check_retained(&mut self) -> Result<(), String> {
        for partition in 0..self.drivers.len() {
            let driver = &mut self.drivers[partition];
            let at = driver.open(self.now);
            driver.receive(self.now, at, &postrider_testkit::Hello::new("auditor").bytes());
            let packet = postrider_testkit::subscribe(1, "#", 0).and("$x/#", 0);
            driver.receive(self.now, at, &packet.bytes(Version::V5));
            driver.commit(self.now);
            let mut bytes = Vec::new();
            loop {
                let more = driver.take_output(self.now, at, 1 << 20);
                let has_work = driver.engine.has_work();
                if more.is_empty() && !has_work {
                    break;
                }
                bytes.extend(more);
                driver.work(self.now);
                driver.commit(self.now);
            }
            let mut found = BTreeMap::new();
            let mut rest = &bytes[..];
            while let Ok(Some(frame)) = postrider_proto::split(rest, usize::MAX) {
                if let Ok(postrider_proto::Packet::Publish(publish)) =
                    postrider_proto::Packet::decode(frame, Version::V5)
                {
                    found.insert(publish.topic.as_str().to_owned(), publish.payload.to_vec());
                }
                rest = &rest[frame.len..];
            }
            self.oracle.check_retained(partition, &found)?;
        }
        Ok(())
    }
}

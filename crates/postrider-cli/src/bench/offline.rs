//! Messages for clients that are away: what one costs to queue, to keep and to bring when they return.
//!
//! Owns: the two parts, which may be two runs with the same name, so that the broker can be started anew in between.

use super::feed::{Item, publish_all, receive_all};
use super::link::{Lifetime, Link};
use super::options::{Bench, Offline};
use super::process::{self, Usage};
use super::report::{Report, Value};
use super::stamp::{BYTES, Stamp};
use super::tally::Tally;
use postrider_client::Qos;
use postrider_net::dial::Route;
use std::time::Instant;

struct Run<'a> {
    args: &'a Bench,
    shape: &'a Offline,
    route: &'a Route,
    name: String,
}

pub(crate) fn run(args: &Bench, shape: &Offline, route: &Route) -> anyhow::Result<Report> {
    let run = Run { args, shape, route, name: shape.part.run_name() };
    let mut report = Report::default();
    if shape.part.fills() {
        run.fill(&mut report)?;
    }
    if shape.part.drains() {
        run.drain(&mut report)?;
    }
    Ok(report)
}

#[expect(clippy::cast_precision_loss, reason = "counts of messages fit")]
impl Run<'_> {
    fn messages(&self) -> u64 {
        u64::from(self.shape.each) * u64::from(self.shape.clients)
    }

    fn client(&self, number: u32) -> String {
        format!("bench-{}-o{number}", self.name)
    }

    fn topic(&self, number: u64) -> String {
        format!("bench/{}/o/{number}", self.name)
    }

    fn open(&self, client_id: &str, lifetime: Lifetime) -> anyhow::Result<(Link, u16)> {
        Link::open(self.route, self.args.target.version(), client_id, lifetime)
    }

    fn usage(&self) -> anyhow::Result<Option<Usage>> {
        self.args.target.pid.map(process::usage).transpose()
    }

    fn fill(&self, report: &mut Report) -> anyhow::Result<()> {
        let (clients, all) = (u64::from(self.shape.clients), self.messages());
        for number in 0..self.shape.clients {
            let (mut link, _) = self.open(&self.client(number), Lifetime::Durable)?;
            link.subscribe(&self.topic(u64::from(number)), Qos::AtLeastOnce)?;
        }
        let mut payload = vec![b'.'; (self.shape.size as usize).max(BYTES)];
        let (mut writer, maximum) = self.open(&format!("bench-{}-w", self.name), Lifetime::Connection)?;
        let (before, start) = (self.usage()?, Instant::now());
        publish_all(&mut writer, maximum, all, |number, put| {
            let stamp = Stamp { due_ns: 0, publisher: 0, number: u32::try_from(number / clients).unwrap_or(u32::MAX) };
            stamp.write(&mut payload);
            put(Item { topic: &self.topic(number % clients), payload: &payload, retain: false });
        })?;
        let (after, each) = (self.usage()?, all.max(1) as f64);
        report.add("queued_per_s", Value::Number(each / start.elapsed().as_secs_f64()));
        if let (Some(before), Some(after)) = (before, after) {
            report.add("cpu_ns_per_queued", Value::Number(before.cpu_ns_until(after) / each));
            let grown = after.resident_bytes.saturating_sub(before.resident_bytes) as f64;
            report.add("bytes_per_queued", Value::Number(grown / each));
        }
        Ok(())
    }

    fn drain(&self, report: &mut Report) -> anyhow::Result<()> {
        let before = self.usage()?;
        let mut links = Vec::new();
        for number in 0..self.shape.clients {
            links.push(self.open(&self.client(number), Lifetime::Durable)?.0);
        }
        let mut tally = Tally::new(links.len(), 1)?;
        let took = receive_all(&mut links, self.messages(), |client, payload| {
            Stamp::read(payload).is_some_and(|stamp| tally.receive(client, stamp, 0))
        })?;
        let after = self.usage()?;
        drop(links);
        for number in 0..self.shape.clients {
            // Ends the session.
            self.open(&self.client(number), Lifetime::Connection)?;
        }
        report.add("drained_per_s", Value::Number(tally.unique as f64 / took.as_secs_f64().max(1e-6)));
        if let (Some(before), Some(after)) = (before, after) {
            let each = self.messages().max(1) as f64;
            report.add("cpu_ns_per_drained", Value::Number(before.cpu_ns_until(after) / each));
        }
        report.must_be_zero("lost", self.messages().saturating_sub(tally.unique));
        report.must_be_zero("duplicates", tally.duplicates);
        report.must_be_zero("out_of_order", tally.reordered);
        Ok(())
    }
}

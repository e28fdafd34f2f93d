//! Retained messages: what one costs to store, to keep and to bring to a new subscriber.
//!
//! Owns: the two parts, which may be two runs with the same name, so that the broker can be started anew in between.

use super::feed::{Item, publish_all, receive_all};
use super::link::{Lifetime, Link, write_subscribe};
use super::options::{Bench, Retained};
use super::process::{self, Usage};
use super::report::{Report, Value};
use super::stamp::Stamp;
use super::tally::Tally;
use anyhow::Context;
use postrider_client::Qos;
use postrider_net::dial::Route;
use std::time::Instant;

struct Run<'a> {
    args: &'a Bench,
    count: u64,
    payload: Vec<u8>,
    route: &'a Route,
    name: String,
}

pub(crate) fn run(args: &Bench, shape: &Retained, route: &Route) -> anyhow::Result<Report> {
    let (count, payload) = (u64::from(shape.count), vec![b'.'; shape.size as usize]);
    let mut run = Run { args, count, payload, route, name: shape.part.run_name() };
    let mut report = Report::default();
    if shape.part.fills() {
        run.fill(&mut report)?;
    }
    if shape.part.drains() {
        run.replay(&mut report)?;
        run.clear().context("clearing what was retained")?;
    }
    Ok(report)
}

#[expect(clippy::cast_precision_loss, reason = "counts of messages fit")]
impl Run<'_> {
    fn open(&self, role: char) -> anyhow::Result<(Link, u16)> {
        let client_id = format!("bench-{}-{role}", self.name);
        Link::open(self.route, self.args.target.version(), &client_id, Lifetime::Connection)
    }

    fn usage(&self) -> anyhow::Result<Option<Usage>> {
        self.args.target.pid.map(process::usage).transpose()
    }

    fn fill(&mut self, report: &mut Report) -> anyhow::Result<()> {
        let (mut writer, maximum) = self.open('w')?;
        let (before, start) = (self.usage()?, Instant::now());
        let (name, payload) = (&self.name, &mut self.payload);
        publish_all(&mut writer, maximum, self.count, |number, put| {
            Stamp { due_ns: 0, publisher: 0, number: u32::try_from(number).unwrap_or(u32::MAX) }.write(payload);
            put(Item { topic: &topic(name, number), payload, retain: true });
        })?;
        let (after, each) = (self.usage()?, self.count.max(1) as f64);
        report.add("stored_per_s", Value::Number(each / start.elapsed().as_secs_f64()));
        if let (Some(before), Some(after)) = (before, after) {
            report.add("cpu_ns_per_store", Value::Number(before.cpu_ns_until(after) / each));
            let grown = after.resident_bytes.saturating_sub(before.resident_bytes) as f64;
            report.add("bytes_per_retained", Value::Number(grown / each));
        }
        Ok(())
    }

    fn replay(&self, report: &mut Report) -> anyhow::Result<()> {
        let before = self.usage()?;
        let (mut reader, _) = self.open('r')?;
        write_subscribe(reader.version(), &format!("bench/{}/r/#", self.name), Qos::AtMostOnce, &mut reader.output);
        // They may come in any order.
        let mut tally = Tally::new(1, 1)?;
        let took = receive_all(&mut [reader], self.count, |_, payload| {
            Stamp::read(payload).is_some_and(|stamp| tally.receive(0, stamp, 0))
        })?;
        let after = self.usage()?;
        report.add("replayed_per_s", Value::Number(tally.unique as f64 / took.as_secs_f64().max(1e-6)));
        if let (Some(before), Some(after)) = (before, after) {
            let each = self.count.max(1) as f64;
            report.add("cpu_ns_per_replay", Value::Number(before.cpu_ns_until(after) / each));
        }
        report.must_be_zero("lost", self.count.saturating_sub(tally.unique));
        report.must_be_zero("duplicates", tally.duplicates);
        Ok(())
    }

    fn clear(&self) -> anyhow::Result<()> {
        let (mut cleaner, maximum) = self.open('c')?;
        publish_all(&mut cleaner, maximum, self.count, |number, put| {
            put(Item { topic: &topic(&self.name, number), payload: &[], retain: true });
        })
    }
}

fn topic(name: &str, number: u64) -> String {
    format!("bench/{name}/r/{number}")
}

//! Retained messages: what one costs to store, to keep and to bring to a new subscriber.

use super::feed::{Item, publish_all, receive_all};
use super::link::{Lifetime, Link, write_subscribe};
use super::options::{Bench, Retained};
use super::process;
use super::report::{Report, Value};
use super::stamp::Stamp;
use super::tally::Tally;
use anyhow::Context;
use postrider_client::Qos;
use std::net::SocketAddr;
use std::time::Instant;

#[expect(clippy::cast_precision_loss, reason = "counts of messages fit")]
pub(crate) fn run(args: &Bench, shape: &Retained, address: SocketAddr) -> anyhow::Result<Report> {
    let reading = || args.target.pid.map(process::usage).transpose();
    let (run, version) = (std::process::id(), args.target.version());
    let count = u64::from(shape.count);
    let mut payload = vec![b'.'; shape.size as usize];
    let topic = |number: u64| format!("bench/{run}/r/{number}");
    let (mut writer, maximum) = Link::open(address, version, &format!("bench-{run}-w"), Lifetime::Connection)?;
    let (before, start) = (reading()?, Instant::now());
    publish_all(&mut writer, maximum, count, |number, put| {
        Stamp { due_ns: 0, publisher: 0, number: u32::try_from(number).unwrap_or(u32::MAX) }.write(&mut payload);
        put(Item { topic: &topic(number), payload: &payload, retain: true });
    })?;
    let (stored, storing) = (reading()?, start.elapsed().as_secs_f64());
    let (mut reader, _) = Link::open(address, version, &format!("bench-{run}-r"), Lifetime::Connection)?;
    write_subscribe(version, &format!("bench/{run}/r/#"), Qos::AtMostOnce, &mut reader.output);
    // They may come in any order.
    let mut tally = Tally::new(1, 1)?;
    let mut readers = [reader];
    let replaying = receive_all(&mut readers, count, |_, payload| {
        Stamp::read(payload).is_some_and(|stamp| tally.receive(0, stamp, 0))
    })?;
    let replayed = reading()?;
    drop(readers);
    let (mut cleaner, maximum) = Link::open(address, version, &format!("bench-{run}-c"), Lifetime::Connection)?;
    publish_all(&mut cleaner, maximum, count, |number, put| {
        put(Item { topic: &topic(number), payload: &[], retain: true });
    })
    .context("clearing what was retained")?;
    let mut report = Report::default();
    let each = count.max(1) as f64;
    report.add("stored_per_s", Value::Number(each / storing));
    report.add("replayed_per_s", Value::Number(tally.unique as f64 / replaying.as_secs_f64().max(1e-6)));
    if let (Some(before), Some(stored), Some(replayed)) = (before, stored, replayed) {
        let cpu = |from: process::Usage, to: process::Usage| to.cpu.saturating_sub(from.cpu).as_secs_f64() * 1e9;
        report.add("cpu_ns_per_store", Value::Number(cpu(before, stored) / each));
        report.add("cpu_ns_per_replay", Value::Number(cpu(stored, replayed) / each));
        let grown = stored.resident_bytes.saturating_sub(before.resident_bytes) as f64;
        report.add("bytes_per_retained", Value::Number(grown / each));
    }
    report.must_be_zero("lost", count.saturating_sub(tally.unique));
    report.must_be_zero("duplicates", tally.duplicates);
    Ok(report)
}

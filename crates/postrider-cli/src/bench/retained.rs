//! Retained messages: what one costs to store, to keep and to bring to a new subscriber.

use super::feed::{Item, publish_all, receive_all};
use super::link::{Lifetime, Link, write_subscribe};
use super::options::{Bench, Retained};
use super::process;
use super::report::{Report, Value};
use anyhow::Context;
use postrider_client::Qos;
use std::net::SocketAddr;
use std::time::Instant;

#[expect(clippy::cast_precision_loss, reason = "counts of messages fit")]
pub(crate) fn run(args: &Bench, shape: &Retained, address: SocketAddr) -> anyhow::Result<Report> {
    let reading = || args.target.pid.map(process::usage).transpose();
    let (run, version) = (std::process::id(), args.target.version());
    let count = u64::from(shape.count);
    let payload = vec![b'.'; shape.size as usize];
    let topic = |number: u64| format!("bench/{run}/r/{number}");
    let (mut writer, maximum) = Link::open(address, version, &format!("bench-{run}-w"), Lifetime::Connection)?;
    let (before, start) = (reading()?, Instant::now());
    publish_all(&mut writer, maximum, count, |number, put| {
        put(Item { topic: &topic(number), payload: &payload, retain: true });
    })?;
    let (stored, storing) = (reading()?, start.elapsed().as_secs_f64());
    let (mut reader, _) = Link::open(address, version, &format!("bench-{run}-r"), Lifetime::Connection)?;
    write_subscribe(version, &format!("bench/{run}/r/#"), Qos::AtMostOnce, &mut reader.output);
    let mut received = 0;
    let mut readers = [reader];
    let replaying = receive_all(&mut readers, count, |_, _| {
        received += 1;
        true
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
    report.add("replayed_per_s", Value::Number(received as f64 / replaying.as_secs_f64().max(1e-6)));
    if let (Some(before), Some(stored), Some(replayed)) = (before, stored, replayed) {
        let cpu = |from: process::Usage, to: process::Usage| to.cpu.saturating_sub(from.cpu).as_secs_f64() * 1e9;
        report.add("cpu_ns_per_store", Value::Number(cpu(before, stored) / each));
        report.add("cpu_ns_per_replay", Value::Number(cpu(stored, replayed) / each));
        let grown = stored.resident_bytes.saturating_sub(before.resident_bytes) as f64;
        report.add("bytes_per_retained", Value::Number(grown / each));
    }
    report.must_be_zero("lost", count.saturating_sub(received));
    report.must_be_zero("duplicates", received.saturating_sub(count));
    Ok(report)
}

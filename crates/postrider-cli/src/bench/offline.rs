//! Messages for clients that are away: what one costs to queue, to keep and to bring when they return.

use super::feed::{Item, publish_all, receive_all};
use super::link::{Lifetime, Link};
use super::options::{Bench, Offline};
use super::process;
use super::report::{Report, Value};
use super::stamp::{BYTES, Stamp};
use super::tally::Tally;
use postrider_client::Qos;
use std::net::SocketAddr;
use std::time::Instant;

#[expect(clippy::cast_precision_loss, reason = "counts of messages fit")]
pub(crate) fn run(args: &Bench, shape: &Offline, address: SocketAddr) -> anyhow::Result<Report> {
    let reading = || args.target.pid.map(process::usage).transpose();
    let (run, version) = (std::process::id(), args.target.version());
    let (each, clients) = (u64::from(shape.each), u64::from(shape.clients));
    let name = |number: u32| format!("bench-{run}-o{number}");
    let topic = |number: u64| format!("bench/{run}/o/{number}");
    for number in 0..shape.clients {
        let (mut link, _) = Link::open(address, version, &name(number), Lifetime::Durable)?;
        link.subscribe(&topic(u64::from(number)), Qos::AtLeastOnce)?;
    }
    let mut payload = vec![b'.'; (shape.size as usize).max(BYTES)];
    let (mut writer, maximum) = Link::open(address, version, &format!("bench-{run}-w"), Lifetime::Connection)?;
    let (before, start) = (reading()?, Instant::now());
    publish_all(&mut writer, maximum, each * clients, |number, put| {
        let stamp = Stamp { due_ns: 0, publisher: 0, number: u32::try_from(number / clients).unwrap_or(u32::MAX) };
        stamp.write(&mut payload);
        put(Item { topic: &topic(number % clients), payload: &payload, retain: false });
    })?;
    let (queued, queueing) = (reading()?, start.elapsed().as_secs_f64());
    let mut links = Vec::new();
    for number in 0..shape.clients {
        links.push(Link::open(address, version, &name(number), Lifetime::Durable)?.0);
    }
    let mut tally = Tally::new(links.len(), 1)?;
    let draining = receive_all(&mut links, each * clients, |client, payload| {
        Stamp::read(payload).is_some_and(|stamp| tally.receive(client, stamp, 0))
    })?;
    let drained = reading()?;
    drop(links);
    for number in 0..shape.clients {
        // Ends the session.
        Link::open(address, version, &name(number), Lifetime::Connection)?;
    }
    let mut report = Report::default();
    let all = (each * clients).max(1) as f64;
    report.add("queued_per_s", Value::Number(all / queueing));
    report.add("drained_per_s", Value::Number(tally.unique as f64 / draining.as_secs_f64().max(1e-6)));
    if let (Some(before), Some(queued), Some(drained)) = (before, queued, drained) {
        let cpu = |from: process::Usage, to: process::Usage| to.cpu.saturating_sub(from.cpu).as_secs_f64() * 1e9;
        report.add("cpu_ns_per_queued", Value::Number(cpu(before, queued) / all));
        report.add("cpu_ns_per_drained", Value::Number(cpu(queued, drained) / all));
        let grown = queued.resident_bytes.saturating_sub(before.resident_bytes) as f64;
        report.add("bytes_per_queued", Value::Number(grown / all));
    }
    report.must_be_zero("lost", (each * clients).saturating_sub(tally.unique));
    report.must_be_zero("duplicates", tally.duplicates);
    report.must_be_zero("out_of_order", tally.reordered);
    Ok(report)
}

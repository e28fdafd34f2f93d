//! Clients that subscribe and do not read, while others go on: those are the load of another process.
//!
//! Owns: the connections, the messages that fill them, and those that keep coming.

use super::link::{Lifetime, Link};
use super::options::{Bench, Stuck};
use super::process;
use super::report::{Report, Value};
use anyhow::{Context, bail};
use postrider_client::{Qos, Version};
use postrider_net::dial::Route;
use postrider_proto::{Packet, PacketId, Properties, Publish, Topic};
use std::time::{Duration, Instant};

/// What they wait for.
const TOPIC: &str = "bench/stuck";

#[expect(clippy::cast_precision_loss, reason = "counts of connections fit")]
pub(crate) fn run(args: &Bench, shape: &Stuck, route: &Route) -> anyhow::Result<Report> {
    let reading = || args.target.pid.map(process::usage).transpose();
    let (before, start, version) = (reading()?, Instant::now(), args.target.version());
    let topic = format!("{TOPIC}/{}", std::process::id());
    let mut links = Vec::new();
    for number in 0..shape.connections {
        let name = format!("bench-{}-w{number}", std::process::id());
        let (mut link, _) = Link::open(route, version, &name, Lifetime::Connection)?;
        link.subscribe(&topic, Qos::AtMostOnce)?;
        links.push(link);
    }
    let connected = start.elapsed();
    let mut writer = Writer::new(route, version, &topic, shape.size as usize)?;
    let fill = Instant::now();
    (0..shape.fill).try_for_each(|_| writer.publish().map(drop))?;
    let (filled, full) = (fill.elapsed(), reading()?);
    // Whoever starts the others waits for this line.
    eprintln!("{} clients are stuck after {} ms", links.len(), start.elapsed().as_millis());
    let held = writer.go_on(shape.rate, Duration::from_secs(args.seconds))?;
    let after = reading()?;
    let count = links.len().max(1) as f64;
    let mut report = Report::default();
    report.add("connections", Value::Count(links.len() as u64));
    report.add("connections_per_s", Value::Number(count / connected.as_secs_f64()));
    report.add("fill_ms", Value::Number(filled.as_secs_f64() * 1e3));
    report.add("longest_acknowledgement_ms", Value::Fraction(held.as_secs_f64() * 1e3));
    if let (Some(before), Some(full), Some(after)) = (before, full, after) {
        let grown = after.resident_bytes.saturating_sub(before.resident_bytes) as f64;
        report.add("bytes_per_connection", Value::Number(grown / count));
        report.add("resident_kb", Value::Count(after.resident_bytes / 1024));
        let cpu = after.cpu.saturating_sub(full.cpu).as_secs_f64();
        report.add("cpu_cores", Value::Fraction(cpu / args.seconds.max(1) as f64));
    }
    Ok(report)
}

/// Who publishes to them, and hears from the broker that it did.
struct Writer {
    link: Link,
    packet: Vec<u8>,
}

impl Writer {
    fn new(route: &Route, version: Version, topic: &str, size: usize) -> anyhow::Result<Self> {
        let name = format!("bench-{}-writer", std::process::id());
        let (link, _) = Link::open(route, version, &name, Lifetime::Connection)?;
        let payload = vec![b'.'; size];
        let publish = Publish {
            dup: false,
            qos: Qos::AtLeastOnce,
            retain: false,
            topic: Topic::trusted(topic.as_bytes()),
            packet_id: Some(PacketId::FIRST),
            properties: Properties::NONE,
            payload: &payload,
        };
        let mut packet = Vec::new();
        publish.encode(version, &mut packet);
        Ok(Self { link, packet })
    }

    /// One message, acknowledged; how long that took.
    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else comes is a fault of the broker")]
    fn publish(&mut self) -> anyhow::Result<Duration> {
        let sent = Instant::now();
        self.link.output.extend_from_slice(&self.packet);
        self.link
            .ask(|packet| match packet {
                Packet::Ack(_) => Ok(()),
                packet => bail!("the broker answered with {packet:?}"),
            })
            .context("publishing to them")?;
        Ok(sent.elapsed())
    }

    /// So many a second for so long; the longest that one took.
    fn go_on(&mut self, rate: u32, time: Duration) -> anyhow::Result<Duration> {
        let (start, mut longest) = (Instant::now(), Duration::ZERO);
        for number in 0u32.. {
            let due = start + Duration::from_secs(number.into()) / rate.max(1);
            if due >= start + time || rate == 0 {
                break;
            }
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            longest = longest.max(self.publish()?);
        }
        std::thread::sleep((start + time).saturating_duration_since(Instant::now()));
        Ok(longest)
    }
}

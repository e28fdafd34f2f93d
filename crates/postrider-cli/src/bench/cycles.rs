//! Connect, subscribe, publish to oneself, receive, disconnect; again and again. Or connect and disconnect.

use super::link::{Lifetime, Link, write_subscribe};
use super::options::{Bench, Connect};
use super::poll::Poll;
use super::process;
use super::report::{Report, Value};
use super::stamp::ns_since;
use super::tally::Latencies;
use anyhow::bail;
use postrider_client::{Qos, ReasonCode, Version};
use postrider_net::dial::Route;
use postrider_proto::{Disconnect, Packet, Properties, Publish, Topic};
use std::time::{Duration, Instant};

/// One client at a time.
struct Slot {
    link: Link,
    topic: String,
    started: Instant,
    is_done: bool,
}

struct Run<'a> {
    route: &'a Route,
    goal: Goal,
    version: Version,
    poll: Poll,
    slots: Vec<Slot>,
    cycles: u64,
    latencies: Latencies,
    buffer: Vec<u8>,
}

/// What a client has come for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// To be let in.
    Connack,
    /// A message of its own.
    Message,
}

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn run(args: &Bench, shape: &Connect, goal: Goal, route: &Route) -> anyhow::Result<Report> {
    let version = args.target.version();
    let (poll, latencies) = (Poll::new()?, Latencies::new()?);
    let mut run = Run { route, goal, version, poll, slots: Vec::new(), cycles: 0, latencies, buffer: vec![0; 4096] };
    for number in 0..shape.parallel {
        let slot = run.begin(number as usize)?;
        run.slots.push(slot);
    }
    run.until(Instant::now() + Duration::from_secs(args.warm))?;
    let broker = args.target.pid.map(process::usage).transpose()?;
    let (start, cycles) = (Instant::now(), run.cycles);
    run.latencies.begin();
    run.until(start + Duration::from_secs(args.seconds))?;
    let after = args.target.pid.map(process::usage).transpose()?;
    Ok(run.report(run.cycles - cycles, start.elapsed(), broker.zip(after)))
}

impl Run<'_> {
    fn begin(&self, number: usize) -> anyhow::Result<Slot> {
        let name = format!("bench-{}-c{number}", std::process::id());
        let link = Link::dial(self.route, self.version, &name, Lifetime::Connection)?;
        link.join(&self.poll, number)?;
        Ok(Slot { link, topic: format!("bench/{name}"), started: Instant::now(), is_done: false })
    }

    fn until(&mut self, end: Instant) -> anyhow::Result<()> {
        let (mut ready, mut last) = (Vec::new(), Instant::now());
        while Instant::now() < end {
            for (number, slot) in self.slots.iter_mut().enumerate() {
                slot.link.flush(&self.poll, number)?;
            }
            self.poll.wait(end.saturating_duration_since(Instant::now()), &mut ready)?;
            if !ready.is_empty() {
                last = Instant::now();
            } else if last.elapsed() > PATIENCE {
                bail!("the broker does not answer");
            }
            for number in ready.iter().copied() {
                self.go_on(number)?;
            }
        }
        Ok(())
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else comes is a fault of the broker")]
    fn go_on(&mut self, number: usize) -> anyhow::Result<()> {
        let (version, goal) = (self.version, self.goal);
        let Some(Slot { link, topic, started, is_done }) = self.slots.get_mut(number) else { return Ok(()) };
        link.read(&mut self.buffer, |packet, out| {
            match packet {
                Packet::Connack(connack) if connack.reason == ReasonCode::Success && goal == Goal::Connack => {
                    Disconnect::new(ReasonCode::Success).encode(version, out);
                    *is_done = true;
                }
                Packet::Connack(connack) if connack.reason == ReasonCode::Success => {
                    write_subscribe(version, topic, Qos::AtMostOnce, out);
                }
                Packet::Suback(_) => write_own(version, topic, out),
                Packet::Publish(_) => {
                    Disconnect::new(ReasonCode::Success).encode(version, out);
                    *is_done = true;
                }
                packet => bail!("the broker sent {packet:?}"),
            }
            Ok(())
        })?;
        if *is_done {
            link.flush(&self.poll, number)?;
            link.close();
            self.latencies.record(ns_since(*started));
            self.cycles += 1;
            self.slots[number] = self.begin(number)?;
        }
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of a few seconds fit")]
    fn report(&self, cycles: u64, elapsed: Duration, usage: Option<(process::Usage, process::Usage)>) -> Report {
        let cycles = cycles.max(1) as f64;
        let mut report = Report::default();
        let (rate, cpu_each) = match self.goal {
            Goal::Connack => ("handshakes_per_s", "cpu_ns_per_handshake"),
            Goal::Message => ("cycles_per_s", "cpu_ns_per_cycle"),
        };
        report.add(rate, Value::Number(cycles / elapsed.as_secs_f64()));
        if let Some((before, after)) = usage {
            let cpu = after.cpu.saturating_sub(before.cpu).as_secs_f64();
            report.add(cpu_each, Value::Number(cpu * 1e9 / cycles));
            report.add("resident_kb", Value::Count(after.resident_bytes / 1024));
        }
        report.latency(self.latencies.read());
        report
    }
}

fn write_own(version: Version, topic: &str, out: &mut Vec<u8>) {
    let publish = Publish {
        dup: false,
        qos: Qos::AtMostOnce,
        retain: false,
        topic: Topic::trusted(topic.as_bytes()),
        packet_id: None,
        properties: Properties::NONE,
        payload: b"hello",
    };
    publish.encode(version, out);
}

//! Messages from publishers to subscribers: as many as a window lets through, or at a rate.

use super::crew::Crew;
use super::device::Device;
use super::options::{Bench, Messages};
use super::poll::Poll;
use super::process::{self, Usage};
use super::report::{Report, Value};
use super::stamp::{Stamp, ns_since};
use super::tally::{Latencies, Tally};
use anyhow::bail;
use postrider_client::{Qos, ReasonCode};
use postrider_net::dial::Route;
use postrider_proto::{Ack, AckKind, Packet, Publish};
use std::time::{Duration, Instant};

struct Run<'a> {
    args: &'a Bench,
    shape: &'a Messages,
    poll: Poll,
    crew: Crew,
    tally: Tally,
    /// How long the broker took to acknowledge.
    acknowledged: Latencies,
    start: Instant,
    /// Messages published so far, for the rate.
    published: u64,
    last_arrival: Instant,
    is_over: bool,
    /// The next message is due but the broker has to answer first.
    is_held_up: bool,
    buffer: Vec<u8>,
}

/// Everything at one moment.
#[derive(Clone, Copy)]
struct Reading {
    at: Instant,
    unique: u64,
    acknowledged: u64,
    broker: Option<Usage>,
    own: Usage,
}

/// What happened between readings, all turns together.
#[derive(Default)]
struct Span {
    time: Duration,
    unique: u64,
    acknowledged: u64,
    broker_cpu: Option<Duration>,
    own_cpu: Duration,
    resident_bytes: u64,
}

const READ_BYTES: usize = 256 * 1024;
/// When nothing comes for this long, what is under way is given up.
const STALLED: Duration = Duration::from_secs(2);
/// Bytes that may wait to be written by one publisher.
const UNWRITTEN_MAX: usize = 1 << 20;
const IDLE: Duration = Duration::from_millis(100);
/// Turns of load and device in a second of each.
const TURNS_PER_S: u64 = 2;

pub(crate) fn run(args: &Bench, shape: &Messages, route: &Route) -> anyhow::Result<Report> {
    let poll = Poll::new()?;
    let crew = Crew::assemble(shape, route, args.target.version(), &poll)?;
    // Who of a group gets a message is the broker's choice, so they are counted together.
    let counted = if shape.is_shared { 1 } else { shape.subscribers as usize };
    let tally = Tally::new(counted, shape.publishers as usize)?;
    let (start, buffer) = (Instant::now(), vec![0; READ_BYTES]);
    let mut run = Run {
        args,
        shape,
        poll,
        crew,
        tally,
        acknowledged: Latencies::new()?,
        start,
        published: 0,
        last_arrival: start,
        is_over: false,
        is_held_up: false,
        buffer,
    };
    run.until(start + Duration::from_secs(args.warm))?;
    let mut device = shape.device.as_ref().map(|path| Device::new(path, shape)).transpose()?;
    run.tally.latencies.begin();
    run.acknowledged.begin();
    let mut measured = Span::default();
    let turns = if device.is_some() { TURNS_PER_S * args.seconds.max(1) } else { 1 };
    for _ in 0..turns {
        let before = run.reading()?;
        run.until(before.at + Duration::from_secs(args.seconds) / u32::try_from(turns).unwrap_or(u32::MAX))?;
        measured.add(&before, &run.reading()?);
        if let Some(device) = &mut device {
            run.drain()?;
            device.take_turn(Duration::from_secs(1) / u32::try_from(TURNS_PER_S).unwrap_or(1))?;
            run.go_on();
        }
    }
    let latency = run.tally.latencies.read();
    run.drain()?;
    let mut report = run.report(&measured);
    report.latency(latency);
    if let Some(device) = &mut device {
        device.report(measured.per_s(measured.acknowledged), &mut report);
    }
    run.crew.disperse(shape, route, args.target.version())?;
    Ok(report)
}

impl Span {
    fn add(&mut self, before: &Reading, after: &Reading) {
        self.time += after.at - before.at;
        self.unique += after.unique - before.unique;
        self.acknowledged += after.acknowledged - before.acknowledged;
        self.own_cpu += after.own.cpu.saturating_sub(before.own.cpu);
        if let (Some(before), Some(after)) = (before.broker, after.broker) {
            *self.broker_cpu.get_or_insert_default() += after.cpu.saturating_sub(before.cpu);
            self.resident_bytes = after.resident_bytes;
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of a few seconds fit")]
    fn per_s(&self, count: u64) -> f64 {
        count.max(1) as f64 / self.time.as_secs_f64()
    }
}

impl Run<'_> {
    fn until(&mut self, end: Instant) -> anyhow::Result<()> {
        let mut shown = Instant::now();
        while Instant::now() < end {
            self.turn(end)?;
            if !self.args.json && shown.elapsed() >= Duration::from_secs(1) {
                shown = Instant::now();
                super::report::progress(self.start.elapsed(), self.tally.unique);
            }
        }
        Ok(())
    }

    /// Waits for what is under way, as long as something comes.
    fn drain(&mut self) -> anyhow::Result<()> {
        self.is_over = true;
        let is_owed = |run: &Self| {
            let mut publishers = run.crew.publishers.iter();
            run.sent_copies() > run.tally.unique || publishers.any(|publisher| publisher.unacknowledged() > 0)
        };
        while is_owed(self) && self.last_arrival.elapsed() < STALLED {
            self.turn(Instant::now() + IDLE)?;
        }
        Ok(())
    }

    /// After a pause.
    fn go_on(&mut self) {
        (self.is_over, self.last_arrival) = (false, Instant::now());
    }

    fn turn(&mut self, end: Instant) -> anyhow::Result<()> {
        if !self.is_over {
            self.publish();
        }
        for (number, link) in self.crew.links.iter_mut().enumerate() {
            if link.has_output() {
                link.flush(&self.poll, number)?;
            }
        }
        let mut ready = Vec::new();
        let until = end.saturating_duration_since(Instant::now()).min(IDLE).min(self.next_due());
        self.poll.wait(until, &mut ready)?;
        for number in ready {
            self.read(number)?;
        }
        if !self.is_over && self.last_arrival.elapsed() > STALLED {
            // What was lost does not come any more; the load goes on without it.
            self.crew.publishers.iter_mut().for_each(|publisher| publisher.under_way = 0);
            self.last_arrival = Instant::now();
        }
        Ok(())
    }

    fn publish(&mut self) {
        match self.shape.rate {
            Some(rate) => self.publish_what_is_due(rate),
            None => self.publish_what_the_window_lets_through(),
        }
    }

    fn publish_what_the_window_lets_through(&mut self) {
        let (copies, burst) = (self.crew.copies, self.shape.burst.min(self.shape.window));
        let window = u64::from(self.shape.window) * copies;
        let burst = if self.shape.qos == Qos::AtMostOnce { burst } else { burst.min(self.crew.acknowledgements) };
        let now_ns = ns_since(self.start);
        let links = self.crew.links.iter_mut();
        for ((publisher, link), number) in self.crew.publishers.iter_mut().zip(links).zip(0..) {
            while publisher.under_way + u64::from(burst) * copies <= window
                && (self.shape.qos == Qos::AtMostOnce
                    || publisher.unacknowledged() + burst <= self.crew.acknowledgements)
            {
                (0..burst).for_each(|_| publisher.write(number, now_ns, copies, &mut link.output));
                self.published += u64::from(burst);
            }
        }
    }

    fn publish_what_is_due(&mut self, rate: u64) {
        self.is_held_up = false;
        let now_ns = ns_since(self.start);
        loop {
            let due_ns = self.due_ns(rate);
            if due_ns > now_ns {
                return;
            }
            let number = u32::try_from(self.published % self.crew.publishers.len() as u64).unwrap_or_default();
            let at = number as usize;
            let (publisher, link) = (&mut self.crew.publishers[at], &mut self.crew.links[at]);
            if publisher.unacknowledged() >= self.crew.acknowledgements || link.output.len() > UNWRITTEN_MAX {
                // The latency counts from when it was due.
                self.is_held_up = true;
                return;
            }
            publisher.write(number, due_ns, self.crew.copies, &mut link.output);
            self.published += 1;
        }
    }

    fn due_ns(&self, rate: u64) -> u64 {
        u64::try_from(u128::from(self.published) * 1_000_000_000 / u128::from(rate)).unwrap_or(u64::MAX)
    }

    fn next_due(&self) -> Duration {
        let wait = |rate| Duration::from_nanos(self.due_ns(rate).saturating_sub(ns_since(self.start)));
        self.shape.rate.filter(|_| !self.is_over && !self.is_held_up).map_or(IDLE, wait)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else comes is a fault of the broker")]
    fn read(&mut self, number: usize) -> anyhow::Result<()> {
        let subscriber = self.crew.subscriber(number).map(|at| if self.shape.is_shared { 0 } else { at });
        let Crew { links, publishers, .. } = &mut self.crew;
        let Some(link) = links.get_mut(number) else { return Ok(()) };
        let version = link.version();
        let (tally, acknowledged, start) = (&mut self.tally, &mut self.acknowledged, self.start);
        let mut now_ns = 0;
        let before = tally.unique;
        link.read(&mut self.buffer, |packet, out| {
            match packet {
                Packet::Publish(publish) => {
                    if now_ns == 0 {
                        now_ns = ns_since(start);
                    }
                    if let Some(stamp) = Stamp::read(publish.payload)
                        && tally.receive(subscriber.unwrap_or(usize::MAX), stamp, now_ns)
                        && let Some(publisher) = publishers.get_mut(stamp.publisher as usize)
                    {
                        publisher.under_way = publisher.under_way.saturating_sub(1);
                    }
                    acknowledge(publish, version, out);
                }
                Packet::Ack(ack) => {
                    let is_last = matches!(ack.kind, AckKind::Puback | AckKind::Pubcomp) || ack.reason.is_error();
                    let publisher = publishers.get_mut(number).filter(|_| is_last);
                    if let Some(due_ns) = publisher.and_then(|publisher| publisher.on_acknowledged(ack.packet_id)) {
                        now_ns = if now_ns == 0 { ns_since(start) } else { now_ns };
                        acknowledged.record(now_ns.saturating_sub(due_ns));
                    }
                    let answer = match ack.kind {
                        AckKind::Pubrec if !ack.reason.is_error() => AckKind::Pubrel,
                        AckKind::Pubrel => AckKind::Pubcomp,
                        AckKind::Puback | AckKind::Pubrec | AckKind::Pubcomp => return Ok(()),
                    };
                    Ack::new(answer, ack.packet_id, ReasonCode::Success).encode(version, out);
                }
                Packet::Disconnect(disconnect) => bail!("the broker disconnected: {}", disconnect.reason.text()),
                packet => bail!("the broker sent a {} that nobody asked for", packet.name()),
            }
            Ok(())
        })?;
        if tally.unique > before {
            self.last_arrival = Instant::now();
        }
        Ok(())
    }

    fn sent_copies(&self) -> u64 {
        self.published * self.crew.copies
    }

    fn reading(&self) -> anyhow::Result<Reading> {
        let broker = self.args.target.pid.map(process::usage).transpose()?;
        let (unique, acknowledged) = (self.tally.unique, self.acknowledged.count());
        Ok(Reading { at: Instant::now(), unique, acknowledged, broker, own: process::usage(std::process::id())? })
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of a few seconds fit")]
    fn report(&self, measured: &Span) -> Report {
        let messages = measured.unique.max(1) as f64;
        let mut report = Report::default();
        report.add("messages_per_s", Value::Number(measured.per_s(measured.unique)));
        if let Some(cpu) = measured.broker_cpu {
            report.add("cpu_ns_per_message", Value::Number(cpu.as_secs_f64() * 1e9 / messages));
            report.add("cpu_cores", Value::Fraction(cpu.as_secs_f64() / measured.time.as_secs_f64()));
            report.add("resident_kb", Value::Count(measured.resident_bytes / 1024));
        }
        report.add("load_cpu_ns_per_message", Value::Number(measured.own_cpu.as_secs_f64() * 1e9 / messages));
        if self.shape.qos != Qos::AtMostOnce {
            let latency = self.acknowledged.read();
            report.add("acknowledged_per_s", Value::Number(measured.per_s(measured.acknowledged)));
            report.add("acknowledged_p50_us", Value::Number(latency.p50_us));
            report.add("acknowledged_p99_us", Value::Number(latency.p99_us));
        }
        if self.tally.unique == 0 {
            report.must_be_zero("runs_without_a_message", 1);
        }
        report.must_be_zero("lost", self.sent_copies().saturating_sub(self.tally.unique));
        report.must_be_zero("duplicates", self.tally.duplicates);
        if !self.shape.is_shared {
            report.must_be_zero("out_of_order", self.tally.reordered);
        }
        report
    }
}

fn acknowledge(publish: &Publish<'_>, version: postrider_client::Version, out: &mut Vec<u8>) {
    let kind = if publish.qos == Qos::ExactlyOnce { AckKind::Pubrec } else { AckKind::Puback };
    if let Some(packet_id) = publish.packet_id {
        Ack::new(kind, packet_id, ReasonCode::Success).encode(version, out);
    }
}

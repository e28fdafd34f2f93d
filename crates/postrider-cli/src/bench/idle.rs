//! Connections that do nothing: what each costs in memory.

use super::link::{Lifetime, Link};
use super::options::{Bench, Idle};
use super::process;
use super::report::{Report, Value};
use postrider_client::Qos;
use postrider_net::dial::Route;
use std::time::{Duration, Instant};

#[expect(clippy::cast_precision_loss, reason = "counts of connections fit")]
pub(crate) fn run(args: &Bench, shape: &Idle, route: &Route) -> anyhow::Result<Report> {
    let reading = || args.target.pid.map(process::usage).transpose();
    let (before, start) = (reading()?, Instant::now());
    let mut links = Vec::new();
    for number in 0..shape.connections {
        let name = format!("bench-{}-i{number}", std::process::id());
        let (mut link, _) = Link::open(route, args.target.version(), &name, Lifetime::Connection)?;
        link.subscribe(&format!("bench/idle/{number}"), Qos::AtMostOnce)?;
        links.push(link);
    }
    let (connected, opened) = (reading()?, start.elapsed());
    std::thread::sleep(Duration::from_secs(args.seconds));
    let after = reading()?;
    let count = links.len().max(1) as f64;
    let mut report = Report::default();
    report.add("connections", Value::Count(links.len() as u64));
    report.add("connections_per_s", Value::Number(count / opened.as_secs_f64()));
    if let (Some(before), Some(connected), Some(after)) = (before, connected, after) {
        let cpu = connected.cpu.saturating_sub(before.cpu).as_secs_f64();
        report.add("cpu_ns_per_connection", Value::Number(cpu * 1e9 / count));
        report.add("resident_kb_before", Value::Count(before.resident_bytes / 1024));
        let grown = after.resident_bytes.saturating_sub(before.resident_bytes) as f64;
        report.add("bytes_per_connection", Value::Number(grown / count));
        let idle = after.cpu.saturating_sub(connected.cpu).as_secs_f64();
        report.add("idle_cpu_cores", Value::Fraction(idle / args.seconds.max(1) as f64));
    }
    Ok(report)
}

//! What the broker is like every few seconds, and at the rest of each cycle.
//!
//! Owns: the two series. Only moments of rest are compared with each other.

use super::peer::Crowd;
use super::world::World;
use crate::bench::process::{self, Usage};
use crate::bench::tally::Latency;
use anyhow::Context;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct Samples {
    /// Of the steady flow, in even steps.
    pub(crate) latencies: Vec<Latency>,
    /// The state of the mix is the same in all of them.
    pub(crate) rests: Vec<Rest>,
    pub(crate) cpu: Option<(Usage, Usage)>,
    /// Between rests, too.
    pub(crate) resident_max: u64,
    pub(crate) descriptors_max: u64,
    pub(crate) data_max: u64,
}

/// The broker at the end of a cycle.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rest {
    pub(crate) at_s: f64,
    pub(crate) resident_bytes: Option<u64>,
    pub(crate) descriptors: Option<u64>,
    pub(crate) data_bytes: Option<u64>,
    /// Messages that have come so far.
    pub(crate) received: u64,
}

pub(crate) fn begin(world: &Rc<World>, crowd: &mut Crowd) {
    world.latencies.borrow_mut().begin();
    crowd.add(watch(Rc::clone(world)));
}

async fn watch(world: Rc<World>) -> anyhow::Result<()> {
    let mut ticks = tokio::time::interval(world.sample);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let mut latencies = world.latencies.borrow_mut();
        let latency = (latencies.count() > 0).then(|| latencies.read());
        latencies.begin();
        drop(latencies);
        world.samples.borrow_mut().latencies.extend(latency);
        look(&world)?;
    }
}

/// Adds a moment of rest to the series, and tells it.
pub(crate) fn rest(world: &World) -> anyhow::Result<()> {
    let rest = look(world)?;
    let mut samples = world.samples.borrow_mut();
    samples.rests.push(rest);
    let mib = |bytes: Option<u64>| bytes.map_or_else(String::new, |bytes| format!(", {:.2} MiB", in_mib(bytes)));
    let count = |count: Option<u64>| count.map_or_else(String::new, |count| format!(", {count} descriptors"));
    let p99 = samples.latencies.last().map_or(0.0, |latency| latency.p99_us);
    let line = format!(
        "cycle {}, {:.0} s: {} messages{}{}, p99 {p99:.0} µs\n",
        samples.rests.len(),
        rest.at_s,
        rest.received,
        mib(rest.resident_bytes),
        count(rest.descriptors),
    );
    // Nobody reads: the run goes on.
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
    Ok(())
}

fn look(world: &World) -> anyhow::Result<Rest> {
    let usage = world.pid.map(process::usage).transpose()?;
    let exactly = |(pid, usage): (u32, Usage)| process::resident_exactly(pid).unwrap_or(usage.resident_bytes);
    let resident_bytes = world.pid.zip(usage).map(exactly);
    let descriptors = world.pid.map(process::descriptors).transpose()?;
    let data_bytes = world.data.as_deref().map(size).transpose()?;
    let mut samples = world.samples.borrow_mut();
    if let Some(usage) = usage {
        samples.cpu = Some(samples.cpu.map_or((usage, usage), |(first, _)| (first, usage)));
    }
    samples.resident_max = samples.resident_max.max(resident_bytes.unwrap_or_default());
    samples.descriptors_max = samples.descriptors_max.max(descriptors.unwrap_or_default());
    samples.data_max = samples.data_max.max(data_bytes.unwrap_or_default());
    let received = world.ledger.borrow().received();
    Ok(Rest { at_s: world.start.elapsed().as_secs_f64(), resident_bytes, descriptors, data_bytes, received })
}

/// Bytes that the files below `directory` take of their device. Files may go while it looks.
fn size(directory: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory).with_context(|| format!("--data {}", directory.display()))? {
        let entry = entry?;
        let Ok(metadata) = entry.metadata() else { continue };
        bytes += if metadata.is_dir() { size(&entry.path()).unwrap_or_default() } else { metadata.blocks() * 512 };
    }
    Ok(bytes)
}

#[expect(clippy::cast_precision_loss, reason = "sizes of processes and files fit")]
pub(crate) fn in_mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

impl Samples {
    /// Processor time of the broker in parts of a core.
    pub(crate) fn cores(&self, elapsed: Duration) -> Option<f64> {
        let (first, last) = self.cpu?;
        Some(first.cpu_ns_until(last) / 1e9 / elapsed.as_secs_f64())
    }
}

//! The device that a broker writes to, by itself: what it makes durable when nothing but writing and syncing is done.
//!
//! Owns: one file at a time, made as long as a segment of the journal, written from its beginning to its end.
//! Never: runs beside the load; both take turns.

use super::options::Messages;
use super::report::{Report, Value};
use super::stamp::ns_since;
use super::tally::Latencies;
use anyhow::Context;
use postrider_journal::{Directory, DirectoryFile, Storage, StorageFile};
use std::path::Path;
use std::time::{Duration, Instant};

pub(crate) struct Device {
    directory: Directory,
    name: String,
    /// And where its bytes end.
    file: Option<(DirectoryFile, u64)>,
    group: u32,
    bytes: Vec<u8>,
    groups: u64,
    time: Duration,
    syncs: Latencies,
}

const FILE_BYTES: u64 = 64 << 20;
/// What a record of a log has beside the payload: kind, length, checksum, topic, who gets it.
const RECORD_BYTES: usize = 24;

impl Device {
    pub(crate) fn new(path: &Path, shape: &Messages) -> anyhow::Result<Self> {
        let directory = Directory::existing(path).with_context(|| path.display().to_string())?;
        let group = shape.group();
        let bytes = vec![0xA5; group as usize * (shape.size as usize + RECORD_BYTES)];
        let (name, syncs) = (format!("bench-{}", std::process::id()), Latencies::new()?);
        Ok(Self { directory, name, file: None, group, bytes, groups: 0, time: Duration::ZERO, syncs })
    }

    /// Writes and syncs one group after the other.
    pub(crate) fn take_turn(&mut self, time: Duration) -> anyhow::Result<()> {
        let start = Instant::now();
        while start.elapsed() < time {
            self.commit().context("writing to the device")?;
            self.groups += 1;
        }
        self.time += start.elapsed();
        Ok(())
    }

    fn commit(&mut self) -> std::io::Result<()> {
        let length = self.bytes.len() as u64;
        let (file, offset) = match self.file.take().filter(|(_, offset)| offset + length <= FILE_BYTES) {
            Some(open) => open,
            None => (self.next_file(length)?, 0),
        };
        file.write_all_at(offset, &[&self.bytes])?;
        let syncing = Instant::now();
        file.sync_data()?;
        self.syncs.record(ns_since(syncing));
        self.file = Some((file, offset + length));
        Ok(())
    }

    fn next_file(&self, length: u64) -> std::io::Result<DirectoryFile> {
        // There is none the first time.
        let _ = self.directory.remove(&self.name);
        let file = self.directory.create(&self.name)?;
        file.preallocate(FILE_BYTES.max(length))?;
        Ok(file)
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of a few seconds fit")]
    pub(crate) fn report(&self, acknowledged_per_s: f64, report: &mut Report) {
        let per_s = (self.groups * u64::from(self.group)) as f64 / self.time.as_secs_f64().max(1e-6);
        let syncs = self.syncs.read();
        report.add("device_group", Value::Count(self.group.into()));
        report.add("device_per_s", Value::Number(per_s));
        report.add("device_sync_p50_us", Value::Number(syncs.p50_us));
        report.add("device_sync_p99_us", Value::Number(syncs.p99_us));
        report.add("percent_of_device", Value::Number(100.0 * acknowledged_per_s / per_s.max(1e-6)));
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let _ = self.directory.remove(&self.name);
    }
}

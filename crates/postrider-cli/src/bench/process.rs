//! What the system says of the broker's process.

use anyhow::Context;
use std::time::Duration;

/// Processor time and memory of a process at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    pub(crate) resident_bytes: u64,
}

impl Usage {
    /// Nanoseconds of processor time until a later moment.
    pub(crate) fn cpu_ns_until(self, later: Self) -> f64 {
        later.cpu.saturating_sub(self.cpu).as_secs_f64() * 1e9
    }
}

/// A kernel tick as `/proc` counts it.
const TICK_MS: u64 = 10;

/// Reads `/proc/PID`.
pub(crate) fn usage(pid: u32) -> anyhow::Result<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("process {pid}"))?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).with_context(|| format!("process {pid}"))?;
    let ticks = ticks(&stat).with_context(|| format!("/proc/{pid}/stat reads {stat:?}"))?;
    let precise = schedstat(pid).filter(|cpu| cpu.abs_diff(Duration::from_millis(ticks * TICK_MS)) < SLACK);
    let cpu = precise.unwrap_or_else(|| Duration::from_millis(ticks * TICK_MS));
    Ok(Usage { cpu, resident_bytes: resident(&status).unwrap_or_default() })
}

/// Resident bytes to the page, where the kernel tells them; `status` may be some pages behind.
pub(crate) fn resident_exactly(pid: u32) -> Option<u64> {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    kilobytes(&rollup, "Rss:")
}

/// Files and sockets that a process has open.
pub(crate) fn descriptors(pid: u32) -> anyhow::Result<u64> {
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).with_context(|| format!("open files of process {pid}"))?;
    Ok(open.count() as u64)
}

/// The scheduler's nanoseconds are used as long as they agree with the ticks: not every kernel keeps them, and
/// those of threads that ended are missing.
const SLACK: Duration = Duration::from_millis(100);

fn schedstat(pid: u32) -> Option<Duration> {
    let mut total = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        total += text.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(total))
}

/// User and system ticks; the name in parentheses may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

fn resident(status: &str) -> Option<u64> {
    kilobytes(status, "VmRSS:")
}

/// In bytes.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

/// Runnable processes over the last minute, as the system sees it.
pub(crate) fn load_average() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_read_behind_a_name_with_parentheses() {
        assert_eq!(ticks("1 (a) b)) S 1 1 1 0 -1 4 0 0 0 0 12 30 0 0"), Some(42));
        assert_eq!(resident("Name:\tx\nVmRSS:\t  2048 kB\n"), Some(2 << 20));
    }

    #[test]
    fn this_process_uses_memory() {
        assert!(usage(std::process::id()).expect("it lives").resident_bytes > 0);
    }
}

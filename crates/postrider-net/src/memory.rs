//! How much memory the process has, and how much it may have.
//!
//! Owns: reading both from the system. Elsewhere than on Linux nothing is known.

use std::fs;
use std::path::{Path, PathBuf};

/// Bytes of memory that the process has now, as the system counts them.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// The least that the control groups of the process let it have; nothing if they do not say.
#[must_use]
pub fn group_limit() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let of = |line: &str| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        match controllers {
            "" => least(Path::new("/sys/fs/cgroup"), path, "memory.max"),
            "memory" => least(Path::new("/sys/fs/cgroup/memory"), path, "memory.limit_in_bytes"),
            _ => None,
        }
    };
    groups.lines().filter_map(of).min()
}

/// The least of a group and those above it.
fn least(root: &Path, path: &str, file: &str) -> Option<u64> {
    let own: PathBuf = root.join(path.trim_start_matches('/'));
    let above = own.ancestors().take_while(|place| place.starts_with(root));
    above.filter_map(|place| limit_in(&fs::read_to_string(place.join(file)).ok()?)).min()
}

/// `max`, or a number; one beyond every machine is none.
fn limit_in(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|bytes| *bytes < BEYOND)
}

/// What the first version of control groups says when there is no limit is a little less than 2^63.
const BEYOND: u64 = 1 << 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_limit_of_a_group_and_those_above_it_counts() {
        let root = std::env::temp_dir().join(format!("postrider-groups-{}", std::process::id()));
        let own = root.join("a/b");
        fs::create_dir_all(&own).unwrap();
        fs::write(own.join("memory.max"), "max\n").unwrap();
        fs::write(root.join("a/memory.max"), "1048576\n").unwrap();
        fs::write(root.join("memory.max"), "9223372036854771712\n").unwrap();
        assert_eq!(least(&root, "/a/b", "memory.max"), Some(1 << 20));
        assert_eq!(least(&root, "/", "memory.max"), None);
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn what_is_taken_is_seen() {
        let before = resident_bytes().expect("Linux");
        let block = vec![1u8; 32 << 20];
        let after = resident_bytes().expect("Linux");
        assert!(after >= before + (30 << 20), "{before} {after}");
        drop(std::hint::black_box(block));
    }
}

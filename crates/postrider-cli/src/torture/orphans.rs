//! Processes that a command line has left behind, in whatever group: they become our children, and are ended.
//!
//! Never: ends anything that was not started by this process.

use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, waitpid};

/// From now on orphans of our children become our children.
pub(super) fn adopt() {
    // Without it those that leave their group could not be found, and most brokers do not.
    let _ = set_child_subreaper(Some(getpid()));
}

/// Ends all our children, and theirs.
pub(super) fn end() {
    loop {
        let children = children();
        if children.is_empty() {
            return;
        }
        for child in children {
            if kill_process(child, Signal::KILL).is_err() {
                return;
            }
            let _ = waitpid(Some(child), WaitOptions::empty());
        }
    }
}

fn children() -> Vec<Pid> {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let numbers = lists.flat_map(|list| list.split_whitespace().map(str::parse).collect::<Vec<_>>());
    numbers.filter_map(|number| Pid::from_raw(number.ok()?)).collect()
}

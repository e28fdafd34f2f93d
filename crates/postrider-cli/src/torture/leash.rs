//! What holds the broker's processes: whatever ends this run ends them, too.
//!
//! Owns: signals that end the run, the number of the group of processes that runs now.

use super::orphans;
use super::recipe::Scratch;
use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, waitpid};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::signal::unix::{SignalKind, signal};

#[derive(Clone, Debug)]
pub(super) struct Leash(Arc<Mutex<Option<Pid>>>);

/// Ended by a signal, as shells say it.
const INTERRUPTED: i32 = 130;

impl Leash {
    /// From now on a signal ends the group, clears the directory and ends this process.
    pub(super) fn new(scratch: Weak<Scratch>) -> anyhow::Result<Self> {
        let leash = Self(Arc::default());
        let runtime = crate::runtime()?;
        let (mut interrupt, mut terminate, mut hangup) = {
            let _context = runtime.enter();
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?)
        };
        let held = leash.clone();
        std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hangup.recv() => {}
                }
            });
            held.end_all(&scratch)
        });
        Ok(leash)
    }

    /// Whoever starts a process or lets go of one holds this meanwhile.
    pub(super) fn hold(&self) -> MutexGuard<'_, Option<Pid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end_all(&self, scratch: &Weak<Scratch>) {
        // Held until the end: no process is started any more.
        let held = self.hold();
        if let Some(group) = *held {
            // There may be nobody left in it.
            let _ = kill_process_group(group, Signal::KILL);
            let _ = waitpid(Some(group), WaitOptions::empty());
            orphans::end();
        }
        if let Some(scratch) = scratch.upgrade() {
            scratch.clear();
        }
        std::process::exit(INTERRUPTED)
    }
}

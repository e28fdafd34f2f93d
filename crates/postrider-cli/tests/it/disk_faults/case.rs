//! One server on a disk that refuses one call.
//!
//! Owns: how the server takes it, and how it has to.

use super::load::Load;
use super::{Count, Findings, inspection, mount};
use crate::broker::{Broker, POSTRIDER, port_in};
use crate::program::{Finished, Lines, Program};
use postrider_faultfs::Mount;
use postrider_journal::{Call, Loss, Refusal, RefusedCall, SimulatedDisk};
use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

pub(super) struct Case {
    pub(super) disk: SimulatedDisk,
    pub(super) call: u64,
    pub(super) refusal: Refusal,
}

/// How a process ended, and when.
struct End {
    finished: Finished,
    at: Instant,
}

impl Case {
    pub(super) fn run(&self, path: &Path, findings: &mut Findings) {
        let mount = mount(path, &self.disk);
        mount.disk().refuse(self.call, self.refusal);
        let (server, lines) =
            Program::start_and_hear(Command::new(POSTRIDER).args(["-p", "0", "--data-dir"]).arg(path));
        let mut load = Load::default();
        match listening(&lines) {
            None => self.check_end(&mount, &server.finish(), &mut findings.not_started),
            Some(port) => {
                let end = live(server, port, &mount, &mut load);
                self.judge(&mount, &load, &end, findings);
            }
        }
        let refused = mount.disk().refused();
        if self.call % 4 == 1 {
            // On the same machine: bytes that no sync brought to the disk are still read.
            let broker = Broker::keeping(path, &[]);
            load.add_some(broker.port());
            broker.kill();
        }
        findings.faults += 1;
        findings.acknowledged += load.acknowledged();
        findings.refused += load.refused;
        mount.restart(Loss::Unsynced);
        let broker = Broker::keeping(path, &[]);
        let found = inspection::inspect(&broker, &load);
        findings.lost += found.lost;
        findings.sessions_lost += found.sessions_lost;
        findings.stale += found.stale;
        let is_wrong = found.lost + found.sessions_lost + found.stale > 0;
        assert!(!is_wrong, "call {}, {refused:?}: {found:?}", self.call);
    }

    fn judge(&self, mount: &Mount, load: &Load, end: &End, findings: &mut Findings) {
        let refused = mount.disk().refused().expect("the load goes on until then");
        let Some(at) = mount.refused_at() else { panic!("{refused:?} and nobody was told") };
        if end.finished.code.is_none() {
            // It served on until it was killed.
            assert!(!self.must_end(&refused), "call {}: {refused:?} and it goes on", self.call);
            findings.went_on += 1;
            return;
        }
        self.check_end(mount, &end.finished, &mut findings.ended);
        findings.exits.push(end.at.saturating_duration_since(at));
        findings.late += load.sent_after(at);
    }

    /// It says why it has ended, and what to do.
    fn check_end(&self, mount: &Mount, finished: &Finished, count: &mut Count) {
        let (errors, refused) = (&finished.errors, mount.disk().refused());
        assert!(self.refusal != Refusal::Short, "call {}, {refused:?} ended it: {errors}", self.call);
        assert_eq!(finished.code, Some(1), "call {}, {refused:?}: {errors}", self.call);
        assert_eq!(errors.lines().count(), 1, "call {}, {refused:?}: {errors}", self.call);
        let reason = if self.refusal == Refusal::Full { "No space left on device" } else { "Input/output error" };
        let path = mount.path().display().to_string();
        for part in [reason, &path, "see to the device", "start again"] {
            assert!(errors.contains(part), "call {}, {refused:?}: {part:?} is not in {errors:?}", self.call);
        }
        *count += 1;
    }

    /// What is refused of the records themselves is the end.
    fn must_end(&self, refused: &RefusedCall) -> bool {
        let is_of_records = matches!(refused.call, Call::Write | Call::Sync) && refused.file.ends_with(".segment");
        self.refusal != Refusal::Short && is_of_records
    }
}

/// The port, if the server comes to listening.
fn listening(lines: &Lines) -> Option<u16> {
    loop {
        let line = lines.next()?;
        if line.starts_with("listening on") {
            return port_in(&line);
        }
    }
}

/// Clients are at it until the refusal is over and some more is done, or the server has ended.
fn live(server: Program, port: u16, mount: &Mount, load: &mut Load) -> End {
    let id = server.id();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(move || {
            let finished = server.finish();
            End { finished, at: Instant::now() }
        });
        if load.run(port, mount).is_ok() {
            let process = Pid::from_raw(i32::try_from(id).expect("a process")).expect("a process");
            kill_process(process, Signal::KILL).expect("it runs");
        }
        waiting.join().unwrap_or_else(|reason| std::panic::resume_unwind(reason))
    })
}

//! The broker as a group of processes: started, let in, killed, started again.
//!
//! Owns: the processes, what they print, when a start counts as done: when a client is let in.
//! Never: is dropped with a process still there.

use super::leash::Leash;
use super::line::{Line, Trouble};
use super::options::Death;
use super::orphans;
use super::place::Place;
use super::recipe::Recipe;
use super::tail::Tail;
use anyhow::Context;
use postrider_client::ReasonCode;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, kill_process_group, pidfd_open, waitpgid};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

pub(super) struct Broker<'r> {
    recipe: &'r Recipe,
    death: Death,
    leash: Leash,
    running: Option<Running>,
    tail: Tail,
    /// How often it did not stop when it was asked to.
    pub(super) stubborn: u64,
}

struct Running {
    child: Child,
    group: Pid,
    /// Becomes readable when the first process of the group ends.
    end: OwnedFd,
    /// Hangs up when all that it has printed was read.
    read: Receiver<()>,
}

pub(super) enum StartError {
    /// The broker's fault, or its command line's.
    Broker(String),
    World(anyhow::Error),
}

/// How long between two looks for what nothing tells.
const LOOK: Duration = Duration::from_millis(2);
/// How long what was killed may take to be gone.
const GONE: Duration = Duration::from_secs(10);

impl<'r> Broker<'r> {
    pub(super) fn new(recipe: &'r Recipe, death: Death, leash: Leash) -> Self {
        orphans::adopt();
        Self { recipe, death, leash, running: None, tail: Tail::default(), stubborn: 0 }
    }

    /// Starts it and waits until it lets a client in; says how long that took.
    pub(super) fn start(&mut self, place: &Place) -> Result<Duration, StartError> {
        let started = Instant::now();
        self.spawn()?;
        while started.elapsed() < place.wait {
            if self.ends_within(LOOK) {
                return Err(StartError::Broker(why_ended(self.finish())));
            }
            match Line::enter(place, &place.hello("knock")) {
                Ok((line, _)) => {
                    line.leave();
                    return Ok(started.elapsed());
                }
                Err(Trouble::Broken(_) | Trouble::Refused(ReasonCode::ServerUnavailable | ReasonCode::ServerBusy)) => {}
                Err(trouble) => return Err(StartError::Broker(trouble.to_string())),
            }
        }
        self.stop();
        Err(StartError::Broker(format!("it let no client in at {} within {} s", place.address, place.wait.as_secs())))
    }

    fn spawn(&mut self) -> Result<(), StartError> {
        let mut command = self.recipe.command();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut held = self.leash.hold();
        let mut child = command
            .spawn()
            .map_err(|error| StartError::Broker(format!("{}: {error}", command.get_program().to_string_lossy())))?;
        let group = Pid::from_child(&child);
        *held = Some(group);
        drop(held);
        let (reading, read) = channel();
        if let Some(output) = child.stdout.take() {
            self.tail.follow(output, reading.clone());
        }
        if let Some(errors) = child.stderr.take() {
            self.tail.follow(errors, reading);
        }
        match pidfd_open(group, PidfdFlags::empty()).context("watching the broker's process") {
            Ok(end) => self.running = Some(Running { child, group, end, read }),
            Err(error) => {
                let _ = kill_process_group(group, Signal::KILL);
                return Err(StartError::World(error));
            }
        }
        Ok(())
    }

    /// Waits so long, and says whether it has ended before.
    pub(super) fn ends_within(&self, time: Duration) -> bool {
        let Some(running) = &self.running else { return true };
        let until = Instant::now() + time;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
            match poll(&mut [PollFd::new(&running.end, PollFlags::IN)], Some(&timeout)) {
                Ok(0) => return false,
                // A signal to ourselves that ends nothing.
                Err(rustix::io::Errno::INTR) => {}
                Ok(_) | Err(_) => return true,
            }
        }
    }

    /// Ends it as this run does; says when the signal was given.
    pub(super) fn end(&mut self, patience: Duration) -> Instant {
        let at = Instant::now();
        self.signal(self.death.signal());
        if self.death == Death::Term && !self.is_gone_within(patience) {
            self.stubborn += 1;
        }
        self.stop();
        at
    }

    /// Ends all that is left of it.
    pub(super) fn stop(&mut self) {
        self.signal(Signal::KILL);
        self.is_gone_within(GONE);
        self.finish();
    }

    /// What it printed last.
    pub(super) fn last_words(&self) -> Vec<String> {
        self.tail.lines()
    }

    fn signal(&self, signal: Signal) {
        if let Some(running) = &self.running {
            // There may be nobody left in the group.
            let _ = kill_process_group(running.group, signal);
        }
    }

    /// Whether every process of the group ends within this time.
    fn is_gone_within(&mut self, time: Duration) -> bool {
        let until = Instant::now() + time;
        if !self.ends_within(time) {
            return false;
        }
        let Some(running) = &mut self.running else { return true };
        let _ = running.child.wait();
        loop {
            match waitpgid(running.group, WaitOptions::NOHANG) {
                // Nobody is left.
                Err(_) => return true,
                Ok(Some(_)) => {}
                Ok(None) if Instant::now() > until => return false,
                // Several processes, none of which can say that it is the last.
                Ok(None) => std::thread::sleep(LOOK),
            }
        }
    }

    fn finish(&mut self) -> Option<ExitStatus> {
        let mut held = self.leash.hold();
        let mut running = self.running.take()?;
        let _ = kill_process_group(running.group, Signal::KILL);
        let status = running.child.wait().ok();
        orphans::end();
        let _ = running.read.recv_timeout(GONE);
        *held = None;
        status
    }
}

fn why_ended(status: Option<ExitStatus>) -> String {
    match status {
        Some(status) if status.success() => "it ended at once; it has to stay in the foreground".to_owned(),
        Some(status) => format!("it ended by itself, {status}"),
        None => "it ended by itself".to_owned(),
    }
}

impl Drop for Broker<'_> {
    fn drop(&mut self) {
        self.stop();
    }
}

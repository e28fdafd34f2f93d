//! The broker as a process on a free port.
//!
//! Owns: the process, what it prints, what it costs. Whoever lets go of it ends it, and it must end in peace.

use crate::patience::until;
use crate::program::{Lines, read_lines};
use rustix::process::{Pid, Signal, kill_process};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

pub(crate) const POSTRIDER: &str = env!("CARGO_BIN_EXE_postrider");

pub(crate) struct Broker {
    child: Child,
    port: u16,
    said: Lines,
    complaints: Lines,
    is_killed: bool,
}

/// What a process takes, in KiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) resident_kib: u64,
    pub(crate) virtual_kib: u64,
}

impl Memory {
    /// Of a process that runs.
    pub(crate) fn of(id: u32) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it runs");
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux");
            line.split_whitespace().find_map(|word| word.parse().ok()).expect("a number")
        };
        Self { resident_kib: kib("VmRSS:"), virtual_kib: kib("VmSize:") }
    }
}

impl Broker {
    /// A broker that prints what happens.
    pub(crate) fn start() -> Self {
        Self::with(&["-v"])
    }

    /// A broker with these arguments besides the port, and with everything in memory.
    pub(crate) fn with(args: &[&str]) -> Self {
        Self::keeping(Path::new("memory"), args)
    }

    /// The same with a data directory.
    pub(crate) fn keeping(directory: &Path, args: &[&str]) -> Self {
        Self::at(0, directory, args)
    }

    /// The same on a certain port.
    pub(crate) fn at(port: u16, directory: &Path, args: &[&str]) -> Self {
        let mut command = Command::new(POSTRIDER);
        command.args(["serve", "-p", &port.to_string(), "--data-dir"]).arg(directory).args(args).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
        let said = read_lines(child.stdout.take().expect("piped"));
        let complaints = read_lines(child.stderr.take().expect("piped"));
        let line = said.wait_for("listening on mqtt://");
        let port = port_in(&line).unwrap_or_else(|| panic!("{line} names no port"));
        Self { child, port, said, complaints, is_killed: false }
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// The next line that contains `text`.
    pub(crate) fn hear(&self, text: &str) -> String {
        self.said.wait_for(text)
    }

    /// The next line of its complaints that contains `text`.
    pub(crate) fn complaint(&self, text: &str) -> String {
        self.complaints.wait_for(text)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it runs");
    }

    /// Waits until it has ended.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let mut status = None;
        until("the broker ends", || {
            status = self.child.try_wait().expect("our own child");
            status.is_some()
        });
        status.expect("it ended")
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_none()
    }

    pub(crate) fn memory(&self) -> Memory {
        Memory::of(self.child.id())
    }

    /// How many files and sockets it has open.
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("it runs").count()
    }

    /// Ends it as nobody should, and whatever it was about to do.
    pub(crate) fn kill(mut self) {
        self.signal(Signal::KILL);
        self.is_killed = true;
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

/// Where it listens.
impl From<&Broker> for SocketAddr {
    fn from(broker: &Broker) -> Self {
        (Ipv4Addr::LOCALHOST, broker.port).into()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = self.child.kill();
            let _ = self.child.wait();
            eprintln!("the broker complained: {:?}", self.complaints.rest());
            return;
        }
        if !self.is_killed && self.is_running() {
            self.signal(Signal::TERM);
        }
        let status = self.end();
        let complaints = self.complaints.rest();
        assert!((status.success() || self.is_killed) && complaints.is_empty(), "{status}, {complaints:?}");
    }
}

/// The port in `listening on mqtt://127.0.0.1:1883 (…)`.
pub(crate) fn port_in(line: &str) -> Option<u16> {
    let address = line.split_once("mqtt://")?.1.split(' ').next()?;
    address.rsplit_once(':')?.1.parse().ok()
}

//! A broker in a directory of its own, and what the system says of its process.

use crate::broker::POSTRIDER;
use crate::folder::Folder;
use crate::patience::until;
use crate::program::{Finished, Program, run};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

pub(super) struct House(Folder);

/// A broker that serves.
pub(super) struct Served {
    pub(super) program: Program,
    /// Where it listens, in the system's own words: address and port in hexadecimal digits.
    pub(super) sockets: Vec<String>,
}

impl House {
    pub(super) fn new(name: &str) -> Self {
        let folder = Folder::new(&format!("audit-{name}"));
        std::fs::create_dir_all(&folder.0).expect("a directory");
        Self(folder)
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.0.0.join(name).display().to_string()
    }

    /// Writes a file and says where. `@` stands for the directory.
    pub(super) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), text).expect("a file");
        self.path(name)
    }

    /// A configuration; `@` in it stands for the directory.
    pub(super) fn config(&self, name: &str, text: &str) -> String {
        self.write(name, text.replace('@', &self.0.shown()))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(POSTRIDER);
        command.args(args).env("XDG_STATE_HOME", self.path("state")).env("HOME", self.path("home"));
        command.current_dir(&self.0.0);
        command
    }

    /// Runs to the end, as what does not start does.
    pub(super) fn refused(&self, args: &[&str]) -> Finished {
        run(&mut self.command(args))
    }

    /// Starts and listens.
    pub(super) fn serve(&self, args: &[&str]) -> Served {
        let program = Program::start(&mut self.command(args));
        let mut sockets = Vec::new();
        until("the broker listens", || {
            sockets = sockets_of(program.id());
            !sockets.is_empty()
        });
        Served { program, sockets }
    }
}

impl Served {
    pub(super) fn port(&self) -> u16 {
        let (_, port) = self.sockets[0].rsplit_once(':').expect("address and port");
        u16::from_str_radix(port, 16).expect("a port")
    }

    pub(super) fn address(&self) -> std::net::SocketAddr {
        ([127, 0, 0, 1], self.port()).into()
    }

    /// All of them are on this machine's own address.
    pub(super) fn is_local(&self) -> bool {
        const LOCAL: [&str; 2] = ["0100007F:", "00000000000000000000000001000000:"];
        self.sockets.iter().all(|socket| LOCAL.iter().any(|local| socket.starts_with(local)))
    }

    /// The rest of a line of `/proc/PID/status`.
    pub(super) fn status(&self, name: &str) -> String {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.program.id())).expect("it runs");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.expect("Linux says so").split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Ends it; all that it has said.
    pub(super) fn end(self) -> String {
        self.program.signal(rustix::process::Signal::TERM);
        let finished = self.program.finish();
        format!("{}{}", finished.text(), finished.errors)
    }
}

/// Sockets of a process that somebody may send something to.
fn sockets_of(process: u32) -> Vec<String> {
    let Ok(open) = std::fs::read_dir(format!("/proc/{process}/fd")) else { return Vec::new() };
    let links = open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    let name = |link: std::path::PathBuf| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned());
    let own: Vec<String> = links.filter_map(name).collect();
    let mut found = Vec::new();
    for (table, is_stream) in [("tcp", true), ("tcp6", true), ("udp", false), ("udp6", false)] {
        let text = std::fs::read_to_string(format!("/proc/{process}/net/{table}")).unwrap_or_default();
        for row in text.lines().skip(1) {
            let words: Vec<&str> = row.split_whitespace().collect();
            if own.iter().any(|inode| inode == words[9]) && (!is_stream || words[3] == "0A") {
                found.push(words[1].to_owned());
            }
        }
    }
    found
}

pub(super) fn mode(path: impl AsRef<Path>) -> u32 {
    std::fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}

/// A port that nobody uses now.
pub(super) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound").port()
}

//! mosquitto's broker with a configuration of the test's.

use crate::folder::Folder;
use crate::patience::until;
use crate::program::Program;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Command;

/// It ends with the test.
pub(crate) struct Mosquitto {
    program: Program,
    _folder: Folder,
}

impl Mosquitto {
    /// Starts it with these lines and waits until it lets clients in at `port`. `name` tells it from other tests'.
    pub(crate) fn start(name: &str, port: u16, lines: &str) -> Self {
        let folder = Folder::new(name);
        std::fs::create_dir_all(&folder.0).expect("below the target directory");
        let file = folder.0.join("mosquitto.conf");
        // As root it would become somebody who may not read the test's files.
        std::fs::write(&file, format!("user root\nallow_anonymous true\n{lines}")).expect("written");
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let program = Program::start(Command::new("mosquitto").arg("-c").arg(&file).env("PATH", path));
        until("mosquitto listens", || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
        Self { program, _folder: folder }
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.program.id()
    }
}

/// A port that nobody has now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("bound").port()
}

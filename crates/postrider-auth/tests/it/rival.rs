//! A mosquitto with its dynamic-security plugin, and a client of it.

#![expect(clippy::wildcard_enum_match_arm, reason = "it waits for one kind of packet and passes over all others")]

use crate::folder::Folder;
use postrider_proto::{Packet, Version, split};
use postrider_testkit::{Hello, publish, subscribe};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const MISSING: &str = "mosquitto and its dynamic-security plugin are missing: run `cargo xtask test --install`";

/// Makes a file as administrators do.
pub(crate) fn init(file: &Path) {
    let arguments = ["dynsec", "init"];
    let output = Command::new("mosquitto_ctrl").args(arguments).arg(file).args(["admin", "secret"]).output();
    assert!(output.unwrap_or_else(|_| panic!("{MISSING}")).status.success(), "mosquitto_ctrl dynsec init");
}

/// Ends with the test.
pub(crate) struct Rival {
    child: Child,
    port: u16,
    pub(crate) file: PathBuf,
}

impl Rival {
    pub(crate) fn start(folder: &Folder) -> Self {
        let file = folder.at("rival.json");
        init(&file);
        let libraries = std::fs::read_dir("/usr/lib").expect("a system").flatten();
        let plugins = libraries.map(|entry| entry.path().join("mosquitto_dynamic_security.so"));
        let plugin = plugins.into_iter().find(|path| path.exists()).unwrap_or_else(|| panic!("{MISSING}"));
        let port = TcpListener::bind("127.0.0.1:0").and_then(|probe| probe.local_addr()).expect("a port").port();
        let config = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nuser root\nplugin {}\nplugin_opt_config_file {}\n",
            plugin.display(),
            file.display()
        );
        let config = folder.file("rival.conf", &config);
        let child = Command::new("mosquitto").arg("-c").arg(config).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|_| panic!("{MISSING}"));
        let mut log = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        while !line.contains("running") {
            line.clear();
            assert_ne!(log.read_line(&mut line).expect("text"), 0, "mosquitto ended");
        }
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { child, port, file }
    }

    pub(crate) fn connect(&self, id: &str, user: &str, password: &str) -> Mosquito {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
        let mut client = Mosquito { stream, bytes: Vec::new() };
        client.send(&Hello::new(id).user(user, password).bytes());
        client
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection to it.
pub(crate) struct Mosquito {
    stream: TcpStream,
    bytes: Vec<u8>,
}

impl Mosquito {
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("a connection");
    }

    /// Reads until `look` finds what it wants in a packet; nothing if the connection ends before.
    pub(crate) fn find<T>(&mut self, mut look: impl FnMut(&Packet<'_>) -> Option<T>) -> Option<T> {
        loop {
            while let Some(frame) = split(&self.bytes, usize::MAX).expect("packets") {
                let found = look(&Packet::decode(frame, Version::V5).expect("a packet"));
                let len = frame_len(&self.bytes);
                self.bytes.drain(..len);
                if found.is_some() {
                    return found;
                }
            }
            let mut more = [0; 4096];
            let count = self.stream.read(&mut more).expect("an answer");
            if count == 0 {
                return None;
            }
            self.bytes.extend_from_slice(&more[..count]);
        }
    }

    pub(crate) fn is_in(&mut self) -> bool {
        let code = |packet: &Packet<'_>| match packet {
            Packet::Connack(connack) => Some(!connack.reason.is_error()),
            _ => None,
        };
        self.find(code) == Some(true)
    }

    /// Whether a subscription is made.
    pub(crate) fn may_subscribe(&mut self, filter: &str) -> bool {
        self.send(&subscribe(1, filter, 0).bytes(Version::V5));
        let codes = |packet: &Packet<'_>| match packet {
            Packet::Suback(suback) => Some(suback.codes[0] < 0x80),
            _ => None,
        };
        self.find(codes).expect("a SUBACK")
    }

    /// Whether a message is taken.
    pub(crate) fn may_publish(&mut self, topic: &str) -> bool {
        self.send(&publish(topic, "x").q1(1).bytes(Version::V5));
        let reason = |packet: &Packet<'_>| match packet {
            Packet::Ack(ack) => Some(!ack.reason.is_error()),
            _ => None,
        };
        self.find(reason).expect("a PUBACK")
    }

    /// What it answers to commands.
    pub(crate) fn run(&mut self, commands: &[u8]) -> Vec<u8> {
        self.send(&publish("$CONTROL/dynamic-security/v1", "").payload(commands).bytes(Version::V5));
        let response = |packet: &Packet<'_>| match packet {
            Packet::Publish(publish) if publish.topic.as_str().ends_with("/response") => Some(publish.payload.to_vec()),
            _ => None,
        };
        self.find(response).expect("a response")
    }
}

/// Length of the first packet.
fn frame_len(bytes: &[u8]) -> usize {
    let mut len = 0;
    for (at, byte) in bytes[1..].iter().enumerate() {
        len |= usize::from(byte & 127) << (7 * at);
        if byte & 128 == 0 {
            return len + at + 2;
        }
    }
    panic!("a whole packet has a length")
}

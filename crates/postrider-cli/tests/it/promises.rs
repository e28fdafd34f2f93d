//! Listeners of one broker that promise different things, and a broker that is killed.

use crate::broker::POSTRIDER;
use crate::folder::Folder;
use crate::mosquitto::free_port;
use crate::program::Program;
use crate::wire::Wire;
use postrider_proto::Version::V5;
use postrider_testkit::{Hello, publish};
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

struct House {
    folder: Folder,
    ports: [u16; 3],
}

const PROMISES: [&str; 3] = ["fsync", "os", "memory"];
const KILLS: u32 = 4;
const MESSAGES: u16 = 25;

impl House {
    fn new() -> Self {
        let house = Self { folder: Folder::new("promises"), ports: [(); 3].map(|()| free_port()) };
        std::fs::create_dir_all(&house.folder.0).expect("below the target directory");
        let mut text =
            format!("[data]\ndirectory = \"{}/data\"\n[limits]\ntell_durability = true\n", house.folder.shown());
        for (promise, port) in PROMISES.iter().zip(house.ports) {
            text += &format!("[[listener]]\nname = \"{promise}\"\nbind = \"127.0.0.1:{port}\"\n");
            text += &format!("[listener.limits]\ndurability = \"{promise}\"\n");
        }
        std::fs::write(house.folder.0.join("postrider.toml"), text).expect("written");
        house
    }

    fn start(&self) -> Program {
        let mut bash = Command::new("bash");
        bash.args(["-c", "exec \"$0\" -c \"$1\" 2>&1", POSTRIDER]).arg(self.folder.0.join("postrider.toml"));
        let (program, log) = Program::start_and_hear(&mut bash);
        log.wait_for("data directory");
        program
    }

    fn at(&self, promise: usize) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.ports[promise]).into()
    }
}

fn lasting(id: &str) -> Hello {
    Hello::new(id).resume().expiry(10_000)
}

#[test]
fn what_a_listener_promises_holds_when_the_broker_is_killed() {
    let house = House::new();
    let mut acknowledged = BTreeSet::new();
    for round in 0..KILLS {
        let program = house.start();
        let mut subscriber = Wire::dial(house.at(0));
        assert_eq!(subscriber.enter(&lasting("s")), round > 0, "round {round}");
        if round == 0 {
            subscriber.subscribed("t", 1);
        }
        let mut forgotten = Wire::dial(house.at(2));
        assert!(!forgotten.enter(&lasting("m")), "a session that is not there, in round {round}");
        forgotten.subscribed("t", 1);
        // All three publish at once, and the broker dies as soon as one has heard of its last message.
        let mut speakers = [0, 1, 2].map(|promise| Wire::client(house.at(promise), &Hello::new(PROMISES[promise])));
        for id in 1..=MESSAGES {
            for (promise, speaker) in speakers.iter_mut().enumerate() {
                speaker.send(&publish("t", &format!("{promise}-{round}-{id}")).q1(id).bytes(V5));
            }
        }
        let last = speakers.len() - 1 - round as usize % speakers.len();
        for id in 1..=MESSAGES {
            speakers[last].expect(&format!("PUBACK #{id}"));
            acknowledged.insert(format!("{last}-{round}-{id}"));
        }
        program.signal(Signal::KILL);
        program.finish();
    }
    let program = house.start();
    let mut subscriber = Wire::dial(house.at(0));
    assert!(subscriber.enter(&lasting("s")));
    // What only memory promised may be gone.
    let mut owed: BTreeSet<_> = acknowledged.into_iter().filter(|message| !message.starts_with('2')).collect();
    assert!(owed.len() >= usize::from(MESSAGES));
    while !owed.is_empty() {
        let message = subscriber.receive();
        owed.remove(&String::from_utf8_lossy(&message.payload).into_owned());
    }
    program.signal(Signal::TERM);
    program.finish().success();
}

#[test]
fn clients_are_told_what_their_listener_promises() {
    let house = House::new();
    let program = house.start();
    for (at, promise) in PROMISES.iter().enumerate() {
        let mut wire = Wire::dial(house.at(at));
        wire.hail(&Hello::new("c"));
        let connack = wire.next();
        assert!(connack.contains(promise), "{connack}");
    }
    program.signal(Signal::TERM);
    program.finish().success();
}

//! A file system that is really full, and has room again.

use super::place;
use crate::broker::Broker;
use crate::patience::until;
use crate::town::lasting;
use crate::wire::Wire;
use postrider_testkit::{Hello, publish};
use std::path::PathBuf;
use std::process::Command;

/// A small file system in a file.
struct Small {
    image: PathBuf,
    path: PathBuf,
}

impl Small {
    fn new(name: &str, bytes: u64) -> Self {
        let small = Self { image: place(&format!("{name}.image")), path: place(name) };
        small.clear();
        std::fs::create_dir_all(&small.path).expect("the folder of this test");
        std::fs::File::create(&small.image).and_then(|file| file.set_len(bytes)).expect("the folder of this test");
        call(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&small.image));
        call(Command::new("mount").args(["-o", "loop"]).arg(&small.image).arg(&small.path));
        small
    }

    /// What this run leaves, or one before it that was killed.
    fn clear(&self) {
        let is_mounted = Command::new("mountpoint").arg("-q").arg(&self.path).status().is_ok_and(|it| it.success());
        if is_mounted {
            call(Command::new("umount").arg("-l").arg(&self.path));
        }
        let _ = std::fs::remove_dir(&self.path);
        let _ = std::fs::remove_file(&self.image);
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Runs a program of the system, or ends the test with the one line that says what is missing.
fn call(command: &mut Command) {
    let name = command.get_program().to_string_lossy().into_owned();
    match command.output() {
        Err(error) => panic!("{name}: {error}; install e2fsprogs and mount"),
        Ok(output) if !output.status.success() => {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            panic!("{said}; this needs root, loop devices and ext4")
        }
        Ok(_) => {}
    }
}

const PAYLOAD_BYTES: usize = 500_000;
/// Three segments of 64 MiB, and some.
const DEVICE_BYTES: u64 = 300 << 20;

#[test]
fn a_full_file_system_refuses_what_is_new_loses_nothing_and_goes_on_when_there_is_room() {
    let small = Small::new("faults-full", DEVICE_BYTES);
    let data = small.path.join("data");
    let broker = Broker::keeping(&data, &[]);
    for id in ["reader-1", "reader-2"] {
        Wire::client(&broker, &lasting(id)).subscribed("t/#", 1);
    }
    let taken = fill(&broker);
    // What is full does not end it, what needs no disk goes on, and whoever is not told waits.
    let mut witness = Wire::client(&broker, &Hello::new("witness"));
    witness.subscribed("u", 0);
    witness.publish(&publish("u", "x"));
    assert_eq!(witness.receive().topic, "u");
    let mut older = Wire::client(&broker, &Hello::new("older").v3());
    older.send(&publish("t/older", "x").sized(PAYLOAD_BYTES).q1(1).bytes(postrider_proto::Version::V3_1_1));
    witness.expect_silence();
    broker.kill();
    // It starts where there is no room, and has everything.
    let broker = Broker::keeping(&data, &[]);
    let mut lost = 0;
    for id in ["reader-1", "reader-2"] {
        let mut reader = Wire::dial(&broker);
        assert!(reader.enter(&lasting(id)), "the session is there");
        lost += (1..=taken).filter(|number| reader.receive().topic != format!("t/{number}")).count();
    }
    let mut publisher = Wire::client(&broker, &Hello::new("publisher"));
    let mut refused = 0;
    until("there is room again", || {
        let is_taken = offer(&mut publisher, taken + 1);
        refused += u32::from(!is_taken);
        is_taken
    });
    let mut reader = Wire::client(&broker, &lasting("reader-1"));
    lost += usize::from(reader.receive().topic != format!("t/{}", taken + 1));
    eprintln!(
        "proof full: 1 full file systems, {taken} messages until it was full, {lost} lost, {refused} refused when \
         there was room again"
    );
    assert_eq!(lost, 0);
}

/// Publishes until the broker refuses; says how many messages it took.
fn fill(broker: &Broker) -> usize {
    let mut publisher = Wire::client(broker, &Hello::new("publisher"));
    let mut taken = 0;
    while offer(&mut publisher, taken + 1) {
        taken += 1;
        assert!(taken as u64 * (PAYLOAD_BYTES as u64) < DEVICE_BYTES, "there is no room for so many");
    }
    taken
}

/// Whether a message is taken.
fn offer(publisher: &mut Wire, number: usize) -> bool {
    let message = publish(&format!("t/{number}"), "").sized(PAYLOAD_BYTES).q1(1);
    publisher.send(&message.bytes(postrider_proto::Version::V5));
    match publisher.next().as_str() {
        "PUBACK #1" => true,
        "PUBACK #1 QuotaExceeded" => false,
        other => panic!("{other}"),
    }
}

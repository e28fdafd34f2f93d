//! Logs of earlier versions mean today what they meant then.
//!
//! `POSTRIDER_WRITE_FIXTURE=1` writes the files anew, which is right only for a format that nobody has used yet.

use postrider_engine::{Recovery, Seeds, Tray, check_all, durable_state};
use postrider_ports::PartitionId;
use postrider_proto::AckKind::{Puback, Pubrec};
use postrider_session::{Mono, Now, Sequence, Wall};
use postrider_testkit::{Hello, Pace, World, limits, publish, subscribe};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

/// A little of everything that records can say.
fn write_log() -> String {
    let mut world = World::durable(|_| {});
    world.set_commits(Pace::AtOnce);
    let session = |id: &str| Hello::new(id).resume().expiry(1_000_000);
    let reader = world.connect(&session("reader"));
    world.subscribe(reader, &subscribe(1, "t/#", 2).identifier(7));
    world.subscribe(reader, &subscribe(2, "$share/g/s", 2));
    world.subscribe(reader, &subscribe(3, "t/old", 1));
    world.raw(reader, &postrider_testkit::unsubscribe(4, &["t/old"], reader.version));
    let writer = world.connect(&session("writer").will_after(publish("t/will", "gone").q1(1), 1_000_000));
    world.publish(writer, &publish("t/1", "one").q1(1).retain());
    world.publish(writer, &publish("t/2", "two").q2(2).expiry(1_000_000));
    world.publish(writer, &publish("t/3", "three").q2(3).retain());
    world.publish(writer, &publish("s", "shared").q1(4));
    world.publish(writer, &publish("s", "shared twice").q2(5));
    world.publish(writer, &publish("t/3", "").q1(6).retain());
    world.publish(writer, &publish("t/1", "two").retain());
    world.ack(reader, Puback, 1);
    world.ack(reader, Pubrec, 2);
    world.advance(1);
    world.cut(reader);
    world.publish(writer, &publish("t/4", "four").q1(7));
    world.advance(1);
    let mut text = String::new();
    for (sequence, entry) in world.log().entries() {
        let hex: String = entry.payload.iter().map(|byte| format!("{byte:02x}")).collect();
        let _ = writeln!(text, "{} {} {hex}", sequence.0, entry.kind);
    }
    text
}

fn read_log(text: &str) -> String {
    let now = Now { mono: Mono(5_000), wall: Wall(1_700_000_100_000) };
    let mut recovery = Recovery::new(limits(), PartitionId(0), Seeds { hash: 1, ids: 1 }, now);
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<u64>().expect("a number");
        let hex = words[2];
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("two digits");
        let payload: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        let kind = u8::try_from(number(1)).expect("a kind");
        recovery.replay(Sequence(number(0)), kind, &payload).expect("a record");
    }
    let engine = recovery.finish(now, Sequence::NONE, &mut Tray::new());
    check_all(&engine).expect("the books agree");
    durable_state(&engine)
}

#[test]
fn the_records_of_format_1_mean_what_they_meant() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let (records, state) = (folder.join("records-1.txt"), folder.join("state-1.txt"));
    if std::env::var_os("POSTRIDER_WRITE_FIXTURE").is_some() {
        let log = write_log();
        fs::write(&state, read_log(&log)).expect("written");
        fs::write(&records, log).expect("written");
    }
    let log = fs::read_to_string(&records).expect("the fixture");
    assert_eq!(read_log(&log), fs::read_to_string(&state).expect("the fixture"));
    assert_eq!(log.lines().count(), write_log().lines().count(), "a record more or less than when it was written");
}

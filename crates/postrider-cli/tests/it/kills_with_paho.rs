//! A client of others that goes on while the broker is killed under it: what it was told is done is done once.
//!
//! `POSTRIDER_KILLS` says how often.

use crate::broker::Broker;
use crate::folder::Folder;
use crate::program::Program;
use crate::tools;
use serde_json::Value;
use std::time::Duration;

/// Between two kills; a client needs some of it to come back.
const PAUSE: Duration = Duration::from_millis(700);

fn run(edition: &str) {
    let kills = std::env::var("POSTRIDER_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(4);
    let folder = Folder::new(&format!("paho-{edition}"));
    let mut broker = Broker::keeping(&folder.0, &[]);
    let port = broker.port();
    let mut command = tools::paho_with(2, "paho_through_kills.py");
    let (mut paho, said) = Program::start_and_hear(command.args([&port.to_string(), edition]));
    said.wait_for("ready");
    for _ in 0..kills {
        std::thread::sleep(PAUSE);
        broker.kill();
        broker = Broker::at(port, &folder.0, &[]);
    }
    std::thread::sleep(PAUSE);
    paho.tell(b"enough\n");
    let done: Value = serde_json::from_str(&said.wait_for("done")).expect("JSON");
    assert_eq!(paho.finish().code, Some(0));
    drop(broker);
    let count = |name: &str| done[name].as_u64().expect("a count");
    let (sent, acknowledged) = (count("sent"), count("acknowledged"));
    let (lost, doubled, again) = (count("lost"), count("doubled"), count("again"));
    eprintln!(
        "proof kills-paho: {kills} kills, {acknowledged} acknowledged, {lost} lost, {doubled} doubled, {again} of QoS 1 \
         more than once"
    );
    assert!(acknowledged > 100, "{done}");
    assert_eq!((sent - acknowledged, lost, doubled), (0, 0, 0), "{done}");
}

#[test]
fn paho_in_3_1_1_loses_and_doubles_nothing_while_the_broker_is_killed() {
    run("3.1.1");
}

#[test]
fn paho_in_5_0_loses_and_doubles_nothing_while_the_broker_is_killed() {
    run("5.0");
}

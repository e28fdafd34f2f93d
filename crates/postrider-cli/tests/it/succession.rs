//! A new data directory that begins with what mosquitto left: when, how often, and what is said about it.

use crate::broker::POSTRIDER;
use crate::folder::Folder;
use crate::mosquitto::free_port;
use crate::patience::until;
use crate::program::{Finished, Lines, Program, run};
use crate::tools::command;
use crate::wire::Wire;
use postrider_proto::Version::{V3_1_1, V5};
use postrider_proto::{AckKind, ReasonCode, Version};
use postrider_testkit::{Hello, ack, publish, subscribe};
use rustix::process::Signal;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;

/// A folder with a mosquitto.conf and perhaps a mosquitto.db.
struct Place {
    folder: Folder,
    port: u16,
}

impl Place {
    /// `database` is a name of the table of such files.
    fn new(name: &str, database: &str) -> Self {
        let (folder, port) = (Folder::new(name), free_port());
        std::fs::create_dir_all(&folder.0).expect("below the target directory");
        let place = Self { folder, port };
        let text = format!(
            "user root\npersistence true\npersistence_location {}/\nlistener {port} 127.0.0.1\nallow_anonymous true\n",
            place.folder.shown()
        );
        std::fs::write(place.at("mosquitto.conf"), text).expect("written");
        place.put(database);
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.0.join(name)
    }

    fn put(&self, database: &str) {
        std::fs::write(self.at("mosquitto.db"), bytes_of(database)).expect("written");
    }

    /// Starts the broker; it has said that it runs, and these are the lines before.
    fn start(&self, more: &str) -> (Program, Vec<String>) {
        let mut bash = Command::new("bash");
        let shell = format!("exec \"$0\" -c \"$1\" {more} 2>&1");
        let (program, log) =
            Program::start_and_hear(bash.args(["-c", &shell, POSTRIDER]).arg(self.at("mosquitto.conf")));
        (program, until_running(&log))
    }

    fn start_in_vain(&self) -> Finished {
        run(Command::new(POSTRIDER).arg("-c").arg(self.at("mosquitto.conf")))
    }
}

fn until_running(log: &Lines) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        let line = log.next().unwrap_or_else(|| panic!("it ended: {lines:#?}"));
        if line.ends_with(" running") {
            return lines;
        }
        lines.push(line);
    }
}

fn stop(program: Program) {
    program.signal(Signal::TERM);
    assert_eq!(program.finish().code, Some(0));
}

fn bytes_of(database: &str) -> Vec<u8> {
    let table = include_str!("../../../postrider/testdata/mosquitto-db.txt");
    let line = table.lines().find(|line| line.split('|').next().map(str::trim) == Some(database)).expect("a line");
    let digits = line.split('|').nth(2).expect("bytes").trim();
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal");
    (0..digits.len()).step_by(2).map(byte).collect()
}

fn has(lines: &[String], words: &str) -> bool {
    lines.iter().any(|line| line.contains(words))
}

#[test]
fn the_first_start_takes_over_what_mosquitto_left_and_later_ones_do_not_and_say_so_if_it_has_changed() {
    let place = Place::new("succession", "small");
    let (broker, lines) = place.start("");
    assert!(
        has(&lines, "mosquitto.db, which stays as it is: sessions 1, subscriptions 1, messages waiting 1"),
        "{lines:#?}"
    );
    assert!(has(&lines, "there again: sessions 1, messages for them 1, retained messages 1"), "{lines:#?}");
    assert_eq!(std::fs::read(place.at("mosquitto.db")).expect("there"), bytes_of("small"));
    let way = ["-h", "127.0.0.1", "-p", &place.port.to_string(), "-t", "a", "-C", "1", "-W", "20"];
    let heard = run(command("mosquitto_sub").args(way)).success();
    assert_eq!(heard.text(), "x\n");
    let port = place.port.to_string();
    let clear = ["-h", "127.0.0.1", "-p", &port, "-t", "a", "-q", "1", "-r", "-n"];
    run(command("mosquitto_pub").args(clear)).success();
    stop(broker);
    let (broker, lines) = place.start("");
    assert!(!has(&lines, "mosquitto.db"), "{lines:#?}");
    assert!(has(&lines, "retained messages 0"), "what was cleared does not come back: {lines:#?}");
    stop(broker);
    place.put("nothing");
    let (broker, lines) = place.start("");
    assert!(has(&lines, "mosquitto.db has changed since") && has(&lines, "is not read again"), "{lines:#?}");
    stop(broker);
}

#[test]
fn a_broker_that_cannot_listen_leaves_the_beginning_to_the_next_start() {
    let place = Place::new("succession-port", "small");
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, place.port)).expect("it is free");
    let told = place.start_in_vain();
    assert_eq!(told.code, Some(1));
    assert!(!place.at("postrider").exists(), "mosquitto may still run, and write more");
    drop(taken);
    // It wrote again before it ended.
    place.put("held-to-many");
    let (broker, lines) = place.start("");
    assert!(has(&lines, "taken over from") && has(&lines, "sessions 3"), "{lines:#?}");
    stop(broker);
}

#[test]
fn a_damaged_file_is_named_with_its_place_and_nothing_starts_unless_the_loss_is_accepted() {
    let place = Place::new("succession-damage", "cut-in-a-chunk");
    let told = place.start_in_vain();
    assert_eq!(told.code, Some(1));
    for words in ["mosquitto.db cannot be taken over", "byte 47: a chunk that is longer", "--accept-loss"] {
        assert!(told.errors.contains(words), "{words:?} is not in {}", told.errors);
    }
    assert!(!place.at("postrider").exists());
    let (broker, lines) = place.start("--accept-loss");
    assert!(has(&lines, "left out: damaged places 1") && has(&lines, "byte 47"), "{lines:#?}");
    stop(broker);
    assert_eq!(std::fs::read(place.at("mosquitto.db")).expect("there"), bytes_of("cut-in-a-chunk"));
}

#[test]
fn a_file_that_mosquitto_saved_while_it_ran_is_taken_over_with_a_warning() {
    let place = Place::new("succession-early", "not-at-its-end");
    let (broker, lines) = place.start("");
    assert!(has(&lines, "was saved while mosquitto ran"), "{lines:#?}");
    stop(broker);
}

#[test]
fn import_makes_a_directory_of_the_file_by_itself() {
    let place = Place::new("succession-import", "format-4");
    let import = |more: &[&str]| {
        let (file, new) = (place.at("mosquitto.db"), place.at("new"));
        run(Command::new(POSTRIDER).arg("import").arg(file).arg(new).args(more))
    };
    let told = import(&[]).success().text();
    assert!(told.contains("sessions 1, subscriptions 1, messages waiting 1, in flight 2"), "{told}");
    assert!(told.contains("without a user name: 1; only clients without one can go on with them"), "{told}");
    assert!(import(&[]).errors.contains("is not empty"), "a second time");
    let dumped = run(Command::new(POSTRIDER).arg("dump").arg(place.at("new"))).success().text();
    assert!(dumped.contains("session of c, for ever") && dumped.contains("awaits-pubcomp 7"), "{dumped}");
    std::fs::remove_dir_all(place.at("new")).expect("there");
    place.put("qos-3");
    assert_eq!(import(&[]).code, Some(1));
    import(&["--accept-loss"]).success();
}

/// What two clients have left unfinished with one broker they finish with the other.
fn exchange(name: &str, version: Version) {
    let place = Place::new(name, "nothing");
    let at: SocketAddr = (Ipv4Addr::LOCALHOST, place.port).into();
    let hello = |name: &str| match version {
        V5 => Hello::new(name).resume().expiry(1000),
        V3_1_1 | Version::V3_1 => Hello::new(name).v3().resume(),
    };
    let said = |kind: AckKind, id: u16| ack(kind, id, ReasonCode::Success, version);
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
    let mosquitto =
        Program::start(Command::new("mosquitto").arg("-c").arg(place.at("mosquitto.conf")).env("PATH", path));
    until("mosquitto listens", || TcpStream::connect(at).is_ok());
    let mut reader = Wire::client(at, &hello("reader"));
    reader.send(&subscribe(1, "a", 2).bytes(version));
    reader.expect("SUBACK #1 02");
    let mut writer = Wire::client(at, &hello("writer"));
    let mut send = |id: u16, text: &str| {
        writer.send(&publish("a", text).q2(id).bytes(version));
        writer.expect(&format!("PUBREC #{id}"));
    };
    // Of this one the PUBREL is not sent; of the others it is.
    send(1, "held");
    send(2, "received");
    send(3, "sent");
    for id in [2, 3] {
        writer.send(&said(AckKind::Pubrel, id));
        writer.expect(&format!("PUBCOMP #{id}"));
    }
    reader.expect("PUBLISH a q2 #1 \"received\"");
    reader.expect("PUBLISH a q2 #2 \"sent\"");
    reader.send(&said(AckKind::Pubrec, 1));
    reader.expect("PUBREL #1");
    stop(mosquitto);
    let (postrider, lines) = place.start("");
    assert!(has(&lines, "messages waiting 1, in flight 2, held until PUBREL 1"), "{lines:#?}");
    // The writer has not got the PUBREC, as far as it knows; then it has.
    let mut writer = Wire::dial(at);
    assert!(writer.enter(&hello("writer")), "its session is there");
    writer.send(&publish("a", "held").q2(1).dup().bytes(version));
    writer.expect("PUBREC #1");
    writer.send(&said(AckKind::Pubrel, 1));
    writer.expect("PUBCOMP #1");
    let mut reader = Wire::dial(at);
    assert!(reader.enter(&hello("reader")), "its session is there");
    reader.expect("PUBREL #1");
    reader.expect("PUBLISH a q2 #2 dup \"sent\"");
    reader.expect("PUBLISH a q2 #3 \"held\"");
    for id in [2, 3] {
        reader.send(&said(AckKind::Pubrec, id));
        reader.expect(&format!("PUBREL #{id}"));
    }
    for id in [1, 2, 3] {
        reader.send(&said(AckKind::Pubcomp, id));
    }
    // Nothing comes twice: this is the next.
    writer.send(&publish("a", "new").q2(4).bytes(version));
    writer.expect("PUBREC #4");
    reader.expect("PUBLISH a q2 #4 \"new\"");
    stop(postrider);
}

#[test]
fn exchanges_of_qos_2_that_were_begun_with_mosquitto_end_with_postrider_in_3_1_1() {
    exchange("succession-qos2-v3", V3_1_1);
}

#[test]
fn exchanges_of_qos_2_that_were_begun_with_mosquitto_end_with_postrider_in_5_0() {
    exchange("succession-qos2-v5", V5);
}

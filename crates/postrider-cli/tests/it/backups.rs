//! Backups of a broker that runs, and what becomes of them.

use crate::broker::Broker;
use crate::data::postrider;
use crate::folder::Folder;
use crate::wire::Wire;
use postrider_proto::{AckKind, Packet, ReasonCode, Version};
use postrider_testkit::{Hello, ack, publish, subscribe};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

/// What one publisher has sent, and what of it the broker has acknowledged.
#[derive(Default)]
struct Progress {
    sent: AtomicU64,
    taken: AtomicU64,
}

const BACKUPS: u64 = 4;
/// Messages under way at a time.
const WINDOW: u64 = 4;

/// Publishes numbers to a topic until it is enough.
fn work(broker: SocketAddr, at: usize, progress: &Progress, is_enough: &AtomicBool) {
    let mut wire = Wire::client(broker, &Hello::new(&format!("publisher-{at}")).resume().expiry(100_000));
    let is_twice = at % 2 == 1;
    while !is_enough.load(SeqCst) {
        let first = progress.sent.load(SeqCst);
        progress.sent.store(first + WINDOW, SeqCst);
        let mut packets = Vec::new();
        for number in first + 1..=first + WINDOW {
            let id = id_of(number);
            let text = format!("{number} {}", "x".repeat(500));
            let message = publish(&format!("t/{at}"), &text);
            packets.extend(if is_twice { message.q2(id) } else { message.q1(id) }.bytes(Version::V5));
            // The same number as a retained message.
            packets.extend(publish(&format!("r/{at}"), &text).q1(id + 30_000).retain().bytes(Version::V5));
        }
        wire.send(&packets);
        let mut open = WINDOW * 2;
        while open > 0 {
            let (kind, id, reason) = wire.take(answer).expect("an answer");
            assert!(!reason.is_error(), "{reason:?}: there is room for all");
            if kind == AckKind::Pubrec {
                wire.send(&ack(AckKind::Pubrel, id, ReasonCode::Success, Version::V5));
            } else {
                open -= 1;
            }
        }
        progress.taken.store(first + WINDOW, SeqCst);
    }
}

fn id_of(number: u64) -> u16 {
    u16::try_from(number % 20_000 + 1).expect("small")
}

fn answer(packet: &Packet<'_>) -> (AckKind, u16, ReasonCode) {
    let Packet::Ack(ack) = packet else { panic!("{packet:?} is no answer") };
    (ack.kind, ack.packet_id.as_u16(), ack.reason)
}

fn number_of(payload: &[u8]) -> u64 {
    let text = std::str::from_utf8(payload).expect("a text");
    text.split(' ').next().and_then(|number| number.parse().ok()).expect("a number")
}

enum Heard {
    Message(String, u8, u16, u64),
    Release(u16),
}

fn heard(packet: &Packet<'_>) -> Heard {
    match packet {
        Packet::Publish(publish) => {
            let (topic, qos) = (publish.topic.as_str().to_owned(), publish.qos.as_u8());
            Heard::Message(topic, qos, publish.packet_id.map_or(0, |id| id.as_u16()), number_of(publish.payload))
        }
        Packet::Ack(ack) => Heard::Release(ack.packet_id.as_u16()),
        _ => panic!("{packet:?} is no message"),
    }
}

/// Says that it is enough when it goes, however that comes.
struct Enough<'a>(&'a AtomicBool);

impl Drop for Enough<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

/// What a second broker has for the reader and for somebody new: the numbers of each publisher, in the order they came,
/// and what is retained.
fn look_into(directory: &Folder) -> ([Vec<u64>; 2], [u64; 2]) {
    let broker = Broker::keeping(&directory.0, &[]);
    let mut back = Wire::dial(&broker);
    assert!(back.enter(&Hello::new("reader").resume().expiry(100_000)), "its session is there");
    let mut other = Wire::client(&broker, &Hello::new("other"));
    other.publish(&publish("t/end", "0 ").q2(1));
    let mut numbers = [Vec::new(), Vec::new()];
    loop {
        match back.take(heard).expect("all that it is owed") {
            Heard::Release(id) => back.acknowledge(AckKind::Pubcomp, id),
            Heard::Message(topic, qos, id, number) => {
                back.acknowledge(if qos == 2 { AckKind::Pubrec } else { AckKind::Puback }, id);
                match topic.as_str() {
                    "t/0" => numbers[0].push(number),
                    "t/1" => numbers[1].push(number),
                    _ => break,
                }
            }
        }
    }
    let mut kept = [0, 0];
    for (at, kept) in kept.iter_mut().enumerate() {
        other.send(&subscribe(5, &format!("r/{at}"), 0).bytes(Version::V5));
        other.expect("SUBACK #5 00");
        *kept = number_of(&other.receive().payload);
    }
    (numbers, kept)
}

#[test]
fn every_backup_of_a_broker_under_load_has_all_that_was_acknowledged_before_and_nothing_false() {
    let folder = Folder::new("live");
    let broker = Broker::keeping(&folder.0, &[]);
    let mut reader = Wire::client(&broker, &Hello::new("reader").resume().expiry(100_000));
    reader.subscribed("t/#", 2);
    drop(reader);
    let progress = [Progress::default(), Progress::default()];
    for round in 0..BACKUPS {
        let copy = Folder::new(&format!("live-{round}"));
        let (before, after) = back_up_under_load(&broker, &folder, &copy, &progress);
        postrider(&["check", &copy.shown()]).success();
        let (numbers, kept) = look_into(&copy);
        for at in 0..2 {
            let last = numbers[at].len() as u64;
            let all: Vec<u64> = (1..=last).collect();
            assert_eq!(numbers[at], all, "publisher {at}: each once, in order, without holes");
            assert!((before[at]..=after[at]).contains(&last), "{last} is not in {}..={}", before[at], after[at]);
            assert!((before[at]..=after[at]).contains(&kept[at]), "retained {} after {}", kept[at], before[at]);
        }
    }
}

/// Says what was acknowledged before the backup, and what was sent before it was done.
fn back_up_under_load(
    broker: &Broker,
    folder: &Folder,
    copy: &Folder,
    progress: &[Progress; 2],
) -> ([u64; 2], [u64; 2]) {
    let is_enough = AtomicBool::new(false);
    let now = |what: fn(&Progress) -> &AtomicU64| [&progress[0], &progress[1]].map(|it| what(it).load(SeqCst));
    let wanted = now(|it| &it.taken).map(|taken| taken + 5 * WINDOW);
    std::thread::scope(|scope| {
        let _enough = Enough(&is_enough);
        for (at, progress) in progress.iter().enumerate() {
            let (broker, is_enough) = (SocketAddr::from(broker), &is_enough);
            scope.spawn(move || work(broker, at, progress, is_enough));
        }
        crate::patience::until("more is acknowledged", || {
            let taken = now(|it| &it.taken);
            taken[0] >= wanted[0] && taken[1] >= wanted[1]
        });
        let before = now(|it| &it.taken);
        postrider(&["backup", "--data-dir", &folder.shown(), &copy.shown()]).success();
        (before, now(|it| &it.sent))
    })
}

#[test]
fn a_backup_is_a_data_directory_and_a_restored_one_is_a_store_of_its_own() {
    let folder = crate::dump::rich("backup");
    let (backup, restored) = (Folder::new("backup-copy"), Folder::new("backup-restored"));
    let dumped = |folder: &Folder| {
        let text = postrider(&["dump", "--json", &folder.shown()]).success().text();
        let (store, rest) = text.split_once('\n').expect("lines");
        let store: serde_json::Value = serde_json::from_str(store).expect("JSON");
        (store["id"].clone(), rest.to_owned())
    };
    let (id, rest) = dumped(&folder);
    // A broker that has it is no hindrance, and nobody is disturbed.
    let broker = Broker::keeping(&folder.0, &[]);
    postrider(&["backup", "--data-dir", &folder.shown(), &backup.shown()]).success();
    drop(broker);
    assert_eq!(dumped(&backup).0, id);
    let text = postrider(&["restore", &backup.shown(), &restored.shown()]).success().text();
    assert!(text.contains("postrider --data-dir"), "{text}");
    let (restored_id, restored_rest) = dumped(&restored);
    assert_ne!(restored_id, id);
    assert_eq!(restored_rest, dumped(&backup).1);
    assert_eq!(restored_rest.lines().count(), rest.lines().count());
    for args in [
        &["restore", &backup.shown(), &restored.shown()][..],
        &["backup", "--data-dir", &folder.shown(), &restored.shown()],
    ] {
        let refused = postrider(args);
        assert_eq!(refused.code, Some(1));
        assert!(refused.errors.contains("not empty"), "{}", refused.errors);
    }
    let nothing = Folder::new("backup-nothing");
    let refused = postrider(&["backup", "--data-dir", &nothing.shown(), &folder.0.join("x").display().to_string()]);
    assert_eq!(refused.code, Some(1), "{}", refused.errors);
    assert!(!folder.0.join("x").exists());
    let broker = Broker::keeping(&restored.0, &[]);
    let mut back = Wire::dial(&broker);
    assert!(back.enter(&crate::dump::reader()), "the session is there");
}

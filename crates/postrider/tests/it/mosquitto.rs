//! Persistence files of mosquitto, as `testdata/mosquitto-db.txt` has them.

use crate::data::Folder;
use crate::ground::broker;
use postrider::{
    Data, ErrorKind, MosquittoFile, NotTaken, OnFlaw, Origin, TakeOver, TakenOver, is_of_mosquitto,
    take_over_mosquitto, taken_from,
};
use std::error::Error as _;
use std::io::Cursor;
use std::time::Duration;

/// One line of the table.
struct Line {
    name: &'static str,
    want: &'static str,
    bytes: Vec<u8>,
}

fn lines() -> Vec<Line> {
    let text = include_str!("../../testdata/mosquitto-db.txt");
    let read = |line: &'static str| {
        let fields: Vec<&str> = line.split('|').map(str::trim).collect();
        let [name, want, digits, _why] = fields[..] else { panic!("not four fields: {line}") };
        let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal");
        Line { name, want, bytes: (0..digits.len()).step_by(2).map(byte).collect() }
    };
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(read).collect()
}

fn line(name: &str) -> Line {
    lines().into_iter().find(|line| line.name == name).expect("it is in the table")
}

fn take(bytes: &[u8], folder: &Folder, on_flaw: OnFlaw) -> Result<TakenOver, NotTaken> {
    let how = TakeOver { on_flaw, ..TakeOver::default() };
    MosquittoFile::read(Cursor::new(bytes), on_flaw)?.write(folder.path(), how, "")
}

/// What the directory says about a client, or about what is retained if there is no client of that name.
fn told(folder: &Folder, client_id: &str) -> Vec<String> {
    let data = Data::open(folder.path()).expect("data");
    assert!(data.damage().is_empty() && data.senseless().is_empty(), "{:?}", data.senseless());
    let mut told = Vec::new();
    let payload = |record: Option<u64>| {
        let message = record.map(|record| data.message(record).expect("readable").expect("there"));
        message.map(|message| String::from_utf8_lossy(&message.payload).into_owned())
    };
    for (name, session) in data.sessions().filter(|(_, session)| session.subject.client_id.as_str() == client_id) {
        told.push(format!("awaits PUBREL {:?}", session.awaiting_pubrel));
        for owed in data.deliveries(name) {
            let (stage, id) = (owed.stage, owed.packet_id);
            told.push(format!("{stage:?} {id:?} {} {:?}", owed.qos, payload(owed.record)));
        }
    }
    for group in data.groups() {
        told.extend(data.group_deliveries(&group).map(|owed| format!("{group} {:?}", payload(owed.record))));
    }
    told.extend(data.retained().iter().map(|record| format!("retained {:?}", payload(Some(*record)))));
    told
}

#[test]
fn each_file_of_the_table_is_taken_over_or_refused_as_it_says() {
    for Line { name, want, bytes } in lines() {
        let folder = Folder::new(&format!("mosquitto-{name}"));
        let said = match take(&bytes, &folder, OnFlaw::Refuse) {
            Ok(taken) => taken.to_string(),
            Err(error) => {
                assert!(!folder.path().exists(), "{name}: half of it was written");
                error.to_string()
            }
        };
        assert_eq!(said, want, "{name}");
        if folder.path().exists() {
            told(&folder, "nobody");
        }
    }
}

#[tokio::test]
async fn a_broker_starts_with_each_of_them() {
    for Line { name, bytes, .. } in lines() {
        let folder = Folder::new(&format!("mosquitto-start-{name}"));
        let Ok(taken) = take(&bytes, &folder, OnFlaw::Skip) else { continue };
        let started = broker().data_directory(folder.path()).start().expect("a broker");
        let found = started.restored().expect("data").clone();
        // In what a broker wrote in 2026 the time of sessions and messages may be over.
        if name != "mosquitto-2.0.11" {
            assert_eq!((found.sessions, found.retained), (taken.sessions, taken.retained), "{name}");
        }
        assert!(started.shutdown(Duration::from_secs(5)).await);
    }
}

#[test]
fn what_was_in_flight_keeps_its_identifiers_and_what_was_held_goes_to_everybody_who_wants_it() {
    let folder = Folder::new("mosquitto-real");
    let taken = take(&line("mosquitto-2.0.11").bytes, &folder, OnFlaw::Refuse).expect("it is whole");
    assert!(taken.is_last);
    let one = |text: &str| format!("Some({text:?})");
    let (first, two, held, shared) = (one("one"), one("two"), one("held"), one("shared"));
    let kept = [format!("retained {}", one("kept")), format!("retained {}", one("kept0"))];
    let mut want = vec![
        "awaits PUBREL []".to_owned(),
        format!("AwaitsPuback Some(1) 1 {first}"),
        format!("AwaitsPubrec Some(2) 2 {two}"),
        format!("AwaitsPuback Some(3) 1 {shared}"),
        format!("Queued None 2 {held}"),
    ];
    want.extend(kept.clone());
    assert_eq!(told(&folder, "v5sub"), want);
    let mut want = vec!["awaits PUBREL [3]".to_owned()];
    want.extend(kept);
    assert_eq!(told(&folder, "pub"), want);
    let data = Data::open(folder.path()).expect("data");
    let (name, session) = data.sessions().find(|(_, it)| it.subject.client_id.as_str() == "v5sub").expect("there");
    assert_eq!(session.subject.principal.as_ref().map(|it| it.as_str()), Some("ann"));
    assert_eq!((session.expiry_s, session.next_packet_id), (3600, 4));
    let subscription = &data.subscriptions(name)[0];
    assert_eq!((subscription.filter.as_str(), subscription.identifier), ("a/#", Some(77)));
    assert!(subscription.no_local && subscription.retain_as_published);
    let owed = data.deliveries(name).next().expect("it is owed something");
    let message = data.message(owed.record.expect("a message")).expect("readable").expect("there");
    assert_eq!(message.expires_at_ms, Some(1_795_328_791_000));
    assert_eq!(message.properties, b"\x03\x00\x06text/x\x26\x00\x01k\x00\x01v");
    assert_eq!(owed.subscription_ids, [77]);
}

#[test]
fn a_held_message_goes_neither_back_nor_twice_and_takes_the_place_of_what_was_retained() {
    let folder = Folder::new("mosquitto-held");
    take(&line("held-to-many").bytes, &folder, OnFlaw::Refuse).expect("it is whole");
    let rest = ["$share/g/a/b Some(\"held\")".to_owned(), "retained Some(\"held\")".to_owned()];
    let want = |first: &[&str]| first.iter().map(|line| (*line).to_owned()).chain(rest.clone()).collect::<Vec<_>>();
    assert_eq!(told(&folder, "p"), want(&["awaits PUBREL [5]"]));
    assert_eq!(told(&folder, "q"), want(&["awaits PUBREL []", "Queued None 2 Some(\"held\")"]));
    assert_eq!(told(&folder, "r"), want(&["awaits PUBREL []", "Queued None 2 Some(\"held\")"]));
    let data = Data::open(folder.path()).expect("data");
    let (name, _) = data.sessions().find(|(_, it)| it.subject.client_id.as_str() == "q").expect("there");
    let mut ids = data.deliveries(name).next().expect("owed").subscription_ids;
    ids.sort_unstable();
    assert_eq!(ids, [3, 4]);
}

#[test]
fn sessions_that_are_for_ever_there_live_as_long_as_they_may_here() {
    let folder = Folder::new("mosquitto-expiry");
    let how = TakeOver { for_ever_s: 500, ..TakeOver::default() };
    let file = MosquittoFile::read(Cursor::new(line("format-4").bytes), OnFlaw::Refuse).expect("whole");
    file.write(folder.path(), how, "").expect("written");
    let data = Data::open(folder.path()).expect("data");
    let (_, session) = data.sessions().next().expect("there");
    assert_eq!((session.expiry_s, session.away_since_ms), (500, Some(1_700_000_000_000)));
    assert_eq!(session.next_packet_id, 8);
}

#[test]
fn with_loss_accepted_all_but_the_damaged_place_comes_along_and_the_place_is_named() {
    let whole = line("mosquitto-2.0.11").bytes;
    let folder = Folder::new("mosquitto-skip");
    // The QoS of the subscription to `a/#`.
    let mut bytes = whole.clone();
    bytes[1219 + 8 + 8] = 9;
    let refused = take(&bytes, &folder, OnFlaw::Refuse).expect_err("damaged");
    assert_eq!(refused.to_string(), "byte 1219: a QoS that is none");
    let taken = take(&bytes, &folder, OnFlaw::Skip).expect("the rest is whole");
    assert_eq!((taken.sessions, taken.subscriptions, taken.flawed), (3, 3, 1));
    assert_eq!(taken.flaws[0].to_string(), "byte 1219: a QoS that is none");
    // Its end is missing: what stands before it is there.
    let folder = Folder::new("mosquitto-cut");
    let taken = take(&whole[..1300], &folder, OnFlaw::Skip).expect("the rest is whole");
    assert_eq!((taken.sessions, taken.subscriptions, taken.retained, taken.flawed), (3, 2, 0, 1));
}

#[test]
fn cut_or_changed_anywhere_it_is_taken_over_or_refused_and_never_half_written() {
    let whole = line("mosquitto-2.0.11").bytes;
    let folder = Folder::new("mosquitto-cuts");
    for end in 0..whole.len() {
        let read = MosquittoFile::read(Cursor::new(&whole[..end]), OnFlaw::Refuse);
        assert!(read.is_ok() == BOUNDARIES.contains(&end), "{end}");
    }
    // A flip in a length, an identifier or a name is found or changes what it says; nothing panics.
    for at in (0..whole.len()).step_by(41) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x41;
        match take(&bytes, &folder, OnFlaw::Skip) {
            Ok(_) => {
                told(&folder, "v5sub");
                std::fs::remove_dir_all(folder.path()).expect("it is there");
            }
            Err(error) => assert!(at < 23, "{at}: {error}"),
        }
    }
}

#[test]
fn the_file_stays_as_it_is_and_the_directory_remembers_it() {
    let folder = Folder::new("mosquitto-files");
    std::fs::create_dir_all(folder.path()).expect("a folder");
    let (file, new) = (folder.path().join("mosquitto.db"), folder.path().join("postrider"));
    let bytes = line("small").bytes;
    std::fs::write(&file, &bytes).expect("written");
    assert!(is_of_mosquitto(&file));
    let before = std::fs::metadata(&file).expect("there").modified().expect("a time");
    take_over_mosquitto(&file, &new, TakeOver::default()).expect("it is whole");
    assert_eq!(std::fs::read(&file).expect("there"), bytes);
    assert_eq!(std::fs::metadata(&file).expect("there").modified().expect("a time"), before);
    assert_eq!(taken_from(&file, &new), Origin::Same);
    std::fs::write(&file, line("nothing").bytes).expect("written");
    assert_eq!(taken_from(&file, &new), Origin::Other);
    assert_eq!(taken_from(&file, folder.path()), Origin::Unknown);
    // A second time nothing is written over.
    let error = take_over_mosquitto(&file, &new, TakeOver::default()).expect_err("it has data");
    assert_eq!(error.kind(), ErrorKind::Device);
    // Damage says where it is and what to do.
    std::fs::write(&file, line("qos-3").bytes).expect("written");
    let error = take_over_mosquitto(&file, &folder.path().join("other"), TakeOver::default()).expect_err("damaged");
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert_eq!(error.source().expect("a reason").to_string(), "byte 47: a QoS that is none");
    assert!(error.advice().expect("something to do").contains("--accept-loss"));
    assert!(!folder.path().join("other").exists());
}

/// Where the chunks of the file that mosquitto wrote end; a file cut there cannot be told from one that is whole.
const BOUNDARIES: [usize; 32] = [
    23, 47, 103, 158, 214, 267, 319, 388, 465, 547, 628, 709, 777, 818, 847, 876, 905, 934, 963, 992, 1021, 1059, 1086,
    1126, 1158, 1190, 1219, 1247, 1275, 1303, 1334, 1350,
];

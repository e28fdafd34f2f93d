//! The data directory as people meet it: who has it, what is wrong with it, what can be saved.

use crate::broker::{Broker, POSTRIDER};
use crate::folder::Folder;
use crate::program::{Finished, run};
use crate::wire::Wire;
use postrider_proto::Version;
use postrider_testkit::{Hello, publish};
use std::os::unix::fs::FileExt;
use std::process::Command;

pub(crate) fn postrider(args: &[&str]) -> Finished {
    run(Command::new(POSTRIDER).args(args))
}

/// A directory with a session, messages for it, and a retained one; written by two processes.
fn filled(name: &str) -> Folder {
    let folder = Folder::new(name);
    for round in 0..2 {
        let broker = Broker::keeping(&folder.0, &[]);
        let mut reader = Wire::client(&broker, &Hello::new(&format!("reader-{round}")).resume().expiry(10_000));
        reader.subscribed("t/#", 1);
        drop(reader);
        let mut publisher = Wire::client(&broker, &Hello::new("p"));
        for id in 1..=10 {
            publisher.publish(&publish("t/1", "x").q1(id));
        }
        publisher.publish(&publish(&format!("r/{round}"), "x").q1(11).retain());
    }
    folder
}

/// Writes over a byte of the oldest file with records, behind its first frame.
fn damage(folder: &Folder) -> String {
    let names = std::fs::read_dir(&folder.0).expect("it is there").map(|entry| entry.expect("readable").file_name());
    let names = names.map(|name| name.into_string().expect("plain")).filter(|name| name.ends_with(".segment"));
    let name = names.min().expect("a file with records");
    let file = std::fs::OpenOptions::new().read(true).write(true).open(folder.0.join(&name)).expect("ours");
    let mut head = [0; 4096];
    file.read_exact_at(&mut head, 0).expect("long enough");
    let frame = (1..head.len() - 4).find(|at| &head[*at..at + 4] == b"PRgp").expect("a frame with records");
    file.write_all_at(b"#", frame as u64 + 60).expect("ours");
    name
}

#[test]
fn a_second_broker_is_told_who_has_the_directory_and_what_to_do() {
    let folder = Folder::new("second");
    let broker = Broker::keeping(&folder.0, &[]);
    for args in [&["-p", "0", "--data-dir", &folder.shown()][..], &["check", &folder.shown()]] {
        let second = postrider(args);
        assert_eq!(second.code, Some(1));
        assert_eq!(second.errors.lines().count(), 1, "{}", second.errors);
        assert!(second.errors.contains("in use by process"), "{}", second.errors);
        assert!(second.errors.contains("or use another directory"), "{}", second.errors);
    }
    let second = postrider(&["-p", "0", "--data-dir", &folder.shown()]);
    assert!(second.errors.ends_with("with --data-dir\n"), "{}", second.errors);
    Wire::client(&broker, &Hello::new("c")).expect_silence();
}

#[test]
fn a_broker_says_where_its_data_is_what_it_promises_and_what_it_found() {
    let folder = filled("found");
    let broker = Broker::keeping(&folder.0, &["--durability", "os"]);
    let line = broker.hear("data directory");
    assert!(line.contains(&folder.shown()) && line.contains("survives the end of this process"), "{line}");
    let line = broker.hear("again");
    assert!(line.starts_with("there again: sessions 2, messages for them 30, retained messages 2"), "{line}");
    let mut reader = Wire::dial(&broker);
    assert!(reader.enter(&Hello::new("reader-1").resume().expiry(10_000)));
    for _ in 0..10 {
        assert_eq!(reader.receive().topic, "t/1");
    }
}

#[test]
fn options_about_data_that_contradict_each_other_are_told() {
    let folder = Folder::new("options");
    for (args, part) in [
        (&["--data-dir", "memory", "--durability", "fsync"][..], "memory survives nothing"),
        (&["--data-dir", &folder.shown(), "--durability", "memory"], "leave one of the two out"),
        (&["--data-dir", &folder.shown(), "--data-must-exist"], "mount the right disk"),
    ] {
        let refused = postrider(&[&["-p", "0"][..], args].concat());
        assert_eq!(refused.code, Some(1), "{args:?}");
        assert!(refused.errors.contains(part), "{}", refused.errors);
        assert!(!folder.0.exists(), "nothing was made");
    }
}

#[test]
fn the_usual_directory_is_below_the_state_of_the_user() {
    let folder = Folder::new("usual");
    let mut command = Command::new(POSTRIDER);
    command.args(["-p", "0"]).env("XDG_STATE_HOME", &folder.0);
    let (broker, lines) = crate::program::Program::start_and_hear(&mut command);
    let line = lines.wait_for("data directory");
    assert!(line.contains(&format!("{}/postrider; fsync", folder.shown())), "{line}");
    broker.signal(rustix::process::Signal::TERM);
    assert_eq!(broker.finish().code, Some(0));
}

#[test]
fn a_check_reads_everything_and_changes_nothing() {
    let folder = filled("check");
    let files = || {
        let entries = std::fs::read_dir(&folder.0).expect("it is there").map(|entry| entry.expect("readable").path());
        // The name of the last owner is no data.
        let entries = entries.filter(|path| !path.ends_with("lock"));
        let mut files: Vec<_> = entries.map(|path| (path.clone(), std::fs::read(path).expect("readable"))).collect();
        files.sort();
        files
    };
    let before = files();
    let whole = postrider(&["check", &folder.shown()]).success().text();
    assert!(whole.contains("sessions 2, messages for them 30, retained messages 2\nnothing is damaged"), "{whole}");
    assert!(before == files(), "something has changed");
    let name = damage(&folder);
    let before = files();
    let damaged = postrider(&["check", &folder.shown()]);
    assert_eq!(damaged.code, Some(1));
    let text = damaged.text();
    assert!(text.contains(&format!("damaged: {name}: ")) && text.contains("at byte"), "{text}");
    assert!(text.contains("postrider salvage"), "{text}");
    let document = postrider(&["check", &folder.shown(), "--json"]);
    assert_eq!(document.code, Some(1));
    let document: serde_json::Value = serde_json::from_slice(&document.output).expect("JSON");
    assert_eq!((&document["whole"], &document["damage"][0]["file"]), (&false.into(), &name.into()));
    assert!(document["damage"][0]["offset"].is_u64());
    assert!(before == files(), "something has changed");
}

#[test]
fn damage_is_refused_with_the_ways_out_and_both_of_them_lead_out() {
    let (folder, copy) = (filled("damaged"), Folder::new("salvaged"));
    let name = damage(&folder);
    let refused = postrider(&["-p", "0", "--data-dir", &folder.shown()]);
    assert_eq!(refused.code, Some(1));
    for part in [&name, "at byte", "postrider check", "postrider salvage", "--accept-loss"] {
        assert!(refused.errors.contains(part), "{part} is not in {}", refused.errors);
    }
    let salvaged = postrider(&["salvage", &folder.shown(), &copy.shown()]).success().text();
    assert!(salvaged.contains("left behind: ") && salvaged.contains(&copy.shown()), "{salvaged}");
    for (path, args) in [(&copy, &[][..]), (&folder, &["--accept-loss"])] {
        let broker = Broker::keeping(&path.0, args);
        if !args.is_empty() {
            broker.hear(&format!("lost: {name}: the checksum is wrong"));
            let line = broker.hear(&format!("lost: {name}: put aside as "));
            let whole = line.rsplit_once("records that are whole: ").and_then(|(_, count)| count.parse().ok());
            assert!(whole.is_some_and(|count: u64| count > 10), "{line}");
        }
        let mut looker = Wire::client(&broker, &Hello::new("looker"));
        looker.subscribed("r/1", 0);
        assert_eq!(looker.receive().topic, "r/1");
    }
    postrider(&["check", &copy.shown()]).success();
}

/// Spoils the first record of the frame that has the most records, and says how many those are.
fn damage_largest_frame(folder: &Folder) -> u64 {
    let name = std::fs::read_dir(&folder.0).expect("it is there").map(|entry| entry.expect("readable").path());
    let name = name.filter(|path| path.extension().is_some_and(|it| it == "segment")).min().expect("records");
    let bytes = std::fs::read(&name).expect("readable");
    let frames = (0..bytes.len() - 48).filter(|at| &bytes[*at..at + 4] == b"PRgp" && bytes[at + 44] == 1);
    let count = |at: usize| u32::from_le_bytes(bytes[at + 40..at + 44].try_into().expect("four"));
    let frame = frames.max_by_key(|at| count(*at)).expect("a frame with records");
    let file = std::fs::OpenOptions::new().write(true).open(&name).expect("ours");
    file.write_all_at(&[bytes[frame + 60] ^ 255], frame as u64 + 60).expect("ours");
    u64::from(count(frame))
}

#[test]
fn damage_is_told_by_session_and_topic() {
    let (folder, copy) = (Folder::new("concerned"), Folder::new("concerned-copy"));
    let broker = Broker::keeping(&folder.0, &[]);
    let mut reader = Wire::client(&broker, &Hello::new("reader").resume().expiry(10_000));
    reader.subscribed("t/#", 1);
    drop(reader);
    let mut publisher = Wire::client(&broker, &Hello::new("p"));
    let messages = (1..=200).flat_map(|number| {
        let owed = publish(&format!("t/{number}"), "owed").q1(number);
        let kept = publish(&format!("r/{number}"), "kept").q1(number + 1000).retain();
        [owed.bytes(Version::V5), kept.bytes(Version::V5)].concat()
    });
    publisher.send(&messages.collect::<Vec<_>>());
    for _ in 0..400 {
        let line = publisher.next();
        assert!(line.starts_with("PUBACK"), "{line}");
    }
    drop((publisher, broker));
    let in_frame = damage_largest_frame(&folder);
    assert!(in_frame > 20, "{in_frame} records in one frame");
    let checked = postrider(&["check", "--json", &folder.shown()]);
    let checked: serde_json::Value = serde_json::from_slice(&checked.output).expect("JSON");
    let concerned = &checked["concerned"];
    assert_eq!(concerned["messages_lost"][0]["client_id"], "reader");
    let lost = concerned["messages_lost"][0]["messages"].as_u64().expect("a number");
    let lost_retained = concerned["retained_lost"].as_array().expect("a list").len() as u64;
    let left = checked["messages"].as_u64().expect("a number") + checked["retained"].as_u64().expect("a number");
    // One record cannot be read by anybody.
    assert_eq!((lost + lost_retained, left), (in_frame - 1, 400 - in_frame));
    let text = postrider(&["check", &folder.shown()]).text();
    assert!(text.contains(&format!("messages lost: {lost} of client reader\n")), "{text}");
    assert_eq!(text.matches("retained message lost: r/").count() as u64, lost_retained.min(10), "{text}");
    assert!(text.contains(&format!("and {} more topics that have lost", lost_retained - 10)), "{text}");
    let salvaged = postrider(&["salvage", "--json", &folder.shown(), &copy.shown()]).success();
    let salvaged: serde_json::Value = serde_json::from_slice(&salvaged.output).expect("JSON");
    assert_eq!(&salvaged["concerned"], concerned);
    // A file that is put aside goes as a whole: with it the session, whose name can still be read.
    let broker = Broker::keeping(&folder.0, &["--accept-loss"]);
    broker.hear("retained message lost: r/");
}

#[test]
fn a_terminated_broker_forgets_nothing_it_was_told_before() {
    for version in [Version::V3_1_1, Version::V5] {
        let folder = Folder::new("terminated");
        let hello = |id: &str| {
            let hello = Hello::new(id).version(version).resume();
            if version.is_v5() { hello.expiry(10_000) } else { hello }
        };
        let broker = Broker::keeping(&folder.0, &[]);
        let mut reader = Wire::client(&broker, &hello("reader"));
        reader.subscribed("t", 2);
        let mut publisher = Wire::client(&broker, &Hello::new("p"));
        for id in 1..=40 {
            let message = publish("t", "x");
            publisher.publish(&if id < 40 { message.q1(id) } else { message.q2(id) });
        }
        for _ in 0..40 {
            reader.receive();
        }
        // Its acknowledgements have been read when this is answered.
        reader.expect_silence();
        drop((reader, publisher));
        drop(broker);
        let text = postrider(&["check", &folder.shown()]).success().text();
        assert!(text.contains("sessions 1, messages for them 0,"), "{text}");
        let broker = Broker::keeping(&folder.0, &[]);
        let mut reader = Wire::dial(&broker);
        assert!(reader.enter(&hello("reader")), "its session is there");
        reader.expect_silence();
    }
}

//! How `pub`, `sub` and `rr` come to a connection and lose it, beside mosquitto's commands.

use crate::broker::Broker;
use crate::commands::{PUBLISHERS, SUBSCRIBERS, client, publish};
use crate::listening::Listening;
use crate::program::{Finished, Program, run};
use crate::requests::REQUESTERS;
use crate::tools::command;
use std::path::PathBuf;

/// A command for a server at this port.
fn at_port(name: &str, port: u16, args: &str) -> Finished {
    run(command(name).args(["-h", "127.0.0.1", "-p", &port.to_string()]).args(args.split(' ')))
}

#[test]
fn a_refusal_is_the_exit_code_in_the_edition_that_was_spoken() {
    let refusals: [(&str, &[u8], i32); 4] = [
        ("-V 311", &[0x20, 2, 0, 5], 5),
        ("-V 31", &[0x20, 2, 0, 4], 4),
        ("-V 5", &[0x20, 3, 0, 0x87, 0], 135),
        ("-V 5", &[0x20, 3, 0, 0x9D, 0], 157),
    ];
    for (edition, answer, code) in refusals {
        for (name, args) in [("pub", "-t a -m x"), ("pub", "-t a -l"), ("sub", "-t a"), ("rr", "-t a -e b -m x")] {
            let codes = ["mosquitto_", "postrider "].map(|family| {
                // Their command for lines has no fixed code.
                let server = Listening::start(&[&[answer]]);
                let ended = at_port(&format!("{family}{name}"), server.port(), &format!("{edition} {args}"));
                server.heard();
                assert!(!ended.errors.is_empty());
                ended.code
            });
            assert_eq!(codes[1], Some(code), "{name} {edition} {args}");
            assert!(args.contains("-l") || codes[0] == codes[1], "{name} {edition} {args}: {codes:?}");
        }
    }
}

#[test]
fn quiet_commands_say_nothing_of_what_goes_wrong() {
    for args in ["pub -t a -m x", "sub -t a", "rr -t a -e b -m x"] {
        let server = Listening::start(&[&[&[0x20, 2, 0, 5]]]);
        let (name, args) = args.split_once(' ').expect("two words");
        let ended = at_port(&format!("postrider {name}"), server.port(), &format!("{args} -V 311 --quiet"));
        server.heard();
        assert_eq!((ended.code, &*ended.errors), (Some(5), ""));
    }
}

#[test]
fn the_edition_is_3_1_1_unless_something_asks_for_another() {
    let version = |args: &str, name: &str| {
        let server = Listening::start(&[&[&[0x20, 2, 0, 5]]]);
        at_port(name, server.port(), args);
        let connect = server.heard().remove(0);
        connect[2 + 2 + usize::from(connect[3])]
    };
    for name in PUBLISHERS {
        assert_eq!(version("-t a -m x", name), 4, "{name}");
        assert_eq!(version("-t a -m x -V 5", name), 5, "{name}");
        assert_eq!(version("-t a -m x -V mqttv31", name), 3, "{name}");
        assert_eq!(version("-t a -m x -D publish content-type a", name), 5, "{name}");
    }
    assert_eq!(version("-t a -m x -x 60", "postrider pub"), 5);
    assert_eq!(version("-t a -m x -D publish content-type a -V 311", "postrider pub"), 4);
    for name in REQUESTERS {
        assert_eq!(version("-t a -e b -m x", name), 5, "{name}");
        assert_eq!(version("-t a -e b -m x -V mqttv311", name), 4, "{name}");
    }
}

/// What both families' commands say in their CONNECT.
fn connects(name: &str, args: &str) -> [Vec<u8>; 2] {
    ["mosquitto_", "postrider "].map(|family| {
        let server = Listening::start(&[&[&[0x20, 2, 0, 5]]]);
        at_port(&format!("{family}{name}"), server.port(), args);
        server.heard().remove(0)
    })
}

#[test]
fn connects_are_byte_for_byte_those_of_mosquittos_commands() {
    for args in [
        "-i me -t a -V 311 -k 17 -u user -P secret",
        "-i me -t a -V 31 -u user",
        "-i me -t a -V 311 -c",
        "-i me -t a -V 311 --will-topic w --will-payload -bye --will-qos 2 --will-retain",
        "-i me -t a -V 311 --will-topic w",
        "-t a -V 311",
        "-i me -t a -V 5 -D connect receive-maximum 9",
        "-i me -t a -V 5 -D connect receive-maximum 9 --will-topic w --will-payload x -D will content-type a",
    ] {
        let [theirs, ours] = connects("sub", args);
        assert_eq!(ours, theirs, "{args}");
    }
}

#[test]
fn an_identifier_is_made_of_a_prefix_and_the_process() {
    let broker = Broker::start();
    let sub = Program::start(&mut client("postrider sub", &broker, "-I lamp- -t a -C 1"));
    let line = broker.hear("lamp-");
    assert!(line.contains(&format!("lamp-{} connected", sub.id())), "{line}");
    publish("postrider pub", &broker, "-t a -m x");
    sub.finish().success();
}

#[test]
fn a_url_names_server_and_topic() {
    let broker = Broker::start();
    let url = format!("mqtt://127.0.0.1:{}/url/topic", broker.port());
    for (from, to) in [(PUBLISHERS[0], SUBSCRIBERS[1]), (PUBLISHERS[1], SUBSCRIBERS[0])] {
        let sub = Program::start(command(to).args(["-i", "url", "-v", "-C", "1", "-L", &url]));
        broker.hear("url subscribed to url/topic");
        run(command(from).args(["-m", "x", "-L", &url])).success();
        assert_eq!(sub.finish().success().text(), "url/topic x\n");
    }
}

#[test]
fn a_connection_starts_from_the_address_it_is_bound_to() {
    let broker = Broker::start();
    publish("postrider pub", &broker, "-i bound -A 127.0.0.7 -t a -m x");
    assert!(broker.hear("bound connected").contains("from 127.0.0.7:"));
    let nowhere = run(&mut client("postrider pub", &broker, "-A no.such.host.invalid -t a -m x"));
    assert!(nowhere.code == Some(1) && nowhere.errors.contains("no address of this machine"), "{}", nowhere.errors);
}

#[test]
fn every_packet_is_printed_as_by_mosquittos_commands() {
    let broker = Broker::start();
    for args in ["-V 5 -q 1", "-V 311 -q 2", "-V 31 -q 1 -r", "-V 311 -n -q 1"] {
        let payload = if args.contains("-n") { "" } else { "-m hello" };
        let lines = PUBLISHERS.map(|name| {
            run(&mut client(name, &broker, &format!("-i me -t news -d {payload} {args}"))).success().text()
        });
        assert_eq!(lines[1], lines[0], "{args}");
    }
    for args in ["-V 5 -q 1 -E", "-V 311 -q 1 -C 1 -t other", "-V 311 -q 0 -C 1 -U gone"] {
        let lines = SUBSCRIBERS
            .map(|name| run(&mut client(name, &broker, &format!("-i me -t news -d {args}"))).success().text());
        // A message may be faster than the answer to what came after its subscription.
        let sorted = lines.map(|text| {
            let mut lines: Vec<_> = text.lines().filter(|line| !line.contains("UNSUBACK")).map(str::to_owned).collect();
            lines.sort();
            lines
        });
        assert_eq!(sorted[1], sorted[0], "{args}");
    }
}

#[test]
fn options_stand_in_a_file_and_are_overruled_by_what_is_typed() {
    let broker = Broker::start();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("settings");
    std::fs::create_dir_all(&folder).expect("a place for temporary files");
    let server = format!("# at home\n-h 127.0.0.1\n-p {}\n", broker.port());
    std::fs::write(folder.join("postrider_pub"), format!("{server}-t a\n-m from the file\n-q 1\n")).expect("written");
    std::fs::write(folder.join("postrider_sub"), format!("{server}-t a\n-C 2\n-i file\n-v\n")).expect("written");
    let sub = Program::start(command("postrider sub").env("XDG_CONFIG_HOME", &folder).args(["-t", "b"]));
    broker.hear("file subscribed to b");
    run(command("postrider pub").env("XDG_CONFIG_HOME", &folder)).success();
    run(command("postrider pub").arg("-o").arg(folder.join("postrider_pub")).args(["-m", "typed", "-t", "b"]))
        .success();
    assert_eq!(sub.finish().success().text(), "a from the file\nb typed\n");
    let missing = run(command("postrider pub").args(["-o", "/no/such/file", "-t", "a", "-m", "x"]));
    assert_eq!(missing.code, Some(1));
    assert!(missing.errors.contains("/no/such/file"), "{}", missing.errors);
}

#[test]
fn a_subscriber_comes_back_after_its_connection_broke() {
    let (connack, suback): (&[u8], &[u8]) = (&[0x20, 2, 0, 0], &[0x90, 3, 0, 1, 0]);
    let publish: &[u8] = &[0x90, 3, 0, 1, 0, 0x30, 4, 0, 1, b'a', b'x'];
    let server = Listening::start(&[&[connack, suback], &[connack, publish]]);
    let ended = at_port("postrider sub", server.port(), "-t a -C 1").success();
    assert_eq!(ended.text(), "x\n");
    assert!(ended.errors.contains("to be connected to again"), "{}", ended.errors);
    assert_eq!(server.heard().len(), 2);
}

#[test]
fn a_server_that_hangs_up_instead_of_answering_is_not_asked_for_ever() {
    let server = Listening::start(&[&[&[0x20, 2, 0, 0], b""]]);
    let ended = at_port("postrider sub", server.port(), "-t a");
    assert_eq!(ended.code, Some(1));
    assert!(ended.errors.contains("closed the connection"), "{}", ended.errors);
    server.heard();
}

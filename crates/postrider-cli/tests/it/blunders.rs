//! What `postrider pub` and `postrider sub` say when something cannot be done: one line, and an exit code.

use crate::broker::Broker;
use crate::commands::client;
use crate::program::{Finished, Program, run, run_with_input};
use crate::tools::command;
use std::net::TcpListener;

#[track_caller]
fn expect_blunder(finished: &Finished, parts: &[&str]) {
    assert_eq!(finished.code, Some(1), "{}", finished.errors);
    assert_eq!(finished.errors.lines().count(), 1, "{}", finished.errors);
    assert!(finished.errors.starts_with("postrider: "), "{}", finished.errors);
    for part in parts {
        assert!(finished.errors.contains(part), "{part:?} is not in {}", finished.errors);
    }
}

#[test]
fn a_subscription_that_is_refused_ends_the_command_unless_another_is_granted() {
    let broker = Broker::start();
    let deep = "a/".repeat(200);
    for edition in ["311", "5"] {
        let refused = run(&mut client("postrider sub", &broker, &format!("-V {edition} -t {deep}")));
        expect_blunder(&refused, &["the server refused the subscription to a/a/"]);
        broker.hear("disconnected: it said good-bye");
        let args = format!("-V {edition} -i some -t {deep} -t good -C 1");
        let sub = Program::start(&mut client("postrider sub", &broker, &args));
        broker.hear("some subscribed to good");
        run(&mut client("postrider pub", &broker, "-t good -m x")).success();
        let sub = sub.finish().success();
        assert_eq!(sub.text(), "x\n");
        assert!(sub.errors.contains("the server refused the subscription"), "{}", sub.errors);
    }
}

#[test]
fn a_filter_that_is_none_is_told_before_anything_is_sent() {
    let broker = Broker::start();
    for filter in ["a/#/b", "a+", "#a", ""] {
        let mut sub = client("postrider sub", &broker, "");
        expect_blunder(&run(sub.args(["-t", filter])), &["filter"]);
    }
}

#[test]
fn a_topic_that_cannot_be_published_to_is_told() {
    let broker = Broker::start();
    for topic in ["a/#", "+/a", ""] {
        let mut publish = client("postrider pub", &broker, "-m x");
        expect_blunder(&run(publish.args(["-t", topic])), &["topic"]);
        let mut publish = client("postrider pub", &broker, "-l");
        expect_blunder(&run_with_input(publish.args(["-t", topic]), b"x\n"), &["topic"]);
        let mut mortal = client("postrider sub", &broker, "-t a");
        expect_blunder(&run(mortal.args(["--will-topic", topic])), &["topic"]);
    }
}

#[test]
fn messages_that_the_server_does_not_take_are_told() {
    let broker = Broker::start();
    let refused = run(&mut client("postrider pub", &broker, "-V 5 -t $SYS/x -m x -q 1"));
    expect_blunder(&refused, &["the server refused 1 of the messages"]);
    let refused = run_with_input(&mut client("postrider pub", &broker, "-V 5 -t $SYS/x -l -q 2"), b"a\nb\nc\n");
    expect_blunder(&refused, &["the server refused 3 of the messages"]);
}

#[test]
fn a_server_that_is_not_there_is_told_with_its_address() {
    // A port that was free a moment ago, and to which nobody else is given.
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound");
    drop(taken);
    for args in ["pub -t a -m x", "pub -t a -l", "sub -t a"] {
        let (word, args) = args.split_once(' ').expect("two words");
        let mut client = command(&format!("postrider {word}"));
        client.args(["-h", "127.0.0.1", "-p", &address.port().to_string()]).args(args.split(' '));
        expect_blunder(&run(&mut client), &[&address.to_string(), "refused"]);
    }
}

#[test]
fn a_file_that_is_not_there_is_told_with_its_name() {
    let broker = Broker::start();
    let args = "-t a -f /nowhere/at/all";
    expect_blunder(&run(&mut client("postrider pub", &broker, args)), &["/nowhere/at/all"]);
}

#[test]
fn a_message_that_is_too_large_for_the_server_is_told() {
    let broker = Broker::start();
    let megabytes = vec![b'x'; 3_000_000];
    for qos in ["0", "1", "2"] {
        for edition in ["31", "311", "5"] {
            let mut publish = client("postrider pub", &broker, "-t a -s");
            let ended = run_with_input(publish.args(["-q", qos, "-V", edition]), &megabytes);
            if qos == "0" && edition != "5" {
                // Nothing is ever said about it.
                continue;
            }
            expect_blunder(&ended, &[]);
        }
    }
}

#[test]
fn arguments_that_make_no_sense_are_told_with_exit_code_2() {
    for args in [
        "pub -t a -m x -l",
        "pub -t a -m x -q 3",
        "sub -t a -V 6",
        "serve --durability always",
        "serve -p 70000",
        "unknown",
    ] {
        let mut postrider = std::process::Command::new(crate::broker::POSTRIDER);
        let ended = run(postrider.args(args.split(' ')));
        assert_eq!(ended.code, Some(2), "{args}: {}", ended.errors);
        assert!(ended.errors.contains("error:"), "{args}: {}", ended.errors);
    }
}

#[test]
fn what_is_missing_or_impossible_is_told_in_one_line() {
    for (args, parts) in [
        ("pub -m x", "--topic"),
        ("pub -t a", "--message"),
        ("sub", "--topic"),
        ("sub -t a -c", "--id"),
        ("sub -t a -P x", "--username"),
        ("rr -t a -m x", "--response-topic"),
        ("rr -e a -m x", "--topic"),
        ("rr -t a -e b", "--message"),
        ("rr -t a -e # -m x", "response topic"),
        ("pub -t a -m x --cafile /no/such/file", "/no/such/file"),
        ("pub -t a -m x --cafile /dev/null", "no certificate"),
        ("pub -t a -m x --capath /proc/sys", "no file in it"),
        ("sub -t a --psk 00 --psk-identity x", "--cafile"),
        ("sub -t a --psk 00 --cafile x", "only one"),
        ("sub -t a --tls-engine x", "--key"),
        ("sub -t a --cert x", "--key"),
        ("sub -t a --keyform pem", "--key"),
        ("sub -t a --insecure", "--insecure"),
        ("sub -t a --tls-version tlsv1.3", "--tls-use-os-certs"),
        ("sub -t a --tls-use-os-certs --no-tls", "--no-tls"),
        ("sub -t a --tls-use-os-certs --ciphers DES", "ECDHE-RSA-AES256-GCM-SHA384"),
        ("sub -t a --unix /run/mqtt --tls-use-os-certs", "neither TLS"),
        ("sub -t a --unix /run/mqtt --proxy socks5h://host", "--proxy"),
        ("sub -t a --unix /run/mqtt-that-is-not-there", "/run/mqtt-that-is-not-there"),
        ("sub -t a --proxy http://host", "socks5h://"),
        ("sub -L unix:///run/mqtt", "--unix"),
        ("sub -t a -S", "SRV"),
        ("sub -L mqtt://host", "topic"),
        ("pub -t a -m x -D publish colour blue", "colour"),
        ("pub -t a -f /no/such/file", "/no/such/file"),
    ] {
        let (name, args) = args.split_once(' ').unwrap_or((args, ""));
        let ended = run(command(&format!("postrider {name}")).args(args.split_whitespace()));
        assert_eq!(ended.code, Some(1), "{name} {args}: {}", ended.errors);
        assert_eq!(ended.errors.lines().count(), 1, "{}", ended.errors);
        assert!(ended.errors.contains(parts), "{name} {args}: {}", ended.errors);
    }
}

#[test]
fn values_that_cannot_be_are_told_with_what_can() {
    for (args, part) in [
        ("sub -t a -W 0", "--timeout"),
        ("sub -t a -C 0", "--count"),
        ("sub -t a --random-filter 0.01", "0.1 to 100"),
        ("sub -t a -T x#", "--filter-out"),
        ("sub -t a -F %z", "there is no %z"),
        ("sub -t a -R --retained-only", "cannot be used with"),
        ("sub -t a -i x -I y", "cannot be used with"),
        ("sub -t a --will-payload x", "--will-topic"),
        ("sub -t a -l", "unexpected argument"),
        ("rr -t a -e b -l", "unexpected argument"),
        ("pub -t a -m x -f y", "cannot be used with"),
        ("pub -t a -m x --repeat 0", "--repeat"),
        ("pub -t a -m x --repeat-delay -1", "--repeat-delay"),
        ("pub -t a -m x -M 0", "--max-inflight"),
        ("pub -t a -m x -x -2", "-1 for ever"),
        ("pub -t a -m x -V 6", "--protocol-version"),
    ] {
        let (name, args) = args.split_once(' ').expect("two words");
        let ended = run(command(&format!("postrider {name}")).args(args.split(' ')));
        assert_eq!(ended.code, Some(2), "{name} {args}: {}", ended.errors);
        assert!(ended.errors.contains(part), "{name} {args}: {}", ended.errors);
    }
}

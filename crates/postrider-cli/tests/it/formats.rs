//! `-F` and its relatives: what `postrider sub` prints is, byte for byte, what mosquitto's command prints.

use crate::broker::Broker;
use crate::commands::{SUBSCRIBERS, client};
use crate::program::{run, run_with_input};
use std::process::Command;

/// A broker with a retained message on `f/topic` that has all properties.
fn broker_with_message() -> Broker {
    let broker = Broker::with(&[]);
    let properties = "-D publish content-type text/plain -D publish correlation-data corr -D publish response-topic re/sp \
                      -D publish message-expiry-interval 3600 -D publish payload-format-indicator 1 \
                      -D publish user-property name value -D publish user-property second one";
    let args = format!("-V 5 -t f/topic -q 1 -r {properties} -s");
    let payload = "say \"hi\" \\ \t\u{1}\u{7f} é /".as_bytes();
    run_with_input(&mut client("postrider pub", &broker, &args), payload).success();
    broker
}

/// What a subscriber prints of the retained message.
fn printed(name: &str, broker: &Broker, args: &str, format: &[&str]) -> Vec<u8> {
    let mut sub = client(name, broker, &format!("-V 5 -t f/topic -q 1 -C 1 -W 10 {args}"));
    sub.args(["-D", "subscribe", "subscription-identifier", "9"]).args(format);
    run(&mut sub).success().output
}

/// Each sequence on a line of its own is printed alike.
#[track_caller]
fn expect_alike(broker: &Broker, sequences: &[&str]) {
    let format = sequences.join("|\\n");
    let [theirs, ours] = SUBSCRIBERS.map(|name| printed(name, broker, "", &["-F", &format]));
    let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).split("|\n").map(str::to_owned).collect::<Vec<_>>();
    for ((theirs, ours), sequence) in lines(&theirs).iter().zip(lines(&ours)).zip(sequences) {
        assert_eq!(&ours, theirs, "{sequence}");
    }
    assert_eq!(ours, theirs);
}

#[test]
fn every_sequence_prints_what_mosquittos_command_prints() {
    let broker = broker_with_message();
    expect_alike(&broker, &["%%", "%A", "%C", "%D", "%E", "%F", "%l", "%m", "%P", "%p", "%q", "%R", "%r", "%S", "%t"]);
    expect_alike(&broker, &["%x", "%X", "@@", "\\\\", "\\0", "\\a", "\\e", "\\n", "\\r", "\\t", "\\v", "text é", ""]);
}

#[test]
fn width_padding_and_precision_are_those_of_mosquittos_command() {
    let broker = broker_with_message();
    for letter in ["A", "C", "E", "F", "l", "m", "R", "S", "t", "p", "D", "P", "q", "r"] {
        let sequences: Vec<_> = ["12", "-12", "3", "012", "-012", ".2", "12.2", "-12.2", ".0", "4.0", "100", "0"]
            .into_iter()
            // An absent alias is padded with zeros to the left only by their command.
            .filter(|layout| !(letter == "A" && layout.starts_with("-0")))
            .map(|layout| format!("[%{layout}{letter}]"))
            .collect();
        expect_alike(&broker, &sequences.iter().map(|sequence| &**sequence).collect::<Vec<_>>());
    }
}

#[test]
fn topic_and_payload_are_printed_as_by_mosquittos_command() {
    let broker = broker_with_message();
    for args in ["", "-N", "-v", "-v -N", "-v -F %t", "-N -F %p%p", "--pretty"] {
        let [theirs, ours] = SUBSCRIBERS.map(|name| printed(name, &broker, args, &[]));
        assert_eq!(ours, theirs, "{args}");
    }
}

#[test]
fn an_empty_message_is_printed_as_by_mosquittos_command() {
    let broker = Broker::start();
    for args in ["", "-N", "-v", "-v -N", "-F [%5p%3x%l]"] {
        let heard = SUBSCRIBERS.map(|name| {
            let mut sub = client(name, &broker, &format!("-i empty -C 1 -t empty {args}"));
            let sub = crate::program::Program::start(&mut sub);
            broker.hear("empty subscribed");
            run(&mut client("postrider pub", &broker, "-t empty -n")).success();
            sub.finish().success().output
        });
        assert_eq!(heard[1], heard[0], "{args}");
    }
}

/// The text without its time stamp, which no two subscribers have in common.
fn without_time(json: &[u8]) -> String {
    let json = String::from_utf8_lossy(json).into_owned();
    let from = json.find("\"tst\"").expect("a time stamp");
    let to = from + json[from..].find(',').expect("more members");
    format!("{}{}", &json[..from], &json[to..])
}

#[test]
fn json_is_what_mosquittos_command_makes_of_a_message() {
    let broker = broker_with_message();
    for args in ["-F %j", "-F %j --pretty", "-F %j -N"] {
        let [theirs, ours] = SUBSCRIBERS.map(|name| without_time(&printed(name, &broker, args, &[])));
        assert_eq!(ours, theirs, "{args}");
        serde_json::from_str::<serde_json::Value>(&ours.replacen(',', "", 1)).expect("it is JSON");
    }
}

#[test]
fn json_in_a_payload_is_embedded_as_by_mosquittos_command() {
    let broker = Broker::with(&[]);
    for payload in [
        r#" {"a": 1, "b":[1.5,{"q":[ ]},{ } , -3, true,null,false], "s":"x\u0001\b\f,:{\"}" } "#,
        "[1,2, [3 ,[]]]",
        "\"text\"",
        "17",
    ] {
        run(client("postrider pub", &broker, "-t j -r -q 1").args(["-m", payload])).success();
        for args in ["-F %J", "-F %J --pretty"] {
            let sub = |name| run(&mut client(name, &broker, &format!("-t j -C 1 -W 10 {args}"))).success().output;
            let [theirs, ours] = SUBSCRIBERS.map(|name| without_time(&sub(name)));
            assert_eq!(ours, theirs, "{payload} with {args}");
        }
    }
}

#[test]
fn numbers_and_strings_in_embedded_json_stay_as_they_were_published() {
    let broker = Broker::with(&[]);
    let payload = r#"{"id":12345678901234567890,"x":27.0,"s":"\u00e9\/"}"#;
    run(client("postrider pub", &broker, "-t j -r -q 1").args(["-m", payload])).success();
    let heard = run(&mut client("postrider sub", &broker, "-t j -C 1 -F %J")).success().text();
    assert!(heard.ends_with(&format!(",\"payload\":{payload}}}\n")), "{heard}");
}

#[test]
fn a_payload_that_is_not_json_is_told_and_its_line_is_empty() {
    let broker = Broker::with(&[]);
    for payload in ["no json", "{\"a\":1} more", "[1,]", &"[".repeat(100_000)] {
        run_with_input(&mut client("postrider pub", &broker, "-t j -r -q 1 -s"), payload.as_bytes()).success();
        let sub = run(&mut client("postrider sub", &broker, "-t j -C 1 -F %J")).success();
        assert_eq!((sub.text(), &*sub.errors), ("\n".to_owned(), "postrider: the payload on j is not JSON\n"));
        let quiet = run(&mut client("postrider sub", &broker, "-t j -C 1 -F %J --quiet")).success();
        assert!(quiet.errors.is_empty());
    }
}

#[test]
fn hexadecimal_digits_come_in_groups() {
    let broker = Broker::with(&[]);
    run(&mut client("postrider pub", &broker, "-t x -r -q 1 -m abcde")).success();
    for (format, expected) in [
        ("%.2x", "61 62 63 64 65"),
        ("%.4:x", "6162:6364:65"),
        ("%.2-X", "61-62-63-64-65"),
        ("[%14x]", "[    6162636465]"),
        ("[%-14x]", "[6162636465    ]"),
        ("[%014x]", "[00006162636465]"),
        ("[%3x]", "[616263]"),
    ] {
        let sub = run(client("postrider sub", &broker, "-t x -C 1 -F").arg(format)).success();
        assert_eq!(sub.text(), format!("{expected}\n"), "{format}");
    }
}

#[test]
fn payloads_that_are_numbers_in_memory_are_printed() {
    let broker = Broker::with(&[]);
    run_with_input(&mut client("postrider pub", &broker, "-t n -r -q 1 -s"), &1.5f32.to_ne_bytes()).success();
    let sub = run(client("postrider sub", &broker, "-t n -C 1 -F").arg("%f [%8.2f] [%-8.1f]")).success();
    assert_eq!(sub.text(), "1.500000 [    1.50] [1.5     ]\n");
    let wrong = run(&mut client("postrider sub", &broker, "-t n -C 1 -F %d")).success();
    assert!(wrong.errors.contains("is not a number of this size"), "{}", wrong.errors);
    run_with_input(&mut client("postrider pub", &broker, "-t n -r -q 1 -s"), &(-0.25f64).to_ne_bytes()).success();
    let sub = run(&mut client("postrider sub", &broker, "-t n -C 1 -F %.3d")).success();
    assert_eq!(sub.text(), "-0.250\n");
}

#[test]
fn times_are_those_of_the_zone_that_the_environment_names() {
    let broker = broker_with_message();
    for zone in ["Asia/Kolkata", "UTC", "EST5"] {
        let time = |name| {
            let mut sub: Command = client(name, &broker, "-t f/topic -C 1 -W 10 -F @Z@z");
            run(sub.env("TZ", zone)).success().text()
        };
        let [theirs, ours] = SUBSCRIBERS.map(time);
        assert_eq!(ours, theirs, "{zone}");
    }
    let sub = run(client("postrider sub", &broker, "-t f/topic -C 1 -F").arg("%I|%U|@s.@N|@Y-@m-@dT@H:@M:@S|@E@Q@f@v"));
    let text = sub.success().text();
    let parts: Vec<_> = text.trim_end().split('|').collect();
    assert_eq!(parts[0].len(), "2016-08-10T09:47:38+0100".len(), "{text}");
    assert_eq!(parts[1], parts[2]);
    assert_eq!(&parts[0][..19], parts[3]);
    assert_eq!(parts[4], "%E%Q%f%v", "letters that mean nothing stay");
}

#[test]
fn a_watched_topic_keeps_its_line() {
    let broker = Broker::start();
    let sub = crate::program::Program::start(&mut client("postrider sub", &broker, "-i w -w -v -C 3 -t w/#"));
    broker.hear("w subscribed");
    for (topic, text) in [("w/a", "1"), ("w/b", "2"), ("w/a", "3")] {
        run(&mut client("postrider pub", &broker, &format!("-t {topic} -m {text}"))).success();
    }
    let heard = sub.finish().success().text();
    let lines: Vec<_> = heard.split("\x1b[").filter(|part| part.contains("K")).collect();
    assert_eq!(lines, ["2Kw/a 1\n", "2Kw/b 2\n", "2Kw/a 3\n"]);
    assert_eq!(heard.matches("\x1b[2;1H\x1b[2K").count(), 2, "{heard:?}");
}

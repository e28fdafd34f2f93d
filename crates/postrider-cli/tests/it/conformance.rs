//! `postrider conformance`: what it finds at our broker, at bad ones, and at what is no broker at all.

use crate::broker::{Broker, POSTRIDER};
use crate::impostor::{Answer, acknowledge, connack, flags, impostor, poor_broker, silent, welcome};
use crate::program::{Finished, run};
use crate::wire::Wire;
use postrider_proto::{AckKind, Packet, PacketId, PropertiesBuf, PropertyId, Suback, Version};
use postrider_testkit::Hello;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

fn conformance(target: &str, args: &str) -> Finished {
    let mut command = Command::new(POSTRIDER);
    command.args(["conformance", target, "--json"]).args(args.split_whitespace());
    run(&mut command)
}

/// With one case alone, whose name may hold spaces.
fn only(address: SocketAddr, case: &str, args: &str) -> (Finished, Value) {
    let mut command = Command::new(POSTRIDER);
    let target = format!("mqtt://{address}");
    command.args(["conformance", &target, "--json", "--only", case, "--timeout", "1"]).args(args.split_whitespace());
    let finished = run(&mut command);
    let object = json(&finished);
    (finished, object)
}

#[track_caller]
fn json(finished: &Finished) -> Value {
    serde_json::from_str(&finished.text()).unwrap_or_else(|error| panic!("{error}: {finished:?}"))
}

#[track_caller]
fn findings(object: &Value) -> &[Value] {
    object["findings"].as_array().unwrap_or_else(|| panic!("{object}"))
}

fn results<'a>(object: &'a Value, result: &str) -> Vec<&'a Value> {
    findings(object).iter().filter(|finding| finding["result"] == result).collect()
}

/// All cases of an edition hold of our broker, without so much as a remark.
#[track_caller]
fn expect_our_broker_to_pass(edition: &str, at_least: u64) {
    let broker = Broker::with(&[]);
    let target = format!("127.0.0.1:{}", broker.port());
    let finished = conformance(&target, &format!("--edition {edition} --timeout 10 --jobs 24"));
    let object = json(&finished);
    assert!(results(&object, "failed").is_empty(), "{:#?}", results(&object, "failed"));
    assert!(results(&object, "note").is_empty(), "{:#?}", results(&object, "note"));
    assert!(object["passed"].as_u64() >= Some(at_least), "{} passed", object["passed"]);
    // What takes a second edition, and what is about brokers that offer less.
    let reasons = ["was not asked to speak", "the broker offers"];
    let is_fair = |finding: &&&Value| reasons.iter().any(|reason| finding["reason"].to_string().contains(reason));
    let unfair: Vec<_> = results(&object, "skipped").into_iter().filter(|finding| !is_fair(&finding)).collect();
    assert!(unfair.is_empty(), "{unfair:#?}");
    assert_eq!(finished.code, Some(0));
    // Nothing is left behind.
    let mut late = Wire::client(&broker, &Hello::new("late"));
    late.subscribed("#", 0);
    late.expect_silence();
}

#[test]
fn our_broker_passes_every_case_of_3_1() {
    expect_our_broker_to_pass("3.1", 140);
}

#[test]
fn our_broker_passes_every_case_of_3_1_1() {
    expect_our_broker_to_pass("3.1.1", 190);
}

#[test]
fn our_broker_passes_every_case_of_5_0() {
    expect_our_broker_to_pass("5", 300);
}

/// Whatever this is, it ends with findings and exit code 1 within a time that people wait.
#[track_caller]
fn expect_findings(address: SocketAddr, came: &str) {
    let started = Instant::now();
    let finished = conformance(&address.to_string(), "--timeout 0.2");
    assert_eq!(finished.code, Some(1), "{}", finished.errors);
    assert!(finished.errors.is_empty(), "{}", finished.errors);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    let object = json(&finished);
    let failed = results(&object, "failed");
    let says = |finding: &&Value| finding["came"].as_str().is_some_and(|text| text.contains(came));
    assert!(failed.iter().any(says), "nobody says {came:?} but {failed:#?}");
}

#[test]
fn a_server_that_says_nothing_is_found_out() {
    expect_findings(impostor(silent), "nothing");
}

#[test]
fn a_server_that_hangs_up_at_once_is_found_out() {
    expect_findings(impostor(|_| Ok(())), "the broker closed the connection");
}

#[test]
fn a_server_that_sends_rubbish_is_found_out() {
    let address = impostor(|mut stream| {
        let mut number = 0x9E37_79B9_7F4A_7C15_u64;
        loop {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            stream.write_all(&number.to_be_bytes())?;
        }
    });
    expect_findings(address, "");
}

#[test]
fn a_server_that_greets_and_falls_silent_is_found_out() {
    let address = impostor(|mut stream| {
        let mut connect = [0; 1024];
        let count = stream.read(&mut connect)?;
        stream.write_all(connack(&connect[..count]))?;
        silent(stream)
    });
    expect_findings(address, "nothing within");
}

#[test]
fn a_server_that_announces_a_giant_packet_is_found_out() {
    let address = impostor(|mut stream| {
        let mut connect = [0; 1024];
        let count = stream.read(&mut connect)?;
        stream.write_all(connack(&connect[..count]))?;
        stream.write_all(&[0x30, 0xFF, 0xFF, 0xFF, 0x7F, 0, 1, b'a'])?;
        silent(stream)
    });
    expect_findings(address, "268435460 bytes");
}

#[test]
fn a_server_that_sends_a_byte_now_and_then_is_found_out() {
    let address = impostor(|mut stream| {
        loop {
            stream.write_all(&[0x20])?;
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    expect_findings(address, "");
}

#[test]
fn a_server_that_floods_its_clients_is_found_out() {
    let address = impostor(|mut stream| {
        let mut connect = [0; 1024];
        let count = stream.read(&mut connect)?;
        stream.write_all(connack(&connect[..count]))?;
        let flood = [0x30, 4, 0, 1, b'a', 0].repeat(1000);
        loop {
            stream.write_all(&flood)?;
        }
    });
    expect_findings(address, "");
}

#[test]
fn a_broker_that_lets_nobody_in_is_told_once_an_edition() {
    let address = poor_broker(|packet, version, out| match packet {
        Packet::Connect(_) if version.is_v5() => {
            out.extend_from_slice(&[0x20, 3, 0, 0x87, 0]);
            Answer::GivenAndClosed
        }
        Packet::Connect(_) => {
            out.extend_from_slice(&[0x20, 2, 0, 5]);
            Answer::GivenAndClosed
        }
        _ => Answer::Proper,
    });
    let finished = conformance(&address.to_string(), "");
    let object = json(&finished);
    assert_eq!(results(&object, "failed").len(), 3, "{object:#}");
    assert!(results(&object, "failed")[0]["came"].as_str().is_some_and(|came| came.contains("not authorized")));
    assert_eq!(object["passed"], 0);
    assert_eq!(finished.code, Some(1));
}

#[test]
fn an_edition_that_is_not_spoken_is_skipped() {
    let address = poor_broker(|packet, version, out| match packet {
        Packet::Connect(_) if version == Version::V3_1_1 => Answer::Proper,
        Packet::Connect(_) => {
            out.extend_from_slice(&[0x20, 2, 0, 1]);
            Answer::GivenAndClosed
        }
        _ => Answer::Proper,
    });
    let (finished, object) = only(address, "a PINGREQ is answered", "--without v3.1");
    let results: Vec<_> = findings(&object).iter().map(|finding| &finding["result"]).collect();
    // A CONNACK of 3.1.1 is no word of 5.0: a broker that says it was not understood there.
    assert_eq!(results, ["failed", "skipped", "passed", "skipped"], "{object:#}");
    assert_eq!(finished.code, Some(1));
}

#[test]
fn a_packet_identifier_that_is_not_the_right_one_fails_the_case() {
    let address = poor_broker(|packet, version, out| match packet {
        Packet::Subscribe(subscribe) => {
            let properties = PropertiesBuf::new();
            let packet_id = subscribe.packet_id.next();
            Suback { packet_id, properties: properties.as_properties(), codes: &[0] }.encode(version, out);
            Answer::Given
        }
        _ => Answer::Proper,
    });
    let (finished, object) = only(address, "a SUBSCRIBE is answered", "--edition 5");
    let [finding] = findings(&object) else { panic!("{object:#}") };
    assert_eq!(finding["result"], "failed");
    assert_eq!(finding["expected"], "packet identifier of the SUBACK: 1");
    assert_eq!(finding["came"], "packet identifier of the SUBACK: 2");
    assert!(finding["clauses"].as_array().is_some_and(|clauses| clauses.iter().any(|name| name == "MQTT-3.8.4-2")));
    assert_eq!(finished.code, Some(1));
}

#[test]
fn a_packet_that_is_malformed_or_another_one_is_shown_in_hex() {
    let malformed = poor_broker(|packet, _, out| match packet {
        Packet::Pingreq => {
            out.extend_from_slice(&[0xD0, 1, 7]);
            Answer::Given
        }
        _ => Answer::Proper,
    });
    let (_, object) = only(malformed, "a PINGREQ is answered", "--edition 3.1.1");
    assert_eq!(findings(&object)[0]["bytes"], "d00107", "{object:#}");
    assert_eq!(findings(&object)[0]["expected"], "a packet that is well-formed");
    let another = poor_broker(|packet, version, out| match packet {
        Packet::Pingreq => {
            acknowledge(AckKind::Puback, PacketId::FIRST, version, out);
            Answer::Given
        }
        _ => Answer::Proper,
    });
    let (_, object) = only(another, "a PINGREQ is answered", "--edition 3.1.1");
    assert_eq!(findings(&object)[0]["bytes"], "40020001", "{object:#}");
    assert_eq!(findings(&object)[0]["came"], "PUBACK #1, success (0x00)");
}

#[test]
fn a_connection_that_should_be_closed_and_is_not_fails_the_case() {
    let address = poor_broker(|packet, version, out| match packet {
        Packet::Connect(_) if out.is_empty() => {
            welcome(&PropertiesBuf::new(), version, out);
            Answer::Given
        }
        _ => Answer::Proper,
    });
    let (_, object) = only(address, "a second CONNECT ends", "--edition 3.1.1");
    assert_eq!(findings(&object)[0]["result"], "failed");
    assert_eq!(findings(&object)[0]["came"], "CONNACK, success (0x00)");
    let patient = poor_broker(|packet, _, _| match packet {
        Packet::Suback(_) => Answer::Given,
        _ => Answer::Proper,
    });
    let (_, object) = only(patient, "a SUBACK from a client", "--edition 3.1.1");
    assert_eq!(findings(&object)[0]["came"], "it stays open", "{object:#}");
}

#[test]
fn a_message_that_does_not_arrive_or_arrives_uninvited_fails_the_case() {
    let forgetful = poor_broker(|_, _, _| Answer::Proper);
    let (_, object) = only(forgetful, "a QoS 0 message arrives", "--edition 3.1.1");
    assert_eq!(findings(&object)[0]["expected"], "a PUBLISH", "{object:#}");
    let pushy = poor_broker(|packet, _, out| match packet {
        Packet::Pingreq => {
            out.extend_from_slice(&[0x30, 4, 0, 1, b'a', b'x']);
            Answer::Proper
        }
        _ => Answer::Proper,
    });
    let (_, object) = only(pushy, "a PINGREQ is answered", "--edition 3.1.1");
    assert_eq!(findings(&object)[0]["expected"], "nothing", "{object:#}");
    assert_eq!(findings(&object)[0]["came"], "PUBLISH of QoS 0 to \"a\", payload \"x\"");
}

#[test]
fn what_is_unusual_and_allowed_is_a_note_and_fails_nothing() {
    let terse = poor_broker(|packet, _, _| match packet {
        Packet::Auth(_) => Answer::GivenAndClosed,
        _ => Answer::Proper,
    });
    let (finished, object) = only(terse, "an AUTH of a client without a method", "--edition 5");
    let [finding] = findings(&object) else { panic!("{object:#}") };
    assert_eq!(finding["result"], "note", "{object:#}");
    assert_eq!(finding["notes"][0], "the broker closes the connection without a DISCONNECT");
    assert_eq!(finished.code, Some(0));
}

/// A CONNACK of a broker that offers next to nothing.
fn modest_welcome(version: Version, out: &mut Vec<u8>) {
    let ids = [
        (PropertyId::RetainAvailable, 0),
        (PropertyId::MaximumQos, 0),
        (PropertyId::WildcardSubscriptionAvailable, 0),
        (PropertyId::SubscriptionIdentifierAvailable, 0),
        (PropertyId::SharedSubscriptionAvailable, 0),
    ];
    welcome(&flags(&ids), version, out);
}

#[test]
fn what_a_broker_says_it_is_without_is_skipped() {
    let address = poor_broker(|packet, version, out| match packet {
        Packet::Connect(_) if version.is_v5() => {
            modest_welcome(version, out);
            Answer::Given
        }
        _ => Answer::Proper,
    });
    for case in ["a retained message", "QoS 1 message", "wildcard", "identifiers of two clients", "a topic alias can"] {
        let (_, object) = only(address, case, "--edition 5");
        let skipped = results(&object, "skipped");
        assert!(!skipped.is_empty(), "{object:#}");
        assert!(skipped.iter().all(|finding| finding["reason"].to_string().contains("without")), "{object:#}");
    }
    // Whoever takes it nevertheless should not have said so.
    let (finished, object) = only(address, "is refused where there are none", "--edition 5");
    assert_eq!(results(&object, "failed").len(), 3, "{object:#}");
    assert_eq!(finished.code, Some(1));
}

#[test]
fn a_broker_that_refuses_what_it_says_it_is_without_passes() {
    let address = poor_broker(|packet, version, out| match packet {
        Packet::Connect(_) if version.is_v5() => {
            modest_welcome(version, out);
            Answer::Given
        }
        Packet::Subscribe(subscribe) => {
            let filter = subscribe.subscriptions.iter().next().map_or(&b""[..], |one| one.raw_filter);
            let code = match (filter.starts_with(b"$share"), filter.contains(&b'#')) {
                (true, _) => 0x9E,
                (_, true) => 0xA2,
                _ => 0xA1,
            };
            let properties = PropertiesBuf::new();
            let suback =
                Suback { packet_id: subscribe.packet_id, properties: properties.as_properties(), codes: &[code] };
            suback.encode(version, out);
            Answer::Given
        }
        _ => Answer::Proper,
    });
    let (finished, object) = only(address, "is refused where there are none", "--edition 5");
    assert_eq!(results(&object, "passed").len(), 3, "{object:#}");
    assert_eq!(finished.code, Some(0));
}

#[test]
fn what_is_left_out_by_hand_is_skipped() {
    let broker = Broker::with(&[]);
    let without = "--without retain --without wildcard --without qos1 --without will --without subscription-ids";
    let (finished, object) = only((&broker).into(), "will", without);
    assert_eq!(finished.code, Some(0), "{object:#}");
    assert!(results(&object, "skipped").len() > 20, "{object:#}");
    // There is no QoS 2 without QoS 1.
    let named: Vec<_> = object["without"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    assert_eq!(named, ["retain", "wildcard", "qos1", "will", "subscription-ids", "qos2"]);
}

#[test]
fn a_broker_that_is_not_there_is_told_with_exit_code_2() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    drop(taken);
    for target in [&*address, &format!("mqtt://{address}"), "http://localhost", "no.such.host.invalid"] {
        let finished = conformance(target, "");
        assert_eq!(finished.code, Some(2), "{target}: {finished:?}");
        assert_eq!(finished.errors.lines().count(), 1, "{}", finished.errors);
        assert!(finished.output.is_empty());
    }
    for args in ["--edition 4", "--without everything", "--timeout 0", "--timeout x", "--password x"] {
        assert_eq!(conformance(&address, args).code, Some(2), "{args}");
    }
    assert_eq!(run(Command::new(POSTRIDER).arg("conformance")).code, Some(2));
}

#[test]
fn the_cases_are_listed_with_statements_that_exist() {
    let listed = json(&conformance("--list", ""));
    let cases = listed["cases"].as_array().expect("a list");
    let names: std::collections::BTreeSet<_> = cases.iter().filter_map(|case| case["case"].as_str()).collect();
    assert!(names.len() >= 300, "{} cases", names.len());
    let statements = |edition: &str| {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/clauses/");
        std::fs::read_to_string(format!("{root}{edition}.tsv")).expect("the list of statements")
    };
    let (old, new) = (statements("3.1.1"), statements("5.0"));
    for case in cases {
        let known = match case["edition"].as_str() {
            Some("3.1.1") => &old,
            Some("5.0") => &new,
            _ => continue,
        };
        for clause in case["clauses"].as_array().into_iter().flatten() {
            let row = format!("\n{}\t", clause.as_str().expect("a name"));
            assert!(known.contains(&row), "{case} names what does not exist");
        }
    }
    let some = json(&conformance("--list", "--only MQTT-3.12.4-1 --edition 5"));
    assert_eq!(some["cases"].as_array().map(Vec::len), Some(2), "{some:#}");
}

#[test]
fn people_read_a_line_for_each_case_and_what_was_wrong() {
    let address = poor_broker(|packet, _, out| match packet {
        Packet::Pingreq => {
            out.extend_from_slice(&[0xD0, 1, 7]);
            Answer::Given
        }
        _ => Answer::Proper,
    });
    let mut command = Command::new(POSTRIDER);
    command.args(["conformance", &address.to_string(), "--edition", "3.1.1", "--only", "a PINGREQ is answered"]);
    let finished = run(&mut command);
    assert_eq!(finished.code, Some(1));
    let text = finished.text();
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
    let expected = [
        "failed  3.1.1  a PINGREQ is answered with a PINGRESP",
        "expected: a packet that is well-formed",
        "came: the packet goes on behind its last field [MQTT-4.13.1-1]",
        "bytes: d00107",
        "clauses: MQTT-3.12.4-1",
    ];
    assert_eq!(lines[..5], expected, "{text}");
    assert_eq!(lines[lines.len() - 1], "0 passed, 1 failed, 0 notes, 0 skipped", "{text}");
}

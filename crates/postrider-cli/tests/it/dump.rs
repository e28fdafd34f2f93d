//! What a data directory says about itself, line by line.

use crate::broker::Broker;
use crate::data::postrider;
use crate::folder::Folder;
use crate::wire::Wire;
use postrider_proto::{AckKind, Packet, Property, PropertyId, Text, Version};
use postrider_testkit::{Hello, publish, subscribe};
use serde_json::{Value, json};

pub(crate) fn reader() -> Hello {
    let will = publish("wills/reader", "gone").q1(1).retain();
    Hello::new("reader").resume().expiry(100_000).will_after(will, 5000)
}

pub(crate) fn writer() -> Hello {
    Hello::new("writer").resume().expiry(u32::MAX)
}

/// A directory in which everything is once: each state of a delivery, half of an exchange with QoS 2 from a client, a
/// will, shared and other subscriptions, retained messages with properties and without.
pub(crate) fn rich(name: &str) -> Folder {
    let folder = Folder::new(name);
    let broker = Broker::keeping(&folder.0, &[]);
    let mut reader = Wire::client(&broker, &reader());
    reader.send(&subscribe(1, "t/#", 2).identifier(7).bytes(Version::V5));
    reader.expect("SUBACK #1 02");
    reader.subscribed("$share/crew/s/+", 1);
    reader.send(&subscribe(2, "own/+", 1).no_local().retain_as_published().bytes(Version::V5));
    reader.expect("SUBACK #2 01");
    let mut writer = Wire::client(&broker, &writer());
    for (id, message) in
        [(1, publish("t/once", "1").q1(1)), (2, publish("t/sent", "2").q2(2)), (3, publish("t/had", "3").q2(3))]
    {
        writer.publish(&message);
        let (topic, packet_id) = reader.take(published).expect("a message");
        if topic == "t/had" {
            reader.acknowledge(AckKind::Pubrec, packet_id);
            reader.expect(&format!("PUBREL #{packet_id}"));
        }
        assert_eq!(usize::from(packet_id), id);
    }
    drop(reader);
    let text = |text: &'static str| Text::parse(text.as_bytes()).expect("short");
    let full = publish("t/full", "").payload(&[0, 159, 146, 150]).q2(4).expiry(1_000_000);
    let full = full.property(Property::Byte(PropertyId::PayloadFormatIndicator, 0));
    let full = full.property(Property::Text(PropertyId::ContentType, text("picture")));
    let full = full.property(Property::Text(PropertyId::ResponseTopic, text("t/answer")));
    let full = full.property(Property::Binary(PropertyId::CorrelationData, &[1, 2, 255]));
    let full = full.property(Property::Pair(text("a"), text("1"))).property(Property::Pair(text("a"), text("2")));
    writer.publish(&full);
    writer.publish(&publish("s/x", "for the crew").q1(5));
    writer.publish(&publish("t/kept", "both queued and retained").q1(6).retain());
    writer.publish(&publish("r/plain", "r\u{e9}tained").q1(7).retain());
    // Half an exchange: the broker has it and waits for PUBREL.
    writer.send(&publish("t/half", "once only").q2(9).bytes(Version::V5));
    writer.expect("PUBREC #9");
    drop(writer);
    drop(broker);
    folder
}

pub(crate) fn published(packet: &Packet<'_>) -> (String, u16) {
    let Packet::Publish(publish) = packet else { panic!("{packet:?} is no message") };
    (publish.topic.as_str().to_owned(), publish.packet_id.map_or(0, |id| id.as_u16()))
}

/// What is printed, without what differs from run to run.
fn lines(args: &[&str]) -> Vec<Value> {
    let printed = postrider(&[&["dump", "--json"], args].concat()).success().text();
    let mut lines: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for members in lines.iter_mut().filter_map(Value::as_object_mut) {
        for name in ["id", "bytes", "records", "last_record", "record", "away_since_ms", "expires_at_ms"] {
            // Whether the broker saw the end of the connection before its own is chance.
            if members.get(name).is_some_and(|value| !value.is_null() || name == "away_since_ms") {
                members.insert(name.to_owned(), json!("some"));
            }
        }
    }
    lines
}

fn plain(line: Value, topic: &str, qos: u8, payload: &str) -> Value {
    let Value::Object(mut line) = line else { panic!("an object") };
    let Value::Object(message) = json!({
        "topic": topic, "qos": qos, "expires_at_ms": null, "payload_format": null, "content_type": null,
        "response_topic": null, "correlation_data_base64": null, "user_properties": [], "payload_encoding": "utf-8",
        "payload_bytes": payload.len(), "payload": payload, "is_cut": false,
    }) else {
        panic!("an object")
    };
    line.extend(message);
    Value::Object(line)
}

fn delivery(state: &str, packet_id: Option<u16>, qos: u8, ids: &[u32]) -> Value {
    json!({
        "kind": "message", "client_id": "reader", "share": null, "state": state, "packet_id": packet_id,
        "delivery_qos": qos, "delivery_retain": false, "subscription_ids": ids, "record": "some",
    })
}

fn subscription(filter: &str, qos: u8, identifier: Option<u32>, is_own: bool) -> Value {
    json!({
        "kind": "subscription", "client_id": "reader", "filter": filter, "qos": qos, "no_local": is_own,
        "retain_as_published": is_own, "identifier": identifier, "is_owed_retained": false,
    })
}

#[test]
fn everything_in_a_data_directory_is_printed_in_the_documented_form() {
    let folder = rich("dump");
    let mut had = delivery("awaits-pubcomp", Some(3), 2, &[]);
    had["record"] = Value::Null;
    let mut full = plain(delivery("queued", None, 2, &[7]), "t/full", 2, "AJ+Slg==");
    for (name, value) in [
        ("payload_encoding", json!("base64")),
        ("payload_bytes", json!(4)),
        ("expires_at_ms", json!("some")),
        ("payload_format", json!(0)),
        ("content_type", json!("picture")),
        ("response_topic", json!("t/answer")),
        ("correlation_data_base64", json!("AQL/")),
        ("user_properties", json!([["a", "1"], ["a", "2"]])),
    ] {
        full[name] = value;
    }
    let mut crew = delivery("queued", None, 1, &[]);
    (crew["client_id"], crew["share"]) = (Value::Null, json!("$share/crew/s/+"));
    let retained = json!({ "kind": "retained", "record": "some", "author": "writer", "author_principal": null });
    let expected = [
        json!({ "kind": "store", "id": "some", "openings": 1, "files": 1, "bytes": "some", "records": "some",
            "last_record": "some", "damaged": 0 }),
        json!({ "kind": "session", "client_id": "reader", "principal": null, "expiry_s": 100_000,
            "away_since_ms": "some", "next_packet_id": 4, "awaiting_pubrel": [] }),
        plain(
            json!({ "kind": "will", "client_id": "reader", "delay_s": 5000, "retain": true, "message_expiry_s": null }),
            "wills/reader",
            1,
            "gone",
        ),
        subscription("$share/crew/s/+", 1, None, false),
        subscription("own/+", 1, None, true),
        subscription("t/#", 2, Some(7), false),
        plain(delivery("awaits-puback", Some(1), 1, &[7]), "t/once", 1, "1"),
        plain(delivery("awaits-pubrec", Some(2), 2, &[7]), "t/sent", 2, "2"),
        had,
        full,
        plain(delivery("queued", None, 1, &[7]), "t/kept", 1, "both queued and retained"),
        plain(delivery("queued", None, 2, &[7]), "t/half", 2, "once only"),
        json!({ "kind": "session", "client_id": "writer", "principal": null, "expiry_s": null,
            "away_since_ms": "some", "next_packet_id": 1, "awaiting_pubrel": [9] }),
        plain(crew, "s/x", 1, "for the crew"),
        plain(retained.clone(), "r/plain", 1, "r\u{e9}tained"),
        plain(retained, "t/kept", 1, "both queued and retained"),
    ];
    let printed = lines(&[&folder.shown()]);
    for (printed, expected) in printed.iter().zip(&expected) {
        assert_eq!(printed, expected);
    }
    assert_eq!(printed.len(), expected.len());
}

#[test]
fn only_what_is_asked_for_is_printed_and_payloads_as_far_as_is_asked_for() {
    let folder = rich("dump-part");
    let kinds = |args: &[&str]| {
        let lines = lines(&[args, &[folder.shown().as_str()]].concat());
        let mut kinds: Vec<String> =
            lines.iter().map(|line| line["kind"].as_str().expect("a text").to_owned()).collect();
        kinds.dedup();
        kinds.join(" ")
    };
    assert_eq!(kinds(&["--retained"]), "store retained");
    assert_eq!(kinds(&["--messages"]), "store message");
    assert_eq!(kinds(&["--sessions"]), "store session will subscription session");
    let cut = lines(&["--retained", "--payloads", "2", &folder.shown()]);
    // Two bytes would end in the middle of a character.
    assert_eq!((&cut[1]["payload"], &cut[1]["is_cut"]), (&json!("r"), &json!(true)));
    let none = lines(&["--messages", "--payloads", "none", &folder.shown()]);
    assert!(none.iter().skip(1).all(|line| line["payload"].as_str().is_none_or(str::is_empty)), "{none:?}");
}

#[test]
fn people_read_lines_and_are_told_when_a_broker_has_the_directory() {
    let folder = rich("dump-text");
    let text = postrider(&["dump", &folder.shown()]).success().text();
    for part in [
        "session of reader, for 100000 s, ",
        "session of writer, for ever",
        "awaits PUBREL for [9]",
        "  subscribed to t/# with QoS 2, identifier 7",
        "  will after 5000 s, retained: wills/reader QoS 1, 4 bytes: gone",
        "  awaits-pubrec 2, QoS 2, for reader: t/sent QoS 2, 1 bytes: 2",
        "content type picture, response topic t/answer, a=1, a=2: \\x00\\x9f\\x92\\x96",
        "  queued, QoS 1, for $share/crew/s/+: s/x",
        "retained r/plain QoS 1, 9 bytes, from writer: r\u{e9}tained",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let _broker = Broker::keeping(&folder.0, &[]);
    let refused = postrider(&["dump", &folder.shown()]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.errors.contains("in use by process"), "{}", refused.errors);
    assert!(refused.output.is_empty());
}

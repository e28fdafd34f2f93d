//! The shapes of RELIABILITY §1.2 that concern the engine; the bytes are tested with the codec, the sockets
//! with the binary.

use postrider_proto::{AckKind, Property, PropertyId, Version};
use postrider_testkit::{Hello, World, publish, subscribe};

// A17
#[test]
fn nobody_publishes_to_reserved_topics() {
    let mut world = World::new();
    let watcher = world.connect(&Hello::new("watcher"));
    world.subscribe(watcher, &subscribe(1, "$SYS/#", 0).and("$share", 0).and("$share/a", 0).and("$CONTROL/#", 0));
    world.take(watcher);
    let client = world.connect(&Hello::new("c"));
    for topic in ["$SYS", "$SYS/broker/uptime", "$share/g/a", "$queue/a", "$CONTROL/dynamic-security/v1"] {
        world.publish(client, &publish(topic, "x"));
        world.publish(client, &publish(topic, "x").q1(1).retain());
        world.publish(client, &publish(topic, "x").q2(2));
        assert_eq!(world.take(client), ["PUBACK #1 TopicNameInvalid", "PUBREC #2 TopicNameInvalid"], "{topic}");
    }
    let old = world.connect(&Hello::new("old").v3());
    world.publish(old, &publish("$SYS/x", "x").q1(1));
    world.publish(old, &publish("$SYS/x", "x").q2(2));
    world.ack(old, AckKind::Pubrel, 2);
    assert_eq!(world.take(old), ["PUBACK #1", "PUBREC #2", "PUBCOMP #2"]);
    assert!(world.take(watcher).is_empty());
    assert_eq!(world.counters().retained, 0);
    // Other names with a dollar are the clients' own.
    world.subscribed(watcher, "$mine/#", 0);
    world.publish(client, &publish("$mine/a", "x"));
    assert_eq!(world.take(watcher), ["PUBLISH $mine/a q0 \"x\""]);
}

// A5
#[test]
fn topics_and_filters_of_too_many_levels_are_refused() {
    let mut world = World::new();
    let client = world.connect(&Hello::new("c"));
    let (fine, deep) = (vec!["a"; 128].join("/"), vec!["a"; 129].join("/"));
    world.subscribe(client, &subscribe(1, &fine, 0).and(&deep, 0));
    assert_eq!(world.take(client), ["SUBACK #1 00 8f"]);
    world.publish(client, &publish(&fine, "x").q1(1));
    world.publish(client, &publish(&deep, "x").q1(2));
    let lines = world.take(client);
    assert!(lines.contains(&"PUBACK #1".to_owned()) && lines.contains(&"PUBACK #2 TopicNameInvalid".to_owned()));
    let slashes = "/".repeat(60_000);
    world.publish(client, &publish(&slashes, "x").q1(3));
    assert_eq!(world.take(client), ["PUBACK #3 TopicNameInvalid"]);
}

// A9
#[test]
fn qos2_without_pubrel_is_bounded() {
    let mut world = World::new();
    let client = world.connect(&Hello::new("c").v3());
    for id in 1..=u16::MAX {
        world.publish(client, &publish("a", "x").q2(id));
        if id % 1000 == 0 {
            world.take(client);
        }
    }
    world.take(client);
    assert_eq!(world.session("c").expect("there").awaiting_pubrel, 65_535);
    for _ in 0..10_000 {
        world.publish(client, &publish("a", "x").q2(1).dup());
        assert_eq!(world.take(client), ["PUBREC #1"]);
    }
    assert!(!world.is_closed(client));
}

// A7
#[test]
fn topic_aliases_beyond_the_maximum_end_the_connection() {
    let mut world = World::new();
    let alias = |number| Property::TwoBytes(PropertyId::TopicAlias, number);
    let client = world.connect(&Hello::new("c"));
    for number in 1..=16 {
        world.publish(client, &publish("a", "x").property(alias(number)));
    }
    assert!(world.take(client).is_empty());
    world.publish(client, &publish("a", "x").property(alias(17)));
    assert_eq!(world.take(client), ["DISCONNECT TopicAliasInvalid"]);
    let client = world.connect(&Hello::new("c"));
    world.publish(client, &publish("a", "x").property(alias(65_535)));
    assert_eq!(world.take(client), ["DISCONNECT TopicAliasInvalid"]);
}

// A10, but for placeholders
#[test]
fn hostile_client_ids_are_names_like_any_other_and_escaped_where_people_read_them() {
    let hostile = ["+", "#", "a/b", "../../etc/passwd", "${x}", "a\nb", "\u{1b}[31m", "\u{feff}", "'; DROP TABLE"];
    let mut world = World::new();
    for id in hostile {
        let client = world.connect(&Hello::new(id).version(Version::V3_1_1));
        assert!(world.session(id).is_some());
        world.subscribed(client, "a", 0);
        let shown = postrider_ports::ClientId::from(id).to_string();
        assert!(shown.chars().all(|c| !c.is_control()), "{shown:?}");
    }
    assert_eq!(world.counters().sessions, hostile.len() as u64);
}

#[test]
fn a_breach_by_one_client_disturbs_no_other() {
    let mut world = World::new();
    let good = world.connect(&Hello::new("good"));
    world.subscribed(good, "a", 1);
    let garbage: [&[u8]; 6] = [
        b"\x30\x03\xff\xffa",
        b"\xf0\x00",
        b"\x82\x02\x00\x01",
        b"\x10\x00",
        b"\x36\x05\x00\x01a\x00\x01",
        b"\xff\xff\xff\xff\xff\xff",
    ];
    for bytes in garbage {
        let bad = world.connect(&Hello::new("bad").will(publish("will", "x")));
        world.raw(bad, bytes);
        assert!(world.is_closed(bad), "{bytes:02x?}");
        world.publish(good, &publish("a", "still here").q1(1));
        let lines = world.take(good);
        assert_eq!(lines.len(), 2, "{lines:?}");
        world.ack(
            good,
            AckKind::Puback,
            lines
                .iter()
                .find_map(|line| line.strip_prefix("PUBLISH a q1 #"))
                .and_then(|rest| rest.split(' ').next()?.parse().ok())
                .expect("id"),
        );
    }
}

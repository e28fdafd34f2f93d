//! What clients break or overdo once they are in, one hazard a test.

use crate::broker::Broker;
use crate::patience::until;
use crate::wire::Wire;
use postrider_proto::{AckKind, Property, PropertyId, Version};
use postrider_testkit::{Hello, publish, subscribe};
use std::time::{Duration, Instant};

const VERSIONS: [Version; 3] = [Version::V3_1, Version::V3_1_1, Version::V5];

/// A connection after which nothing is the same for the next packet.
#[derive(Clone, Copy, Debug)]
enum State {
    Fresh,
    Subscribed,
    /// Its own QoS 2 message is received and not released.
    Unreleased,
    /// A message for it waits for its acknowledgement.
    Unacknowledged,
}

fn client_in(state: State, broker: &Broker, version: Version) -> Wire {
    let mut client = Wire::client(broker, &Hello::new("c").version(version));
    match state {
        State::Fresh => {}
        State::Subscribed => client.subscribed("a/#", 2),
        State::Unreleased => {
            client.send(&publish("b", "x").q2(1).bytes(version));
            assert!(client.next().starts_with("PUBREC #1"));
        }
        State::Unacknowledged => {
            client.subscribed("a/#", 2);
            client.send(&publish("a", "x").q2(7).bytes(version));
            client.acknowledge(AckKind::Pubrel, 7);
        }
    }
    client
}

// [MQTT-3.1.0-2], [MQTT-4.13.1-1] Handlers that are entered in a state they do not expect.
#[test]
fn packets_that_only_a_server_sends_end_the_connection_in_every_state() {
    let broker = Broker::with(&[]);
    for version in VERSIONS {
        for state in [State::Fresh, State::Subscribed, State::Unreleased, State::Unacknowledged] {
            let again = Hello::new("again").version(version).bytes();
            let others =
                [&b"\x20\x02\x00\x00"[..], b"\x90\x03\x00\x01\x00", b"\xb0\x02\x00\x01", b"\xd0\x00", b"\x00\x00"];
            for bytes in others.into_iter().chain([&again[..]]) {
                let mut client = client_in(state, &broker, version);
                client.send(bytes);
                until_end(&mut client);
            }
        }
    }
    Wire::client(&broker, &Hello::new("c")).expect_silence();
}

fn until_end(client: &mut Wire) {
    while client.next() != "end" {}
}

// Every packet, cut at every byte: nothing is done by halves.
#[test]
fn packets_that_are_cut_off_do_nothing() {
    let broker = Broker::with(&[]);
    let descriptors = broker.descriptors();
    let mut bystander = Wire::client(&broker, &Hello::new("bystander"));
    bystander.subscribed("#", 0);
    for version in VERSIONS {
        let hello = Hello::new("c").version(version).will(publish("w", "x")).bytes();
        let message = publish("topic", "payload").q1(1).bytes(version);
        for cut in 0..hello.len() {
            Wire::dial(&broker).send(&hello[..cut]);
        }
        let hello = Hello::new("c").version(version).bytes();
        for cut in 0..message.len() {
            Wire::dial(&broker).send(&[&hello[..], &message[..cut]].concat());
        }
    }
    until("every descriptor is given back", || broker.descriptors() <= descriptors + 1);
    bystander.expect_silence();
}

// Recursion by level, matching that tries every branch twice.
#[test]
fn topics_and_filters_of_the_greatest_depth_are_refused_quickly() {
    let broker = Broker::with(&[]);
    let mut client = Wire::client(&broker, &Hello::new("c"));
    let (slashes, pluses) = ("/".repeat(65_535), format!("{}+", "+/".repeat(32_767)));
    let started = Instant::now();
    for _ in 0..50 {
        client.send(&publish(&slashes, "x").q1(1).bytes(Version::V5));
        client.expect("PUBACK #1 TopicNameInvalid");
        client.send(&subscribe(2, &pluses, 0).bytes(Version::V5));
        client.expect("SUBACK #2 8f");
    }
    println!("100 topics and filters of 65,535 bytes took {:?}", started.elapsed());
    client.expect_silence();
}

#[test]
fn filters_that_meet_every_topic_at_every_level_do_not_make_matching_explode() {
    let broker = Broker::with(&[]);
    let mut client = Wire::client(&broker, &Hello::new("c"));
    // Half of these have `+` where the other half has the level itself: 2^12 ways to go wrong.
    for pattern in 0..4096u32 {
        let level = |at: u32| if pattern >> at & 1 == 1 { "+" } else { "a" };
        let filter: Vec<&str> = (0..12).map(level).collect();
        client.send(&subscribe(1, &format!("{}/b", filter.join("/")), 0).bytes(Version::V5));
        client.expect("SUBACK #1 00");
    }
    let started = Instant::now();
    let mut publisher = Wire::client(&broker, &Hello::new("p"));
    for _ in 0..50 {
        publisher.publish(&publish(&format!("{}/c", ["a"; 12].join("/")), "x").q1(1));
    }
    println!("50 messages past 4,096 filters took {:?}", started.elapsed());
    client.expect_silence();
}

// Quadratic handling of properties.
#[test]
fn messages_with_as_many_properties_as_fit_are_handled_quickly_and_more_are_refused() {
    let broker = Broker::with(&[]);
    let pair = Property::Pair("n".into(), "v".into());
    let with = |count: usize| (0..count).fold(publish("a", "x").q1(1), |publish, _| publish.property(pair));
    let mut client = Wire::client(&broker, &Hello::new("c"));
    let most = with(65_000 / 7).bytes(Version::V5);
    let started = Instant::now();
    for _ in 0..50 {
        client.send(&most);
        client.expect("PUBACK #1 NoMatchingSubscribers");
    }
    println!("50 messages with {} properties took {:?}", 65_000 / 7, started.elapsed());
    client.send(&with(66_000 / 7).bytes(Version::V5));
    client.expect("DISCONNECT PacketTooLarge");
    client.expect("end");
}

// [2.2.2.2], [3.3.2.3] Properties that come twice or where they do not belong.
#[test]
fn properties_that_come_twice_or_belong_elsewhere_are_a_breach() {
    let broker = Broker::with(&[]);
    let expiry = Property::FourBytes(PropertyId::MessageExpiryInterval, 1);
    let foreign = Property::FourBytes(PropertyId::SessionExpiryInterval, 1);
    for publish in [publish("a", "x").property(expiry).property(expiry), publish("a", "x").property(foreign)] {
        let mut client = Wire::client(&broker, &Hello::new("c"));
        client.send(&publish.bytes(Version::V5));
        client.expect("DISCONNECT ProtocolError");
        client.expect("end");
    }
}

// [MQTT-3.3.2-9] A table of aliases that a client fills.
#[test]
fn aliases_beyond_those_the_broker_granted_are_a_breach() {
    let broker = Broker::with(&[]);
    for aliases in [1..=17u16, 0..=0] {
        let mut client = Wire::client(&broker, &Hello::new("c"));
        for alias in aliases {
            let alias = Property::TwoBytes(PropertyId::TopicAlias, alias);
            client.send(&publish(&"t".repeat(65_535), "x").property(alias).bytes(Version::V5));
        }
        client.expect("DISCONNECT TopicAliasInvalid");
        client.expect("end");
    }
}

// [MQTT-3.3.4-7] Messages that are never released.
#[test]
fn messages_that_are_never_released_are_bounded() {
    let broker = Broker::with(&[]);
    let mut client = Wire::client(&broker, &Hello::new("c"));
    for id in 1..=100 {
        client.send(&publish("a", "x").q2(id).bytes(Version::V5));
        client.expect(&format!("PUBREC #{id} NoMatchingSubscribers"));
    }
    client.send(&publish("a", "x").q2(101).bytes(Version::V5));
    client.expect("DISCONNECT ReceiveMaximumExceeded");
    client.expect("end");
    // 3.1.1 cannot be told how many; its identifiers are what bounds it.
    let base = broker.memory().resident_kib;
    for number in 0..5 {
        let mut client = Wire::client(&broker, &Hello::new(&format!("old-{number}")).v3());
        for id in 1..=65_535u16 {
            client.send(&publish("a", "x").q2(id).bytes(Version::V3_1_1));
            if id % 1000 == 0 {
                (0..1000).for_each(|_| drop(client.next()));
            }
        }
    }
    let taken = broker.memory().resident_kib.saturating_sub(base);
    println!("five times 65,535 messages that are never released take {taken} KiB");
    assert!(taken < 16 * 1024, "{taken} KiB");
}

// [MQTT-4.3.3-10] A legal repetition is neither a breach nor a second message.
#[test]
fn one_message_sent_a_thousand_times_is_acknowledged_each_time_and_delivered_once() {
    let broker = Broker::with(&[]);
    let mut peer = Wire::client(&broker, &Hello::new("peer"));
    peer.subscribed("a", 2);
    for version in VERSIONS {
        let mut client = Wire::client(&broker, &Hello::new("c").version(version));
        client.send(&publish("a", "x").q2(9).bytes(version));
        client.expect("PUBREC #9");
        for _ in 0..1000 {
            client.send(&publish("a", "x").q2(9).dup().bytes(version));
            client.expect("PUBREC #9");
        }
        client.acknowledge(AckKind::Pubrel, 9);
        client.expect("PUBCOMP #9");
        assert_eq!(peer.receive().payload, b"x");
        peer.expect_silence();
    }
}

// Terminal escapes, forged lines, paths and templates in names.
#[test]
fn names_that_mean_something_elsewhere_mean_nothing_here_and_are_printed_harmlessly() {
    let broker = Broker::start();
    let names = ["a/+/#", "../../etc/passwd", "${jndi:ldap://x}", "%s%n", "'; drop table clients", "\u{feff}bom"];
    for name in names {
        let mut client = Wire::client(&broker, &Hello::new(name).user(name, "x"));
        client.expect_silence();
        broker.hear(&format!(": {name} connected from 127.0.0.1:"));
    }
    for name in ["new\nline: fake connected from", "\u{1b}[31mred", "bell\u{7}", "delete\u{7f}", "csi\u{9b}31m"] {
        let mut client = Wire::dial(&broker);
        client.hail(&Hello::new(name));
        if client.next().starts_with("CONNACK Success") {
            let line = broker.hear("connected from 127.0.0.1:");
            assert!(!line.chars().any(char::is_control), "{line:?}");
            assert!(line.contains('\\'), "{line:?} shows nothing of what was escaped");
        }
    }
    Wire::client(&broker, &Hello::new(&"x".repeat(60_000))).expect_silence();
    assert!(broker.hear("xxx").len() < 1000, "a name fills the terminal");
}

// [MQTT-4.7.0-1], [MQTT-4.7.3-1], [MQTT-3.3.2-2] Topics that are the broker's or nobody's.
#[test]
fn topics_that_are_the_brokers_or_nobodys_cannot_be_published_to() {
    // It says nothing itself, so whatever is heard was said by a client.
    let broker = Broker::with(&["--sys-interval", "0"]);
    let mut bystander = Wire::client(&broker, &Hello::new("bystander"));
    for filter in ["#", "$SYS/#", "$share/#", "+/+"] {
        bystander.send(&subscribe(1, filter, 0).bytes(Version::V5));
        assert!(bystander.next().starts_with("SUBACK #1"));
    }
    for topic in ["$SYS/broker/uptime", "$SYS", "$share/g/a"] {
        let mut client = Wire::client(&broker, &Hello::new("c"));
        client.send(&publish(topic, "x").retain().q1(1).bytes(Version::V5));
        client.expect("PUBACK #1 TopicNameInvalid");
        client.send(&publish(topic, "x").retain().bytes(Version::V5));
        client.expect_silence();
    }
    for version in VERSIONS {
        for topic in ["a/#", "+", "", "a\0b"] {
            let mut client = Wire::client(&broker, &Hello::new("c").version(version));
            client.send(&publish(topic, "x").retain().bytes(version));
            until_end(&mut client);
        }
        let mut client = Wire::dial(&broker);
        client.hail(&Hello::new("c").version(version).will(publish("$SYS/x", "x").retain()));
        drop(client);
    }
    bystander.expect_silence();
    let mut late = Wire::client(&broker, &Hello::new("late"));
    for filter in ["#", "$SYS/#"] {
        late.send(&subscribe(1, filter, 0).bytes(Version::V5));
        assert!(late.next().starts_with("SUBACK #1"));
    }
    late.expect_silence();
}

// A subscriber that reads nothing while much is sent to it.
#[test]
fn a_subscriber_that_does_not_read_takes_bounded_memory_and_holds_nobody_up() {
    let broker = Broker::with(&[]);
    let mut deaf = Wire::client(&broker, &Hello::new("deaf"));
    deaf.subscribed("flood", 1);
    let mut reader = Wire::client(&broker, &Hello::new("reader"));
    reader.subscribed("flood", 1);
    let mut publisher = Wire::client(&broker, &Hello::new("p"));
    let base = broker.memory().resident_kib;
    let message = publish("flood", "").sized(100_000);
    let started = Instant::now();
    for _ in 0..1000 {
        publisher.send(&message.bytes(Version::V5));
        assert_eq!(reader.receive().payload.len(), 100_000);
    }
    let taken = broker.memory().resident_kib.saturating_sub(base);
    println!("100 MB past a deaf subscriber take {taken} KiB and {:?}", started.elapsed());
    assert!(taken < 48 * 1024, "{taken} KiB");
    assert!(started.elapsed() < Duration::from_secs(15));
}

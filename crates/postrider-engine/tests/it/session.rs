use postrider_ports::DropReason;
use postrider_proto::{AckKind, Disconnect, Packet, PropertiesBuf, Property, PropertyId, ReasonCode, Version};
use postrider_session::Overflow;
use postrider_testkit::{Client, Hello, World, publish};

fn absent(world: &mut World, hello: &Hello) {
    let client = world.connect(hello);
    world.subscribed(client, "a", 1);
    world.cut(client);
}

fn writer(world: &mut World) -> Client {
    world.connect(&Hello::new("w"))
}

// [MQTT-3.1.2-5] of 3.1.1, [MQTT-4.5.0-1], [MQTT-3.1.2-23]
#[test]
fn messages_for_an_absent_session_wait_in_order_and_qos0_does_not() {
    for version in [Version::V3_1_1, Version::V5] {
        let mut world = World::new();
        let hello = Hello::new("c").version(version).resume();
        let hello = if version.is_v5() { hello.expiry(100) } else { hello };
        absent(&mut world, &hello);
        let writer = writer(&mut world);
        world.publish(writer, &publish("a", "zero"));
        for number in 1..=3 {
            world.publish(writer, &publish("a", &number.to_string()).q2(number));
        }
        let client = world.dial(&hello);
        let lines = world.take(client);
        assert!(lines[0].contains("present"));
        assert_eq!(lines[1..], ["PUBLISH a q1 #1 \"1\"", "PUBLISH a q1 #2 \"2\"", "PUBLISH a q1 #3 \"3\""]);
        assert_eq!(world.counters().drops.of(DropReason::Offline), 1);
    }
}

fn kept(version: Version, id: &str) -> Hello {
    let hello = Hello::new(id).version(version).resume();
    if version.is_v5() { hello.expiry(100) } else { hello }
}

// [MQTT-3.1.2-4] of 3.1.1, [MQTT-3.1.2-6] of 3.1.1, [MQTT-3.1.2-4] to [MQTT-3.1.2-6], [MQTT-3.1.4-4],
// [MQTT-4.1.0-1] of 3.1.1
#[test]
fn a_resumption_goes_on_with_everything_and_a_clean_start_with_nothing() {
    for version in [Version::V3_1_1, Version::V5] {
        for is_clean in [false, true] {
            let mut world = World::new();
            let hello = kept(version, "c");
            let client = world.connect(&hello);
            world.subscribed(client, "a", 2);
            let writer = world.connect(&Hello::new("w").version(version));
            world.publish(writer, &publish("a", "unacknowledged").q1(1));
            world.publish(client, &publish("b", "unreleased").q2(9));
            world.take(client);
            world.cut(client);
            world.publish(writer, &publish("a", "waiting").q2(2));
            world.take(writer);
            let client = world.dial(&if is_clean { Hello::new("c").version(version) } else { hello.clone() });
            let lines = world.take(client);
            let info = world.session("c").expect("there");
            if is_clean {
                assert_eq!(lines.len(), 1, "{lines:?}");
                assert_eq!((info.subscriptions, info.in_flight, info.awaiting_pubrel), (0, 0, 0));
                world.cut(client);
                assert!(world.session("c").is_none(), "and nothing of it is used again");
                let client = world.dial(&hello);
                assert!(!world.take(client)[0].contains("present"));
            } else {
                assert_eq!(lines[1..], ["PUBLISH a q1 #1 dup \"unacknowledged\"", "PUBLISH a q2 #2 \"waiting\""]);
                assert_eq!((info.subscriptions, info.in_flight, info.awaiting_pubrel), (1, 2, 1));
            }
        }
    }
}

// [MQTT-3.1.3-2]
#[test]
fn state_belongs_to_the_client_identifier_and_to_no_other() {
    for version in [Version::V3_1_1, Version::V5] {
        let mut world = World::new();
        for (id, filter) in [("a", "only/a"), ("A", "only/A"), ("a ", "only/a ")] {
            let client = world.connect(&kept(version, id));
            world.subscribed(client, filter, 1);
            world.cut(client);
        }
        let writer = writer(&mut world);
        for topic in ["only/A", "only/a ", "only/a"] {
            world.publish(writer, &publish(topic, "x").q1(1));
        }
        for id in ["a ", "a", "A"] {
            let client = world.dial(&kept(version, id));
            let lines = world.take(client);
            assert!(lines[0].contains("present"));
            assert_eq!(lines[1..], [format!("PUBLISH only/{id} q1 #1 \"x\"")]);
        }
    }
}

// [MQTT-4.1.0-1]
#[test]
fn state_stays_while_the_connection_is_open_however_long() {
    for version in [Version::V3_1_1, Version::V5] {
        let mut world = World::new();
        for (id, hello) in [("clean", Hello::new("clean").version(version)), ("kept", kept(version, "kept"))] {
            let client = world.connect(&hello);
            world.subscribed(client, "a", 1);
            world.advance(10 * 365 * 86_400);
            let writer = writer(&mut world);
            world.publish(writer, &publish("a", id).q1(1));
            assert_eq!(world.take(client), [format!("PUBLISH a q1 #1 {id:?}")]);
            world.disconnect(client);
        }
    }
}

// [MQTT-4.1.0-2]
#[test]
fn a_session_ends_when_its_expiry_interval_has_passed() {
    let mut world = World::new();
    absent(&mut world, &Hello::new("c").expiry(10));
    world.advance(9);
    assert!(world.session("c").is_some());
    world.advance(2);
    assert!(world.session("c").is_none());
    assert_eq!(world.counters().subscriptions, 0);
    absent(&mut world, &Hello::new("ever").expiry(u32::MAX));
    world.advance(100 * 365 * 86_400);
    assert!(world.session("ever").is_some());
}

#[test]
fn a_session_that_is_resumed_in_time_does_not_expire() {
    let mut world = World::new();
    let hello = Hello::new("c").expiry(10).resume();
    for _ in 0..5 {
        absent(&mut world, &hello);
        world.advance(8);
    }
    world.connect(&hello);
    world.advance(100);
    assert!(world.session("c").is_some());
}

fn disconnect_with_expiry(seconds: u32) -> Vec<u8> {
    let mut properties = PropertiesBuf::new();
    properties.push(Property::FourBytes(PropertyId::SessionExpiryInterval, seconds));
    let packet = Disconnect { reason: ReasonCode::Success, properties: properties.as_properties() };
    let mut bytes = Vec::new();
    Packet::Disconnect(packet).encode(Version::V5, &mut bytes);
    bytes
}

// 3.14.2.2.2
#[test]
fn disconnect_may_change_the_expiry_interval_but_not_from_0() {
    let mut world = World::new();
    let client = world.connect(&Hello::new("c").expiry(1000));
    world.raw(client, &disconnect_with_expiry(5));
    world.advance(6);
    assert!(world.session("c").is_none());
    let client = world.connect(&Hello::new("c").expiry(1000));
    world.raw(client, &disconnect_with_expiry(0));
    assert!(world.session("c").is_none());
    let client = world.connect(&Hello::new("c"));
    world.raw(client, &disconnect_with_expiry(5));
    assert_eq!(world.take(client), ["DISCONNECT ProtocolError"]);
    assert!(world.session("c").is_none());
}

// X-13, D-04
#[test]
fn a_full_mailbox_follows_its_policy_and_counts_every_drop() {
    for (overflow, kept, told) in [
        (Overflow::Reject, 1..=10, "PUBACK #15 QuotaExceeded"),
        (Overflow::DropNewest, 1..=10, "PUBACK #15"),
        (Overflow::DropOldest, 6..=15, "PUBACK #15"),
    ] {
        let mut world = World::with(|limits| limits.mailbox.overflow = overflow);
        let hello = Hello::new("c").expiry(100).resume();
        absent(&mut world, &hello);
        let writer = writer(&mut world);
        for number in 1..=15u16 {
            world.publish(writer, &publish("a", &number.to_string()).q1(number));
        }
        assert_eq!(world.take(writer).pop().as_deref(), Some(told), "{overflow:?}");
        let info = world.session("c").expect("there");
        assert_eq!((info.queued, info.drops.of(DropReason::MailboxFull)), (10, 5));
        let client = world.dial(&hello);
        let got: Vec<String> =
            world.take(client)[1..].iter().map(|line| line.split('"').nth(1).unwrap_or("").to_owned()).collect();
        let expected: Vec<String> = kept.map(|number| number.to_string()).collect();
        assert_eq!(got, expected, "{overflow:?}");
    }
}

// X-13: 0x97 only if no target could take it.
#[test]
fn a_publisher_hears_of_a_full_mailbox_only_if_nobody_could_take_the_message() {
    let mut world = World::with(|limits| limits.mailbox.messages_max = 1);
    absent(&mut world, &Hello::new("full").expiry(100));
    let writer = writer(&mut world);
    world.publish(writer, &publish("a", "1").q1(1));
    world.publish(writer, &publish("a", "2").q1(2));
    let reader = world.connect(&Hello::new("reader"));
    world.subscribed(reader, "a", 0);
    world.publish(writer, &publish("a", "3").q1(3));
    assert_eq!(world.take(writer), ["PUBACK #1", "PUBACK #2 QuotaExceeded", "PUBACK #3"]);
    assert_eq!(world.take(reader), ["PUBLISH a q0 \"3\""]);
    let old = world.connect(&Hello::new("old").v3());
    world.publish(old, &publish("a", "4").q1(4));
    assert_eq!(world.take(old), ["PUBACK #4"]);
}

#[test]
fn a_mailbox_is_bounded_in_bytes_too() {
    let mut world = World::with(|limits| limits.mailbox.bytes_max = 5000);
    absent(&mut world, &Hello::new("c").expiry(100));
    let writer = writer(&mut world);
    for number in 1..=5u16 {
        world.publish(writer, &publish("a", "").sized(1500).q1(number));
    }
    let info = world.session("c").expect("there");
    assert_eq!(info.queued, 3);
    assert!(info.queued_bytes <= 5000);
}

// What waits for a client that does not keep up goes on as it reads.
#[test]
fn a_slow_reader_gets_everything_that_fits_its_mailbox_and_the_rest_is_counted() {
    let mut world = World::with(|limits| limits.outbox_bytes_max = 400);
    let reader = world.connect(&Hello::new("r"));
    world.subscribed(reader, "a", 0);
    let writer = writer(&mut world);
    for number in 0..100 {
        world.publish(writer, &publish("a", &format!("{number:03}------------------------------------")));
    }
    let mut got = Vec::new();
    loop {
        let lines = world.take(reader);
        if lines.is_empty() {
            break;
        }
        got.extend(lines);
    }
    let drops = world.counters().drops.of(DropReason::MailboxFull);
    assert_eq!(got.len() as u64 + drops, 100);
    assert!(got.len() >= 20 && drops > 0);
    let numbers: Vec<&str> = got.iter().filter_map(|line| line.split('"').nth(1)).collect();
    assert!(numbers.is_sorted());
}

// QoS 0 is not kept once the client is gone, QoS 1 is.
#[test]
fn what_waited_for_a_slow_reader_with_qos0_ends_with_its_connection() {
    let mut world = World::with(|limits| limits.outbox_bytes_max = 100);
    let hello = Hello::new("r").expiry(100).resume();
    let reader = world.connect(&hello);
    world.subscribed(reader, "#", 1);
    let writer = writer(&mut world);
    for number in 0..5 {
        world.publish(writer, &publish("zero", &format!("{number}-------------------------------------")));
        world.publish(writer, &publish("one", &format!("{number}--------------------------------------")).q1(1));
    }
    world.cut(reader);
    let reader = world.dial(&hello);
    let mut lines = world.take(reader);
    for id in 1..20 {
        world.ack(reader, AckKind::Puback, id);
        lines.extend(world.take(reader));
    }
    let zero = lines.iter().filter(|line| line.contains("PUBLISH zero")).count();
    let one = lines.iter().filter(|line| line.contains("PUBLISH one")).count();
    assert_eq!((zero, one), (0, 5));
}

// A11
#[test]
fn a_session_belongs_to_whoever_made_it() {
    use postrider_ports::{AuthenticateAnswer, Principal};
    let mut world = World::with(|limits| limits.authenticate = postrider_engine::Who::Plugin);
    let as_user = |name: &str| AuthenticateAnswer::accept(Some(Principal::from(name)));
    let owner = world.dial(&Hello::new("c").expiry(100));
    world.authenticate(&as_user("alice"));
    assert!(world.take(owner)[0].starts_with("CONNACK Success"));
    world.subscribed(owner, "a", 1);
    for hello in [Hello::new("c"), Hello::new("c").resume().expiry(5), Hello::new("c").v3()] {
        let thief = world.dial(&hello);
        world.authenticate(&as_user("mallory"));
        assert_eq!(world.take(thief), ["CONNACK ClientIdentifierNotValid"]);
        assert!(world.is_closed(thief));
    }
    assert!(!world.is_closed(owner) && world.take(owner).is_empty());
    assert_eq!(world.session("c").expect("there").subscriptions, 1);
    let owner = world.dial(&Hello::new("c").resume());
    world.authenticate(&as_user("alice"));
    assert!(world.take(owner)[0].contains("present"));
}

use postrider_ports::DropReason;
use postrider_proto::{AckKind, Property, PropertyId};
use postrider_testkit::{Hello, World, publish, subscribe, unsubscribe};

fn small(bytes: u32) -> Property<'static> {
    Property::FourBytes(PropertyId::MaximumPacketSize, bytes)
}

// [MQTT-3.1.2-24], [MQTT-3.1.2-25]
#[test]
fn a_message_too_large_for_the_client_counts_as_delivered() {
    let mut world = World::new();
    let hello = Hello::new("r").property(small(50)).expiry(100).resume();
    let reader = world.connect(&hello);
    world.subscribed(reader, "a", 1);
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("a", "").sized(60).q1(1));
    world.publish(writer, &publish("a", "fits fifty").q1(2));
    assert_eq!(world.take(writer), ["PUBACK #1", "PUBACK #2"]);
    assert_eq!(world.take(reader), ["PUBLISH a q1 #1 \"fits fifty\""]);
    assert_eq!(world.counters().drops.of(DropReason::TooLarge), 1);
    // The same while waiting, and for a connection that takes less than the one before.
    world.cut(reader);
    world.publish(writer, &publish("a", "").sized(60).q1(3));
    world.publish(writer, &publish("a", "waits fifty").q1(4));
    let reader = world.dial(&hello);
    assert_eq!(world.take(reader)[1..], ["PUBLISH a q1 #1 dup \"fits fifty\"", "PUBLISH a q1 #2 \"waits fifty\""]);
    assert_eq!(world.counters().drops.of(DropReason::TooLarge), 2);
    world.cut(reader);
    let reader = world.dial(&Hello::new("r").property(small(17)).expiry(100).resume());
    assert!(world.take(reader).iter().all(|line| !line.contains("PUBLISH")));
    assert_eq!(world.counters().drops.of(DropReason::TooLarge), 4);
    assert_eq!(world.session("r").expect("there").in_flight, 0);
}

// [MQTT-3.4.2-2], [MQTT-3.4.2-3], [MQTT-3.5.2-2], [MQTT-3.5.2-3], [MQTT-3.9.2-1], [MQTT-3.9.2-2], [MQTT-3.14.2-3],
// [MQTT-3.14.2-4]
#[test]
fn acknowledgements_lose_their_sentence_before_they_grow_too_large() {
    let mut world = World::new();
    let chatty = world.connect(&Hello::new("chatty"));
    let terse = world.connect(&Hello::new("terse").property(small(22)));
    for client in [chatty, terse] {
        world.publish(client, &publish("$SYS/x", "").q1(1));
        world.subscribe(client, &subscribe(2, "bad+", 0));
        world.publish(client, &publish("$SYS/x", "").q2(3));
    }
    let (long, short) = (world.driver.output_len(chatty.at), world.driver.output_len(terse.at));
    assert!(long > short + 20, "{long} and {short} bytes");
    assert_eq!(short, 5 + 6 + 5);
    let expected = ["PUBACK #1 TopicNameInvalid", "SUBACK #2 8f", "PUBREC #3 TopicNameInvalid"];
    assert_eq!(world.take(chatty), expected);
    assert_eq!(world.take(terse), expected);
    let alias = Property::TwoBytes(PropertyId::TopicAlias, 99);
    world.publish(terse, &publish("a", "x").property(alias));
    assert_eq!(world.driver.output_len(terse.at), 3);
    assert_eq!(world.take(terse), ["DISCONNECT TopicAliasInvalid"]);
}

// [MQTT-3.6.2-2], [MQTT-3.6.2-3], [MQTT-3.7.2-2], [MQTT-3.7.2-3], [MQTT-3.11.2-1], [MQTT-3.11.2-2]
#[test]
fn answers_that_need_no_explanation_have_no_properties() {
    let mut world = World::new();
    let client = world.connect(&Hello::new("c").property(small(20)));
    world.ack(client, AckKind::Pubrec, 7);
    world.ack(client, AckKind::Pubrel, 7);
    world.raw(client, &unsubscribe(8, &["never"], client.version));
    let bytes = world.driver.take_output(world.now, client.at, usize::MAX);
    assert_eq!(bytes, b"\x62\x03\0\x07\x92\x70\x03\0\x07\x92\xb0\x04\0\x08\0\x11");
}

// [MQTT-3.1.2-24]
#[test]
fn a_request_whose_answer_is_larger_than_the_client_takes_is_a_breach() {
    let filters: Vec<String> = (0..16).map(|number| format!("f{number}")).collect();
    let names: Vec<&str> = filters.iter().map(String::as_str).collect();
    let mut world = World::new();
    for count in [15, 16] {
        let client = world.connect(&Hello::new("c").property(small(20)));
        let packet = filters[1..count].iter().fold(subscribe(1, "f0", 0), |packet, filter| packet.and(filter, 0));
        world.subscribe(client, &packet);
        world.raw(client, &unsubscribe(2, &names[..count], client.version));
        let lines = world.take(client);
        if count == 15 {
            assert_eq!(lines, [format!("SUBACK #1{}", " 00".repeat(15)), format!("UNSUBACK #2{}", " 00".repeat(15))]);
        } else {
            assert_eq!(lines, ["DISCONNECT PacketTooLarge"]);
            assert!(world.is_closed(client));
        }
    }
}

// [MQTT-3.1.2-24]
#[test]
fn a_client_that_does_not_take_its_connack_stays_outside() {
    let mut world = World::new();
    let client = world.dial(&Hello::new("c").property(small(15)));
    assert_eq!(world.take(client), ["CONNACK QuotaExceeded"]);
    assert!(world.is_closed(client) && world.session("c").is_none());
    world.connect(&Hello::new("c").property(small(16)));
}

// [MQTT-3.1.2-29]
#[test]
fn a_client_that_wants_no_problem_information_gets_none_on_acknowledgements() {
    let mut world = World::new();
    let quiet = Property::Byte(PropertyId::RequestProblemInformation, 0);
    let client = world.connect(&Hello::new("c").property(quiet));
    world.publish(client, &publish("$SYS/x", "").q1(1));
    world.subscribe(client, &subscribe(2, "bad+", 0));
    world.publish(client, &publish("$SYS/x", "").q2(3));
    assert_eq!(world.driver.output_len(client.at), 5 + 6 + 5);
    world.take(client);
    world.publish(client, &publish("", "x").property(Property::TwoBytes(PropertyId::TopicAlias, 99)));
    assert!(world.driver.output_len(client.at) > 10, "DISCONNECT may say why");
}

// [MQTT-3.2.2-15]
#[test]
fn a_packet_larger_than_announced_ends_the_connection_before_it_is_read() {
    let mut world = World::new();
    let client = world.connect(&Hello::new("c"));
    world.raw(client, &publish("a", "").sized(200_000).bytes(client.version)[..10]);
    assert_eq!(world.take(client), ["DISCONNECT PacketTooLarge"]);
}

// [MQTT-3.3.4-7]
#[test]
fn more_unacknowledged_messages_than_granted_end_the_connection() {
    let mut world = World::with(|limits| limits.receive_maximum = 3);
    let client = world.connect(&Hello::new("c"));
    for id in 1..=3 {
        world.publish(client, &publish("a", "x").q2(id));
    }
    world.take(client);
    world.publish(client, &publish("a", "x").q2(4));
    assert_eq!(world.take(client), ["DISCONNECT ReceiveMaximumExceeded"]);
    // QoS 1 is acknowledged at once, so it never adds up; 3.1.1 knows no maximum.
    let client = world.connect(&Hello::new("c"));
    let old = world.connect(&Hello::new("old").v3());
    for id in 1..=50 {
        world.publish(client, &publish("a", "x").q1(id));
        world.publish(old, &publish("a", "x").q2(id));
    }
    assert_eq!(world.take(client).len(), 50);
    assert_eq!(world.take(old).len(), 50);
    for id in 1..=50 {
        world.ack(old, AckKind::Pubrel, id);
    }
    assert_eq!(world.take(old).len(), 50);
}

use postrider_proto::{AckKind, Property, PropertyId, ReasonCode, Version};
use postrider_testkit::{Hello, World, ack, publish};

// [MQTT-4.3.3-8], [MQTT-4.3.3-10] to [MQTT-4.3.3-12], [MQTT-4.3.3-2] of 3.1.1
#[test]
fn qos2_towards_the_broker_is_taken_once_whatever_is_repeated() {
    for version in [Version::V3_1_1, Version::V5] {
        let mut world = World::new();
        let reader = world.connect(&Hello::new("r"));
        world.subscribed(reader, "a", 0);
        let writer = world.connect(&Hello::new("w").version(version));
        world.publish(writer, &publish("a", "once").q2(7));
        for _ in 0..3 {
            world.publish(writer, &publish("a", "once").q2(7).dup());
        }
        assert_eq!(world.take(writer), ["PUBREC #7"; 4]);
        assert_eq!(world.take(reader), ["PUBLISH a q0 \"once\""]);
        world.ack(writer, AckKind::Pubrel, 7);
        world.ack(writer, AckKind::Pubrel, 7);
        let again = if version.is_v5() { "PUBCOMP #7 PacketIdentifierNotFound" } else { "PUBCOMP #7" };
        assert_eq!(world.take(writer), ["PUBCOMP #7", again]);
        world.publish(writer, &publish("a", "new").q2(7));
        assert_eq!(world.take(reader), ["PUBLISH a q0 \"new\""]);
    }
}

// [MQTT-4.3.2-4], [MQTT-4.3.2-5], [MQTT-2.2.1-5]
#[test]
fn qos1_towards_the_broker_is_acknowledged_with_its_id_which_means_a_new_message_then() {
    for version in [Version::V3_1_1, Version::V5] {
        let mut world = World::new();
        let reader = world.connect(&Hello::new("r").version(version));
        world.subscribed(reader, "a", 0);
        let writer = world.connect(&Hello::new("w").version(version));
        for payload in ["one", "two"] {
            world.publish(writer, &publish("a", payload).q1(7));
            assert_eq!(world.take(writer), ["PUBACK #7"]);
        }
        world.publish(writer, &publish("a", "three").q1(7).dup());
        assert_eq!(world.take(writer), ["PUBACK #7"]);
        assert_eq!(world.take(reader), ["one", "two", "three"].map(|payload| format!("PUBLISH a q0 {payload:?}")));
    }
}

// [MQTT-4.3.2-1] to [MQTT-4.3.2-3], [MQTT-2.2.1-4], [MQTT-3.3.1-3]
#[test]
fn qos1_towards_a_client_has_an_id_of_its_own_until_its_puback() {
    for version in [Version::V3_1_1, Version::V5] {
        let mut world = World::new();
        let reader = world.connect(&Hello::new("r").version(version));
        world.subscribed(reader, "a", 1);
        let writer = world.connect(&Hello::new("w").version(version));
        for id in 1..=3 {
            world.publish(writer, &publish("a", "x").q1(id).dup());
        }
        let in_flight = |world: &mut World| world.session("r").expect("there").in_flight;
        assert_eq!(world.take(reader), [1, 2, 3].map(|id| format!("PUBLISH a q1 #{id} \"x\"")));
        assert_eq!(in_flight(&mut world), 3);
        world.ack(reader, AckKind::Puback, 2);
        assert_eq!(in_flight(&mut world), 2);
        world.ack(reader, AckKind::Pubrec, 1);
        assert_eq!(in_flight(&mut world), 2, "another kind of answer ends nothing");
        world.take(reader);
        // Neither 0 nor what is still in use is given out again; that ids go round is the flow's own test.
        for round in 0..50 {
            world.publish(writer, &publish("a", "x").q1(9));
            let line = world.take(reader).remove(0);
            let id: u16 = line.split(['#', ' ']).nth(4).and_then(|id| id.parse().ok()).expect("an id");
            assert!(![0, 1, 3].contains(&id), "round {round}: {line}");
            world.ack(reader, AckKind::Puback, id);
            world.take(writer);
        }
        world.ack(reader, AckKind::Puback, 1);
        world.ack(reader, AckKind::Puback, 3);
        assert_eq!(in_flight(&mut world), 0);
    }
}

// [MQTT-4.3.3-1] to [MQTT-4.3.3-6]
#[test]
fn qos2_towards_a_client_takes_four_steps() {
    for version in [Version::V3_1_1, Version::V5] {
        let mut world = World::new();
        let hello = Hello::new("r").version(version).resume();
        let hello = if version.is_v5() { hello.expiry(1000) } else { hello };
        let reader = world.connect(&hello);
        world.subscribed(reader, "a", 2);
        let writer = world.connect(&Hello::new("w").version(version));
        for id in 1..=3 {
            world.publish(writer, &publish("a", "x").q2(id));
        }
        let in_flight = |world: &mut World| world.session("r").expect("there").in_flight;
        assert_eq!(world.take(reader), [1, 2, 3].map(|id| format!("PUBLISH a q2 #{id} \"x\"")));
        world.ack(reader, AckKind::Pubrec, 1);
        assert_eq!(world.take(reader), ["PUBREL #1"]);
        world.ack(reader, AckKind::Pubrec, 1);
        assert_eq!(world.take(reader), ["PUBREL #1"]);
        world.ack(reader, AckKind::Puback, 2);
        assert_eq!(in_flight(&mut world), 3, "unacknowledged until PUBREC, and then until PUBCOMP");
        world.cut(reader);
        let reader = world.dial(&hello);
        let lines = world.take(reader);
        assert_eq!(lines[1..], ["PUBREL #1", "PUBLISH a q2 #2 dup \"x\"", "PUBLISH a q2 #3 dup \"x\""]);
        world.ack(reader, AckKind::Pubcomp, 1);
        assert_eq!(in_flight(&mut world), 2);
        for id in 2..=3 {
            world.ack(reader, AckKind::Pubrec, id);
            assert_eq!(world.take(reader), [format!("PUBREL #{id}")]);
            world.ack(reader, AckKind::Pubcomp, id);
        }
        assert!(world.take(reader).is_empty());
        assert_eq!(in_flight(&mut world), 0);
    }
}

// [MQTT-4.4.0-1], [MQTT-3.3.1-1], [MQTT-4.6.0-1], [MQTT-2.3.1-3] of 3.1.1
#[test]
fn what_was_not_acknowledged_goes_out_again_after_a_reconnect_and_at_no_other_time() {
    for version in [Version::V3_1_1, Version::V5] {
        let mut world = World::new();
        let hello = Hello::new("r").version(version).resume();
        let hello = if version.is_v5() { hello.expiry(1000) } else { hello };
        let reader = world.connect(&hello);
        world.subscribed(reader, "a", 2);
        let writer = world.connect(&Hello::new("w"));
        world.publish(writer, &publish("a", "one").q1(1));
        world.publish(writer, &publish("a", "two").q2(2));
        world.publish(writer, &publish("a", "three").q2(3));
        assert_eq!(
            world.take(reader),
            ["PUBLISH a q1 #1 \"one\"", "PUBLISH a q2 #2 \"two\"", "PUBLISH a q2 #3 \"three\""]
        );
        world.ack(reader, AckKind::Pubrec, 2);
        assert_eq!(world.take(reader), ["PUBREL #2"]);
        world.advance(600);
        assert!(world.take(reader).is_empty());
        world.cut(reader);
        let reader = world.dial(&hello);
        let lines = world.take(reader);
        assert!(lines[0].contains("present"));
        assert_eq!(lines[1..], ["PUBLISH a q1 #1 dup \"one\"", "PUBREL #2", "PUBLISH a q2 #3 dup \"three\""]);
        world.ack(reader, AckKind::Puback, 1);
        world.ack(reader, AckKind::Pubcomp, 2);
        world.ack(reader, AckKind::Pubrec, 3);
        world.ack(reader, AckKind::Pubcomp, 3);
        assert_eq!(world.take(reader), ["PUBREL #3"]);
        assert_eq!(world.session("r").expect("there").in_flight, 0);
    }
}

// A resend of QoS 2 after the publisher's reconnect is still a duplicate.
#[test]
fn a_publishers_qos2_survives_its_reconnect() {
    let mut world = World::new();
    let reader = world.connect(&Hello::new("r"));
    world.subscribed(reader, "a", 0);
    let hello = Hello::new("w").expiry(100).resume();
    let writer = world.connect(&hello);
    world.publish(writer, &publish("a", "x").q2(5));
    world.cut(writer);
    let writer = world.connect(&hello);
    world.publish(writer, &publish("a", "x").q2(5).dup());
    assert_eq!(world.take(writer), ["PUBREC #5"]);
    world.ack(writer, AckKind::Pubrel, 5);
    assert_eq!(world.take(writer), ["PUBCOMP #5"]);
    assert_eq!(world.take(reader), ["PUBLISH a q0 \"x\""]);
}

// [MQTT-3.3.4-9], [MQTT-3.3.4-10], [MQTT-4.9.0-1] to [MQTT-4.9.0-3]
#[test]
fn no_more_than_the_clients_receive_maximum_is_unacknowledged() {
    let mut world = World::new();
    let reader = world.connect(&Hello::new("r").property(Property::TwoBytes(PropertyId::ReceiveMaximum, 2)));
    world.subscribed(reader, "a", 1);
    world.subscribed(reader, "zero", 0);
    let writer = world.connect(&Hello::new("w"));
    for number in 1..=5 {
        world.publish(writer, &publish("a", &number.to_string()).q1(number));
    }
    world.publish(writer, &publish("zero", "passes"));
    assert_eq!(world.take(reader), ["PUBLISH a q1 #1 \"1\"", "PUBLISH a q1 #2 \"2\"", "PUBLISH zero q0 \"passes\""]);
    world.raw(reader, &postrider_testkit::pingreq());
    assert_eq!(world.take(reader), ["PINGRESP"]);
    world.ack(reader, AckKind::Puback, 2);
    assert_eq!(world.take(reader), ["PUBLISH a q1 #3 \"3\""]);
    world.ack(reader, AckKind::Puback, 1);
    world.ack(reader, AckKind::Puback, 3);
    assert_eq!(world.take(reader), ["PUBLISH a q1 #4 \"4\"", "PUBLISH a q1 #5 \"5\""]);
}

// [MQTT-4.4.0-2]
#[test]
fn a_refusal_by_the_client_ends_the_delivery() {
    let mut world = World::new();
    let hello = Hello::new("r").expiry(100).resume();
    let reader = world.connect(&hello);
    world.subscribed(reader, "a", 2);
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("a", "1").q1(1));
    world.publish(writer, &publish("a", "2").q2(2));
    world.take(reader);
    world.raw(reader, &ack(AckKind::Puback, 1, ReasonCode::UnspecifiedError, Version::V5));
    world.raw(reader, &ack(AckKind::Pubrec, 2, ReasonCode::NotAuthorized, Version::V5));
    assert!(world.take(reader).is_empty());
    world.cut(reader);
    let reader = world.dial(&hello);
    assert_eq!(world.take(reader).len(), 1, "only the CONNACK");
}

#[test]
fn acknowledgements_of_unknown_ids_harm_nobody() {
    let mut world = World::new();
    let client = world.connect(&Hello::new("c"));
    world.ack(client, AckKind::Puback, 9);
    world.ack(client, AckKind::Pubcomp, 9);
    assert!(world.take(client).is_empty());
    world.ack(client, AckKind::Pubrec, 9);
    assert_eq!(world.take(client), ["PUBREL #9 PacketIdentifierNotFound"]);
    assert!(!world.is_closed(client));
    assert_eq!(world.counters().stray_acks, 3);
}

// [MQTT-4.3.3-7], [MQTT-4.3.3-13]
#[test]
fn a_message_does_not_expire_once_it_is_on_its_way() {
    let mut world = World::new();
    let hello = Hello::new("r").expiry(1000).resume();
    let reader = world.connect(&hello);
    world.subscribed(reader, "a", 2);
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("a", "x").q2(1).expiry(5));
    assert_eq!(world.take(reader), ["PUBLISH a q2 #1 \"x\" MessageExpiryInterval=5"]);
    world.cut(reader);
    world.advance(60);
    let reader = world.dial(&hello);
    assert_eq!(world.take(reader)[1], "PUBLISH a q2 #1 dup \"x\" MessageExpiryInterval=1");
}

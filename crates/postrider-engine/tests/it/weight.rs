//! Bytes in flight to a client, where they are limited.

use postrider_engine::ListenerLimits;
use postrider_proto::{AckKind, Version};
use postrider_testkit::{Client, Hello, World, publish, subscribe};

/// The limit is ten bytes for clients of the second listener.
fn world() -> World {
    let own = ListenerLimits { in_flight_bytes_max: Some(10), ..ListenerLimits::default() };
    let mut world = World::with(|limits| limits.listeners = vec![ListenerLimits::default(), own]);
    world.through(1);
    world
}

/// Ten messages of four bytes.
fn publish_ten(world: &mut World, writer: Client, qos: u8) {
    for number in 1..=10 {
        let message = publish("a", &format!("n{number:03}"));
        world.publish(writer, &if qos == 1 { message.q1(number) } else { message.q2(number) });
        if qos == 2 {
            world.ack(writer, AckKind::Pubrel, number);
        }
    }
    world.take(writer);
}

#[test]
fn messages_wait_while_those_in_flight_weigh_as_much_as_they_may() {
    for version in [Version::V3_1_1, Version::V5] {
        let mut world = world();
        let reader = world.connect(&Hello::new("r").version(version));
        world.subscribed(reader, "a", 1);
        let writer = world.connect(&Hello::new("w"));
        publish_ten(&mut world, writer, 1);
        // The third one passes the limit, and it is the last.
        assert_eq!(world.take(reader), [1, 2, 3].map(|number| format!("PUBLISH a q1 #{number} \"n{number:03}\"")));
        for number in 4..=10 {
            world.ack(reader, AckKind::Puback, number - 3);
            assert_eq!(world.take(reader), [format!("PUBLISH a q1 #{number} \"n{number:03}\"")]);
        }
        // What has QoS 0 is not counted and goes past what waits.
        publish_ten(&mut world, writer, 1);
        world.publish(writer, &publish("a", "now"));
        assert_eq!(world.take(reader), ["PUBLISH a q0 \"now\""]);
    }
}

#[test]
fn one_message_may_go_however_large_it_is() {
    let mut world = world();
    let reader = world.connect(&Hello::new("r"));
    world.subscribed(reader, "a", 1);
    let writer = world.connect(&Hello::new("w"));
    for number in 1..=3 {
        world.publish(writer, &publish("a", "").sized(50).q1(number));
    }
    for number in 1..=3 {
        assert_eq!(world.take(reader).len(), 1, "message {number}");
        world.ack(reader, AckKind::Puback, number);
    }
    assert!(world.take(reader).is_empty());
}

#[test]
fn a_message_with_qos_2_weighs_until_its_pubcomp() {
    let mut world = world();
    let reader = world.connect(&Hello::new("r"));
    world.subscribed(reader, "a", 2);
    let writer = world.connect(&Hello::new("w"));
    publish_ten(&mut world, writer, 2);
    assert_eq!(world.take(reader).len(), 3);
    world.ack(reader, AckKind::Pubrec, 1);
    assert_eq!(world.take(reader), ["PUBREL #1"]);
    world.ack(reader, AckKind::Pubcomp, 1);
    assert_eq!(world.take(reader), ["PUBLISH a q2 #4 \"n004\""]);
}

#[test]
fn what_is_sent_again_on_another_connection_is_weighed_there() {
    let mut world = world();
    world.through(0);
    let hello = Hello::new("r").resume().expiry(100);
    let free = world.connect(&hello);
    world.subscribed(free, "a", 1);
    let writer = world.connect(&Hello::new("w"));
    publish_ten(&mut world, writer, 1);
    assert_eq!(world.take(free).len(), 10, "nothing is limited here");
    world.cut(free);
    world.through(1);
    let bound = world.dial(&hello);
    let again = |number: u16| format!("PUBLISH a q1 #{number} dup \"n{number:03}\"");
    assert_eq!(world.take(bound)[1..], [1, 2, 3].map(again));
    for number in 4..=10 {
        world.ack(bound, AckKind::Puback, number - 3);
        assert_eq!(world.take(bound), [again(number)]);
    }
}

#[test]
fn retained_messages_come_no_faster_and_all_of_them() {
    let mut world = world();
    let writer = world.connect(&Hello::new("w"));
    for number in 1..=9 {
        world.publish(writer, &publish(&format!("r/{number}"), "1234").q1(number).retain());
    }
    let reader = world.connect(&Hello::new("r"));
    world.subscribe(reader, &subscribe(1, "r/+", 1));
    assert_eq!(world.take(reader).len(), 1 + 3);
    for number in 4..=9 {
        world.ack(reader, AckKind::Puback, number - 3);
        assert_eq!(world.take(reader).len(), 1, "message {number}");
    }
    world.ack(reader, AckKind::Puback, 7);
    assert!(world.take(reader).is_empty());
}

#[test]
fn members_of_a_group_take_what_their_weight_lets_them() {
    let mut world = world();
    let (one, two) = (world.connect(&Hello::new("one")), world.connect(&Hello::new("two")));
    world.subscribed(one, "$share/g/a", 1);
    world.subscribed(two, "$share/g/a", 1);
    let writer = world.connect(&Hello::new("w"));
    publish_ten(&mut world, writer, 1);
    assert_eq!((world.take(one).len(), world.take(two).len()), (3, 3));
    world.ack(two, AckKind::Puback, 1);
    assert_eq!((world.take(one).len(), world.take(two).len()), (0, 1));
}

#[test]
fn a_limit_that_is_lowered_holds_from_the_next_message_on() {
    let mut world = world();
    let reader = world.connect(&Hello::new("r"));
    world.subscribed(reader, "a", 1);
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("a", "1234").q1(1));
    world.adopt(|limits| limits.listeners[1].in_flight_bytes_max = Some(4));
    publish_ten(&mut world, writer, 1);
    assert_eq!(world.take(reader).len(), 2);
    world.adopt(|limits| limits.listeners[1].in_flight_bytes_max = Some(u64::MAX));
    world.ack(reader, AckKind::Puback, 1);
    world.ack(reader, AckKind::Puback, 2);
    assert_eq!(world.take(reader).len(), 9);
}

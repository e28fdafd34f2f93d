//! What a member of a shared subscription leaves to the others, and what makes a member able to take more.

use postrider_engine::ShareStrategy;
use postrider_ports::DropReason;
use postrider_proto::{Property, PropertyId};
use postrider_testkit::{Client, Hello, World, publish, subscribe};

/// A member that takes one message with QoS 1 at a time.
fn slow(world: &mut World, name: &str) -> Client {
    world.connect(&Hello::new(name).property(Property::TwoBytes(PropertyId::ReceiveMaximum, 1)))
}

// [MQTT-3.3.1-13]
#[test]
fn a_message_that_goes_to_another_member_has_the_retain_flag_it_was_published_with() {
    for strategy in [ShareStrategy::RoundRobin, ShareStrategy::Sticky] {
        let mut world = World::with(|limits| limits.share_strategy = strategy);
        let first = slow(&mut world, "first");
        world.subscribed(first, "$share/g/a", 1);
        let writer = world.connect(&Hello::new("w"));
        // One is on its way, the other waits.
        world.publish(writer, &publish("a", "1").q1(1).retain());
        world.publish(writer, &publish("a", "2").q1(2).retain());
        assert_eq!(world.take(first), ["PUBLISH a q1 #1 \"1\""]);
        let keeper = world.connect(&Hello::new("keeper"));
        world.subscribe(keeper, &subscribe(1, "$share/g/a", 0).retain_as_published());
        world.take(keeper);
        world.cut(first);
        let plain = world.take(keeper);
        assert!(plain.contains(&"PUBLISH a q0 retain \"1\"".to_owned()), "{strategy:?}: {plain:?}");
    }
}

#[test]
fn what_waits_for_a_member_with_qos_0_is_not_lost_with_it_while_another_is_away() {
    for strategy in [ShareStrategy::Hash, ShareStrategy::Sticky] {
        let mut world = World::with(|limits| {
            limits.share_strategy = strategy;
            limits.outbox_bytes_max = 20;
        });
        let away = world.connect(&Hello::new("away").resume().expiry(1000));
        world.subscribed(away, "$share/g/a", 1);
        world.cut(away);
        let plain = world.connect(&Hello::new("plain").resume().expiry(1000));
        world.subscribed(plain, "$share/g/a", 0);
        let writer = world.connect(&Hello::new("w"));
        world.publish(writer, &publish("a", "fills its outbox").q1(1));
        world.publish(writer, &publish("a", "waits").q1(2));
        world.cut(plain);
        assert_eq!(world.counters().drops.of(DropReason::Offline), 0);
        let away = world.dial(&Hello::new("away").resume().expiry(1000));
        assert_eq!(world.take(away).last().map(String::as_str), Some("PUBLISH a q1 #1 \"waits\""), "{strategy:?}");
    }
}

#[test]
fn when_the_first_in_the_queue_expires_the_next_goes_to_a_member_that_can_take_it() {
    let mut world = World::with(|limits| limits.mailbox.messages_max = 1);
    let client = slow(&mut world, "m");
    world.subscribed(client, "$share/g/a", 1);
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("a", "in flight").q1(1));
    world.publish(writer, &publish("a", "expires").q1(2).expiry(5));
    world.publish(writer, &publish("a", "behind"));
    assert_eq!(world.take(client), ["PUBLISH a q1 #1 \"in flight\""]);
    world.advance(6);
    world.publish(writer, &publish("a", "new").q1(3));
    assert_eq!(world.take(client), ["PUBLISH a q0 \"behind\""]);
}

#[test]
fn a_member_whose_own_waiting_messages_had_to_go_takes_what_waits_for_its_group() {
    let mut world = World::with(|limits| {
        limits.mailbox.messages_max = 1;
        limits.outbox_bytes_max = 20;
    });
    let client = slow(&mut world, "m");
    world.subscribed(client, "$share/g/a", 0);
    world.subscribed(client, "b", 1);
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("b", "fills the outbox").q1(1));
    world.publish(writer, &publish("b", "waits").q1(2));
    world.publish(writer, &publish("b", "gives way"));
    world.publish(writer, &publish("a", "for the group"));
    assert_eq!(world.take(client), ["PUBLISH b q1 #1 \"fills the outbox\""]);
    world.publish(writer, &publish("b", "too many").q1(3));
    assert_eq!(world.take(client), ["PUBLISH a q0 \"for the group\""]);
}

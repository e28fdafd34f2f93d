//! What clients notice when memory is short.

use postrider_engine::Pressure::{Calm, Full, Tight};
use postrider_ports::DropReason;
use postrider_proto::AckKind;
use postrider_testkit::{Client, Hello, Pace, World, publish, subscribe};

/// A subscriber that reads nothing until it is told to, with as much on its way as its outbox takes.
fn slow(world: &mut World, name: &str, filter: &str, qos: u8) -> Client {
    let client = world.connect(&Hello::new(name));
    world.subscribed(client, filter, qos);
    client
}

fn away(world: &mut World, name: &str, filter: &str) {
    let client = world.connect(&Hello::new(name).expiry(1000));
    world.subscribed(client, filter, 1);
    world.cut(client);
}

#[test]
fn new_sessions_are_refused_while_memory_is_short_and_sessions_that_are_there_go_on() {
    let mut world = World::new();
    away(&mut world, "old", "a");
    for pressure in [Tight, Full] {
        world.press(pressure);
        let new = world.dial(&Hello::new("new"));
        assert!(world.take(new)[0].starts_with("CONNACK QuotaExceeded"), "{pressure:?}");
        let new = world.dial(&Hello::new("new").v3());
        assert_eq!(world.take(new), ["CONNACK ServerUnavailable"]);
        let old = world.connect(&Hello::new("old").resume().expiry(1000));
        world.cut(old);
    }
    assert_eq!(world.counters().sessions_refused, 4);
    world.press(Calm);
    world.connect(&Hello::new("new"));
}

#[test]
fn qos_0_is_dropped_for_whoever_does_not_keep_up_and_counted_while_others_get_it() {
    let mut world = World::new();
    let reader = slow(&mut world, "reader", "a", 0);
    let stuck = slow(&mut world, "stuck", "a", 0);
    let writer = world.connect(&Hello::new("w"));
    world.press(Tight);
    let mut got = 0;
    for _ in 0..20 {
        world.publish(writer, &publish("a", "").sized(500));
        got += world.take(reader).len();
    }
    assert_eq!(got, 20);
    let counters = world.counters();
    assert_eq!(counters.deliveries_queued, 0);
    let lost = counters.drops.of(DropReason::Memory);
    assert_eq!(world.take(stuck).len() as u64, 20 - lost);
    // The one that was larger than what is left of the outbox.
    assert_eq!(lost, 20 - 1);
}

#[test]
fn qos_0_that_waits_already_is_given_up_when_there_is_no_memory_at_all() {
    let mut world = World::new();
    let stuck = slow(&mut world, "stuck", "a", 0);
    let writer = world.connect(&Hello::new("w"));
    for _ in 0..20 {
        world.publish(writer, &publish("a", "").sized(500));
    }
    let waiting = world.counters().deliveries_queued;
    assert!(waiting > 5);
    world.press(Tight);
    assert_eq!(world.counters().deliveries_queued, waiting);
    world.press(Full);
    let counters = world.counters();
    assert_eq!((counters.deliveries_queued, counters.queued_bytes), (0, 0));
    assert_eq!(counters.drops.of(DropReason::Memory), waiting);
    assert_eq!(world.take(stuck).len() as u64, 20 - waiting);
}

#[test]
fn a_publisher_whose_messages_would_wait_in_memory_is_slowed_down_and_no_other() {
    let mut world = World::with(|limits| limits.mailbox.messages_max = 100);
    away(&mut world, "away", "a");
    let here = slow(&mut world, "here", "b", 1);
    let writer = world.connect(&Hello::new("w"));
    world.press(Tight);
    world.publish(writer, &publish("b", "x").q1(1));
    assert_eq!(world.take(writer), ["PUBACK #1"]);
    assert_eq!(world.take(here), ["PUBLISH b q1 #1 \"x\""]);
    world.publish(writer, &publish("a", "x").q1(2));
    assert!(world.take(writer).is_empty());
    world.advance_ms(250);
    assert_eq!(world.take(writer), ["PUBACK #2"]);
    for id in 3..=18 {
        world.publish(writer, &publish("a", "x").q1(id));
    }
    assert_eq!(world.take(writer).len(), 15);
    world.advance_ms(250);
    assert_eq!(world.take(writer), ["PUBACK #18"]);
    assert_eq!(world.counters().publishes_paced, 2);
}

#[test]
fn without_memory_5_0_publishers_hear_0x97_and_3_1_1_publishers_wait_and_nothing_acknowledged_is_lost() {
    let mut world = World::new();
    away(&mut world, "away", "a");
    let new = world.connect(&Hello::new("new"));
    let old = world.connect(&Hello::new("old").v3());
    world.press(Full);
    world.publish(new, &publish("a", "refused").q1(1));
    let line = &world.take(new)[0];
    assert!(line.starts_with("PUBACK #1 QuotaExceeded"), "{line}");
    world.publish(new, &publish("a", "refused").q2(2));
    let line = &world.take(new)[0];
    assert!(line.starts_with("PUBREC #2 QuotaExceeded"), "{line}");
    world.publish(old, &publish("a", "held").q1(1));
    world.publish(old, &publish("b", "behind").q1(2));
    world.advance(60);
    assert!(world.take(old).is_empty());
    // Nobody waits for this one.
    world.publish(new, &publish("b", "x").q1(3));
    assert!(world.take(new)[0].starts_with("PUBACK #3"));
    world.press(Tight);
    world.advance_ms(250);
    assert_eq!(world.take(old), ["PUBACK #1", "PUBACK #2"]);
    world.press(Calm);
    let reader = world.dial(&Hello::new("away").resume().expiry(1000));
    assert_eq!(world.take(reader)[1..], ["PUBLISH a q1 #1 \"held\""]);
    assert_eq!(world.counters().publishes_refused, 2);
}

#[test]
fn a_qos_2_message_that_was_taken_before_is_acknowledged_again_without_memory() {
    let mut world = World::new();
    away(&mut world, "away", "a");
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("a", "x").q2(1));
    assert_eq!(world.take(writer), ["PUBREC #1"]);
    world.press(Full);
    world.publish(writer, &publish("a", "x").q2(1).dup());
    assert_eq!(world.take(writer), ["PUBREC #1"]);
    world.ack(writer, AckKind::Pubrel, 1);
    assert_eq!(world.take(writer), ["PUBCOMP #1"]);
    assert_eq!(world.counters().deliveries_queued, 1);
}

#[test]
fn with_a_log_mailboxes_leave_the_memory_and_everything_comes_from_the_log_in_order() {
    let mut world = World::durable(|limits| limits.mailbox.memory_bytes_max = 100_000);
    world.set_commits(Pace::AtOnce);
    away(&mut world, "away", "a");
    let writer = world.connect(&Hello::new("w"));
    for id in 1..=4 {
        world.publish(writer, &publish("a", &format!("m{id}")).q1(id));
    }
    assert!(world.driver.engine.ledger().mailboxes > 0);
    world.press(Tight);
    assert_eq!(world.driver.engine.ledger().mailboxes, 0);
    // These need no memory, so nobody waits and nobody is refused.
    world.press(Full);
    for id in 5..=8 {
        world.publish(writer, &publish("a", &format!("m{id}")).q1(id));
    }
    let acks: Vec<String> = (1..=8).map(|id| format!("PUBACK #{id}")).collect();
    assert_eq!(world.take(writer), acks);
    assert_eq!(world.driver.engine.ledger().mailboxes, 0);
    assert_eq!(world.counters().deliveries_queued, 8);
    let reader = world.dial(&Hello::new("away").resume().expiry(1000));
    let lines: Vec<String> = (1..=8).map(|id| format!("PUBLISH a q1 #{id} \"m{id}\"")).collect();
    assert_eq!(world.take(reader)[1..], lines);
}

#[test]
fn subscriptions_and_larger_retained_messages_are_refused_without_memory() {
    let mut world = World::new();
    let client = world.connect(&Hello::new("c"));
    world.subscribed(client, "old", 1);
    world.publish(client, &publish("r", "12345").q1(1).retain());
    assert!(world.take(client)[0].starts_with("PUBACK #1"));
    world.press(Full);
    world.subscribe(client, &subscribe(2, "new", 1).and("old", 0));
    assert!(world.take(client)[0].starts_with("SUBACK #2 97 00"));
    world.publish(client, &publish("r", "123456").q1(3).retain());
    assert!(world.take(client)[0].starts_with("PUBACK #3 QuotaExceeded"));
    // Neither one that is no larger, nor the end of one.
    world.publish(client, &publish("r", "54321").q1(4).retain());
    assert!(world.take(client)[0].starts_with("PUBACK #4 NoMatchingSubscribers"));
    world.publish(client, &publish("r", "").q1(5).retain());
    assert_eq!(world.counters().retained, 0);
}

#[test]
fn retained_messages_wait_until_there_is_memory_and_then_all_of_them_come() {
    let mut world = World::new();
    let client = world.connect(&Hello::new("c"));
    for number in 0..100 {
        world.publish(client, &publish(&format!("r/{number}"), "").sized(200).retain());
    }
    world.subscribed(client, "other", 0);
    world.press(Full);
    let info = world.session("c").expect("there");
    assert_eq!(info.subscriptions, 1);
    world.press(Tight);
    world.subscribe(client, &subscribe(1, "r/#", 0));
    world.press(Full);
    let before = world.take(client).len();
    assert!(before < 100, "{before}");
    assert!(world.take(client).is_empty());
    world.press(Calm);
    assert_eq!(before + world.take(client).len(), 1 + 100);
}

#[test]
fn when_nothing_else_helps_whoever_costs_most_is_disconnected_and_the_others_stay() {
    let mut world = World::with(|limits| {
        limits.outbox_bytes_max = 64 * 1024;
        limits.mailbox.messages_max = 1000;
    });
    let small = slow(&mut world, "small", "small", 1);
    let large = slow(&mut world, "large", "large", 1);
    let writer = world.connect(&Hello::new("w"));
    for id in 0..50 {
        world.publish(writer, &publish("large", "").sized(2000).q1(id + 1));
    }
    world.publish(writer, &publish("small", "x").q1(100));
    let owed = world.counters();
    world.press(Full);
    world.advance_ms(875);
    assert!(!world.is_closed(large));
    world.advance_ms(375);
    assert!(world.is_closed(large) && !world.is_closed(small) && !world.is_closed(writer));
    assert_eq!(world.take(large).last().map(String::as_str), Some("DISCONNECT QuotaExceeded"));
    world.advance(10);
    assert!(!world.is_closed(small) && !world.is_closed(writer), "nobody else is worth it");
    let counters = world.counters();
    assert_eq!(counters.clients_shed, 1);
    assert_eq!(counters.drops.of(DropReason::SessionEnded), owed.deliveries_queued);
}

#[test]
fn whoever_reads_gets_as_much_room_as_before_when_there_is_memory_again() {
    let mut world = World::new();
    let reader = slow(&mut world, "reader", "a", 0);
    let writer = world.connect(&Hello::new("w"));
    world.press(Full);
    world.press(Calm);
    for _ in 0..3 {
        world.publish(writer, &publish("a", "").sized(500));
    }
    assert_eq!(world.take(reader).len(), 3);
    for _ in 0..7 {
        world.publish(writer, &publish("a", "").sized(500));
    }
    assert_eq!(world.counters().deliveries_queued, 0);
    assert_eq!(world.take(reader).len(), 7);
}

#[test]
fn the_ledger_says_for_whom_memory_is_kept() {
    let mut world = World::new();
    away(&mut world, "away", "a");
    world.through(3);
    let here = slow(&mut world, "here", "a", 1);
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("a", "").sized(1000).q1(1).retain());
    let ledger = world.driver.engine.ledger();
    assert_eq!((ledger.sessions, ledger.links), (3, 2));
    assert!(ledger.mailboxes > 1000 && ledger.outboxes > 1000 && ledger.retained > 1000, "{ledger:?}");
    let by_listener = world.driver.engine.ledger_by_listener();
    let (listener, own) = by_listener[0];
    assert_eq!((by_listener.len(), listener.0, own.links, own.mailboxes), (1, 3, 2, 0));
    world.take(here);
}

use postrider_proto::{AckKind, Property, PropertyId, Version};
use postrider_testkit::{Client, Hello, Pace, Remains, World, publish, subscribe};

const EDITIONS: [Version; 2] = [Version::V3_1_1, Version::V5];

fn retained(world: &mut World, filter: &str) -> Vec<String> {
    retained_in(world, Version::V5, filter)
}

fn retained_in(world: &mut World, version: Version, filter: &str) -> Vec<String> {
    let client = world.connect(&Hello::new("looker").version(version));
    world.subscribe(client, &subscribe(1, filter, 1));
    let mut lines = world.take(client);
    assert_eq!(lines.remove(0), "SUBACK #1 01");
    lines
}

fn writer(world: &mut World) -> Client {
    world.connect(&Hello::new("w"))
}

// [MQTT-3.3.1-5] to [MQTT-3.3.1-8], [MQTT-3.3.1-6] to [MQTT-3.3.1-8] of 3.1.1
#[test]
fn a_retained_message_is_set_replaced_and_cleared() {
    for version in EDITIONS {
        let mut world = World::new();
        let writer = world.connect(&Hello::new("w").version(version));
        world.publish(writer, &publish("a/b", "1").q1(1).retain());
        assert_eq!(retained_in(&mut world, version, "a/+"), ["PUBLISH a/b q1 #1 retain \"1\""]);
        world.publish(writer, &publish("a/b", "2").retain());
        assert_eq!(retained_in(&mut world, version, "a/+"), ["PUBLISH a/b q0 retain \"2\""]);
        world.publish(writer, &publish("a/b", "3").q1(1).retain());
        world.publish(writer, &publish("a/b", "not kept"));
        world.publish(writer, &publish("a/b", ""));
        assert_eq!(retained_in(&mut world, version, "a/+"), ["PUBLISH a/b q1 #1 retain \"3\""]);
        world.publish(writer, &publish("a/b", "").retain());
        assert!(retained_in(&mut world, version, "a/+").is_empty());
        assert_eq!(world.counters().retained, 0);
    }
}

// [MQTT-3.1.2-7] of 3.1.1
#[test]
fn retained_messages_outlive_the_session_of_their_publisher() {
    for version in EDITIONS {
        let mut world = World::new();
        let writer = world.connect(&Hello::new("w").version(version));
        world.publish(writer, &publish("a", "kept").retain());
        world.disconnect(writer);
        assert!(world.session("w").is_none());
        world.connect(&Hello::new("w").version(version));
        assert_eq!(retained_in(&mut world, version, "a"), ["PUBLISH a q0 retain \"kept\""]);
    }
}

// [MQTT-3.3.1-10] of 3.1.1
#[test]
fn clearing_a_retained_message_is_delivered_like_any_other() {
    for version in EDITIONS {
        let mut world = World::new();
        let writer = world.connect(&Hello::new("w").version(version));
        world.publish(writer, &publish("a", "1").retain());
        let client = world.connect(&Hello::new("c").version(version));
        world.subscribe(client, &subscribe(1, "a", 0));
        world.publish(writer, &publish("a", "").retain());
        assert_eq!(world.take(client), ["SUBACK #1 00", "PUBLISH a q0 retain \"1\"", "PUBLISH a q0 \"\""]);
    }
}

// [MQTT-3.3.2-5]
#[test]
fn a_retained_message_expires_and_a_newer_one_does_not_go_with_it() {
    let mut world = World::new();
    let writer = writer(&mut world);
    world.publish(writer, &publish("a", "short").expiry(10).retain());
    world.publish(writer, &publish("b", "short").expiry(10).retain());
    world.publish(writer, &publish("b", "newer").retain());
    world.advance(4);
    assert_eq!(
        retained(&mut world, "#"),
        ["PUBLISH a q0 retain \"short\" MessageExpiryInterval=6", "PUBLISH b q0 retain \"newer\""]
    );
    world.advance(7);
    assert_eq!(world.counters().retained, 1);
    assert_eq!(retained(&mut world, "#"), ["PUBLISH b q0 retain \"newer\""]);
}

// [MQTT-4.7.2-1]
#[test]
fn a_leading_wildcard_brings_no_retained_message_of_a_dollar_topic() {
    let mut world = World::new();
    let writer = writer(&mut world);
    world.publish(writer, &publish("$own/x", "1").retain());
    world.publish(writer, &publish("x/y", "2").retain());
    assert_eq!(retained(&mut world, "#"), ["PUBLISH x/y q0 retain \"2\""]);
    assert_eq!(retained(&mut world, "$own/#"), ["PUBLISH $own/x q0 retain \"1\""]);
}

// TCL-32: the publisher is remembered for No Local.
#[test]
fn no_local_holds_for_retained_messages_too() {
    let mut world = World::new();
    let writer = writer(&mut world);
    world.publish(writer, &publish("a", "own").retain());
    world.subscribe(writer, &subscribe(1, "a", 0).no_local());
    assert_eq!(world.take(writer), ["SUBACK #1 00"]);
    world.subscribe(writer, &subscribe(2, "a", 0));
    assert_eq!(world.take(writer), ["SUBACK #2 00", "PUBLISH a q0 retain \"own\""]);
}

// D-05 in small: every retained message arrives at a client that reads slowly, and the outbox stays bounded.
#[test]
fn retained_messages_come_as_fast_as_the_client_reads_them_and_none_is_left_out() {
    for qos in [0, 1] {
        let mut world = World::new();
        let writer = writer(&mut world);
        for number in 0..2000 {
            world
                .publish(writer, &publish(&format!("t/{number:04}"), "0123456789012345678901234567890").q1(1).retain());
            world.take(writer);
        }
        let client = world.connect(&Hello::new("c"));
        world.subscribe(client, &subscribe(1, "t/#", qos));
        let mut topics = Vec::new();
        let mut rounds = 0;
        loop {
            assert!(
                world.driver.output_len(client.at) <= 4096 + 200,
                "{} bytes wait",
                world.driver.output_len(client.at)
            );
            let lines = world.take_some(client, 700);
            if lines.is_empty() && world.driver.output_len(client.at) == 0 {
                break;
            }
            rounds += 1;
            for line in lines.iter().filter(|line| line.starts_with("PUBLISH")) {
                topics.push(line.split(' ').nth(1).expect("topic").to_owned());
                if let Some(id) = line.split('#').nth(1).and_then(|rest| rest.split(' ').next()) {
                    world.ack(client, AckKind::Puback, id.parse().expect("id"));
                }
            }
        }
        let expected: Vec<String> = (0..2000).map(|number| format!("t/{number:04}")).collect();
        assert!(topics == expected, "{} topics in order: {}", topics.len(), topics.is_sorted());
        assert!(rounds > 50);
        assert_eq!(world.counters().drops.total(), 0);
    }
}

// RELIABILITY I7: nothing stale behind something newer.
#[test]
fn a_replay_leaves_out_what_came_live_after_it_began() {
    let mut world = World::with(|limits| limits.outbox_bytes_max = 300);
    let writer = writer(&mut world);
    for number in 0..20 {
        world.publish(writer, &publish(&format!("t/{number:02}"), "old-----------------------").retain());
    }
    let client = world.connect(&Hello::new("c"));
    world.subscribe(client, &subscribe(1, "t/#", 0));
    world.publish(writer, &publish("t/19", "new").retain());
    let mut all = Vec::new();
    loop {
        let lines = world.take(client);
        if lines.is_empty() {
            break;
        }
        all.extend(lines);
    }
    let last: Vec<&String> = all.iter().filter(|line| line.contains("t/19")).collect();
    assert_eq!(last, ["PUBLISH t/19 q0 \"new\""]);
    assert_eq!(all.iter().filter(|line| line.contains("old")).count(), 19);
}

#[test]
fn retained_messages_beyond_the_limit_are_refused_with_a_reason() {
    let mut world = World::with(|limits| limits.retained_messages_max = 1);
    let writer = writer(&mut world);
    let reader = world.connect(&Hello::new("r"));
    world.subscribed(reader, "b", 0);
    world.publish(writer, &publish("a", "1").q1(1).retain());
    world.publish(writer, &publish("b", "2").q1(2).retain());
    world.publish(writer, &publish("a", "3").q1(3).retain());
    assert_eq!(
        world.take(writer),
        ["PUBACK #1 NoMatchingSubscribers", "PUBACK #2 QuotaExceeded", "PUBACK #3 NoMatchingSubscribers"]
    );
    assert!(world.take(reader).is_empty(), "what is refused reaches nobody");
}

// A5
#[test]
fn a_topic_that_is_set_again_and_again_keeps_one_message_and_one_timer() {
    let mut world = World::new();
    let writer = writer(&mut world);
    for number in 0..50 {
        world.publish(writer, &publish("a", &number.to_string()).expiry(3600).retain());
    }
    world.publish(writer, &publish("b", "x").expiry(3600).retain());
    world.publish(writer, &publish("b", "").retain());
    world.publish(writer, &publish("a", "stays").retain());
    world.advance(4000);
    assert_eq!(retained(&mut world, "#"), ["PUBLISH a q0 retain \"stays\""]);
}

// A5
#[test]
fn a_client_that_acknowledges_nothing_cannot_pile_up_replays() {
    let mut world = World::with(|limits| limits.subscriptions_max = 10);
    let writer = writer(&mut world);
    for topic in ["r/1", "r/2"] {
        world.publish(writer, &publish(topic, "x").q1(1).retain());
    }
    let client = world.connect(&Hello::new("c").property(Property::TwoBytes(PropertyId::ReceiveMaximum, 1)));
    world.subscribe(client, &subscribe(1, "r/#", 1));
    assert_eq!(world.take(client), ["SUBACK #1 01", "PUBLISH r/1 q1 #1 retain \"x\""]);
    let mut lines = Vec::new();
    for _ in 0..30 {
        world.subscribe(client, &subscribe(1, "r/#", 1));
        lines.extend(world.take(client));
    }
    assert_eq!(lines.iter().filter(|line| **line == "SUBACK #1 01").count(), 9, "{lines:?}");
    assert_eq!(lines.iter().filter(|line| **line == "SUBACK #1 97").count(), 21, "{lines:?}");
    // What was promised comes: the rest of the first replay, and nine more.
    let mut seen = 0;
    for id in 1..=20 {
        world.ack(client, AckKind::Puback, id);
        seen += world.take(client).len();
    }
    assert_eq!(seen, 1 + 9 * 2);
    world.subscribe(client, &subscribe(1, "r/#", 0));
    assert_eq!(world.take(client).len(), 3);
}

#[test]
fn what_is_retained_far_behind_what_does_not_match_is_found() {
    let mut world = World::new();
    let writer = world.connect(&Hello::new("w"));
    for number in 0..3000 {
        world.publish(writer, &publish(&format!("far/{number:04}/no"), "x").retain());
    }
    world.publish(writer, &publish("far/9999/yes", "x").retain());
    let reader = world.connect(&Hello::new("r"));
    world.subscribe(reader, &subscribe(3, "far/+/yes", 0).and("far/+/never", 0));
    assert_eq!(world.take(reader), ["SUBACK #3 00 00", "PUBLISH far/9999/yes q0 retain \"x\""]);
}

#[test]
fn nothing_is_retained_for_longer_than_the_broker_says() {
    let mut world = World::with(|limits| limits.retained_expiry_s_max = 60);
    let writer = writer(&mut world);
    world.publish(writer, &publish("long", "x").expiry(1000).retain());
    world.publish(writer, &publish("short", "x").expiry(10).retain());
    world.publish(writer, &publish("plain", "x").retain());
    world.advance(11);
    // What it says of itself is what its publisher said.
    let lines = retained(&mut world, "#");
    assert_eq!(lines, ["PUBLISH long q0 retain \"x\" MessageExpiryInterval=989", "PUBLISH plain q0 retain \"x\""]);
    world.publish(writer, &publish("plain", "again").retain());
    world.advance(49);
    assert_eq!(retained(&mut world, "#"), ["PUBLISH plain q0 retain \"again\""], "its time began anew");
    world.advance(12);
    assert_eq!(world.counters().retained, 0);
}

#[test]
fn a_restart_makes_nothing_that_is_retained_younger() {
    let mut world = World::durable(|limits| limits.retained_expiry_s_max = 60);
    world.set_commits(Pace::AtOnce);
    let writer = writer(&mut world);
    world.publish(writer, &publish("a", "x").q1(1).retain());
    for _ in 0..2 {
        world.advance(25);
        world.crash(Remains::LEAST);
        world.set_commits(Pace::AtOnce);
    }
    assert_eq!(retained(&mut world, "#").len(), 1);
    world.advance(9);
    assert_eq!(retained(&mut world, "#").len(), 1);
    world.advance(1);
    assert_eq!(retained(&mut world, "#").len(), 0);
    world.advance(1);
    world.crash(Remains::MOST);
    assert_eq!(world.counters().retained, 0, "the log knows that it is gone");
}

#[test]
fn what_is_over_when_the_broker_starts_is_not_heard_before_its_timer_fires() {
    let mut world = World::durable(|limits| limits.retained_expiry_s_max = 60);
    world.set_commits(Pace::AtOnce);
    let writer = writer(&mut world);
    world.publish(writer, &publish("a", "x").q1(1).retain());
    // The broker stands still meanwhile.
    world.now.mono = world.now.mono.plus_s(61);
    world.now.wall.0 += 61_000;
    world.crash(Remains::LEAST);
    world.set_commits(Pace::AtOnce);
    assert_eq!(retained(&mut world, "#").len(), 0);
}

#[test]
fn a_shorter_time_holds_for_what_is_there_from_the_change_on() {
    let mut world = World::new();
    let writer = writer(&mut world);
    world.publish(writer, &publish("a", "x").retain());
    world.publish(writer, &publish("b", "x").expiry(10).retain());
    world.advance(5);
    world.adopt(|limits| limits.retained_expiry_s_max = 20);
    world.advance(6);
    assert_eq!(retained(&mut world, "#").len(), 1, "what was to go sooner goes sooner");
    world.advance(13);
    assert_eq!(retained(&mut world, "#").len(), 1);
    // A longer one gives nothing more time.
    world.adopt(|limits| limits.retained_expiry_s_max = u32::MAX);
    world.advance(1);
    assert_eq!(retained(&mut world, "#").len(), 0);
}

use postrider_engine::ShareStrategy;
use postrider_ports::DropReason;
use postrider_proto::{AckKind, Property, PropertyId, ReasonCode, Version};
use postrider_session::Overflow;
use postrider_testkit::{Client, Hello, World, ack, publish, subscribe, unsubscribe};

fn member(world: &mut World, name: &str, filter: &str, qos: u8) -> Client {
    let client = world.connect(&Hello::new(name));
    world.subscribed(client, filter, qos);
    client
}

fn durable(world: &mut World, name: &str) -> Client {
    world.connect(&Hello::new(name).resume().expiry(1000))
}

/// A durable client returns: what it is sent behind the CONNACK.
fn back(world: &mut World, name: &str) -> (Client, Vec<String>) {
    let client = world.dial(&Hello::new(name).resume().expiry(1000));
    let mut lines = world.take(client);
    assert!(lines.remove(0).starts_with("CONNACK Success present"));
    (client, lines)
}

fn publish_all(world: &mut World, writer: Client, payloads: &[&str]) {
    for (id, payload) in (1..).zip(payloads) {
        world.publish(writer, &publish("a", payload).q1(id));
    }
    world.take(writer);
}

#[test]
fn a_message_goes_to_one_member_of_each_group_and_members_take_turns_in_every_edition() {
    for version in [Version::V3_1, Version::V3_1_1, Version::V5] {
        let mut world = World::new();
        let members = ["m0", "m1", "m2"].map(|name| {
            let client = world.connect(&Hello::new(name).version(version));
            world.subscribed(client, "$share/g/a", 0);
            client
        });
        let other = member(&mut world, "other", "$share/h/+", 0);
        let own = member(&mut world, "own", "a", 0);
        let writer = world.connect(&Hello::new("w"));
        for payload in ["1", "2", "3", "4"] {
            world.publish(writer, &publish("a", payload));
        }
        let got = members.map(|client| world.take(client).concat());
        let line = |payload| format!("PUBLISH a q0 \"{payload}\"");
        assert_eq!(got, [line("1") + &line("4"), line("2"), line("3")]);
        assert_eq!(world.take(other).len(), 4);
        assert_eq!(world.take(own).len(), 4);
        assert_eq!(world.counters().deliveries_sent, 12);
    }
}

#[test]
fn groups_of_one_name_with_different_filters_are_different_groups() {
    let mut world = World::new();
    let one = member(&mut world, "one", "$share/g/a", 0);
    let two = member(&mut world, "two", "$share/g/#", 0);
    let both = world.connect(&Hello::new("both"));
    world.subscribed(both, "a", 0);
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("a", "x"));
    for client in [one, two, both] {
        assert_eq!(world.take(client), ["PUBLISH a q0 \"x\""]);
    }
    world.raw(one, &unsubscribe(1, &["$share/g/a", "a", "$share/h/a"], Version::V5));
    assert_eq!(world.take(one), ["UNSUBACK #1 00 11 11"]);
    world.publish(writer, &publish("a", "y"));
    assert!(world.take(one).is_empty());
    assert_eq!(world.take(two), ["PUBLISH a q0 \"y\""]);
}

// [MQTT-4.8.2-3]
#[test]
fn each_member_gets_its_own_qos_identifier_and_retain_flag_and_nothing_retained() {
    let mut world = World::new();
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("a", "kept").retain());
    let plain = member(&mut world, "plain", "$share/g/a", 1);
    let keeper = world.connect(&Hello::new("keeper"));
    world.subscribe(keeper, &subscribe(1, "$share/g/a", 2).identifier(9).retain_as_published());
    assert_eq!(world.take(keeper), ["SUBACK #1 02"]);
    assert!(world.take(plain).is_empty());
    for id in [1, 2] {
        world.publish(writer, &publish("a", "x").q2(id).retain());
    }
    assert_eq!(world.take(plain), ["PUBLISH a q1 #1 \"x\""]);
    assert_eq!(world.take(keeper), ["PUBLISH a q2 #1 retain \"x\" SubscriptionIdentifier=9"]);
}

#[test]
fn a_member_that_is_not_there_is_passed_over() {
    let mut world = World::new();
    let here = member(&mut world, "here", "$share/g/a", 1);
    let away = durable(&mut world, "away");
    world.subscribed(away, "$share/g/a", 1);
    world.cut(away);
    let writer = world.connect(&Hello::new("w"));
    publish_all(&mut world, writer, &["1", "2", "3"]);
    assert_eq!(world.take(here).len(), 3);
    assert_eq!(world.session("away").expect("there").queued, 0);
}

#[test]
fn a_member_that_is_busy_is_passed_over_and_what_nobody_can_take_waits_for_the_first_that_can() {
    let mut world = World::new();
    let slow = world.connect(&Hello::new("s").property(Property::TwoBytes(PropertyId::ReceiveMaximum, 1)));
    world.subscribed(slow, "$share/g/a", 1);
    let quick = world.connect(&Hello::new("q").property(Property::TwoBytes(PropertyId::ReceiveMaximum, 2)));
    world.subscribed(quick, "$share/g/a", 1);
    let writer = world.connect(&Hello::new("w"));
    publish_all(&mut world, writer, &["1", "2", "3", "4", "5"]);
    assert_eq!(world.take(slow), ["PUBLISH a q1 #1 \"1\""]);
    assert_eq!(world.take(quick), ["PUBLISH a q1 #1 \"2\"", "PUBLISH a q1 #2 \"3\""]);
    assert_eq!(world.counters().deliveries_queued, 2);
    world.ack(quick, AckKind::Puback, 1);
    assert_eq!(world.take(quick), ["PUBLISH a q1 #3 \"4\""]);
    world.ack(slow, AckKind::Puback, 1);
    assert_eq!(world.take(slow), ["PUBLISH a q1 #2 \"5\""]);
    assert_eq!(world.counters().deliveries_queued, 0);
}

#[test]
fn what_a_member_has_not_acknowledged_when_it_leaves_goes_to_another_in_order() {
    for leaver in [Hello::new("m").v3(), Hello::new("m"), Hello::new("m").resume().expiry(1000)] {
        let mut world = World::new();
        let first = world.connect(&leaver);
        world.subscribed(first, "$share/g/a", 1);
        let writer = world.connect(&Hello::new("w"));
        publish_all(&mut world, writer, &["1", "2", "3", "4"]);
        assert_eq!(world.take(first).len(), 4);
        world.ack(first, AckKind::Puback, 2);
        let second = member(&mut world, "second", "$share/g/a", 1);
        world.cut(first);
        let lines = world.take(second);
        assert_eq!(lines, ["PUBLISH a q1 #1 \"1\"", "PUBLISH a q1 #2 \"3\"", "PUBLISH a q1 #3 \"4\""]);
    }
}

#[test]
fn the_only_member_gets_what_it_did_not_acknowledge_again_with_its_identifiers() {
    let mut world = World::new();
    let client = durable(&mut world, "m");
    world.subscribed(client, "$share/g/a", 1);
    let writer = world.connect(&Hello::new("w"));
    publish_all(&mut world, writer, &["1", "2"]);
    world.take(client);
    world.cut(client);
    publish_all(&mut world, writer, &["3"]);
    assert_eq!(world.counters().deliveries_queued, 1);
    let (_, lines) = back(&mut world, "m");
    assert_eq!(lines, ["PUBLISH a q1 #1 dup \"1\"", "PUBLISH a q1 #2 dup \"2\"", "PUBLISH a q1 #3 \"3\""]);
}

#[test]
fn whoever_comes_first_gets_what_the_absent_left() {
    let mut world = World::new();
    let client = durable(&mut world, "m");
    world.subscribed(client, "$share/g/a", 1);
    let writer = world.connect(&Hello::new("w"));
    publish_all(&mut world, writer, &["1", "2"]);
    world.cut(client);
    let second = world.connect(&Hello::new("second"));
    world.subscribe(second, &subscribe(1, "$share/g/a", 0));
    assert_eq!(world.take(second), ["SUBACK #1 00", "PUBLISH a q0 \"1\"", "PUBLISH a q0 \"2\""]);
    assert!(back(&mut world, "m").1.is_empty());
}

// [MQTT-4.8.2-4], [MQTT-4.8.2-5]
#[test]
fn a_qos2_message_that_has_gone_out_stays_with_its_member_and_ends_with_its_session() {
    let mut world = World::new();
    let first = durable(&mut world, "first");
    world.subscribed(first, "$share/g/a", 2);
    let second = member(&mut world, "second", "$share/g/a", 2);
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("a", "x").q2(1));
    assert_eq!(world.take(first), ["PUBLISH a q2 #1 \"x\""]);
    world.cut(first);
    assert!(world.take(second).is_empty());
    let (first, lines) = back(&mut world, "first");
    assert_eq!(lines, ["PUBLISH a q2 #1 dup \"x\""]);
    world.cut(first);
    world.connect(&Hello::new("first"));
    assert!(world.take(second).is_empty());
}

// [MQTT-4.8.2-6]
#[test]
fn a_message_that_a_member_refuses_goes_to_nobody_else() {
    let mut world = World::new();
    let first = member(&mut world, "first", "$share/g/a", 2);
    let second = member(&mut world, "second", "$share/g/a", 2);
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("a", "x").q1(1));
    world.publish(writer, &publish("a", "y").q2(2));
    assert_eq!(world.take(first), ["PUBLISH a q1 #1 \"x\""]);
    assert_eq!(world.take(second), ["PUBLISH a q2 #1 \"y\""]);
    world.raw(first, &ack(AckKind::Puback, 1, ReasonCode::UnspecifiedError, Version::V5));
    world.raw(second, &ack(AckKind::Pubrec, 1, ReasonCode::UnspecifiedError, Version::V5));
    assert!(world.take(first).is_empty());
    world.cut(first);
    assert!(world.take(second).is_empty());
}

#[test]
fn without_a_connected_member_messages_wait_within_bounds_and_the_rest_is_counted() {
    let mut world = World::new();
    let client = durable(&mut world, "m");
    world.subscribed(client, "$share/g/a", 1);
    world.cut(client);
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("a", "gone"));
    for id in 1..=12 {
        world.publish(writer, &publish("a", &id.to_string()).q1(id));
    }
    let answers = world.take(writer);
    assert_eq!(answers.iter().filter(|line| line.contains("QuotaExceeded")).count(), 2);
    let counters = world.counters();
    assert_eq!(counters.drops.of(DropReason::Offline), 1);
    assert_eq!(counters.drops.of(DropReason::MailboxFull), 2);
    assert_eq!(back(&mut world, "m").1.len(), 10);
}

#[test]
fn the_oldest_waiting_message_gives_way_when_that_is_the_policy_and_the_expired_go_first() {
    let mut world = World::with(|limits| {
        limits.mailbox.overflow = Overflow::DropOldest;
        limits.mailbox.messages_max = 2;
    });
    let client = durable(&mut world, "m");
    world.subscribed(client, "$share/g/a", 1);
    world.cut(client);
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("a", "1").q1(1));
    world.publish(writer, &publish("a", "2").q1(2).expiry(5));
    world.advance(6);
    world.publish(writer, &publish("a", "3").q1(3));
    world.publish(writer, &publish("a", "4").q1(4));
    let counters = world.counters();
    assert_eq!(counters.drops.of(DropReason::Expired), 1);
    assert_eq!(counters.drops.of(DropReason::MailboxFull), 1);
    let (_, lines) = back(&mut world, "m");
    assert_eq!(lines, ["PUBLISH a q1 #1 \"3\"", "PUBLISH a q1 #2 \"4\""]);
}

#[test]
fn what_waits_ends_with_the_last_member_and_is_counted() {
    let mut world = World::new();
    let client = durable(&mut world, "m");
    world.subscribed(client, "$share/g/a", 1);
    world.cut(client);
    let writer = world.connect(&Hello::new("w"));
    publish_all(&mut world, writer, &["1", "2"]);
    world.connect(&Hello::new("m"));
    assert_eq!(world.counters().drops.of(DropReason::SessionEnded), 2);
    world.publish(writer, &publish("a", "3").q1(3));
    assert_eq!(world.take(writer), ["PUBACK #3 NoMatchingSubscribers"]);
}

// [MQTT-3.10.4-2], [MQTT-3.10.4-3]
#[test]
fn a_member_that_unsubscribes_finishes_what_it_has_begun() {
    let mut world = World::new();
    let first = durable(&mut world, "first");
    world.subscribed(first, "$share/g/a", 1);
    let second = member(&mut world, "second", "$share/g/a", 1);
    let writer = world.connect(&Hello::new("w"));
    publish_all(&mut world, writer, &["1"]);
    assert_eq!(world.take(first).len(), 1);
    world.raw(first, &unsubscribe(2, &["$share/g/a"], Version::V5));
    world.take(first);
    world.cut(first);
    assert!(world.take(second).is_empty());
    let (_, lines) = back(&mut world, "first");
    assert_eq!(lines, ["PUBLISH a q1 #1 dup \"1\""]);
}

fn spread(strategy: ShareStrategy, writers: usize, messages: u16) -> Vec<usize> {
    let mut world = World::with(|limits| limits.share_strategy = strategy);
    let members: Vec<_> = (0..4).map(|at| member(&mut world, &format!("m{at}"), "$share/g/a", 0)).collect();
    let writers: Vec<_> = (0..writers).map(|at| world.connect(&Hello::new(&format!("w{at}")))).collect();
    for _ in 0..messages {
        for writer in &writers {
            world.publish(*writer, &publish("a", "x"));
        }
    }
    members.into_iter().map(|client| world.take(client).len()).collect()
}

#[test]
fn each_strategy_spreads_messages_in_its_own_way() {
    assert_eq!(spread(ShareStrategy::RoundRobin, 1, 40), [10; 4]);
    assert_eq!(spread(ShareStrategy::LeastInFlight, 1, 40), [10; 4]);
    assert_eq!(spread(ShareStrategy::Sticky, 3, 10), [30, 0, 0, 0]);
    let random = spread(ShareStrategy::Random, 1, 80);
    assert!(random.iter().all(|count| (5..40).contains(count)), "{random:?}");
    let hashed = spread(ShareStrategy::Hash, 16, 4);
    assert!(hashed.iter().all(|count| count % 4 == 0) && hashed.iter().filter(|count| **count > 0).count() > 1);
}

#[test]
fn the_member_with_the_fewest_unacknowledged_messages_is_chosen() {
    let mut world = World::with(|limits| limits.share_strategy = ShareStrategy::LeastInFlight);
    let busy = member(&mut world, "busy", "$share/g/a", 1);
    let idle = member(&mut world, "idle", "$share/g/a", 1);
    let writer = world.connect(&Hello::new("w"));
    publish_all(&mut world, writer, &["1", "2", "3", "4"]);
    assert_eq!((world.take(busy).len(), world.take(idle).len()), (2, 2));
    world.ack(idle, AckKind::Puback, 1);
    world.ack(idle, AckKind::Puback, 2);
    publish_all(&mut world, writer, &["5", "6"]);
    assert_eq!((world.take(busy).len(), world.take(idle).len()), (0, 2));
}

#[test]
fn what_waits_for_a_hashed_member_goes_to_another_when_it_leaves() {
    for strategy in [ShareStrategy::Hash, ShareStrategy::Sticky] {
        let mut world = World::with(|limits| limits.share_strategy = strategy);
        let members = ["m0", "m1"].map(|name| {
            let hello = Hello::new(name).property(Property::TwoBytes(PropertyId::ReceiveMaximum, 1));
            let client = world.connect(&hello);
            world.subscribed(client, "$share/g/a", 1);
            client
        });
        let writer = world.connect(&Hello::new("w"));
        publish_all(&mut world, writer, &["1", "2", "3"]);
        let (chosen, other) =
            if world.take(members[0]).is_empty() { (members[1], members[0]) } else { (members[0], members[1]) };
        assert!(world.take(other).is_empty());
        world.take(chosen);
        assert_eq!(world.counters().deliveries_queued, 2);
        world.cut(chosen);
        for (id, payload) in (1..).zip(["1", "2", "3"]) {
            assert_eq!(world.take(other), [format!("PUBLISH a q1 #{id} \"{payload}\"")]);
            world.ack(other, AckKind::Puback, id);
        }
    }
}

/// Members come, go, acknowledge or not; the invariants are looked at after each step.
#[test]
fn whatever_members_do_each_message_reaches_one_of_them_in_the_end() {
    for seed in 1..40_u64 {
        for strategy in [ShareStrategy::RoundRobin, ShareStrategy::Hash, ShareStrategy::Sticky, ShareStrategy::Random] {
            run(seed, strategy);
        }
    }
}

fn run(seed: u64, strategy: ShareStrategy) {
    let mut state = seed;
    let mut below = move |count: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % count
    };
    let mut world = World::with(|limits| {
        limits.share_strategy = strategy;
        limits.mailbox.messages_max = 1000;
        limits.receive_maximum = 1000;
    });
    let writer = world.connect(&Hello::new("w"));
    let anchor = durable(&mut world, "anchor");
    world.subscribed(anchor, "$share/g/a", 1);
    world.cut(anchor);
    let mut members: Vec<Option<Client>> = vec![None; 4];
    let (mut seen, mut sent) = (std::collections::BTreeSet::new(), 0_u16);
    let mut note = |lines: Vec<String>| {
        let payloads = lines.iter().filter_map(|line| line.split('"').nth(1));
        seen.extend(payloads.map(|payload| payload.parse::<u16>().expect("a number")));
        lines.iter().filter_map(|line| line.split('#').nth(1)?.split(' ').next()?.parse().ok()).collect::<Vec<u16>>()
    };
    for _ in 0..120 {
        let at = usize::try_from(below(4)).expect("small");
        match (below(6), members[at]) {
            (0, None) => {
                let hello = Hello::new(&format!("m{at}")).property(Property::TwoBytes(PropertyId::ReceiveMaximum, 2));
                let client = world.dial(&if at % 2 == 0 { hello.resume().expiry(50) } else { hello });
                world.subscribe(client, &subscribe(9, "$share/g/a", 1));
                members[at] = Some(client);
            }
            (1, Some(client)) => {
                world.cut(client);
                members[at] = None;
            }
            (2, _) => world.advance(20),
            (3, Some(client)) => {
                for id in note(world.take(client)) {
                    if id != 9 {
                        world.ack(client, AckKind::Puback, id);
                    }
                }
            }
            _ => {
                sent += 1;
                world.publish(writer, &publish("a", &sent.to_string()).q1(sent));
            }
        }
    }
    for client in members.into_iter().flatten() {
        note(world.take(client));
        world.cut(client);
    }
    world.advance(60);
    let (anchor, lines) = back(&mut world, "anchor");
    let mut ids = note(lines);
    loop {
        if ids.is_empty() {
            break;
        }
        ids.into_iter().for_each(|id| world.ack(anchor, AckKind::Puback, id));
        ids = note(world.take(anchor));
    }
    assert_eq!(seen.len(), usize::from(sent), "seed {seed}, {strategy:?}");
    assert_eq!(world.counters().deliveries_queued, 0);
}

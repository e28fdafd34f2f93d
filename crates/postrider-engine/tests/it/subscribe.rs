use postrider_proto::{AckKind, RetainHandling, Version};
use postrider_testkit::{Hello, World, publish, subscribe, unsubscribe};

// [MQTT-3.8.4-1], [MQTT-3.8.4-2], [MQTT-3.8.4-5] to [MQTT-3.8.4-7], [MQTT-3.9.3-1], [MQTT-3.9.3-2], [MQTT-2.2.1-6],
// [MQTT-3.9.3-2] of 3.1.1
#[test]
fn suback_answers_each_filter_in_order() {
    let mut world = World::new();
    let client = world.connect(&Hello::new("c"));
    let packet = subscribe(5, "a", 2).and("bad+", 0).and("b/#", 1).and("$share/g/x", 1).and("", 0);
    world.subscribe(client, &packet);
    assert_eq!(world.take(client), ["SUBACK #5 02 8f 01 01 8f"]);
    assert_eq!(world.session("c").expect("there").subscriptions, 3);
    let old = world.connect(&Hello::new("old").v3());
    world.subscribe(old, &packet);
    assert_eq!(world.take(old), ["SUBACK #5 02 80 01 01 80"]);
}

// [MQTT-3.3.5-1] of 3.1.1
#[test]
fn overlapping_subscriptions_bring_the_highest_of_their_qos_in_each_edition() {
    for version in [Version::V3_1_1, Version::V5] {
        for granted in [[0, 1, 2], [2, 1, 0], [1, 0, 0]] {
            let mut world = World::new();
            let client = world.connect(&Hello::new("c").version(version));
            for (filter, qos) in ["a/#", "a/b", "+/b"].into_iter().zip(granted) {
                world.subscribed(client, filter, qos);
            }
            let writer = world.connect(&Hello::new("w").version(version));
            world.publish(writer, &publish("a/b", "x").q2(1));
            let highest = granted.into_iter().max().unwrap_or_default();
            assert_eq!(world.take(client), [format!("PUBLISH a/b q{highest} #1 \"x\"")]);
        }
    }
}

// [MQTT-3.3.4-2] to [MQTT-3.3.4-4], X-28
#[test]
fn overlapping_subscriptions_bring_one_copy_at_the_highest_qos_with_all_identifiers() {
    let mut world = World::new();
    let client = world.connect(&Hello::new("c"));
    world.subscribe(client, &subscribe(1, "a/#", 0).identifier(7));
    world.subscribe(client, &subscribe(2, "a/b", 2).identifier(300));
    world.subscribe(client, &subscribe(3, "+/b", 1));
    world.take(client);
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("a/b", "x").q2(1));
    let lines = world.take(client);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("PUBLISH a/b q2 #1 \"x\""));
    assert!(lines[0].contains("SubscriptionIdentifier=7") && lines[0].contains("SubscriptionIdentifier=300"));
}

// [MQTT-3.8.4-3]
#[test]
fn the_same_filter_again_replaces_the_subscription() {
    let mut world = World::new();
    let client = world.connect(&Hello::new("c"));
    world.subscribe(client, &subscribe(1, "a", 0).identifier(1));
    world.subscribe(client, &subscribe(2, "a", 1).identifier(2));
    world.take(client);
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("a", "x").q1(1));
    assert_eq!(world.take(client), ["PUBLISH a q1 #1 \"x\" SubscriptionIdentifier=2"]);
    assert_eq!(world.counters().subscriptions, 1);
}

// [MQTT-3.8.4-3], [MQTT-3.8.4-4], [MQTT-3.8.4-3] of 3.1.1
#[test]
fn a_filter_that_is_replaced_brings_its_retained_messages_again_and_loses_none_on_their_way() {
    for version in [Version::V3_1_1, Version::V5] {
        let mut world = World::new();
        let writer = world.connect(&Hello::new("w").version(version));
        world.publish(writer, &publish("a/kept", "old").q1(1).retain());
        let client = world.connect(&Hello::new("c").version(version));
        world.subscribe(client, &subscribe(1, "a/#", 1));
        world.publish(writer, &publish("a/live", "1").q1(2));
        world.subscribe(client, &subscribe(2, "a/#", 0));
        world.publish(writer, &publish("a/live", "2").q1(3));
        assert_eq!(
            world.take(client),
            [
                "SUBACK #1 01",
                "PUBLISH a/kept q1 #1 retain \"old\"",
                "PUBLISH a/live q1 #2 \"1\"",
                "SUBACK #2 00",
                "PUBLISH a/kept q0 retain \"old\"",
                "PUBLISH a/live q0 \"2\"",
            ]
        );
        assert_eq!(world.counters().subscriptions, 1);
        assert_eq!(world.session("c").expect("there").in_flight, 2, "what was under way is not over");
    }
}

// [MQTT-3.3.2-3], [MQTT-4.7.1-1], [MQTT-4.7.1-2], [MQTT-4.7.2-1], [MQTT-4.7.3-4]
#[test]
fn a_client_gets_what_its_filter_matches_and_nothing_else() {
    let topics = ["a", "a/", "a/b", "A/b", "a/b/c", "/a", "b", "$own/b", "a/\u{e9}", "a/e\u{301}"];
    for version in [Version::V3_1_1, Version::V5] {
        for (filter, expected) in [
            ("a/#", &["a", "a/", "a/b", "a/b/c", "a/\u{e9}", "a/e\u{301}"][..]),
            ("a/+", &["a/", "a/b", "a/\u{e9}", "a/e\u{301}"]),
            ("+/b", &["a/b", "A/b"]),
            ("+", &["a", "b"]),
            ("a/b", &["a/b"]),
            ("a/\u{e9}", &["a/\u{e9}"]),
            ("$own/+", &["$own/b"]),
            ("#", &["a", "a/", "a/b", "A/b", "a/b/c", "/a", "b", "a/\u{e9}", "a/e\u{301}"]),
        ] {
            let mut world = World::new();
            let client = world.connect(&Hello::new("c").version(version));
            world.subscribed(client, filter, 0);
            let writer = world.connect(&Hello::new("w").version(version));
            topics.iter().for_each(|topic| world.publish(writer, &publish(topic, "")));
            let lines: Vec<String> = expected.iter().map(|topic| format!("PUBLISH {topic} q0 \"\"")).collect();
            assert_eq!(world.take(client), lines, "{filter} in {version}");
        }
    }
}

// [MQTT-3.2.2-10]
#[test]
fn a_subscription_beyond_the_qos_limit_is_granted_within_it() {
    for version in [Version::V3_1_1, Version::V5] {
        for limit in [postrider_proto::Qos::AtMostOnce, postrider_proto::Qos::AtLeastOnce] {
            let mut world = World::with(|limits| limits.qos_max = limit);
            let client = world.connect(&Hello::new("c").version(version));
            world.subscribe(client, &subscribe(1, "a", 0).and("b", 1).and("c", 2));
            let highest = limit.as_u8();
            assert_eq!(world.take(client), [format!("SUBACK #1 00 {:02x} {highest:02x}", highest.min(1))]);
        }
    }
}

// [MQTT-3.8.3-3]
#[test]
fn no_local_keeps_a_clients_own_messages_away() {
    let mut world = World::new();
    let client = world.connect(&Hello::new("c"));
    world.subscribe(client, &subscribe(1, "a", 0).no_local());
    world.take(client);
    world.publish(client, &publish("a", "own"));
    let other = world.connect(&Hello::new("o"));
    world.publish(other, &publish("a", "theirs"));
    assert_eq!(world.take(client), ["PUBLISH a q0 \"theirs\""]);
    // Another subscription that matches brings it all the same.
    world.subscribed(client, "#", 0);
    world.publish(client, &publish("a", "own"));
    assert_eq!(world.take(client), ["PUBLISH a q0 \"own\""]);
}

// SAG-19
#[test]
fn an_older_client_hears_its_own_messages() {
    let mut world = World::new();
    let client = world.connect(&Hello::new("c").v3());
    world.subscribed(client, "a", 0);
    world.publish(client, &publish("a", "own"));
    assert_eq!(world.take(client), ["PUBLISH a q0 \"own\""]);
}

// [MQTT-3.3.1-12], [MQTT-3.3.1-13], [MQTT-3.3.1-9] of 3.1.1
#[test]
fn retain_as_published_keeps_the_flag_of_live_messages() {
    let mut world = World::new();
    let (plain, kept) = (world.connect(&Hello::new("plain")), world.connect(&Hello::new("kept")));
    let old = world.connect(&Hello::new("old").v3());
    world.subscribed(plain, "a", 0);
    world.subscribed(old, "a", 0);
    world.subscribe(kept, &subscribe(1, "a", 0).retain_as_published());
    world.take(kept);
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("a", "x").retain());
    world.publish(writer, &publish("a", "y"));
    assert_eq!(world.take(plain), ["PUBLISH a q0 \"x\"", "PUBLISH a q0 \"y\""]);
    assert_eq!(world.take(old), ["PUBLISH a q0 \"x\"", "PUBLISH a q0 \"y\""]);
    assert_eq!(world.take(kept), ["PUBLISH a q0 retain \"x\"", "PUBLISH a q0 \"y\""]);
}

// [MQTT-3.10.4-1] to [MQTT-3.10.4-6], [MQTT-3.11.3-1], [MQTT-3.11.3-2], [MQTT-2.2.1-6]
#[test]
fn unsubscribe_ends_exactly_what_it_names() {
    for version in [Version::V3_1_1, Version::V5] {
        let mut world = World::new();
        let client = world.connect(&Hello::new("c").version(version));
        world.subscribe(client, &subscribe(1, "a/#", 1).and("b", 0).and("A/#", 2));
        world.take(client);
        let writer = world.connect(&Hello::new("w").version(version));
        world.publish(writer, &publish("a/x", "before").q1(1));
        world.publish(writer, &publish("A/x", "before").q2(2));
        world.raw(client, &unsubscribe(2, &["a/#", "a/x", "b", "A"], version));
        world.publish(writer, &publish("a/x", "after").q1(3));
        world.publish(writer, &publish("b", "after"));
        world.publish(writer, &publish("A/x", "after"));
        let unsuback = if version.is_v5() { "UNSUBACK #2 00 11 00 11" } else { "UNSUBACK #2" };
        assert_eq!(
            world.take(client),
            ["PUBLISH a/x q1 #1 \"before\"", "PUBLISH A/x q2 #2 \"before\"", unsuback, "PUBLISH A/x q0 \"after\"",]
        );
        // What was under way is finished.
        world.ack(client, AckKind::Puback, 1);
        world.ack(client, AckKind::Pubrec, 2);
        world.ack(client, AckKind::Pubcomp, 2);
        assert_eq!(world.take(client), ["PUBREL #2"]);
        assert_eq!(world.session("c").expect("there").in_flight, 0);
        assert_eq!(world.counters().stray_acks, 0);
        world.raw(client, &unsubscribe(3, &["never"], version));
        let unsuback = if version.is_v5() { "UNSUBACK #3 11" } else { "UNSUBACK #3" };
        assert_eq!(world.take(client), [unsuback]);
    }
}

// [MQTT-3.3.1-9] to [MQTT-3.3.1-11], [MQTT-3.8.4-4]
#[test]
fn retain_handling_says_when_retained_messages_come() {
    let mut world = World::new();
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("a", "kept").retain());
    for (handling, first, again) in
        [(RetainHandling::Always, 2, 2), (RetainHandling::IfNew, 2, 1), (RetainHandling::Never, 1, 1)]
    {
        let client = world.connect(&Hello::new("c"));
        let packet = subscribe(1, "a", 0).retain_handling(handling);
        world.subscribe(client, &packet);
        assert_eq!(world.take(client).len(), first, "{handling:?}");
        world.subscribe(client, &packet);
        assert_eq!(world.take(client).len(), again, "{handling:?} again");
    }
}

// A8, A19
#[test]
fn subscriptions_beyond_the_limit_are_refused_one_by_one() {
    let mut world = World::with(|limits| limits.subscriptions_max = 2);
    let client = world.connect(&Hello::new("c"));
    world.subscribe(client, &subscribe(1, "a", 0).and("b", 0).and("c", 0).and("a", 1));
    assert_eq!(world.take(client), ["SUBACK #1 00 00 97 01"]);
    assert_eq!(world.session("c").expect("there").subscriptions, 2);
}

// A5, A8
#[test]
fn subscriptions_are_charged_by_their_size_too() {
    let mut world = World::with(|limits| limits.subscription_bytes_max = 1000);
    let client = world.connect(&Hello::new("c"));
    // 64 and the text; 64 for each level of a filter with a wildcard.
    let long = "x".repeat(900);
    world.subscribe(client, &subscribe(1, &long, 0).and("a", 0).and("+/+/+", 0).and(&long, 1));
    assert_eq!(world.take(client), ["SUBACK #1 00 97 97 01"]);
    world.raw(client, &unsubscribe(2, &[&long], Version::V5));
    world.subscribe(client, &subscribe(3, "+/+/+", 0).and("#", 0).and("$share/g/+/+", 0).and("b", 0));
    world.take(client);
    assert_eq!(world.session("c").expect("there").subscriptions, 4);
    let counters = world.counters();
    assert_eq!(counters.subscriptions_over, 2);
    world.subscribe(client, &subscribe(4, &"y".repeat(400), 0));
    assert_eq!(world.take(client), ["SUBACK #4 97"]);
}

// [MQTT-3.8.3-2] of 3.1.1
#[test]
fn wildcards_can_be_switched_off() {
    let mut world = World::with(|limits| limits.wildcards_available = false);
    let client = world.connect(&Hello::new("c"));
    world.subscribe(client, &subscribe(1, "a/+", 0).and("a/b", 0));
    assert_eq!(world.take(client), ["SUBACK #1 a2 00"]);
    let old = world.connect(&Hello::new("old").v3());
    world.subscribe(old, &subscribe(1, "a/+", 0).and("a/b", 0).and("#", 0));
    assert_eq!(world.take(old), ["SUBACK #1 80 00 80"]);
}

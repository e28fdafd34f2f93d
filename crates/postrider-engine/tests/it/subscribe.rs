use postrider_proto::{RetainHandling, Version};
use postrider_testkit::{Hello, World, publish, subscribe, unsubscribe};

// [MQTT-3.8.4-1] to [MQTT-3.8.4-7], [MQTT-3.9.3-1]
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

// [MQTT-3.3.1-12], [MQTT-3.3.1-13]
#[test]
fn retain_as_published_keeps_the_flag_of_live_messages() {
    let mut world = World::new();
    let (plain, kept) = (world.connect(&Hello::new("plain")), world.connect(&Hello::new("kept")));
    world.subscribed(plain, "a", 0);
    world.subscribe(kept, &subscribe(1, "a", 0).retain_as_published());
    world.take(kept);
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("a", "x").retain());
    world.publish(writer, &publish("a", "y"));
    assert_eq!(world.take(plain), ["PUBLISH a q0 \"x\"", "PUBLISH a q0 \"y\""]);
    assert_eq!(world.take(kept), ["PUBLISH a q0 retain \"x\"", "PUBLISH a q0 \"y\""]);
}

// [MQTT-3.10.4-1] to [MQTT-3.10.4-6]
#[test]
fn unsubscribe_ends_exactly_what_it_names() {
    let mut world = World::new();
    let client = world.connect(&Hello::new("c"));
    world.subscribe(client, &subscribe(1, "a/#", 1).and("b", 0));
    world.take(client);
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("a/x", "before").q1(1));
    world.raw(client, &unsubscribe(2, &["a/#", "a/x", "b"], Version::V5));
    world.publish(writer, &publish("a/x", "after").q1(2));
    world.publish(writer, &publish("b", "after"));
    assert_eq!(world.take(client), ["PUBLISH a/x q1 #1 \"before\"", "UNSUBACK #2 00 11 00"]);
    let old = world.connect(&Hello::new("old").v3());
    world.raw(old, &unsubscribe(3, &["never"], Version::V3_1_1));
    assert_eq!(world.take(old), ["UNSUBACK #3"]);
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

#[test]
fn wildcards_can_be_switched_off() {
    let mut world = World::with(|limits| limits.wildcards_available = false);
    let client = world.connect(&Hello::new("c"));
    world.subscribe(client, &subscribe(1, "a/+", 0).and("a/b", 0));
    assert_eq!(world.take(client), ["SUBACK #1 a2 00"]);
}

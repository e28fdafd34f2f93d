use postrider_engine::{Judge, Who};
use postrider_engine::{Limits, ListenerLimits};
use postrider_ports::{Action, Question};
use postrider_proto::{AckKind, Property, PropertyId, Qos, Version};
use postrider_session::LinkLimits;
use postrider_testkit::{Hello, World, limits, publish, subscribe, unsubscribe};

/// The second listener is another.
fn second(change: impl Fn(&mut ListenerLimits)) -> impl FnOnce(&mut Limits) {
    move |limits| {
        let mut own = ListenerLimits::default();
        change(&mut own);
        limits.listeners = vec![ListenerLimits::default(), own];
    }
}

#[test]
fn a_client_is_told_and_held_to_the_limits_of_its_listener() {
    let mut world = World::with(second(|own| {
        own.qos_max = Some(Qos::AtLeastOnce);
        own.link = Some(LinkLimits { packet_bytes_max: 100, ..limits().link });
        own.receive_maximum = Some(1);
        own.keep_alive_s_max = Some(30);
    }));
    let usual = world.connect(&Hello::new("usual"));
    world.publish(usual, &publish("a", "x").q2(1));
    assert_eq!(world.take(usual), ["PUBREC #1 NoMatchingSubscribers"]);
    world.through(1);
    let bound = world.dial(&Hello::new("bound").keep_alive(60));
    let connack = world.take(bound).join("");
    for said in ["MaximumQos", "MaximumPacketSize", "ServerKeepAlive"] {
        assert!(connack.contains(said) || connack.starts_with("CONNACK Success"), "{connack}");
    }
    world.publish(bound, &publish("a", "x").q2(1));
    assert_eq!(world.take(bound), ["DISCONNECT QosNotSupported"]);
    let bound = world.connect(&Hello::new("bound"));
    world.publish(bound, &publish("a", "").sized(100));
    assert_eq!(world.take(bound), ["DISCONNECT PacketTooLarge"]);
    // What it subscribes to with QoS 2 is granted with QoS 1.
    let bound = world.connect(&Hello::new("bound"));
    world.subscribe(bound, &subscribe(1, "a", 2));
    assert_eq!(world.take(bound), ["SUBACK #1 01"]);
}

#[test]
fn editions_that_a_listener_does_not_take_are_refused_in_their_own_words() {
    let mut world = World::with(second(|own| own.refused_versions = vec![Version::V3_1, Version::V3_1_1]));
    world.connect(&Hello::new("old").v3());
    world.through(1);
    let refused = world.dial(&Hello::new("old").v3());
    assert!(world.take(refused)[0].starts_with("CONNACK UnsupportedProtocolVersion"));
    world.connect(&Hello::new("new"));
}

#[test]
fn where_the_user_name_is_the_client_identifier_nobody_comes_without() {
    let mut world = World::with(second(|own| own.client_id_is_user_name = true));
    world.through(1);
    world.connect(&Hello::new("whatever").user("ann", "x"));
    assert!(world.session("ann").is_some() && world.session("whatever").is_none());
    let nobody = world.dial(&Hello::new("whatever"));
    assert_eq!(world.take(nobody), ["CONNACK BadUserNameOrPassword"]);
}

#[test]
fn identifiers_begin_as_the_broker_or_their_listener_asks() {
    let mut world = World::with(|limits| {
        second(|own| own.client_id_prefix = Some("door-".into()))(limits);
        limits.client_id_prefixes = vec!["dev".into(), "app".into()];
    });
    world.connect(&Hello::new("dev1"));
    let refused = world.dial(&Hello::new("xdev"));
    assert_eq!(world.take(refused), ["CONNACK NotAuthorized"]);
    world.through(1);
    let assigned = world.dial(&Hello::new(""));
    assert!(world.take(assigned)[0].contains("door-"), "assigned identifiers are ours");
}

#[test]
fn clients_below_a_mount_point_see_their_own_topics_and_nothing_beside() {
    let mut world = World::with(second(|own| own.mount_point = Some("home/".into())));
    let above = world.connect(&Hello::new("above"));
    world.subscribed(above, "#", 1);
    world.through(1);
    let below = world.connect(&Hello::new("below"));
    world.subscribed(below, "#", 1);
    world.publish(below, &publish("lamp", "on").q1(1));
    assert_eq!(world.take(above), ["PUBLISH home/lamp q1 #1 \"on\""]);
    assert_eq!(world.take(below), ["PUBLISH lamp q1 #1 \"on\"", "PUBACK #1"]);
    world.publish(above, &publish("home/lamp", "off"));
    world.publish(above, &publish("work/lamp", "off"));
    assert_eq!(world.take(below), ["PUBLISH lamp q0 \"off\""]);
    world.publish(above, &publish("home/door", "shut").retain());
    world.take(below);
    world.subscribe(below, &subscribe(5, "door", 0));
    assert_eq!(world.take(below), ["SUBACK #5 00", "PUBLISH door q0 retain \"shut\""]);
    world.raw(below, &unsubscribe(9, &["#"], Version::V5));
    world.take(below);
    world.publish(above, &publish("home/lamp", "gone"));
    assert_eq!(world.take(below), [""; 0]);
}

#[test]
fn a_will_a_share_and_what_is_sent_again_know_the_mount_point_too() {
    let mut world = World::with(second(|own| own.mount_point = Some("m/".into())));
    let above = world.connect(&Hello::new("above"));
    world.subscribed(above, "m/#", 0);
    world.through(1);
    let hello = Hello::new("below").resume().expiry(100).will(publish("gone", "w"));
    let below = world.connect(&hello);
    world.subscribed(below, "$share/g/s", 1);
    world.subscribed(below, "q", 1);
    world.publish(above, &publish("m/s", "shared").q1(1));
    world.publish(above, &publish("m/q", "kept").q1(2));
    assert_eq!(world.take(below), ["PUBLISH s q1 #1 \"shared\"", "PUBLISH q q1 #2 \"kept\""]);
    world.take(above);
    world.cut(below);
    assert_eq!(world.take(above), ["PUBLISH m/gone q0 \"w\""]);
    let below = world.dial(&hello);
    let lines = world.take(below);
    assert!(lines.contains(&"PUBLISH q q1 #2 dup \"kept\"".to_owned()), "{lines:?}");
    world.ack(below, AckKind::Puback, 2);
}

#[test]
fn no_topic_grows_too_long_below_a_mount_point_and_no_filter_leaves_it() {
    let mut world = World::with(second(|own| own.mount_point = Some("m/".into())));
    let above = world.connect(&Hello::new("above"));
    world.subscribed(above, "#", 0);
    world.adopt(|limits| limits.link.packet_bytes_max = 200_000);
    world.through(1);
    let below = world.connect(&Hello::new("below"));
    let long = "x".repeat(65_534);
    world.publish(below, &publish(&long, "").q1(1));
    assert_eq!(world.take(below), ["PUBACK #1 TopicNameInvalid"]);
    world.subscribe(below, &subscribe(2, &long, 0).and("bad+", 0).and("fine", 0));
    assert_eq!(world.take(below), ["SUBACK #2 8f 8f 00"]);
    assert!(world.take(above).is_empty());
}

#[test]
fn rules_are_about_whole_topics() {
    let mut world = World::with(|limits| {
        second(|own| own.mount_point = Some("m/".into()))(limits);
        limits.authorize = Who::Plugin;
    });
    world.through(1);
    let below = world.connect(&Hello::new("below"));
    world.publish(below, &publish("t", "x"));
    let (_, question) = world.question();
    let Judge::Authorize(request) = question else { unreachable!("nobody asks who it is") };
    assert_eq!(request.actions, [Action::Publish { topic: "m/t".into(), qos: Qos::AtMostOnce, retain: false }]);
    world.driver.questions.clear();
}

#[test]
fn limits_that_change_hold_for_newcomers_and_break_no_word_that_was_given() {
    let mut world = World::new();
    let old = world.connect(&Hello::new("old").expiry(100).resume());
    world.subscribed(old, "a", 2);
    world.adopt(|limits| {
        limits.qos_max = Qos::AtMostOnce;
        limits.retain_available = false;
        limits.mailbox.messages_max = 1;
        limits.subscriptions_max = 0;
        limits.subscription_bytes_max = 0;
        limits.sys_interval_s = 1;
        limits.partitions = 7;
    });
    world.publish(old, &publish("a", "x").q2(1).retain());
    assert_eq!(world.take(old), ["PUBLISH a q2 #1 \"x\"", "PUBREC #1"]);
    let new = world.connect(&Hello::new("new"));
    world.publish(new, &publish("a", "x").q1(1));
    assert_eq!(world.take(new), ["DISCONNECT QosNotSupported"]);
    assert_eq!(world.driver.engine.limits().partitions, 1, "one broker stays one");
    let Some(session) = world.session("old") else { unreachable!("it is there") };
    assert_eq!(session.subscriptions, 1);
    world.ask(Question::Counters);
}

#[test]
fn payloads_over_the_limit_are_acknowledged_and_go_nowhere() {
    let mut world = World::with(|limits| limits.payload_bytes_max = 10);
    let (reader, writer) = (world.connect(&Hello::new("r")), world.connect(&Hello::new("w").v3()));
    world.subscribed(reader, "a", 1);
    world.publish(writer, &publish("a", "").sized(10).q1(1));
    world.publish(writer, &publish("a", "").sized(11).q1(2));
    assert_eq!(world.take(writer), ["PUBACK #1", "PUBACK #2"]);
    assert_eq!(world.take(reader).len(), 1);
    let modern = world.connect(&Hello::new("m"));
    world.publish(modern, &publish("a", "").sized(11).q1(1));
    assert_eq!(world.take(modern), ["PUBACK #1 QuotaExceeded"]);
}

#[test]
fn raised_messages_come_with_the_qos_of_the_subscription() {
    let mut world = World::with(|limits| limits.raises_qos = true);
    let (reader, writer) = (world.connect(&Hello::new("r")), world.connect(&Hello::new("w")));
    world.subscribed(reader, "a", 2);
    world.publish(writer, &publish("a", "x"));
    assert_eq!(world.take(reader), ["PUBLISH a q2 #1 \"x\""]);
}

#[test]
fn messages_with_qos_0_wait_for_who_is_away_where_they_are_to() {
    let mut world = World::with(|limits| limits.queues_qos0 = true);
    let hello = Hello::new("r").resume().expiry(100);
    let (reader, writer) = (world.connect(&hello), world.connect(&Hello::new("w")));
    world.subscribed(reader, "a", 1);
    world.cut(reader);
    world.publish(writer, &publish("a", "0"));
    world.publish(writer, &publish("a", "1").q1(1));
    let reader = world.dial(&hello);
    assert_eq!(world.take(reader)[1..], ["PUBLISH a q0 \"0\"", "PUBLISH a q1 #1 \"1\""]);
}

#[test]
fn a_receive_maximum_that_is_advice_ends_no_connection() {
    let few = |limits: &mut Limits| (limits.receive_maximum, limits.is_receive_maximum_strict) = (1, false);
    let mut world = World::with(few);
    let writer = world.connect(&Hello::new("w"));
    for id in 1..=3 {
        world.publish(writer, &publish("a", "x").q2(id));
    }
    assert_eq!(world.take(writer).len(), 3);
    let alias = Property::TwoBytes(PropertyId::TopicAlias, 99);
    world.publish(writer, &publish("a", "x").property(alias));
    assert!(world.is_closed(writer));
}

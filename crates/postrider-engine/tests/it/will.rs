use postrider_proto::{ReasonCode, Version};
use postrider_testkit::{Client, Hello, World, disconnect, publish, subscribe};

fn watcher(world: &mut World) -> Client {
    let client = world.connect(&Hello::new("watcher"));
    world.subscribe(client, &subscribe(1, "will/#", 2));
    world.take(client);
    client
}

// [MQTT-3.1.2-7], [MQTT-3.1.2-8], [MQTT-3.1.2-10], [MQTT-3.14.4-3], [MQTT-3.1.2-8] of 3.1.1, [MQTT-3.1.2-10] of 3.1.1
#[test]
fn a_will_goes_out_unless_the_client_says_good_bye() {
    for version in [Version::V3_1, Version::V3_1_1, Version::V5] {
        let mut world = World::new();
        let watcher = watcher(&mut world);
        let hello = Hello::new("c").version(version).will(publish("will/c", "dead").q1(1));
        let client = world.connect(&hello);
        world.disconnect(client);
        assert!(world.take(watcher).is_empty());
        let client = world.connect(&hello);
        world.cut(client);
        assert_eq!(world.take(watcher), ["PUBLISH will/c q1 #1 \"dead\""]);
        let client = world.connect(&hello);
        world.raw(client, &hello.bytes());
        assert_eq!(world.take(watcher).len(), 1, "a protocol error is no good-bye");
    }
}

// [MQTT-3.1.2-12] of 3.1.1, [MQTT-3.1.2-10] of 3.1.1
#[test]
fn a_connection_without_a_will_ends_quietly_whatever_the_one_before_had() {
    for version in [Version::V3_1_1, Version::V5] {
        let mut world = World::new();
        let watcher = watcher(&mut world);
        let hello = Hello::new("c").version(version).resume();
        let hello = if version.is_v5() { hello.expiry(100) } else { hello };
        let mortal = hello.clone().will(publish("will/c", "dead"));
        for wills in [0, 1] {
            let client = world.connect(&mortal);
            if wills == 0 {
                world.disconnect(client)
            } else {
                world.cut(client)
            }
            assert_eq!(world.take(watcher).len(), wills);
            let client = world.connect(&hello);
            world.cut(client);
            world.advance(200);
            assert!(world.take(watcher).is_empty());
        }
    }
}

// [MQTT-3.1.2-9] of 3.1.1
#[test]
fn a_will_goes_out_with_its_topic_payload_and_qos() {
    for version in [Version::V3_1_1, Version::V5] {
        let mut world = World::new();
        let watcher = watcher(&mut world);
        for (qos, packet_id) in [(0, ""), (1, " #1"), (2, " #2")] {
            let will = publish("will/c", "dead");
            let will = [will.clone(), will.clone().q1(1), will.q2(1)][qos].clone();
            let client = world.connect(&Hello::new("c").version(version).will(will));
            world.cut(client);
            assert_eq!(world.take(watcher), [format!("PUBLISH will/c q{qos}{packet_id} \"dead\"")]);
        }
    }
}

// 3.14.2.1: 0x04, and any reason but 0.
#[test]
fn a_disconnect_with_another_reason_than_0_leaves_the_will_alone() {
    for reason in [ReasonCode::DisconnectWithWill, ReasonCode::UnspecifiedError] {
        let mut world = World::new();
        let watcher = watcher(&mut world);
        let client = world.connect(&Hello::new("c").will(publish("will/c", "dead")));
        world.raw(client, &disconnect(reason, Version::V5));
        assert_eq!(world.take(watcher), ["PUBLISH will/c q0 \"dead\""]);
    }
}

// [MQTT-3.1.2-14], [MQTT-3.1.2-15]
#[test]
fn a_will_is_retained_exactly_when_it_says_so() {
    for version in [Version::V3_1_1, Version::V5] {
        let mut world = World::new();
        let hello = |id: &str| Hello::new(id).version(version);
        let client = world.connect(&hello("a").will(publish("will/a", "kept").retain()));
        world.cut(client);
        let client = world.connect(&hello("b").will(publish("will/b", "not")));
        world.cut(client);
        let client = world.connect(&hello("c"));
        world.subscribe(client, &subscribe(1, "will/#", 0));
        assert_eq!(world.take(client), ["SUBACK #1 00", "PUBLISH will/a q0 retain \"kept\""]);
    }
}

// [MQTT-3.1.3-9], [MQTT-3.1.2-8]
#[test]
fn a_delayed_will_waits_for_the_delay_or_the_end_of_the_session() {
    let mut world = World::new();
    let watcher = watcher(&mut world);
    let hello = |expiry| Hello::new("c").expiry(expiry).resume().will_after(publish("will/c", "dead"), 30);

    let client = world.connect(&hello(100));
    world.cut(client);
    world.advance(29);
    assert!(world.take(watcher).is_empty());
    world.advance(2);
    assert_eq!(world.take(watcher).len(), 1, "after the delay");
    world.advance(200);
    assert!(world.take(watcher).is_empty(), "and only once");

    let client = world.connect(&hello(10));
    world.cut(client);
    world.advance(9);
    assert!(world.take(watcher).is_empty());
    world.advance(2);
    assert_eq!(world.take(watcher).len(), 1, "at the end of the session");

    let client = world.connect(&hello(100));
    world.cut(client);
    world.advance(20);
    let client = world.connect(&hello(100));
    world.advance(100);
    assert!(world.take(watcher).is_empty(), "the client came back");
    world.cut(client);
    world.advance(10);
    world.connect(&Hello::new("c"));
    assert_eq!(world.take(watcher).len(), 1, "a clean start ends the session");
}

// 3.1.4, on take-over: the will of the old connection.
#[test]
fn a_take_over_publishes_the_will_unless_it_is_delayed_and_the_session_goes_on() {
    let mut world = World::new();
    let watcher = watcher(&mut world);
    let now = Hello::new("a").expiry(100).will(publish("will/a", "now"));
    world.connect(&now);
    world.connect(&Hello::new("a").expiry(100).resume());
    assert_eq!(world.take(watcher), ["PUBLISH will/a q0 \"now\""], "no delay");

    let later = Hello::new("b").expiry(100).will_after(publish("will/b", "later"), 50);
    world.connect(&later);
    world.connect(&Hello::new("b").expiry(100).resume());
    world.advance(100);
    assert!(world.take(watcher).is_empty(), "delayed, and resumed in time");

    world.connect(&Hello::new("d").expiry(100).will_after(publish("will/d", "ended"), 50));
    world.connect(&Hello::new("d"));
    assert_eq!(world.take(watcher), ["PUBLISH will/d q0 \"ended\""], "the session ended");

    world.connect(&Hello::new("e").v3().will(publish("will/e", "old")));
    world.connect(&Hello::new("e").v3());
    assert_eq!(world.take(watcher), ["PUBLISH will/e q0 \"old\""], "before 5.0");
}

// [MQTT-3.1.3-10]
#[test]
fn will_properties_go_along_and_expiry_counts_from_publication() {
    use postrider_proto::{Property, PropertyId};
    let mut world = World::new();
    let watcher = watcher(&mut world);
    let will = publish("will/c", "dead")
        .property(Property::Pair("k".into(), "1".into()))
        .expiry(60)
        .property(Property::Pair("k".into(), "2".into()))
        .property(Property::Text(PropertyId::ContentType, "text".into()));
    let client = world.connect(&Hello::new("c").expiry(1000).will_after(will, 20));
    world.cut(client);
    world.advance(25);
    assert_eq!(world.take(watcher), ["PUBLISH will/c q0 \"dead\" MessageExpiryInterval=60 k=1 k=2 ContentType=text"]);
}

// A13
#[test]
fn a_will_to_a_reserved_topic_is_refused_at_connect() {
    let mut world = World::new();
    let client = world.dial(&Hello::new("c").will(publish("$SYS/broker/uptime", "0")));
    assert_eq!(world.take(client), ["CONNACK TopicNameInvalid"]);
    let client = world.dial(&Hello::new("c").v3().will(publish("$share/g/a", "0")));
    assert_eq!(world.take(client), ["CONNACK NotAuthorized"]);
    assert_eq!(world.counters().sessions, 0);
}

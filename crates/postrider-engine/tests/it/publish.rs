use postrider_engine::PayloadFormat;
use postrider_proto::{Property, PropertyId, Qos, Version};
use postrider_testkit::{Hello, World, publish, subscribe};

// [MQTT-3.8.4-8], [MQTT-3.3.1-2], [MQTT-3.3.4-1], [MQTT-2.2.1-2], [MQTT-2.2.1-5], [MQTT-4.3.1-1]
#[test]
fn a_message_arrives_at_the_lesser_of_published_and_granted_qos() {
    for version in [Version::V3_1, Version::V3_1_1, Version::V5] {
        for granted in 0..3 {
            let mut world = World::new();
            let reader = world.connect(&Hello::new("r").version(version));
            world.subscribed(reader, "a/+", granted);
            let writer = world.connect(&Hello::new("w").version(version));
            world.publish(writer, &publish("a/b", "0"));
            world.publish(writer, &publish("a/b", "1").q1(1));
            world.publish(writer, &publish("a/b", "2").q2(2));
            let lines = world.take(reader);
            let qos: Vec<String> = (0..3).map(|qos| format!("PUBLISH a/b q{}", granted.min(qos))).collect();
            assert_eq!(lines.len(), 3);
            for (line, start) in lines.iter().zip(qos) {
                assert!(line.starts_with(&start) && !line.contains("dup"), "{line}");
                assert_eq!(line.contains('#'), !start.ends_with("q0"), "{line}");
            }
            assert_eq!(world.take(writer), ["PUBACK #1", "PUBREC #2"]);
        }
    }
}

// 0x10 only when no subscriber of any kind matched.
#[test]
fn a_5_publisher_hears_when_nobody_subscribes() {
    let mut world = World::new();
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("a", "x").q1(1));
    world.publish(writer, &publish("a", "x").q2(2));
    assert_eq!(world.take(writer), ["PUBACK #1 NoMatchingSubscribers", "PUBREC #2 NoMatchingSubscribers"]);
    let reader = world.connect(&Hello::new("r"));
    world.subscribed(reader, "a", 0);
    world.publish(writer, &publish("a", "x").q1(3));
    assert_eq!(world.take(writer), ["PUBACK #3"]);
    let old = world.connect(&Hello::new("old").v3());
    world.publish(old, &publish("nobody", "x").q1(1));
    assert_eq!(world.take(old), ["PUBACK #1"]);
}

// [MQTT-3.3.2-4], [MQTT-3.3.2-15] to [MQTT-3.3.2-18], [MQTT-3.3.2-20]
#[test]
fn properties_are_passed_on_unaltered_and_in_order() {
    let mut world = World::new();
    let reader = world.connect(&Hello::new("r"));
    let old = world.connect(&Hello::new("old").v3());
    world.subscribed(reader, "a", 0);
    world.subscribed(old, "a", 0);
    let writer = world.connect(&Hello::new("w"));
    let packet = publish("a", "x")
        .property(Property::Pair("k".into(), "1".into()))
        .property(Property::TwoBytes(PropertyId::TopicAlias, 3))
        .property(Property::Byte(PropertyId::PayloadFormatIndicator, 1))
        .property(Property::Text(PropertyId::ResponseTopic, "answer".into()))
        .property(Property::Pair("k".into(), "2".into()))
        .property(Property::Binary(PropertyId::CorrelationData, b"id"))
        .property(Property::Text(PropertyId::ContentType, "text".into()));
    world.publish(writer, &packet);
    let line =
        "PUBLISH a q0 \"x\" k=1 PayloadFormatIndicator=1 ResponseTopic=answer k=2 CorrelationData=id ContentType=text";
    assert_eq!(world.take(reader), [line]);
    assert_eq!(world.take(old), ["PUBLISH a q0 \"x\""]);
}

// [MQTT-3.3.2-5], [MQTT-3.3.2-6]
#[test]
fn message_expiry_counts_down_while_a_message_waits() {
    let mut world = World::new();
    let keep = Hello::new("r").expiry(1000);
    let reader = world.connect(&keep);
    world.subscribed(reader, "a", 1);
    world.cut(reader);
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("a", "short").q1(1).expiry(10));
    world.publish(writer, &publish("a", "long").q1(2).expiry(100));
    world.publish(writer, &publish("a", "ever").q1(3));
    world.advance(30);
    let reader = world.connect_lines(&keep.resume());
    assert_eq!(reader.1[1..], ["PUBLISH a q1 #1 \"long\" MessageExpiryInterval=70", "PUBLISH a q1 #2 \"ever\""]);
    assert_eq!(world.counters().drops.of(postrider_ports::DropReason::Expired), 1);
}

/// Connects and returns everything that came with the CONNACK.
trait ConnectLines {
    fn connect_lines(&mut self, hello: &Hello) -> (postrider_testkit::Client, Vec<String>);
}

impl ConnectLines for World {
    fn connect_lines(&mut self, hello: &Hello) -> (postrider_testkit::Client, Vec<String>) {
        let client = self.dial(hello);
        (client, self.take(client))
    }
}

// [MQTT-3.3.2-7], [MQTT-3.3.2-12]
#[test]
fn topic_aliases_stand_for_names_until_the_connection_ends() {
    let mut world = World::new();
    let reader = world.connect(&Hello::new("r"));
    world.subscribed(reader, "#", 0);
    let writer = world.connect(&Hello::new("w"));
    let alias = Property::TwoBytes(PropertyId::TopicAlias, 16);
    world.publish(writer, &publish("long/name", "1").property(alias));
    world.publish(writer, &publish("", "2").property(alias));
    assert_eq!(world.take(reader), ["PUBLISH long/name q0 \"1\"", "PUBLISH long/name q0 \"2\""]);
    world.cut(writer);
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("", "3").property(alias));
    assert_eq!(world.take(writer), ["DISCONNECT ProtocolError"]);
}

// [MQTT-3.2.2-11], [MQTT-3.2.2-14]
#[test]
fn what_was_announced_as_unsupported_ends_the_connection() {
    let mut world = World::with(|limits| {
        limits.qos_max = Qos::AtLeastOnce;
        limits.retain_available = false;
    });
    let client = world.connect(&Hello::new("c"));
    world.publish(client, &publish("a", "x").q2(1));
    assert_eq!(world.take(client), ["DISCONNECT QosNotSupported"]);
    let client = world.connect(&Hello::new("c"));
    world.publish(client, &publish("a", "x").retain());
    assert_eq!(world.take(client), ["DISCONNECT RetainNotSupported"]);
    let client = world.connect(&Hello::new("c").v3());
    world.publish(client, &publish("a", "x").q2(1));
    assert!(world.is_closed(client) && world.take(client).is_empty());
}

// [MQTT-4.6.0-5], [MQTT-4.6.0-6]
#[test]
fn messages_of_one_publisher_keep_their_order_at_each_subscriber() {
    for version in [Version::V3_1_1, Version::V5] {
        for qos in 0..3 {
            let mut world = World::new();
            let reader = world.connect(&Hello::new("r").version(version));
            world.subscribe(reader, &subscribe(1, "t/#", 2));
            world.take(reader);
            let writer = world.connect(&Hello::new("w").version(version));
            for number in 1..=50u16 {
                let packet = publish("t/x", &number.to_string());
                let packet = [packet.clone(), packet.clone().q1(number), packet.q2(number)][qos].clone();
                world.publish(writer, &packet);
            }
            let got: Vec<String> =
                world.take(reader).iter().map(|line| line.split('"').nth(1).unwrap_or("").to_owned()).collect();
            let expected: Vec<String> = (1..=50).map(|number| number.to_string()).collect();
            assert_eq!(got, expected, "QoS {qos} in {version}");
        }
    }
}

#[test]
fn a_large_payload_arrives_whole_at_one_and_at_many() {
    let mut world = World::with(|limits| limits.outbox_bytes_max = 1 << 20);
    let readers: Vec<_> = (0..3).map(|n| world.connect(&Hello::new(&format!("r{n}")))).collect();
    let alone = world.connect(&Hello::new("alone").v3());
    for reader in &readers {
        world.subscribed(*reader, "many", 1);
    }
    world.subscribed(alone, "one", 1);
    let writer = world.connect(&Hello::new("w"));
    for size in [2047, 2048, 50_000] {
        world.publish(writer, &publish("many", "").sized(size).q1(1));
        world.publish(writer, &publish("one", "").sized(size));
        for reader in &readers {
            let line = world.take(*reader).remove(0);
            assert!(line.starts_with("PUBLISH many q1 #") && line.ends_with(&format!(" {size} bytes")), "{line}");
        }
        assert_eq!(world.take(alone), [format!("PUBLISH one q0 {size} bytes")]);
    }
}

// A bridge of 3.1.1 does not get back what it sent and sees retain flags.
#[test]
fn a_bridge_hears_nothing_of_its_own_and_keeps_retain_flags() {
    let mut world = World::new();
    let bridge = world.connect(&Hello::new("b").v3().bridge());
    world.subscribed(bridge, "#", 0);
    world.publish(bridge, &publish("mine", "x"));
    let other = world.connect(&Hello::new("o"));
    world.publish(other, &publish("theirs", "x").retain());
    assert_eq!(world.take(bridge), ["PUBLISH theirs q0 retain \"x\""]);
}

// [3.3.2.3.2]
#[test]
fn a_payload_that_says_it_is_text_is_looked_at_when_that_is_asked_for() {
    let broken = |topic| {
        let format = Property::Byte(PropertyId::PayloadFormatIndicator, 1);
        publish(topic, "").payload(&[b'a', 0xFF]).property(format).q1(1)
    };
    for (format, answer) in
        [(PayloadFormat::Passed, "PUBACK #1"), (PayloadFormat::Checked, "PUBACK #1 PayloadFormatInvalid")]
    {
        let mut world = World::with(|limits| limits.payload_format = format);
        let reader = world.connect(&Hello::new("r"));
        world.subscribed(reader, "#", 0);
        let writer = world.connect(&Hello::new("w"));
        world.publish(writer, &broken("a"));
        let got = world.take(writer).concat();
        assert!(got.starts_with(answer), "{got}");
        assert_eq!(world.take(reader).len(), usize::from(format == PayloadFormat::Passed));
        // What says nothing about itself passes, and so does what is text.
        world.publish(writer, &publish("a", "").payload(&[0xFF]).q1(2));
        let text = publish("a", "text").property(Property::Byte(PropertyId::PayloadFormatIndicator, 1));
        world.publish(writer, &text.q1(3));
        assert_eq!(world.take(writer), ["PUBACK #2", "PUBACK #3"]);
        let client = world.dial(&Hello::new("will").will(broken("w")));
        let refused = world.take(client)[0].starts_with("CONNACK PayloadFormatInvalid");
        assert_eq!(refused, format == PayloadFormat::Checked);
    }
}

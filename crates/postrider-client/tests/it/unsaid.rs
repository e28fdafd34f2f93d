//! What a client keeps to itself: what no server takes, and what this server does not take.

use crate::against_a_script::connected;
use postrider_client::{
    Conversation, ErrorKind, Event, Mono, Options, PropertiesBuf, Property, PropertyId, Publication, Qos, ReasonCode,
    Start, SubscribeOptions, Version,
};

const EDITIONS: [Version; 2] = [Version::V3_1_1, Version::V5];

/// Connects to a server with these properties in its CONNACK; everything else the client says is returned.
fn connect_to(conversation: &mut Conversation, flags: u8, properties: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    conversation.open(Mono(0), &mut Vec::new()).expect("legal options");
    let len = u8::try_from(properties.len()).expect("small");
    let connack = [&[0x20, len + 3, flags, 0, len], properties].concat();
    conversation.on_bytes(Mono(0), &connack, &mut out).expect("CONNACK is welcome");
    out
}

fn refusals(conversation: &mut Conversation) -> Vec<ReasonCode> {
    let events = core::iter::from_fn(|| conversation.take_event());
    events
        .filter_map(|event| if let Event::Acknowledged { reason, .. } = event { Some(reason) } else { None })
        .collect()
}

// [MQTT-1.5.4-2], [MQTT-3.3.2-2], [MQTT-3.1.3-7] of 3.1.1, [MQTT-3.1.2-22] of 3.1.1
#[test]
fn a_connect_that_no_server_takes_is_not_sent() {
    let refused = |options: Options| {
        let mut out = Vec::new();
        let error = Conversation::new(options).open(Mono(0), &mut out).expect_err("no server takes this");
        assert!(out.is_empty());
        error.to_string()
    };
    for version in EDITIONS {
        let options = |id: &str| Options::new("", id).version(version);
        assert_eq!(refused(options("a\0")), "no packet can say that: a string holds U+0000");
        assert_eq!(refused(options(&"a".repeat(65_536))), "no packet can say that: a string has at most 65,535 bytes");
        let topic = refused(options("c").will(Publication::new("a/+", "")));
        assert!(topic.starts_with("the topic is not valid: "), "{topic}");
        let large = Publication::new("a", vec![0; 65_536]);
        assert_eq!(refused(options("c").will(large)), "no packet can say that: a string has at most 65,535 bytes");
        refused(options("c").login("u\0", b""));
        refused(options("c").login("u", &[0; 65_536]));
    }
    let mut nameless = Options::new("", "").version(Version::V3_1_1);
    nameless.start = Start::Resume;
    assert_eq!(refused(nameless.clone()), "a session that goes on needs a client identifier before 5.0");
    nameless.start = Start::Clean;
    nameless.password = Some((*b"p").into());
    refused(nameless);
    let mut odd = Options::new("", "c");
    odd.properties.push(Property::TwoBytes(PropertyId::TopicAlias, 1));
    refused(odd);
}

// [MQTT-3.2.2-17], [MQTT-3.2.2-18], [MQTT-3.3.2-8], [MQTT-3.3.2-9], [MQTT-3.3.2-14], [MQTT-3.3.4-6]
#[test]
fn properties_that_no_client_may_send_are_refused() {
    let wrong = [
        Property::TwoBytes(PropertyId::TopicAlias, 0),
        Property::TwoBytes(PropertyId::TopicAlias, 1),
        Property::Varint(PropertyId::SubscriptionIdentifier, 1),
        Property::Text(PropertyId::ResponseTopic, "a/#".into()),
        Property::Text(PropertyId::ContentType, "a\0".into()),
        Property::Byte(PropertyId::PayloadFormatIndicator, 2),
        Property::FourBytes(PropertyId::SessionExpiryInterval, 1),
    ];
    let mut conversation = Conversation::new(Options::new("", "c"));
    connect_to(&mut conversation, 0, &[0x22, 0, 10]);
    for property in wrong {
        let error = conversation.publish(Publication::new("t", "").property(property)).expect_err("illegal");
        assert!(matches!(error.kind(), ErrorKind::Illegal(_)), "{property:?}: {error}");
    }
    let twice = Property::FourBytes(PropertyId::MessageExpiryInterval, 1);
    assert!(conversation.publish(Publication::new("t", "").property(twice).property(twice)).is_err());
    let mut out = Vec::new();
    conversation.send(Mono(0), &mut out);
    assert!(out.is_empty());
}

// [MQTT-3.8.3-4], [MQTT-3.8.3-2], [MQTT-3.10.3-2]
#[test]
fn requests_that_no_server_takes_are_refused() {
    for version in EDITIONS {
        let mut conversation = connected(version, 0);
        let plain = SubscribeOptions::of(Qos::AtMostOnce);
        let none: [(&str, SubscribeOptions); 0] = [];
        assert_eq!(conversation.subscribe(none, None).expect_err("no filter").kind(), ErrorKind::NoFilters);
        let none: [&str; 0] = [];
        assert_eq!(conversation.unsubscribe(none).expect_err("no filter").kind(), ErrorKind::NoFilters);
        for (filter, options, identifier) in [
            ("$share/g/a", SubscribeOptions { no_local: true, ..plain }, None),
            ("a", plain, Some(0)),
            ("a", plain, Some(268_435_456)),
        ] {
            let error = conversation.subscribe([(filter, options)], identifier).expect_err("illegal");
            assert!(matches!(error.kind(), ErrorKind::Illegal(_)), "{filter}: {error}");
        }
        let mut out = Vec::new();
        conversation.send(Mono(0), &mut out);
        assert!(out.is_empty());
    }
}

// [MQTT-3.2.2-11], [MQTT-3.2.2-14], [MQTT-3.2.2-15]
#[test]
fn what_the_server_does_not_take_is_answered_here_and_not_sent() {
    let messages = || {
        [
            Publication::new("t", "").qos(Qos::ExactlyOnce),
            Publication::new("t", "").qos(Qos::AtLeastOnce),
            Publication::new("t", "").retained(),
            Publication::new("t", vec![b'x'; 20]),
        ]
    };
    use ReasonCode::{PacketTooLarge, QosNotSupported, RetainNotSupported};
    for (connack, expected) in [
        (&[0x24, 1][..], vec![QosNotSupported]),
        (&[0x24, 0], vec![QosNotSupported, QosNotSupported]),
        (&[0x25, 0], vec![RetainNotSupported]),
        (&[0x27, 0, 0, 0, 20], vec![PacketTooLarge]),
        (&[], vec![]),
    ] {
        let mut conversation = Conversation::new(Options::new("", "c"));
        connect_to(&mut conversation, 0, connack);
        for message in messages() {
            conversation.publish(message).unwrap();
        }
        let mut out = Vec::new();
        conversation.send(Mono(0), &mut out);
        let sent: usize = [8, 8, 6, 26].iter().sum();
        let held: usize = match expected.first() {
            Some(QosNotSupported) => 8 * expected.len(),
            Some(RetainNotSupported) => 6,
            Some(_) => 26,
            None => 0,
        };
        assert_eq!(out.len(), sent - held, "{connack:02x?}");
        assert_eq!(refusals(&mut conversation), expected);
    }
}

// [MQTT-3.2.2-11], [MQTT-3.2.2-15]
#[test]
fn what_a_server_took_once_and_takes_no_longer_is_given_up() {
    let mut conversation = Conversation::new(Options::new("", "c").resume(60));
    connect_to(&mut conversation, 1, &[]);
    conversation.publish(Publication::new("t", "two").qos(Qos::ExactlyOnce)).unwrap();
    conversation.publish(Publication::new("t", vec![b'x'; 30]).qos(Qos::AtLeastOnce)).unwrap();
    conversation.publish(Publication::new("t", "one").qos(Qos::AtLeastOnce)).unwrap();
    conversation.send(Mono(0), &mut Vec::new());
    conversation.on_lost();
    let out = connect_to(&mut conversation, 1, &[0x24, 1, 0x27, 0, 0, 0, 20]);
    assert_eq!(out, b"\x3a\x09\0\x01t\0\x03\0one");
    assert_eq!(refusals(&mut conversation), [ReasonCode::QosNotSupported, ReasonCode::PacketTooLarge]);
    assert_eq!(conversation.unfinished(), 1);
}

// [MQTT-3.2.2-15]
#[test]
fn a_request_larger_than_the_server_takes_is_answered_here() {
    let mut conversation = Conversation::new(Options::new("", "c"));
    connect_to(&mut conversation, 0, &[0x27, 0, 0, 0, 20]);
    let plain = SubscribeOptions::of(Qos::AtMostOnce);
    let long = "a/".repeat(10);
    let subscribed = conversation.subscribe([(&*long, plain), ("b", plain)], None).unwrap();
    let unsubscribed = conversation.unsubscribe([&*long]).unwrap();
    let mut out = Vec::new();
    conversation.send(Mono(0), &mut out);
    assert!(out.is_empty());
    let events: Vec<Event> = core::iter::from_fn(|| conversation.take_event()).skip(1).collect();
    let too_large = ReasonCode::PacketTooLarge;
    assert_eq!(
        events,
        [
            Event::Subscribed { token: subscribed, codes: vec![too_large; 2] },
            Event::Unsubscribed { token: unsubscribed, codes: vec![too_large] }
        ]
    );
    assert_eq!(conversation.unfinished(), 0);
}

// [MQTT-3.3.4-8], [MQTT-4.9.0-2]
#[test]
fn a_quota_that_is_used_up_holds_messages_back_and_nothing_else() {
    let mut conversation = Conversation::new(Options::new("", "c"));
    connect_to(&mut conversation, 0, &[0x21, 0, 1]);
    for _ in 0..2 {
        conversation.publish(Publication::new("t", "").qos(Qos::AtLeastOnce)).unwrap();
    }
    let mut out = Vec::new();
    conversation.send(Mono(0), &mut out);
    assert_eq!(out, [0x32, 6, 0, 1, b't', 0, 1, 0]);
    out.clear();
    conversation.subscribe([("a", SubscribeOptions::of(Qos::AtMostOnce))], None).unwrap();
    conversation.unsubscribe(["a"]).unwrap();
    conversation.on_bytes(Mono(0), &[0x32, 6, 0, 1, b't', 0, 9, 0], &mut out).unwrap();
    conversation.on_timeout(Mono(60_000), &mut out).unwrap();
    assert_eq!(
        out, b"\x40\x02\0\x09\x82\x07\0\x02\0\0\x01a\0\xa2\x06\0\x03\0\0\x01a\xc0\0",
        "PUBACK, SUBSCRIBE, UNSUBSCRIBE and PINGREQ go out"
    );
    conversation.on_bytes(Mono(60_000), &[0x40, 2, 0, 1], &mut out).unwrap();
    assert!(out.ends_with(&[0x32, 6, 0, 1, b't', 0, 4, 0]));
}

#[test]
fn properties_of_other_packets_are_said_in_no_request_and_no_good_bye() {
    let mut conversation = connected(Version::V5, 0);
    let mut properties = PropertiesBuf::new();
    properties.push(Property::Text(PropertyId::ServerReference, "elsewhere".into()));
    let options = SubscribeOptions::of(Qos::AtMostOnce);
    let error = conversation.subscribe_with([("a", options)], properties.clone()).expect_err("not of SUBSCRIBE");
    assert!(matches!(error.kind(), ErrorKind::Illegal(_)), "{error}");
    let error = conversation.unsubscribe_with(["a"], properties.clone()).expect_err("not of UNSUBSCRIBE");
    assert!(matches!(error.kind(), ErrorKind::Illegal(_)), "{error}");
    let mut out = Vec::new();
    conversation.close_with(ReasonCode::Success, properties.as_properties(), &mut out);
    assert_eq!(out, [0xE0, 0]);
}

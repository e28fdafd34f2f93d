//! A client and servers that do what servers must not do.

use postrider_client::{
    Conversation, ErrorKind, Event, Mono, Options, PacketId, PropertiesBuf, Property, PropertyId, Publication, Qos,
    ReasonCode, SubscribeOptions, Version, Violation,
};

const CONNACK_V5: [u8; 5] = [0x20, 3, 0, 0, 0];

pub(crate) fn connected(version: Version, keep_alive_s: u16) -> Conversation {
    let mut options = Options::new("", "client").version(version);
    options.keep_alive_s = keep_alive_s;
    options.receive_maximum = 10;
    let mut conversation = Conversation::new(options);
    conversation.open(Mono(0), &mut Vec::new()).expect("legal options");
    let connack: &[u8] = if version == Version::V5 { &CONNACK_V5 } else { &[0x20, 2, 0, 0] };
    let taken = conversation.on_bytes(Mono(0), connack, &mut Vec::new()).expect("CONNACK is welcome");
    assert_eq!(taken, connack.len());
    assert!(conversation.is_connected());
    conversation
}

/// The kind of error that `bytes` lead to, and what the client said last.
pub(crate) fn outcome(conversation: &mut Conversation, bytes: &[u8]) -> (ErrorKind, Vec<u8>) {
    let mut out = Vec::new();
    let error = conversation.on_bytes(Mono(0), bytes, &mut out).expect_err("the client should mind");
    (error.kind(), out)
}

// [MQTT-4.13.1-1], [MQTT-4.13.2-1], [MQTT-4.12.0-7]: what follows AUTH is DISCONNECT, not AUTH.
#[test]
fn a_breach_is_answered_with_its_reason_and_ends_the_connection() {
    let breaches: [(&[u8], ReasonCode); 7] = [
        (&[0x20, 3, 0, 0, 0], ReasonCode::ProtocolError),
        (&[0xC0, 0], ReasonCode::ProtocolError),
        (&[0x36, 6, 0, 1, b't', 0, 1, 0], ReasonCode::MalformedPacket),
        (&[0x30, 4, 0, 1, b'#', 0], ReasonCode::TopicNameInvalid),
        (&[0x30, 6, 0, 0, 3, 0x23, 0, 1], ReasonCode::TopicAliasInvalid),
        (&[0x90, 4, 0, 9, 0, 0], ReasonCode::ProtocolError),
        (&[0xF0, 0], ReasonCode::ProtocolError),
    ];
    for (bytes, reason) in breaches {
        let mut conversation = connected(Version::V5, 0);
        let (kind, out) = outcome(&mut conversation, bytes);
        assert!(matches!(kind, ErrorKind::Violation(violation) if violation.reason() == reason), "{kind:?}");
        assert_eq!(out[..], [0xE0, 1, reason.as_u8()], "{bytes:02x?}");
        assert!(!conversation.is_connected());
        assert_eq!(outcome(&mut conversation, bytes).0, ErrorKind::NotConnected);
    }
}

// [MQTT-1.5.3-1] of 3.1.1, [MQTT-1.5.3-2] of 3.1.1, [MQTT-2.2.2-2] of 3.1.1, [MQTT-3.3.1-4] of 3.1.1,
// [MQTT-4.8.0-1] of 3.1.1
#[test]
fn a_v3_client_ends_the_connection_without_a_word() {
    let breaches: [&[u8]; 6] = [
        &[0x20, 2, 0, 0],
        &[0x30, 4, 0, 2, 0xC3, 0x28],
        &[0x30, 3, 0, 1, 0],
        &[0x30, 5, 0, 3, 0xED, 0xA0, 0x80],
        &[0x42, 2, 0, 1],
        &[0x36, 5, 0, 1, b't', 0, 1],
    ];
    for bytes in breaches {
        let mut conversation = connected(Version::V3_1_1, 0);
        let (kind, out) = outcome(&mut conversation, bytes);
        assert!(matches!(kind, ErrorKind::Violation(_)), "{kind:?}");
        assert!(out.is_empty());
        assert!(!conversation.is_connected());
    }
}

// [MQTT-3.2.2-4]
#[test]
fn a_session_that_was_not_asked_for_ends_the_connection() {
    let mut conversation = Conversation::new(Options::new("", "client"));
    conversation.open(Mono(0), &mut Vec::new()).expect("legal options");
    let (kind, out) = outcome(&mut conversation, &[0x20, 3, 1, 0, 0]);
    assert_eq!(kind, ErrorKind::Violation(Violation::SessionUnknown));
    assert_eq!(out, [0xE0, 1, 0x82]);
    assert!(!conversation.is_connected());
}

// [MQTT-4.13.2-1]
#[test]
fn a_refusal_and_a_good_bye_carry_their_reasons() {
    let mut conversation = Conversation::new(Options::new("", "client"));
    conversation.open(Mono(0), &mut Vec::new()).expect("legal options");
    let (kind, out) = outcome(&mut conversation, &[0x20, 3, 0, 0x87, 0]);
    assert_eq!((kind, out), (ErrorKind::Refused(ReasonCode::NotAuthorized), Vec::new()));
    let (kind, out) = outcome(&mut connected(Version::V5, 0), &[0xE0, 1, 0x8B]);
    assert_eq!((kind, out), (ErrorKind::Disconnected(ReasonCode::ServerShuttingDown), Vec::new()));
}

// [MQTT-3.1.2-20]
#[test]
fn a_silent_client_pings_and_gives_a_silent_server_up() {
    for version in [Version::V3_1_1, Version::V5] {
        let mut conversation = connected(version, 10);
        let mut out = Vec::new();
        conversation.on_timeout(Mono(9_999), &mut out).unwrap();
        assert!(out.is_empty());
        assert_eq!(conversation.next_deadline(), Some(Mono(10_000)));
        conversation.on_timeout(Mono(10_000), &mut out).unwrap();
        assert_eq!(out, [0xC0, 0]);
        let error = conversation.on_timeout(Mono(20_000), &mut out).expect_err("no PINGRESP came");
        assert!(error.is_connection_lost());
    }
}

// A server that breaks 3.3.4-9.
#[test]
fn more_unreleased_messages_than_the_receive_maximum_end_the_connection() {
    let mut conversation = connected(Version::V5, 0);
    for id in 1..=10 {
        conversation.on_bytes(Mono(0), &[0x34, 6, 0, 1, b't', 0, id, 0], &mut Vec::new()).unwrap();
    }
    let (_, out) = outcome(&mut conversation, &[0x34, 6, 0, 1, b't', 0, 11, 0]);
    assert_eq!(out[out.len() - 3..], [0xE0, 1, 0x93]);
}

// [MQTT-4.9.0-2]
#[test]
fn no_more_messages_go_out_than_the_server_takes() {
    let mut conversation = Conversation::new(Options::new("", "client"));
    conversation.open(Mono(0), &mut Vec::new()).expect("legal options");
    let connack = [0x20, 6, 0, 0, 3, 0x21, 0, 2];
    conversation.on_bytes(Mono(0), &connack, &mut Vec::new()).unwrap();
    for _ in 0..5 {
        conversation.publish(Publication::new("t", "").qos(Qos::AtLeastOnce)).unwrap();
    }
    let mut out = Vec::new();
    conversation.send(Mono(0), &mut out);
    assert_eq!(out.len(), 2 * 8);
    out.clear();
    conversation.on_bytes(Mono(0), &[0x40, 2, 0, 1], &mut out).unwrap();
    assert_eq!(out, [0x32, 6, 0, 1, b't', 0, 3, 0]);
}

#[test]
fn an_acknowledgement_of_nothing_is_no_breach() {
    let mut conversation = connected(Version::V5, 0);
    let mut out = Vec::new();
    conversation.on_bytes(Mono(0), &[0x40, 2, 0, 9], &mut out).unwrap();
    assert!(out.is_empty());
    // [MQTT-4.3.3-4]: PUBREC of nothing is answered 0x92, PUBREL of nothing too.
    conversation.on_bytes(Mono(0), &[0x50, 2, 0, 9], &mut out).unwrap();
    assert_eq!(out, [0x62, 3, 0, 9, 0x92]);
    out.clear();
    conversation.on_bytes(Mono(0), &[0x62, 2, 0, 9], &mut out).unwrap();
    assert_eq!(out, [0x70, 3, 0, 9, 0x92]);
}

#[test]
fn wrong_topics_and_filters_are_named_before_anything_is_sent() {
    let mut conversation = connected(Version::V5, 0);
    let error = conversation.publish(Publication::new("a/#", "")).expect_err("a wildcard");
    assert!(matches!(error.kind(), ErrorKind::Topic(_)));
    let none: [&str; 0] = [];
    assert_eq!(conversation.unsubscribe(none).expect_err("no filter").kind(), ErrorKind::NoFilters);
    let error = conversation.unsubscribe(["a#"]).expect_err("a wildcard in a level");
    assert!(error.to_string().starts_with("the topic filter is not valid: "), "{error}");
    assert!(matches!(error.kind(), ErrorKind::Filter(_)));
}

/// A conversation with these options that the server has accepted without a property.
fn accepted(options: Options) -> Conversation {
    let mut conversation = Conversation::new(options);
    conversation.open(Mono(0), &mut Vec::new()).expect("legal options");
    conversation.on_bytes(Mono(0), &CONNACK_V5, &mut Vec::new()).expect("CONNACK is welcome");
    conversation
}

#[test]
fn a_client_has_no_more_under_way_than_it_wants_itself() {
    let mut options = Options::new("", "client");
    options.send_maximum = 2;
    let mut conversation = accepted(options);
    for _ in 0..3 {
        conversation.publish(Publication::new("t", "").qos(Qos::AtLeastOnce)).unwrap();
    }
    let mut out = Vec::new();
    conversation.send(Mono(0), &mut out);
    assert_eq!(out.len(), 2 * 8, "two of the three");
    out.clear();
    conversation.on_bytes(Mono(0), &[0x40, 2, 0, 1], &mut out).unwrap();
    assert_eq!(out.len(), 8, "the third after an acknowledgement");
}

// [MQTT-3.3.2-10]
#[test]
fn a_client_that_announced_aliases_knows_the_topic_again() {
    let mut options = Options::new("", "client");
    options.properties.push(Property::TwoBytes(PropertyId::TopicAliasMaximum, 1));
    let mut conversation = accepted(options);
    conversation.on_bytes(Mono(0), &[0x32, 9, 0, 1, b't', 0, 7, 3, 0x23, 0, 1], &mut Vec::new()).unwrap();
    conversation.on_bytes(Mono(0), &[0x30, 6, 0, 0, 3, 0x23, 0, 1], &mut Vec::new()).unwrap();
    let events = core::iter::from_fn(|| conversation.take_event());
    let heard: Vec<_> = events
        .filter_map(
            |event| if let Event::Message(message) = event { Some((message.topic, message.packet_id)) } else { None },
        )
        .collect();
    assert_eq!(heard, [("t".into(), PacketId::new(7)), ("t".into(), None)]);
}

#[test]
fn requests_and_good_byes_carry_the_properties_they_are_given() {
    let mut conversation = accepted(Options::new("", "client"));
    let mut properties = PropertiesBuf::new();
    properties.push(Property::Pair("a".into(), "b".into()));
    conversation.subscribe_with([("t", SubscribeOptions::of(Qos::AtMostOnce))], properties.clone()).unwrap();
    conversation.unsubscribe_with(["t"], properties.clone()).unwrap();
    let mut out = Vec::new();
    conversation.send(Mono(0), &mut out);
    conversation.close_with(ReasonCode::Success, properties.as_properties(), &mut out);
    assert_eq!(out.windows(7).filter(|bytes| *bytes == [0x26, 0, 1, b'a', 0, 1, b'b']).count(), 3);
}

//! What a client says, byte by byte.

use crate::against_a_script::{connected, outcome};
use postrider_client::{
    Conversation, ErrorKind, Event, Mono, Options, Publication, Qos, ReasonCode, RetainHandling, SubscribeOptions,
    Version,
};

const EDITIONS: [Version; 2] = [Version::V3_1_1, Version::V5];

fn said(conversation: &mut Conversation) -> Vec<u8> {
    let mut out = Vec::new();
    conversation.send(Mono(0), &mut out);
    out
}

/// Feeds bytes and returns the answer.
fn heard(conversation: &mut Conversation, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let len = conversation.on_bytes(Mono(0), rest, &mut out).expect("no breach");
        rest = &rest[len..];
    }
    out
}

/// A PUBLISH to `t` with an empty payload.
fn publish(version: Version, header: u8, packet_id: Option<u8>) -> Vec<u8> {
    let mut body = vec![0, 1, b't'];
    body.extend(packet_id.into_iter().flat_map(|id| [0, id]));
    if version.is_v5() {
        body.push(0);
    }
    [&[header, u8::try_from(body.len()).expect("small")], &body[..]].concat()
}

fn connect(options: Options) -> Vec<u8> {
    let mut out = Vec::new();
    Conversation::new(options).open(Mono(0), &mut out).expect("legal options");
    out
}

// [MQTT-3.1.2-9], [MQTT-3.1.2-11], [MQTT-3.1.2-13], [MQTT-3.1.2-16] to [MQTT-3.1.2-19], [MQTT-3.1.3-1],
// [MQTT-3.1.3-3], [MQTT-2.2.2-1], [MQTT-3.1.2-11] of 3.1.1, [MQTT-3.1.3-1] of 3.1.1
#[test]
fn connect_has_the_fields_that_its_flags_announce_and_no_others_in_their_order() {
    for version in EDITIONS {
        let is_v5 = version.is_v5();
        let (level, none): (u8, &[u8]) = if is_v5 { (5, &[0]) } else { (4, &[]) };
        let head = |flags: u8| [&[0, 4], &b"MQTT"[..], &[level, flags, 0, 60], none].concat();
        let options = Options::new("", "c").version(version);
        let plain = [&[0x10, if is_v5 { 14 } else { 13 }], &head(0x02)[..], &[0, 1, b'c']].concat();
        assert_eq!(connect(options.clone()), plain);

        let will = Publication::new("w", "hi").qos(Qos::AtLeastOnce).retained();
        let full = options.will(will).login("u", b"p");
        let payload = [&[0, 1, b'c'], none, &[0, 1, b'w', 0, 2], b"hi", &[0, 1, b'u', 0, 1, b'p']].concat();
        let expected = [&[0x10, if is_v5 { 28 } else { 26 }], &head(0xEE)[..], &payload].concat();
        assert_eq!(connect(full), expected);
    }
}

// [MQTT-3.1.0-1], [MQTT-3.2.0-1]
#[test]
fn a_client_says_nothing_before_connect_and_nothing_behind_it_before_the_answer() {
    for version in EDITIONS {
        let mut conversation = Conversation::new(Options::new("", "c").version(version));
        conversation.publish(Publication::new("t", "")).unwrap();
        conversation.subscribe([("t", SubscribeOptions::of(Qos::AtMostOnce))], None).unwrap();
        assert!(said(&mut conversation).is_empty());
        let mut out = Vec::new();
        conversation.open(Mono(0), &mut out).unwrap();
        assert_eq!((out[0], usize::from(out[1]) + 2), (0x10, out.len()), "one CONNECT");
        assert!(said(&mut conversation).is_empty());
        let connack: &[u8] = if version.is_v5() { &[0x20, 3, 0, 0, 0] } else { &[0x20, 2, 0, 0] };
        let answer = heard(&mut conversation, connack);
        assert_eq!(answer[0], 0x82);
        assert!(answer.ends_with(&publish(version, 0x30, None)));
    }
}

// [MQTT-2.2.1-2], [MQTT-2.2.1-3], [MQTT-3.3.1-2], [MQTT-4.3.1-1], [MQTT-2.1.3-1], [MQTT-2.3.1-1] of 3.1.1
#[test]
fn each_new_packet_has_an_identifier_of_its_own_and_qos_0_has_none() {
    for version in EDITIONS {
        let mut conversation = connected(version, 0);
        for qos in [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce] {
            conversation.publish(Publication::new("t", "").qos(qos)).unwrap();
        }
        let expected = [publish(version, 0x30, None), publish(version, 0x32, Some(1)), publish(version, 0x34, Some(2))];
        assert_eq!(said(&mut conversation), expected.concat());
        conversation.subscribe([("a", SubscribeOptions::of(Qos::AtLeastOnce))], None).unwrap();
        conversation.unsubscribe(["a"]).unwrap();
        let none: &[u8] = if version.is_v5() { &[0] } else { &[] };
        let of_len = |header: u8, body: &[u8]| [&[header, u8::try_from(body.len()).unwrap()], body].concat();
        let subscribe = of_len(0x82, &[&[0, 3], none, &[0, 1, b'a', 1]].concat());
        let unsubscribe = of_len(0xA2, &[&[0, 4], none, &[0, 1, b'a']].concat());
        assert_eq!(said(&mut conversation), [subscribe, unsubscribe].concat());
        // What is answered is free again, what is not stays taken while the others go round.
        assert_eq!(heard(&mut conversation, &[0x40, 2, 0, 1]), []);
        for _ in 0..70_000u32 {
            conversation.publish(Publication::new("t", "").qos(Qos::AtLeastOnce)).unwrap();
            let out = said(&mut conversation);
            let packet_id = [out[5], out[6]];
            assert!(![[0, 0], [0, 2], [0, 3], [0, 4]].contains(&packet_id), "{packet_id:?}");
            heard(&mut conversation, &[0x40, 2, packet_id[0], packet_id[1]]);
        }
    }
}

// [MQTT-3.8.3-4] of 3.1.1, [MQTT-3.8.3-5], [MQTT-3.8.3-2]
#[test]
fn the_options_of_a_subscription_are_said_in_5_0_and_only_its_qos_before() {
    let options = SubscribeOptions {
        qos: Qos::ExactlyOnce,
        no_local: true,
        retain_as_published: true,
        retain_handling: RetainHandling::Never,
    };
    for (version, expected) in [
        (Version::V3_1_1, &[0x82, 10, 0, 1, 0, 1, b'a', 2, 0, 1, b'b', 0][..]),
        (Version::V5, &[0x82, 13, 0, 1, 2, 0x0B, 9, 0, 1, b'a', 0x2E, 0, 1, b'b', 0]),
    ] {
        let mut conversation = connected(version, 0);
        let filters = [("a", options), ("b", SubscribeOptions::of(Qos::AtMostOnce))];
        conversation.subscribe(filters, Some(9)).unwrap();
        assert_eq!(said(&mut conversation), expected);
    }
}

// [MQTT-4.3.2-1] to [MQTT-4.3.2-3], [MQTT-3.3.1-1], [MQTT-4.4.0-1], [MQTT-4.6.0-1], [MQTT-2.3.1-3] of 3.1.1,
// [MQTT-3.1.2-4] of 3.1.1
#[test]
fn what_was_not_acknowledged_goes_out_again_with_its_identifier_in_order_and_only_after_a_reconnect() {
    for version in EDITIONS {
        let mut conversation = Conversation::new(Options::new("", "c").version(version).resume(60));
        let connack: &[u8] = if version.is_v5() { &[0x20, 3, 1, 0, 0] } else { &[0x20, 2, 1, 0] };
        conversation.open(Mono(0), &mut Vec::new()).unwrap();
        heard(&mut conversation, connack);
        for qos in [Qos::AtLeastOnce, Qos::AtLeastOnce, Qos::ExactlyOnce] {
            conversation.publish(Publication::new("t", "").qos(qos)).unwrap();
        }
        let first = [publish(version, 0x32, Some(1)), publish(version, 0x32, Some(2)), publish(version, 0x34, Some(3))];
        assert_eq!(said(&mut conversation), first.concat());
        assert_eq!(heard(&mut conversation, &[0x40, 2, 0, 1]), []);
        assert_eq!(said(&mut conversation), [], "not before the connection breaks");
        conversation.on_lost();
        conversation.open(Mono(0), &mut Vec::new()).unwrap();
        let again = [publish(version, 0x3A, Some(2)), publish(version, 0x3C, Some(3))].concat();
        assert_eq!(heard(&mut conversation, connack), again);
        assert_eq!(conversation.unfinished(), 2);
        heard(&mut conversation, &[0x40, 2, 0, 2]);
        assert_eq!(conversation.unfinished(), 1);
    }
}

// [MQTT-4.3.3-1] to [MQTT-4.3.3-6], [MQTT-4.4.0-1]
#[test]
fn a_qos_2_message_is_released_when_it_is_received_and_never_published_again_behind_that() {
    for version in EDITIONS {
        let mut conversation = Conversation::new(Options::new("", "c").version(version).resume(60));
        let connack: &[u8] = if version.is_v5() { &[0x20, 3, 1, 0, 0] } else { &[0x20, 2, 1, 0] };
        conversation.open(Mono(0), &mut Vec::new()).unwrap();
        heard(&mut conversation, connack);
        for _ in 0..2 {
            conversation.publish(Publication::new("t", "").qos(Qos::ExactlyOnce)).unwrap();
        }
        let first = [publish(version, 0x34, Some(1)), publish(version, 0x34, Some(2))].concat();
        assert_eq!(said(&mut conversation), first);
        assert_eq!(heard(&mut conversation, &[0x50, 2, 0, 1]), [0x62, 2, 0, 1]);
        conversation.on_lost();
        conversation.open(Mono(0), &mut Vec::new()).unwrap();
        let again = [&[0x62, 2, 0, 1], &publish(version, 0x3C, Some(2))[..]].concat();
        assert_eq!(heard(&mut conversation, connack), again);
        assert_eq!(conversation.unfinished(), 2);
        assert_eq!(heard(&mut conversation, &[0x70, 2, 0, 1]), []);
        assert_eq!(conversation.unfinished(), 1);
    }
}

// [MQTT-4.5.0-2], [MQTT-4.6.0-2] to [MQTT-4.6.0-4], [MQTT-2.2.1-5], [MQTT-3.3.4-1]
#[test]
fn messages_are_acknowledged_in_their_order_with_their_identifiers_whatever_becomes_of_them() {
    for version in EDITIONS {
        let mut conversation = connected(version, 0);
        let packets = |header: u8| [9, 4, 7].map(|id| publish(version, header, Some(id))).concat();
        let answers = |header: u8| [9, 4, 7].map(|id| [header, 2, 0, id]).concat();
        assert_eq!(heard(&mut conversation, &publish(version, 0x30, None)), []);
        assert_eq!(heard(&mut conversation, &packets(0x32)), answers(0x40));
        assert_eq!(heard(&mut conversation, &packets(0x34)), answers(0x50));
        assert_eq!(heard(&mut conversation, &answers(0x62)), answers(0x70));
        for _ in 0..3 {
            conversation.publish(Publication::new("t", "").qos(Qos::ExactlyOnce)).unwrap();
        }
        said(&mut conversation);
        let received = [2, 3, 1].map(|id| [0x50, 2, 0, id]).concat();
        assert_eq!(heard(&mut conversation, &received), [2, 3, 1].map(|id| [0x62, 2, 0, id]).concat());
    }
}

// [MQTT-4.3.2-4], [MQTT-4.3.2-5], [MQTT-4.3.3-8], [MQTT-4.3.3-10] to [MQTT-4.3.3-12]
#[test]
fn a_message_that_comes_twice_is_one_with_qos_2_and_two_with_qos_1() {
    for version in EDITIONS {
        for (header, answer, expected) in [(0x32, 0x40, 3), (0x34, 0x50, 1)] {
            let mut conversation = connected(version, 0);
            for dup in [0, 8, 8] {
                let packet = publish(version, header | dup, Some(5));
                assert_eq!(heard(&mut conversation, &packet), [answer, 2, 0, 5]);
            }
            let messages = |conversation: &mut Conversation| {
                core::iter::from_fn(|| conversation.take_event()).filter(|it| matches!(it, Event::Message(_))).count()
            };
            assert_eq!(messages(&mut conversation), expected);
            if header == 0x34 {
                assert_eq!(heard(&mut conversation, &[0x62, 2, 0, 5]), [0x70, 2, 0, 5]);
                heard(&mut conversation, &publish(version, header, Some(5)));
                assert_eq!(messages(&mut conversation), 1, "behind PUBCOMP it is a new one");
            }
        }
    }
}

// [MQTT-3.14.4-1], [MQTT-3.1.2-23] of 3.1.1
#[test]
fn nothing_is_said_behind_disconnect() {
    for version in EDITIONS {
        let mut conversation = connected(version, 10);
        let mut out = Vec::new();
        conversation.on_timeout(Mono(10_000), &mut out).unwrap();
        assert_eq!(out, [0xC0, 0], "a sign of life while it is connected");
        out.clear();
        conversation.close(ReasonCode::Success, &mut out);
        assert_eq!(out, [0xE0, 0]);
        conversation.publish(Publication::new("t", "")).unwrap();
        conversation.on_timeout(Mono(60_000), &mut out).unwrap();
        conversation.send(Mono(60_000), &mut out);
        conversation.close(ReasonCode::Success, &mut out);
        assert_eq!(out, [0xE0, 0]);
        assert_eq!(conversation.next_deadline(), None);
        let (kind, answer) = outcome(&mut conversation, &publish(version, 0x32, Some(1)));
        assert_eq!((kind, answer), (ErrorKind::NotConnected, Vec::new()));
    }
}

//! Both halves of a link: which packet is legal when, limits before authentication, keep alive.

use postrider_proto::{
    Ack, AckKind, Auth, Connack, Connect, DecodeError, Disconnect, Packet, PacketId, Properties, PropertiesBuf,
    Property, PropertyId, Publish, Qos, ReasonCode, Start, Suback, Subscribe, SubscribeOptions, Subscriptions, Topic,
    Unsuback, Unsubscribe, UnsubscribeFilters, Version,
};
use postrider_session::{ClientLink, LinkLimits, Mono, ServerLink, Violation};

const LIMITS: LinkLimits = LinkLimits {
    packet_bytes_max: 2_000_000,
    property_bytes_max: 65_536,
    connect_property_bytes_max: 8192,
    pre_auth_bytes_max: 65_536,
    connect_ms_max: 10_000,
    topic_alias_max: 16,
    keep_alive_grace_ms: 0,
    levels_max: 128,
};
const VERSIONS: [Version; 3] = [Version::V3_1, Version::V3_1_1, Version::V5];

fn connect<'a>(version: Version, properties: Properties<'a>) -> Packet<'a> {
    Packet::Connect(Box::new(Connect {
        version,
        is_bridge: false,
        start: Start::Clean,
        keep_alive_s: 60,
        properties,
        client_id: "c".into(),
        will: None,
        user_name: None,
        password: None,
    }))
}

fn publish<'a>(topic: &'a [u8], properties: Properties<'a>) -> Publish<'a> {
    Publish {
        dup: false,
        qos: Qos::AtMostOnce,
        retain: false,
        topic: Topic::trusted(topic),
        packet_id: None,
        properties,
        payload: b"x",
    }
}

fn bytes(packet: &Packet<'_>, version: Version) -> Vec<u8> {
    let mut out = Vec::new();
    packet.encode(version, &mut out);
    out
}

/// One of each of the fifteen packet types.
fn all(version: Version) -> Vec<(&'static str, Vec<u8>)> {
    let id = PacketId::FIRST;
    let none = Properties::NONE;
    let mut filters = Vec::new();
    Subscriptions::write(b"a", SubscribeOptions::of(Qos::AtMostOnce), &mut filters);
    let mut names = Vec::new();
    UnsubscribeFilters::write(b"a", &mut names);
    let codes: &[u8] = if version.is_v5() { &[0] } else { &[] };
    let packets = [
        connect(version, none),
        Packet::Connack(Connack { session_present: false, reason: ReasonCode::Success, properties: none }),
        Packet::Publish(publish(b"a", none)),
        Packet::Ack(Ack::new(AckKind::Puback, id, ReasonCode::Success)),
        Packet::Ack(Ack::new(AckKind::Pubrec, id, ReasonCode::Success)),
        Packet::Ack(Ack::new(AckKind::Pubrel, id, ReasonCode::Success)),
        Packet::Ack(Ack::new(AckKind::Pubcomp, id, ReasonCode::Success)),
        Packet::Subscribe(Subscribe {
            packet_id: id,
            properties: none,
            subscriptions: Subscriptions::trusted(&filters, version),
        }),
        Packet::Suback(Suback { packet_id: id, properties: none, codes: &[0] }),
        Packet::Unsubscribe(Unsubscribe {
            packet_id: id,
            properties: none,
            filters: UnsubscribeFilters::trusted(&names),
        }),
        Packet::Unsuback(Unsuback { packet_id: id, properties: none, codes }),
        Packet::Pingreq,
        Packet::Pingresp,
        Packet::Disconnect(Disconnect::new(ReasonCode::Success)),
        Packet::Auth(Auth { reason: ReasonCode::Success, properties: none }),
    ];
    packets.iter().map(|packet| (packet.name(), bytes(packet, version))).collect()
}

fn accepted(version: Version) -> ServerLink {
    let mut link = ServerLink::new(Mono(0), &LIMITS);
    let hello = bytes(&connect(version, Properties::NONE), version);
    link.on_bytes(Mono(0), hello.len(), &LIMITS).expect("small");
    assert!(matches!(link.decode(&hello, &LIMITS), Ok(Some((Packet::Connect(_), used))) if used == hello.len()));
    link.on_accepted(Mono(0), 60, u32::MAX);
    link
}

// A3: fifteen packet types in every state of a server's link, in each dialect. [MQTT-3.1.0-1], [MQTT-3.1.0-2]
#[test]
fn every_packet_type_is_legal_or_refused_as_the_state_of_the_link_asks() {
    let auth = {
        let mut buf = PropertiesBuf::new();
        buf.push(Property::Text(PropertyId::AuthenticationMethod, "m".into()));
        buf
    };
    for version in VERSIONS {
        for (name, packet) in all(version) {
            let is_auth_before_5 = name == "AUTH" && !version.is_v5();

            let mut opened = ServerLink::new(Mono(0), &LIMITS);
            let result = opened.decode(&packet, &LIMITS);
            assert_eq!(result.is_ok(), name == "CONNECT", "{name} opens a link in {version}");
            if name != "CONNECT" {
                assert_eq!(result.map(drop), Err(Violation::NoConnect));
            }

            let mut asked = ServerLink::new(Mono(0), &LIMITS);
            asked.decode(&bytes(&connect(version, Properties::NONE), version), &LIMITS).expect("legal");
            assert_eq!(asked.decode(&packet, &LIMITS), Ok(None), "{name} waits for the verdict");

            let result = accepted(version).decode(&packet, &LIMITS).map(|found| found.is_some());
            let expected = match name {
                "CONNECT" => Err(Violation::SecondConnect),
                "AUTH" if version.is_v5() => Err(Violation::AuthUnexpected),
                "AUTH" => Err(Violation::Malformed(DecodeError::UnknownPacketType(15))),
                "CONNACK" | "SUBACK" | "UNSUBACK" | "PINGRESP" => Err(Violation::Misdirected(name)),
                _ => Ok(true),
            };
            assert_eq!(result, expected, "{name} in {version}");

            if version.is_v5() {
                let mut exchanging = ServerLink::new(Mono(0), &LIMITS);
                exchanging.decode(&bytes(&connect(version, auth.as_properties()), version), &LIMITS).expect("legal");
                exchanging.on_exchange();
                let result = exchanging.decode(&packet, &LIMITS);
                assert_eq!(result.is_ok(), matches!(name, "AUTH" | "DISCONNECT"), "{name} during an exchange");

                let mut reauthenticating = exchanging.clone();
                reauthenticating.on_accepted(Mono(0), 0, u32::MAX);
                if name == "AUTH" {
                    assert!(reauthenticating.decode(&packet, &LIMITS).is_ok());
                }
            }
            assert!(!is_auth_before_5 || result.is_err());
        }
    }
}

#[test]
fn every_packet_type_is_legal_or_refused_at_a_client() {
    for version in VERSIONS {
        for (name, packet) in all(version) {
            let mut early = ClientLink::new(Mono(0), version, 60, 1 << 28, 0);
            let expected = name == "CONNACK" || (name == "AUTH" && version.is_v5());
            assert_eq!(early.decode(&packet).is_ok(), expected, "{name} before CONNACK in {version}");

            let mut late = ClientLink::new(Mono(0), version, 60, 1 << 28, 0);
            late.decode(&[0x20, 2, 0, 0][..]).ok().filter(|_| !version.is_v5());
            if version.is_v5() {
                late.decode(&[0x20, 3, 0, 0, 0][..]).expect("CONNACK");
            }
            let refused = matches!(name, "CONNECT" | "CONNACK" | "SUBSCRIBE" | "UNSUBSCRIBE" | "PINGREQ")
                || (!version.is_v5() && matches!(name, "DISCONNECT" | "AUTH"));
            assert_eq!(late.decode(&packet).is_err(), refused, "{name} after CONNACK in {version}");
        }
    }
}

// A2, A1
#[test]
fn a_link_without_connect_ends_after_ten_seconds_however_the_bytes_drip() {
    let mut link = ServerLink::new(Mono(5000), &LIMITS);
    for second in 0..9 {
        link.on_bytes(Mono(5000 + second * 1000), 1, &LIMITS).expect("few bytes");
        assert_eq!(link.on_timeout(Mono(5000 + second * 1000), &LIMITS), Ok(()));
        assert_eq!(link.next_deadline(&LIMITS), Some(Mono(15_000)));
    }
    assert_eq!(link.on_timeout(Mono(15_000), &LIMITS), Err(Violation::ConnectTimeout));
}

#[test]
fn more_than_64_kib_before_acceptance_end_the_link() {
    let mut link = ServerLink::new(Mono(0), &LIMITS);
    link.on_bytes(Mono(0), 65_536, &LIMITS).expect("at the limit");
    assert_eq!(link.on_bytes(Mono(0), 1, &LIMITS), Err(Violation::ConnectTooLarge));
    let claim = [0x10, 0xFF, 0xFF, 0xFF, 0x7F];
    let mut link = ServerLink::new(Mono(0), &LIMITS);
    assert_eq!(link.decode(&claim, &LIMITS), Err(Violation::Malformed(DecodeError::PacketTooLarge)));
}

// A6
#[test]
fn property_blocks_have_a_size_limit() {
    let mut large = PropertiesBuf::new();
    for _ in 0..200 {
        large.push(Property::Pair("k".into(), "0123456789012345678901234567890123456789".into()));
    }
    let mut link = ServerLink::new(Mono(0), &LIMITS);
    let hello = bytes(&connect(Version::V5, large.as_properties()), Version::V5);
    let refused = link.decode(&hello, &LIMITS).map(drop);
    assert_eq!(refused, Err(Violation::Malformed(DecodeError::PropertiesTooLarge)));
    let mut out = Vec::new();
    link.farewell(Violation::Malformed(DecodeError::PropertiesTooLarge), &mut out);
    assert_eq!(out, [0x20, 3, 0, 0x95, 0]);

    let mut link = accepted(Version::V5);
    assert!(link.decode(&bytes(&Packet::Publish(publish(b"a", large.as_properties())), Version::V5), &LIMITS).is_ok());
    while large.as_properties().as_bytes().len() <= 65_536 {
        large.push(Property::Pair("k".into(), "0123456789012345678901234567890123456789".into()));
    }
    let packet = bytes(&Packet::Publish(publish(b"a", large.as_properties())), Version::V5);
    assert_eq!(link.decode(&packet, &LIMITS).map(drop), Err(Violation::Malformed(DecodeError::PropertiesTooLarge)));
}

// [MQTT-3.1.2-22]
#[test]
fn silence_of_one_and_a_half_keep_alive_times_ends_the_link() {
    let mut link = accepted(Version::V5);
    assert_eq!(link.next_deadline(&LIMITS), Some(Mono(90_000)));
    link.on_bytes(Mono(50_000), 2, &LIMITS).expect("accepted");
    assert_eq!(link.on_timeout(Mono(90_000), &LIMITS), Ok(()));
    assert_eq!(link.on_timeout(Mono(139_999), &LIMITS), Ok(()));
    assert_eq!(link.on_timeout(Mono(140_000), &LIMITS), Err(Violation::KeepAliveTimeout));
    let mut out = Vec::new();
    link.farewell(Violation::KeepAliveTimeout, &mut out);
    assert!(out.starts_with(&[0xE0, 47, 0x8D, 45, 0x1F]), "{out:02x?}");
    link.on_accepted(Mono(0), 60, 20);
    out.clear();
    link.farewell(Violation::KeepAliveTimeout, &mut out);
    assert_eq!(out, [0xE0, 1, 0x8D], "the sentence goes first when room is short");

    let mut off = accepted(Version::V3_1_1);
    off.on_accepted(Mono(0), 0, u32::MAX);
    assert_eq!(off.next_deadline(&LIMITS), None);
    assert_eq!(off.on_timeout(Mono(u64::MAX), &LIMITS), Ok(()));
}

// [MQTT-3.3.2-10]
#[test]
fn a_client_takes_every_alias_that_it_allowed_and_no_other() {
    let mut link = ClientLink::new(Mono(0), Version::V5, 0, 1 << 28, 5);
    let alias = |number| {
        let mut buf = PropertiesBuf::new();
        buf.push(Property::TwoBytes(PropertyId::TopicAlias, number));
        buf
    };
    for topic in [&b"a"[..], b"b"] {
        for properties in (1..=5).map(alias) {
            assert_eq!(
                link.resolve(publish(topic, properties.as_properties())).expect("allowed").topic.as_bytes(),
                topic
            );
            assert_eq!(link.resolve(publish(b"", properties.as_properties())).expect("known").topic.as_bytes(), topic);
        }
    }
    let refused = link.resolve(publish(b"a", alias(6).as_properties())).map(drop);
    assert_eq!(refused, Err(Violation::AliasOutOfRange));
}

// [MQTT-3.3.2-7], [MQTT-3.3.2-9], [MQTT-3.3.2-12], A7
#[test]
fn topic_aliases_are_learnt_replaced_and_refused_beyond_the_maximum() {
    let mut link = accepted(Version::V5);
    let alias = |number| {
        let mut buf = PropertiesBuf::new();
        buf.push(Property::TwoBytes(PropertyId::TopicAlias, number));
        buf
    };
    let (one, sixteen, seventeen) = (alias(1), alias(16), alias(17));
    let resolve = |link: &mut ServerLink, topic: &'static [u8], properties: &PropertiesBuf| {
        let packet = publish(topic, properties.as_properties());
        link.resolve(packet, &LIMITS).map(|publish| publish.topic.as_bytes().to_vec())
    };
    assert_eq!(resolve(&mut link, b"", &one), Err(Violation::AliasUnknown));
    assert_eq!(resolve(&mut link, b"a", &one), Ok(b"a".to_vec()));
    assert_eq!(resolve(&mut link, b"", &one), Ok(b"a".to_vec()));
    assert_eq!(resolve(&mut link, b"b", &one), Ok(b"b".to_vec()));
    assert_eq!(resolve(&mut link, b"", &one), Ok(b"b".to_vec()));
    assert_eq!(resolve(&mut link, b"c", &sixteen), Ok(b"c".to_vec()));
    assert_eq!(resolve(&mut link, b"d", &seventeen), Err(Violation::AliasOutOfRange));
    assert_eq!(Violation::AliasOutOfRange.reason(), ReasonCode::TopicAliasInvalid);
}

// [MQTT-3.3.4-6]
#[test]
fn a_subscription_identifier_from_a_client_is_refused() {
    let mut buf = PropertiesBuf::new();
    buf.push(Property::Varint(PropertyId::SubscriptionIdentifier, 1));
    let packet = bytes(&Packet::Publish(publish(b"a", buf.as_properties())), Version::V5);
    let refused = accepted(Version::V5).decode(&packet, &LIMITS).map(drop);
    assert_eq!(refused, Err(Violation::SubscriptionIdentifierFromClient));
}

// [MQTT-3.1.2-1] to [MQTT-3.1.2-3], [MQTT-3.1.4-1], [MQTT-3.1.2-1] to [MQTT-3.1.2-3] of 3.1.1, [MQTT-3.1.4-1] of 3.1.1,
// [MQTT-3.2.2-6] of 3.1.1
#[test]
fn a_connect_that_cannot_be_served_is_told_so_in_the_nearest_dialect() {
    let told = |input: &[u8]| {
        let mut link = ServerLink::new(Mono(0), &LIMITS);
        let violation = link.decode(input, &LIMITS).expect_err("not a CONNECT we serve");
        let mut out = Vec::new();
        link.farewell(violation, &mut out);
        out
    };
    assert_eq!(told(b"\x10\x0c\0\x04MQTT\x03\x02\0\0\0\0"), [0x20, 2, 0, 1], "level 3 under the new name");
    assert_eq!(told(b"\x10\x0e\0\x06MQIsdp\x04\x02\0\0\0\0"), [0x20, 2, 0, 1], "level 4 under the old name");
    assert_eq!(told(b"\x10\x0d\0\x04MQTT\x06\x02\0\0\0\0\0"), [0x20, 3, 0, 0x84, 0], "a level to come");
    assert_eq!(told(b"\x10\x0c\0\x04HTTP\x04\x02\0\0\0\0"), [], "another protocol");
    assert_eq!(told(b"\x10\x0d\0\x04MQTT\x05\x03\0\0\0\0\0"), [0x20, 3, 0, 0x81, 0], "reserved flag in 5.0");
    assert_eq!(told(b"\x10\x0c\0\x04MQTT\x04\x03\0\0\0\0"), [], "reserved flag in 3.1.1");
    assert_eq!(told(b"GET / HTTP/1.1\r\n"), []);
}

// [MQTT-3.14.0-1]
#[test]
fn nothing_is_told_before_acceptance_but_a_connack() {
    let mut link = ServerLink::new(Mono(0), &LIMITS);
    link.decode(&bytes(&connect(Version::V5, Properties::NONE), Version::V5), &LIMITS).expect("legal");
    let mut out = Vec::new();
    link.farewell(Violation::ConnectTimeout, &mut out);
    assert_eq!(out, []);
}

// [MQTT-3.1.2-20], [MQTT-3.1.2-21]
#[test]
fn a_client_pings_after_its_keep_alive_and_gives_up_without_an_answer() {
    let mut link = ClientLink::new(Mono(0), Version::V5, 60, 1 << 28, 0);
    let connack = b"\x20\x06\0\0\x03\x13\x00\x0a";
    link.decode(connack).expect("CONNACK with server keep alive 10");
    assert_eq!(link.next_deadline(), Some(Mono(10_000)));
    assert_eq!(link.on_timeout(Mono(9_999)), Ok(false));
    assert_eq!(link.on_timeout(Mono(10_000)), Ok(true));
    link.decode(&[0xD0, 0]).expect("PINGRESP");
    assert_eq!(link.on_timeout(Mono(20_000)), Ok(true));
    link.on_sent(Mono(25_000));
    assert_eq!(link.next_deadline(), Some(Mono(30_000)));
    assert_eq!(link.on_timeout(Mono(30_000)), Err(Violation::KeepAliveTimeout));
}

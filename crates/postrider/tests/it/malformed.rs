//! What clients break once they are in: the reason they are told, and that it is nobody else's trouble.

use crate::ground::{broker, everywhere};
use crate::wire::Wire;
use postrider::{Builder, ReasonCode, Version};
use postrider_proto::{Property, PropertyId, write_varint};
use postrider_testkit::{Hello, publish, subscribe};

/// A packet from its first byte and its body.
fn frame(header: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![header];
    write_varint(u32::try_from(body.len()).expect("small"), &mut bytes);
    bytes.extend_from_slice(body);
    bytes
}

/// What every dialect forbids; bodies without properties end where 5.0 would have some.
fn breaches_of_any(version: Version) -> Vec<(Vec<u8>, ReasonCode)> {
    use ReasonCode::{MalformedPacket, PacketTooLarge, ProtocolError, TopicNameInvalid};
    let none: &[u8] = if version.is_v5() { &[0] } else { &[] };
    let with = |before: &[u8], behind: &[u8]| [before, none, behind].concat();
    let mut breaches = vec![
        // A3
        (Hello::new("again").version(version).bytes(), ProtocolError),
        (frame(0x20, &with(&[0, 0], &[])), ProtocolError),
        (frame(0x90, &with(&[0, 1], &[0])), ProtocolError),
        (frame(0xD0, &[]), ProtocolError),
        (frame(0x00, &[]), MalformedPacket),
        // A4
        (b"\x30\xff\xff\xff\xff\x01".to_vec(), MalformedPacket),
        (frame(0x30, &[0, 9, b'a']), MalformedPacket),
        (frame(0xC0, &[0]), MalformedPacket),
        (frame(0xC1, &[]), MalformedPacket),
        (frame(0x36, &with(&[0, 1, b'a', 0, 1], &[])), MalformedPacket),
        (frame(0x32, &with(&[0, 1, b'a', 0, 0], &[])), ProtocolError),
        (frame(0x80, &with(&[0, 1], &[0, 1, b'a', 0])), MalformedPacket),
        (frame(0x42, &[0, 1]), MalformedPacket),
        (frame(0x60, &[0, 1]), MalformedPacket),
        (frame(0xA0, &with(&[0, 1], &[0, 1, b'a'])), MalformedPacket),
        (frame(0xE1, &[]), MalformedPacket),
        (frame(0x82, &with(&[0, 1], &[0, 1, b'a', 3])), MalformedPacket),
        (frame(0x82, &with(&[0, 0], &[0, 1, b'a', 0])), ProtocolError),
        (frame(0x82, &with(&[0, 1], &[])), ProtocolError),
        (frame(0xA2, &with(&[0, 1], &[])), ProtocolError),
        (b"\x30\x80\x89\x7a".to_vec(), PacketTooLarge),
        (b"\x30\xff\xff\xff\x7f".to_vec(), PacketTooLarge),
        // A5, A10
        (frame(0x30, &with(&[0, 3, b'a', b'/', b'#'], &[])), TopicNameInvalid),
        (frame(0x30, &with(&[0, 2, 0xC3, 0x28], &[])), MalformedPacket),
        (frame(0x30, &with(&[0, 3, 0xED, 0xA0, 0x80], &[])), MalformedPacket),
        (frame(0x30, &with(&[0, 3, b'a', 0, b'b'], &[])), MalformedPacket),
        (frame(0x82, &with(&[0, 1], &[0, 2, 0xC3, 0x28, 0])), MalformedPacket),
        (frame(0xA2, &with(&[0, 1], &[0, 2, 0xC3, 0x28])), MalformedPacket),
    ];
    if version != Version::V3_1 {
        // [MQTT-3.8.3-4] of 3.1.1, [MQTT-3.8.3-5]; 3.1 leaves these bits open.
        breaches.push((frame(0x82, &with(&[0, 1], &[0, 1, b'a', 0x40])), MalformedPacket));
        // [MQTT-3.3.1-2]; 3.1 does not say what DUP means at QoS 0.
        breaches.push((frame(0x38, &with(&[0, 1, b'a'], &[])), MalformedPacket));
    }
    breaches
}

fn publish_with(properties: &[Property<'_>]) -> Vec<u8> {
    let add = |publish: postrider_testkit::Pub, property: &Property<'_>| publish.property(*property);
    properties.iter().fold(publish("a", "x"), add).bytes(Version::V5)
}

fn aliased(alias: u16, topic: &str) -> Vec<u8> {
    publish(topic, "x").property(Property::TwoBytes(PropertyId::TopicAlias, alias)).bytes(Version::V5)
}

/// What only 5.0 has.
fn breaches_of_v5() -> Vec<(Vec<u8>, ReasonCode)> {
    use ReasonCode::{MalformedPacket, PacketTooLarge, ProtocolError, TopicAliasInvalid};
    let expiry = Property::FourBytes(PropertyId::MessageExpiryInterval, 1);
    let pair = Property::Pair("name".into(), "value".into());
    vec![
        // A4
        (b"\xc0\x80\x00".to_vec(), MalformedPacket),
        (frame(0xF0, &[]), ProtocolError),
        (frame(0xE0, &[0x05]), MalformedPacket),
        // A6
        (publish_with(&[expiry, expiry]), ProtocolError),
        (publish_with(&[Property::FourBytes(PropertyId::SessionExpiryInterval, 1)]), ProtocolError),
        (publish_with(&[Property::Varint(PropertyId::SubscriptionIdentifier, 1)]), ProtocolError),
        (publish_with(&vec![pair; 6000]), PacketTooLarge),
        (frame(0x30, &[0, 1, b'a', 1, 0x7F]), MalformedPacket),
        // A7
        (aliased(17, "a"), TopicAliasInvalid),
        (aliased(0, "a"), TopicAliasInvalid),
        (aliased(16, ""), ProtocolError),
        (publish("", "x").bytes(Version::V5), ProtocolError),
        // [MQTT-3.8.3-4]
        (subscribe(1, "$share/g/a", 0).no_local().bytes(Version::V5), ProtocolError),
    ]
}

// [MQTT-1.5.3-1] of 3.1.1, [MQTT-1.5.3-2] of 3.1.1, [MQTT-2.2.2-2] of 3.1.1, [MQTT-3.1.0-2] of 3.1.1,
// [MQTT-3.3.1-4] of 3.1.1, [MQTT-3.8.3-4] of 3.1.1, [MQTT-3.14.1-1] of 3.1.1, [MQTT-4.8.0-1] of 3.1.1,
// [MQTT-1.5.4-1], [MQTT-1.5.4-2], [MQTT-2.1.3-1], [MQTT-3.1.0-2], [MQTT-3.3.1-2], [MQTT-3.3.1-4], [MQTT-3.3.2-1],
// [MQTT-3.3.2-2], [MQTT-3.6.1-1], [MQTT-3.8.1-1], [MQTT-3.8.3-1], [MQTT-3.8.3-2], [MQTT-3.8.3-5], [MQTT-3.10.1-1],
// [MQTT-3.10.3-1], [MQTT-3.10.3-2], [MQTT-3.14.1-1], [MQTT-4.13.1-1], [MQTT-4.13.2-1], A3 to A7
#[test]
fn breaches_are_told_in_5_0_and_end_the_connection_in_every_dialect() {
    everywhere(async |builder: Builder| {
        let broker = builder.start().expect("a broker");
        let mut bystander = Wire::client(&broker, &Hello::new("bystander")).await;
        bystander.subscribed("a", 0).await;
        for version in [Version::V3_1, Version::V3_1_1, Version::V5] {
            let mut breaches = breaches_of_any(version);
            if version.is_v5() {
                breaches.extend(breaches_of_v5());
            }
            for (number, (bytes, reason)) in breaches.into_iter().enumerate() {
                eprintln!("breach {number} of {version:?}");
                let mut client = Wire::client(&broker, &Hello::new("c").version(version)).await;
                // What came before the breach counts, what comes behind it does not.
                let before = publish("a", "before").bytes(version);
                let behind = publish("a", "behind").bytes(version);
                client.try_send(&[before, bytes, behind].concat()).await;
                if version.is_v5() {
                    client.expect(&format!("DISCONNECT {reason:?}")).await;
                }
                client.expect_end().await;
                bystander.expect("PUBLISH a q0 \"before\"").await;
                bystander.expect_silence().await;
            }
        }
        assert_eq!(broker.counters().await.expect("it runs").clients_connected, 1);
    });
}

// [MQTT-3.3.4-7], A9
#[tokio::test]
async fn more_unreleased_messages_than_granted_are_a_breach_in_5_0() {
    let broker = broker().start().expect("a broker");
    let mut client = Wire::client(&broker, &Hello::new("c")).await;
    let packets: Vec<u8> = (1..=101).flat_map(|id| publish("a", "x").q2(id).bytes(Version::V5)).collect();
    client.send(&packets).await;
    for id in 1..=100 {
        client.expect(&format!("PUBREC #{id} NoMatchingSubscribers")).await;
    }
    client.expect("DISCONNECT ReceiveMaximumExceeded").await;
    client.expect_end().await;
}

// A5, A17
#[tokio::test]
async fn topics_that_are_too_deep_or_the_brokers_own_are_refused_and_the_connection_stays() {
    let broker = broker().start().expect("a broker");
    let mut client = Wire::client(&broker, &Hello::new("c")).await;
    let deep = "a/".repeat(128);
    for (id, topic) in (1..).zip([deep.as_str(), "$SYS/x", "$share/g/x"]) {
        client.send(&publish(topic, "x").q1(id).bytes(Version::V5)).await;
        client.expect(&format!("PUBACK #{id} TopicNameInvalid")).await;
    }
    client.send(&subscribe(9, &deep, 0).and("a", 0).bytes(Version::V5)).await;
    client.expect("SUBACK #9 8f 00").await;
}

// A4
#[tokio::test]
async fn packets_that_are_cut_off_do_nothing() {
    let broker = broker().start().expect("a broker");
    let mut bystander = Wire::client(&broker, &Hello::new("bystander")).await;
    bystander.subscribed("a", 0).await;
    let whole = publish("a", "x").q1(1).bytes(Version::V5);
    for cut in 0..whole.len() {
        let mut client = Wire::client(&broker, &Hello::new("c")).await;
        client.send(&whole[..cut]).await;
        drop(client);
    }
    crate::wire::until(async || broker.counters().await.expect("it runs").clients_connected == 1).await;
    assert_eq!(broker.counters().await.expect("it runs").messages_received, 0);
    bystander.expect_silence().await;
}

#[tokio::test]
async fn a_client_that_said_good_bye_hears_nothing_more_whatever_it_sends_behind() {
    let broker = broker().start().expect("a broker");
    let mut client = Wire::client(&broker, &Hello::new("c")).await;
    client.send(b"\xe0\x00\xff\xff\xff\xff\xff").await;
    client.expect_end().await;
    let mut client = Wire::client(&broker, &Hello::new("c")).await;
    // A session expiry that DISCONNECT may not set is told once, the breach behind it is not.
    client.send(b"\xe0\x07\x00\x05\x11\x00\x00\x00\x09\xff\xff\xff\xff\xff").await;
    client.expect("DISCONNECT ProtocolError").await;
    client.expect_end().await;
}

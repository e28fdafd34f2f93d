//! Packets to bytes and back: what every message pays at both ends.

use super::{Benchmark, Work};
use postrider_proto::{Ack, AckKind, Packet, PacketId, Property, PropertyId, ReasonCode, Text, Topic, Version, split};
use postrider_testkit::{Hello, Pub, ack, publish, subscribe};
use std::hint::black_box;

const TIMES: u64 = 50_000;

pub(super) const ALL: &[Benchmark] = &[
    Benchmark::new("decode/publish-v3", "PUBLISH of 64 bytes, QoS 0, 3.1.1", TIMES, || {
        decoding(message().bytes(Version::V3_1_1), Version::V3_1_1)
    }),
    Benchmark::new("decode/publish-v5", "PUBLISH of 64 bytes, QoS 0, three properties, 5.0", TIMES, || {
        decoding(rich_message().bytes(Version::V5), Version::V5)
    }),
    Benchmark::new("decode/puback", "PUBACK", TIMES, || {
        decoding(ack(AckKind::Puback, 4711, ReasonCode::Success, Version::V3_1_1), Version::V3_1_1)
    }),
    Benchmark::new("decode/connect-v5", "CONNECT with four properties and a user, 5.0", TIMES, || {
        decoding(hello().bytes(), Version::V5)
    }),
    Benchmark::new("decode/subscribe-8", "SUBSCRIBE with 8 filters, 3.1.1", 10_000, subscribing),
    Benchmark::new("decode/topic-ascii", "validation of a topic of 200 ASCII bytes", TIMES, || {
        validating(&"building/floor/room/".repeat(10))
    }),
    Benchmark::new("decode/topic-utf8", "validation of a topic of 200 bytes with umlauts", TIMES, || {
        validating(&"gebäude/stockwerk/räume/".repeat(8)[..200])
    }),
    Benchmark::new("encode/publish-v3", "PUBLISH of 64 bytes, QoS 1, 3.1.1", TIMES, || {
        encoding(message().q1(4711).bytes(Version::V3_1_1), Version::V3_1_1)
    }),
    Benchmark::new("encode/publish-v5", "PUBLISH of 64 bytes, QoS 1, three properties, 5.0", TIMES, || {
        encoding(rich_message().q1(4711).bytes(Version::V5), Version::V5)
    }),
    Benchmark::new("encode/puback", "PUBACK", TIMES, acknowledging),
];

/// What a sensor sends.
pub(super) fn message() -> Pub {
    publish("building/7/floor/3/temperature", "").sized(64)
}

/// The same with Payload Format Indicator, Content Type and a User Property.
pub(super) fn rich_message() -> Pub {
    message()
        .property(Property::Byte(PropertyId::PayloadFormatIndicator, 1))
        .property(Property::Text(PropertyId::ContentType, Text::from("application/json")))
        .property(Property::Pair(Text::from("unit"), Text::from("celsius")))
}

fn hello() -> Hello {
    Hello::new("sensor-0815")
        .keep_alive(60)
        .expiry(3600)
        .property(Property::TwoBytes(PropertyId::ReceiveMaximum, 100))
        .property(Property::TwoBytes(PropertyId::TopicAliasMaximum, 16))
        .property(Property::FourBytes(PropertyId::MaximumPacketSize, 100_000))
        .user("sensor", "a secret of some length")
}

fn decode(bytes: &[u8], version: Version) -> Option<Packet<'_>> {
    let frame = split(bytes, 2_000_000).ok()??;
    Packet::decode(frame, version).ok()
}

fn decoding(bytes: Vec<u8>, version: Version) -> Work {
    assert!(decode(&bytes, version).is_some(), "a packet");
    Work::each(move || {
        black_box(&decode(black_box(&bytes), black_box(version)));
    })
}

fn subscribing() -> Work {
    let mut packet = subscribe(1, "building/+/floor/1/temperature", 1);
    for floor in 2..9 {
        packet = packet.and(&format!("building/+/floor/{floor}/temperature"), 1);
    }
    decoding(packet.bytes(Version::V3_1_1), Version::V3_1_1)
}

fn validating(topic: &str) -> Work {
    let topic = topic.as_bytes().to_vec();
    assert_eq!(topic.len(), 200);
    assert!(Topic::parse(&topic).is_ok(), "a topic");
    Work::each(move || {
        black_box(&Topic::parse(black_box(&topic)).is_ok());
    })
}

/// Decodes once and encodes again and again.
fn encoding(bytes: Vec<u8>, version: Version) -> Work {
    let bytes: &'static [u8] = bytes.leak();
    let packet = decode(bytes, version).expect("a packet");
    let mut out = Vec::with_capacity(256);
    packet.encode(version, &mut out);
    assert_eq!(out, bytes);
    Work::each(move || {
        out.clear();
        black_box(&packet).encode(black_box(version), &mut out);
        black_box(&out);
    })
}

fn acknowledging() -> Work {
    let mut out = Vec::with_capacity(256);
    let mut packet_id = PacketId::FIRST;
    Work::each(move || {
        out.clear();
        packet_id = packet_id.next();
        Ack::new(AckKind::Puback, black_box(packet_id), ReasonCode::Success)
            .encode(black_box(Version::V3_1_1), &mut out);
        black_box(&out);
    })
}

//! Fuzz targets; each is an ordinary test that replays its corpus and then tries random input.
//!
//! With a nightly toolchain, `cargo xtask fuzz <target>` runs the same targets under libFuzzer.

use postrider_proto::{DecodeError, Filter, Packet, Topic, Version, split};

/// What holds for any bytes in any dialect.
fn check(version: Version, bytes: &[u8]) {
    let mut rest = bytes;
    loop {
        let frame = match split(rest, 65_536) {
            Ok(Some(frame)) => frame,
            Ok(None) => return,
            Err(error) => {
                assert!(matches!(error, DecodeError::PacketTooLarge | DecodeError::VarintTooLong));
                return;
            }
        };
        assert!(frame.len <= rest.len() && frame.len >= 2);
        if let Ok(packet) = Packet::decode(frame, version) {
            let version = if let Packet::Connect(connect) = &packet { connect.version } else { version };
            let mut again = Vec::new();
            packet.encode(version, &mut again);
            let frame = split(&again, 1 << 28).expect("own encoding").expect("own encoding is whole");
            assert_eq!(Packet::decode(frame, version), Ok(packet));
        }
        rest = &rest[frame.len..];
    }
}

#[test]
fn frame() {
    bolero::check!().with_iterations(20_000).with_max_len(4096).for_each(|input: &[u8]| {
        if let Ok(Some(frame)) = split(input, 1 << 28) {
            assert_eq!(frame.body.len() + frame.len - frame.body.len(), frame.len);
            assert!(input.len() >= frame.len);
        }
    });
}

#[test]
fn packet_v3_1() {
    bolero::check!().with_iterations(20_000).with_max_len(4096).for_each(|input: &[u8]| check(Version::V3_1, input));
}

#[test]
fn packet_v3_1_1() {
    bolero::check!().with_iterations(20_000).with_max_len(4096).for_each(|input: &[u8]| check(Version::V3_1_1, input));
}

#[test]
fn packet_v5() {
    bolero::check!().with_iterations(20_000).with_max_len(4096).for_each(|input: &[u8]| check(Version::V5, input));
}

#[test]
fn topic_and_filter() {
    bolero::check!().with_iterations(20_000).with_max_len(256).for_each(|input: &[u8]| {
        let cut = input.iter().position(|byte| *byte == 0xFF).unwrap_or(input.len() / 2);
        let (left, right) = input.split_at(cut);
        if let (Ok(topic), Ok(filter)) = (Topic::parse(left), Filter::parse(right)) {
            let _ = filter.matches(topic);
            assert!(filter.level_count() >= 1);
            assert!(Filter::parse(left).expect("a topic is a filter").matches(topic) || left.starts_with(b"$share/"));
        } else if let (Ok(topic), Ok(filter)) = (Topic::parse(right), Filter::parse(left)) {
            let _ = filter.matches(topic);
        }
    });
}

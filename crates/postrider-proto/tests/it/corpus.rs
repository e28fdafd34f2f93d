//! The saved corpus of the fuzz targets: it is there, and no file of it makes a decoder panic.

use postrider_proto::{Filter, Packet, Topic, Version, split};
use std::fs;
use std::path::Path;

/// Every file of one target's corpus, whole; a target itself reads no more than its first 4,096 bytes.
fn inputs(target: &str) -> Vec<Vec<u8>> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let folder = tests.join("__fuzz__").join(format!("fuzz__{target}")).join("corpus");
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    files.map(|file| fs::read(file.expect("entry").path()).expect("corpus file")).collect()
}

fn decode_all(version: Version, bytes: &[u8]) {
    let mut rest = bytes;
    while let Ok(Some(frame)) = split(rest, 1 << 28) {
        if let Ok(packet) = Packet::decode(frame, version) {
            let mut again = Vec::new();
            packet.encode(version, &mut again);
            assert!(matches!(split(&again, 1 << 28), Ok(Some(_))), "{packet:?} does not survive encoding");
        }
        rest = &rest[frame.len..];
    }
}

#[test]
fn every_saved_packet_is_decoded_in_every_version_without_a_panic() {
    for (target, count_min) in [("frame", 100), ("packet_v3_1", 50), ("packet_v3_1_1", 100), ("packet_v5", 100)] {
        let inputs = inputs(target);
        assert!(inputs.len() >= count_min, "{target} has {} files; `cargo xtask corpus` writes them", inputs.len());
        for bytes in inputs {
            for version in [Version::V3_1, Version::V3_1_1, Version::V5] {
                decode_all(version, &bytes);
            }
        }
    }
}

#[test]
fn every_saved_topic_and_filter_is_parsed_and_matched_without_a_panic() {
    let inputs = inputs("topic_and_filter");
    assert!(inputs.len() >= 20, "{} files; `cargo xtask corpus` writes them", inputs.len());
    for bytes in inputs {
        let cut = bytes.iter().position(|byte| *byte == 0xFF).expect("a topic, ff, a filter");
        let (topic, filter) = (&bytes[..cut], &bytes[cut + 1..]);
        if let (Ok(topic), Ok(filter)) = (Topic::parse(topic), Filter::parse(filter)) {
            let _ = filter.matches(topic);
        }
    }
}

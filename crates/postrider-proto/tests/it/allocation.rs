//! How much memory decoding asks for, counted by the allocator.

use crate::golden;
use allocation_counter::measure;
use postrider_proto::{Packet, Version, split};

fn asked_by(work: impl FnOnce()) -> u64 {
    measure(work).bytes_total
}

#[test]
fn decoding_asks_for_at_most_twice_the_input_and_one_kibibyte() {
    for (version, bytes) in golden::packets() {
        let asked = asked_by(|| {
            if let Ok(Some(frame)) = split(&bytes, 1 << 28) {
                let _ = Packet::decode(frame, version).map(drop);
            }
        });
        assert!(asked <= 2 * bytes.len() as u64 + 1024, "{} bytes asked for {asked}", bytes.len());
    }
}

#[test]
fn decoding_a_publish_asks_for_nothing() {
    let mut bytes = vec![0x32, 0x80, 0x08];
    bytes.extend_from_slice(b"\x00\x03a/b\x00\x07\x00");
    bytes.resize(3 + 1024, b'x');
    let asked = asked_by(|| {
        let frame = split(&bytes, 1 << 28).expect("fits").expect("whole");
        assert!(Packet::decode(frame, Version::V5).is_ok());
    });
    assert_eq!(asked, 0);
}

#[test]
fn a_frame_that_claims_256_mb_costs_nothing_before_its_bytes_came() {
    let asked = asked_by(|| {
        assert_eq!(split(&[0x10, 0xFF, 0xFF, 0xFF, 0x7F, 0, 4, b'M'], 1 << 29), Ok(None));
    });
    assert_eq!(asked, 0);
}

//! Encoding and decoding undo each other.

use crate::strategies::encoded;
use postrider_proto::{Packet, Version, split};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn what_was_encoded_decodes_and_encodes_to_the_same_bytes((version, bytes) in encoded()) {
        let frame = split(&bytes, 1 << 28).expect("fits").expect("whole");
        prop_assert_eq!(frame.len, bytes.len());
        let version = if frame.header >> 4 == 15 { Version::V5 } else { version };
        let packet = Packet::decode(frame, version);
        prop_assert!(packet.is_ok(), "{:?} from {:02x?}", packet, bytes);
        let mut again = Vec::new();
        packet.expect("just looked").encode(version, &mut again);
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn a_legal_packet_with_any_byte_changed_never_panics(
        (version, bytes) in encoded(), at in any::<proptest::sample::Index>(), value in any::<u8>()
    ) {
        let mut bytes = bytes;
        let at = at.index(bytes.len());
        bytes[at] = value;
        for version in [version, Version::V3_1, Version::V3_1_1, Version::V5] {
            if let Ok(Some(frame)) = split(&bytes, 1 << 28) {
                let _ = Packet::decode(frame, version);
            }
        }
    }
}

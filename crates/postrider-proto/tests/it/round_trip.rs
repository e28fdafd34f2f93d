//! Encoding and decoding undo each other.

use crate::strategies::encoded;
use postrider_proto::{Ack, AckKind, DecodeError, Frame, Packet, PacketId, ReasonCode, Version, split};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    // A length that is longer than it needs to be does not decode. [MQTT-1.5.5-1]
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

// [MQTT-2.2.1-3]
#[test]
fn an_acknowledgement_of_two_bytes_means_success_and_never_has_identifier_0() {
    for (header, kind) in
        [(0x40, AckKind::Puback), (0x50, AckKind::Pubrec), (0x62, AckKind::Pubrel), (0x70, AckKind::Pubcomp)]
    {
        for number in 0..=u16::MAX {
            let body = number.to_be_bytes();
            let frame = Frame { header, body: &body, len: 4, is_minimal: true };
            let expected =
                PacketId::new(number).map(|packet_id| Packet::Ack(Ack::new(kind, packet_id, ReasonCode::Success)));
            for version in [Version::V3_1, Version::V3_1_1, Version::V5] {
                assert_eq!(Packet::decode(frame, version), expected.clone().ok_or(DecodeError::PacketIdZero));
            }
        }
    }
}

//! Every packet cut at every byte, and with a wrong remaining length.

use crate::golden;
use postrider_proto::{DecodeError, Packet, VARINT_MAX, split, write_varint};

// [MQTT-4.13.1-1]
#[test]
fn a_packet_cut_at_any_byte_is_incomplete_and_never_decodes() {
    for (_, bytes) in golden::packets() {
        for end in 0..bytes.len() {
            match split(&bytes[..end], 1 << 28) {
                Ok(None) | Err(DecodeError::VarintTooLong) => {}
                other => panic!("{bytes:02x?} cut at {end}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_body_cut_at_any_byte_under_a_fitting_length_never_panics() {
    for (version, bytes) in golden::packets() {
        let Ok(Some(frame)) = split(&bytes, 1 << 28) else { continue };
        let whole = Packet::decode(frame, version).is_ok();
        for end in 0..=frame.body.len() + 1 {
            let mut body = frame.body.to_vec();
            body.resize(end, 0);
            let mut packet = vec![frame.header];
            write_varint(u32::try_from(end).expect("small"), &mut packet);
            packet.extend_from_slice(&body);
            let cut = split(&packet, 1 << 28).expect("length fits").expect("whole");
            let result = Packet::decode(cut, version);
            if end == frame.body.len() {
                assert_eq!(result.is_ok(), whole || !frame.is_minimal);
            }
        }
    }
}

#[test]
fn a_packet_larger_than_allowed_is_refused_as_soon_as_its_length_is_known() {
    let mut claim = vec![0x30];
    write_varint(VARINT_MAX, &mut claim);
    assert_eq!(split(&claim, 2_000_000), Err(DecodeError::PacketTooLarge));
    assert_eq!(split(&[0x30, 0x10], 17), Err(DecodeError::PacketTooLarge));
    assert_eq!(split(&[0x30, 0x10], 18), Ok(None));
}

// SAG-26: the lengths at which the width of a remaining length changes.
#[test]
fn remaining_lengths_round_trip_at_every_change_of_width() {
    for value in [0u32, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455] {
        let mut bytes = vec![0xD0];
        write_varint(value, &mut bytes);
        assert_eq!(bytes.len() - 1, postrider_proto::varint_len(value));
        assert_eq!(postrider_proto::Frame::announced_len(&bytes), Some(bytes.len() + value as usize));
    }
    assert_eq!(split(&[0x30, 0xFF, 0xFF, 0xFF, 0xFF], 1 << 29), Err(DecodeError::VarintTooLong));
    assert_eq!(split(&[0x30, 0xFF, 0xFF, 0xFF], 1 << 29), Ok(None));
}

//! Variable byte integers: seven bits a byte, least significant first, at most four bytes.
//!
//! Spec: 1.5.5 (5.0), 2.2.3 (3.1.1).

/// The largest value a variable byte integer holds: 268,435,455.
pub const VARINT_MAX: u32 = 0x0FFF_FFFF;

/// What the bytes at the head of an input say.
pub(crate) enum Varint {
    /// A whole integer, and how many bytes it took.
    Whole { value: u32, width: usize },
    /// The input ends inside the integer.
    Partial,
    /// A fifth byte would be needed.
    TooLong,
}

/// Reads the integer at the head of `bytes`.
#[inline]
pub(crate) fn read_varint(bytes: &[u8]) -> Varint {
    let mut value = 0u32;
    for (width, byte) in bytes.iter().take(4).enumerate() {
        value |= u32::from(byte & 0x7F) << (7 * width);
        if byte & 0x80 == 0 {
            return Varint::Whole { value, width: width + 1 };
        }
    }
    if bytes.len() < 4 { Varint::Partial } else { Varint::TooLong }
}

/// How many bytes the shortest encoding of `value` takes, 1 to 4. [MQTT-1.5.5-1]
///
/// Values above [`VARINT_MAX`] count as four bytes; callers bound packets long before.
#[inline]
#[must_use]
pub const fn varint_len(value: u32) -> usize {
    match value {
        0..=0x7F => 1,
        0x80..=0x3FFF => 2,
        0x4000..=0x1F_FFFF => 3,
        _ => 4,
    }
}

/// Appends the shortest encoding of `value`, of which only the lowest 28 bits count. [MQTT-1.5.5-1]
#[inline]
pub fn write_varint(mut value: u32, out: &mut Vec<u8>) {
    value &= VARINT_MAX;
    loop {
        let low = (value & 0x7F).to_le_bytes()[0];
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

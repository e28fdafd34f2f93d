//! Numbers in as few bytes as they need, for what is kept: seven bits a byte, the lowest first.

/// Writes a number behind what is there.
pub fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7F {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// Takes a number from the front of what is left.
///
/// # Errors
/// Says what is wrong, as [`NumberError`].
pub fn take_number(rest: &mut &[u8]) -> Result<u64, NumberError> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, tail) = rest.split_first().ok_or(NumberError::TooShort)?;
        *rest = tail;
        number |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(NumberError::TooLarge)
}

/// Why there is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberError {
    /// The bytes end before it does.
    TooShort,
    /// It has more than 64 bits.
    TooLarge,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_comes_back_from_as_few_bytes_as_it_needs_and_a_broken_one_is_told() {
        for (number, len) in [(0, 1), (0x7F, 1), (0x80, 2), (300, 2), (u64::from(u32::MAX), 5), (u64::MAX, 10)] {
            let mut bytes = Vec::new();
            put_number(&mut bytes, number);
            assert_eq!(bytes.len(), len);
            assert_eq!(take_number(&mut &bytes[..len - 1]), Err(NumberError::TooShort));
            bytes.push(9);
            let mut rest = &bytes[..];
            assert_eq!((take_number(&mut rest), rest), (Ok(number), &[9][..]));
        }
        assert_eq!(take_number(&mut &[0xFF; 11][..]), Err(NumberError::TooLarge));
    }
}

//! Hexadecimal text of the golden files.

/// Bytes of a line such as `30 05 0001 61`; white space is free.
pub(crate) fn parse(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    assert!(digits.len().is_multiple_of(2), "odd number of digits in {text:?}");
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).expect("two digits make a byte")).collect()
}

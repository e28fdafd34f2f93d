//! PSK files: `identity:hexkey` a line.
//!
//! Owns: their form and its bounds.
//! Never: shows a key.

use super::fault::Faults;
use super::lines::At;
use crate::Fault;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Keys by identity.
pub type PskKeys = BTreeMap<String, Zeroizing<Vec<u8>>>;

/// Reads the text of a PSK file. `name` is for errors.
///
/// # Errors
///
/// Every line that is no identity and key, and identities that come twice.
pub fn psk_file(name: &str, text: &str) -> Result<PskKeys, Vec<Fault>> {
    let (mut keys, mut faults) = (PskKeys::new(), Faults::default());
    for (index, line) in text.lines().enumerate() {
        let at = At { file: name.into(), line: u32::try_from(index + 1).unwrap_or(u32::MAX) };
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match pair(line) {
            Ok((identity, key)) => {
                if keys.insert(identity.to_owned(), key).is_some() {
                    faults.add(&at, format!("the identity `{identity}` comes twice; take one away"));
                }
            }
            Err(what) => faults.add(&at, what),
        }
    }
    faults.or(keys)
}

fn pair(line: &str) -> Result<(&str, Zeroizing<Vec<u8>>), &'static str> {
    let (identity, digits) = line.split_once(':').ok_or("no colon; a line is `identity:hexkey`")?;
    if identity.is_empty() || identity.len() > IDENTITY_BYTES_MAX {
        return Err("an identity has 1 to 128 bytes");
    }
    if digits.is_empty() || digits.len() > 2 * KEY_BYTES_MAX {
        return Err("a key has 1 to 64 bytes, two hexadecimal digits each");
    }
    let digits = digits.bytes().map(digit).collect::<Option<Vec<u8>>>();
    let digits = Zeroizing::new(digits.ok_or("a key has hexadecimal digits only")?);
    // An odd number of digits stands for one with a zero in front, as mosquitto reads it.
    let (first, pairs) = digits.split_at(digits.len() % 2);
    let pairs = pairs.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]);
    Ok((identity, Zeroizing::new(first.iter().copied().chain(pairs).collect())))
}

fn digit(letter: u8) -> Option<u8> {
    char::from(letter).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// RFC 4279, section 5.3: every implementation takes identities of this length.
const IDENTITY_BYTES_MAX: usize = 128;
/// The same, of keys.
const KEY_BYTES_MAX: usize = 64;

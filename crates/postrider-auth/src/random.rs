//! Chance, for salts and keys.

/// Bytes that nobody can foresee.
///
/// # Errors
/// The system has none to give.
pub(crate) fn bytes<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(bytes)
}

//! Version 1, a line of text.

use super::ProxyError;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The longest line, its end with it.
pub(super) const LINE_BYTES_MAX: usize = 107;
/// What every line begins with.
pub(super) const BEGINNING: &[u8; 6] = b"PROXY ";

/// The source in a line without its end; `None` if the proxy does not know it.
pub(super) fn source(line: &[u8]) -> Result<Option<SocketAddr>, ProxyError> {
    let line = std::str::from_utf8(line).map_err(|_| ProxyError::Malformed)?;
    let fields: Vec<&str> = line.split(' ').collect();
    match fields[..] {
        ["PROXY", "UNKNOWN", ..] => Ok(None),
        ["PROXY", "TCP4", source, destination, source_port, destination_port] => {
            let address = |text: &str| text.parse::<Ipv4Addr>().map(IpAddr::V4).map_err(|_| ProxyError::Malformed);
            address(destination)?;
            port(destination_port)?;
            Ok(Some(SocketAddr::new(address(source)?, port(source_port)?)))
        }
        ["PROXY", "TCP6", source, destination, source_port, destination_port] => {
            let address = |text: &str| text.parse::<Ipv6Addr>().map_err(|_| ProxyError::Malformed);
            address(destination)?;
            port(destination_port)?;
            Ok(Some(SocketAddr::new(address(source)?.to_canonical(), port(source_port)?)))
        }
        _ => Err(ProxyError::Malformed),
    }
}

fn port(text: &str) -> Result<u16, ProxyError> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_plain).ok_or(ProxyError::Malformed)
}

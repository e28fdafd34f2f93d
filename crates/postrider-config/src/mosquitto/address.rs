//! Addresses of mosquitto.conf: where a listener listens and where a bridge goes to.
//!
//! Owns: the texts of both.
//! Never: asks a name server.

use super::value::port;
use crate::model::BridgeAddress;

/// `port [host or path]`. Port 0 needs the path of a Unix socket. A trailing comment is left out.
pub(super) fn place(text: &str) -> Result<(u16, String), String> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let port = port(word, 0)?;
    let rest = rest.trim();
    if port == 0 {
        let path = rest.split(" #").next().unwrap_or("").trim();
        let is_path = !path.is_empty() && !path.starts_with('#');
        return if is_path {
            Ok((0, path.to_owned()))
        } else {
            Err("with port 0 needs the path of a socket".to_owned())
        };
    }
    let host = rest.split_whitespace().next().filter(|host| !host.starts_with('#'));
    Ok((port, host.unwrap_or("").to_owned()))
}

/// One or more of `host[:port]`. What is behind the last colon is the port, so IPv6 needs one.
pub(super) fn list(text: &str) -> Result<Vec<BridgeAddress>, String> {
    let words = text.split_whitespace().take_while(|word| !word.starts_with('#'));
    let addresses = words.map(address).collect::<Result<Vec<_>, _>>()?;
    if addresses.is_empty() { Err("has no address".to_owned()) } else { Ok(addresses) }
}

fn address(word: &str) -> Result<BridgeAddress, String> {
    let (host, port) = match word.rsplit_once(':') {
        Some((host, digits)) => (host, port(digits, 1)?),
        None => (word, 1883),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if host.is_empty() || host.ends_with(':') {
        return Err(format!("`{word}` is no host and port; write IPv6 as `[::1]:1883`"));
    }
    Ok(BridgeAddress { host: host.to_owned(), port })
}

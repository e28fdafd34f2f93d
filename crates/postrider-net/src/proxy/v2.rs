//! Version 2, in bytes.

use super::{Forwarded, ForwardedTls, ProxyError};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What every header begins with.
pub(super) const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, command, family and length.
pub(super) const HEAD_BYTES: usize = 16;
/// The whole header that is looked at; what it says beyond that is skipped.
pub(super) const HEADER_BYTES_MAX: usize = 536;

/// What stands behind the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    is_local: bool,
    family: Family,
    /// Of everything behind the head.
    pub(super) len: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Unspecified,
    Ipv4,
    Ipv6,
    Unix,
}

impl Family {
    const fn bytes(self) -> usize {
        match self {
            Self::Unspecified => 0,
            Self::Ipv4 => 12,
            Self::Ipv6 => 36,
            Self::Unix => 216,
        }
    }
}

/// Reads command, family and length.
pub(super) fn head(bytes: [u8; 4]) -> Result<Head, ProxyError> {
    let [command, family, high, low] = bytes;
    let is_local = match command {
        0x20 => true,
        0x21 => false,
        _ => return Err(ProxyError::Malformed),
    };
    let family = match family {
        0x00 => Family::Unspecified,
        0x11 => Family::Ipv4,
        0x21 => Family::Ipv6,
        0x31 => Family::Unix,
        // A local connection's family is not to be looked at.
        _ if is_local => Family::Unspecified,
        _ => return Err(ProxyError::Malformed),
    };
    Ok(Head { is_local, family, len: u16::from_be_bytes([high, low]) })
}

/// Reads what stands behind the head, which may have been cut off at [`HEADER_BYTES_MAX`].
pub(super) fn body(head: Head, body: &[u8]) -> Result<Forwarded, ProxyError> {
    if head.is_local {
        return Ok(Forwarded::default());
    }
    let bytes = head.family.bytes();
    let (addresses, extensions) = body.split_at_checked(bytes).ok_or(ProxyError::Malformed)?;
    let is_cut = body.len() < usize::from(head.len);
    Ok(Forwarded { source: source(head.family, addresses), tls: tls(extensions, is_cut)? })
}

fn source(family: Family, addresses: &[u8]) -> Option<SocketAddr> {
    let port = |at: usize| addresses.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes);
    match family {
        Family::Ipv4 => {
            let octets: [u8; 4] = *addresses.first_chunk()?;
            Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::from(octets)), port(8)?))
        }
        Family::Ipv6 => {
            let octets: [u8; 16] = *addresses.first_chunk()?;
            Some(SocketAddr::new(Ipv6Addr::from(octets).to_canonical(), port(32)?))
        }
        Family::Unspecified | Family::Unix => None,
    }
}

/// PP2_TYPE_SSL and PP2_SUBTYPE_SSL_CN.
const TLS: u8 = 0x20;
const COMMON_NAME: u8 = 0x22;
/// PP2_CLIENT_SSL; PP2_CLIENT_CERT_CONN and PP2_CLIENT_CERT_SESS.
const WITH_TLS: u8 = 0x01;
const WITH_CERTIFICATE: u8 = 0x02 | 0x04;

/// Looks for what is said of TLS.
fn tls(extensions: &[u8], is_cut: bool) -> Result<Option<ForwardedTls>, ProxyError> {
    let Some(value) = find(extensions, TLS, is_cut)? else { return Ok(None) };
    let Some((&[client, v0, v1, v2, v3], names)) = value.split_first_chunk() else { return Err(ProxyError::Malformed) };
    if client & WITH_TLS == 0 {
        return Ok(None);
    }
    let is_verified = client & WITH_CERTIFICATE != 0 && [v0, v1, v2, v3] == [0; 4];
    let name = find(names, COMMON_NAME, false)?.map(<[u8]>::to_vec);
    let name = name.map(String::from_utf8).transpose().map_err(|_| ProxyError::Malformed)?;
    let common_name = name.filter(|name| is_verified && !name.is_empty() && !name.contains('\0'));
    Ok(Some(ForwardedTls { is_verified, common_name }))
}

/// The first extension of a kind. All of them are looked at, as far as they were read.
fn find(mut extensions: &[u8], wanted: u8, is_cut: bool) -> Result<Option<&[u8]>, ProxyError> {
    let mut found = None;
    while !extensions.is_empty() {
        let whole = extensions.split_first_chunk().and_then(|(&[kind, high, low], rest)| {
            let len = usize::from(u16::from_be_bytes([high, low]));
            Some((kind, rest.split_at_checked(len)?))
        });
        match whole {
            Some((kind, (value, rest))) => {
                if kind == wanted && found.is_none() {
                    found = Some(value);
                }
                extensions = rest;
            }
            None if is_cut => break,
            None => return Err(ProxyError::Malformed),
        }
    }
    Ok(found)
}

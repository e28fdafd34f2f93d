//! Reads the header from a connection.
//!
//! Never: makes room for a length that the far end has announced.

use super::{v1, v2};
use crate::{Address, Network};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Who may say whom it connects, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyOptions {
    /// The networks of the proxies. Everybody else is refused. Who comes through a Unix socket is trusted.
    pub trusted: Vec<Network>,
    /// What may be spoken.
    pub versions: ProxyVersions,
    /// Refuses clients that do not use TLS towards the proxy; only version 2 can say so.
    pub requires_tls: bool,
}

/// Versions of the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxyVersions {
    /// 1 and 2.
    #[default]
    Any,
    /// A line of text.
    V1,
    /// Bytes.
    V2,
}

/// What a proxy says of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forwarded {
    /// Where it comes from; `None` where the proxy speaks for itself, or does not know.
    pub source: Option<SocketAddr>,
    /// About TLS between the client and the proxy, if it is used.
    pub tls: Option<ForwardedTls>,
}

/// What a proxy says of a client's TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForwardedTls {
    /// The client has shown a certificate, and the proxy has verified it.
    pub is_verified: bool,
    /// The common name in that certificate.
    pub common_name: Option<String>,
}

/// Why a connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyError {
    /// It does not come from a proxy that is trusted.
    Untrusted,
    /// It does not begin with a header.
    Missing,
    /// A header of a version that is not allowed.
    Version,
    /// The header is wrong.
    Malformed,
    /// The client does not use TLS.
    WithoutTls,
}

/// Reads a header, and nothing behind it.
///
/// # Errors
/// What the stream says; [`io::ErrorKind::InvalidData`] with a [`ProxyError`] in it.
pub async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    from: &Address,
    options: &ProxyOptions,
) -> io::Result<Forwarded> {
    let is_trusted = match from {
        Address::Tcp(address) => options.trusted.iter().any(|network| network.contains(address.ip())),
        Address::Unix(_) => true,
    };
    if !is_trusted {
        return Err(ProxyError::Untrusted.into());
    }
    let mut beginning = [0; v2::SIGNATURE.len()];
    // Each byte that cannot be of a header ends the reading.
    let mut read = 0;
    while read < beginning.len() {
        let count = stream.read(&mut beginning[read..]).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        read += count;
        check_beginning(&beginning[..read])?;
    }
    let forwarded = if beginning == *v2::SIGNATURE {
        options.allow(ProxyVersions::V2)?;
        read_v2(stream).await?
    } else {
        options.allow(ProxyVersions::V1)?;
        let source = read_v1(stream, &beginning).await?;
        Forwarded { source, tls: None }
    };
    if options.requires_tls && forwarded.tls.is_none() {
        return Err(ProxyError::WithoutTls.into());
    }
    Ok(forwarded)
}

/// A header at the beginning of some bytes and its length; `None` if they end before it does.
///
/// # Errors
/// What is wrong with it.
pub fn parse(bytes: &[u8]) -> Result<Option<(Forwarded, usize)>, ProxyError> {
    let beginning = &bytes[..bytes.len().min(v2::SIGNATURE.len())];
    check_beginning(beginning)?;
    if beginning.len() < v2::SIGNATURE.len() {
        return Ok(None);
    }
    if beginning == v2::SIGNATURE {
        let Some(head) = bytes[beginning.len()..].first_chunk() else { return Ok(None) };
        let head = v2::head(*head)?;
        let end = v2::HEAD_BYTES + usize::from(head.len);
        let Some(body) = bytes.get(v2::HEAD_BYTES..end) else { return Ok(None) };
        let seen = body.len().min(v2::HEADER_BYTES_MAX - v2::HEAD_BYTES);
        return v2::body(head, &body[..seen]).map(|forwarded| Some((forwarded, end)));
    }
    let line = &bytes[..bytes.len().min(v1::LINE_BYTES_MAX)];
    match line.iter().position(|byte| *byte == b'\n') {
        Some(end) => {
            let line = line[..end].strip_suffix(b"\r").ok_or(ProxyError::Malformed)?;
            Ok(Some((Forwarded { source: v1::source(line)?, tls: None }, end + 1)))
        }
        None if line.len() == v1::LINE_BYTES_MAX => Err(ProxyError::Malformed),
        None => Ok(None),
    }
}

fn check_beginning(bytes: &[u8]) -> Result<(), ProxyError> {
    let line = &bytes[..bytes.len().min(v1::BEGINNING.len())];
    let is_header = v2::SIGNATURE.starts_with(bytes) || v1::BEGINNING.starts_with(line);
    if is_header { Ok(()) } else { Err(ProxyError::Missing) }
}

/// The rest of a line, byte by byte: what follows is for others to read.
async fn read_v1(stream: &mut (impl AsyncRead + Unpin), beginning: &[u8]) -> io::Result<Option<SocketAddr>> {
    let mut line = [0; v1::LINE_BYTES_MAX];
    line[..beginning.len()].copy_from_slice(beginning);
    // The shortest line, PROXY UNKNOWN, is longer than the beginning.
    for at in beginning.len()..line.len() {
        line[at] = stream.read_u8().await?;
        if let Some((forwarded, _)) = parse(&line[..=at])? {
            return Ok(forwarded.source);
        }
    }
    Err(ProxyError::Malformed.into())
}

async fn read_v2(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Forwarded> {
    let mut head = [0; v2::HEAD_BYTES - v2::SIGNATURE.len()];
    stream.read_exact(&mut head).await?;
    let head = v2::head(head)?;
    let mut buffer = [0; v2::HEADER_BYTES_MAX - v2::HEAD_BYTES];
    let seen = usize::from(head.len).min(buffer.len());
    stream.read_exact(&mut buffer[..seen]).await?;
    let forwarded = v2::body(head, &buffer[..seen])?;
    let mut left = usize::from(head.len) - seen;
    while left > 0 {
        let count = left.min(buffer.len());
        stream.read_exact(&mut buffer[..count]).await?;
        left -= count;
    }
    Ok(forwarded)
}

impl ProxyOptions {
    /// Trusts these networks, in either version.
    #[must_use]
    pub const fn trusting(trusted: Vec<Network>) -> Self {
        Self { trusted, versions: ProxyVersions::Any, requires_tls: false }
    }

    fn allow(&self, version: ProxyVersions) -> Result<(), ProxyError> {
        let is_allowed = self.versions == ProxyVersions::Any || self.versions == version;
        if is_allowed { Ok(()) } else { Err(ProxyError::Version) }
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Untrusted => "it comes from no proxy that is trusted",
            Self::Missing => "it does not begin with a PROXY header",
            Self::Version => "its PROXY header is of a version that is not allowed here",
            Self::Malformed => "its PROXY header is malformed",
            Self::WithoutTls => "its PROXY header does not say that the client uses TLS",
        })
    }
}

impl std::error::Error for ProxyError {}

impl From<ProxyError> for io::Error {
    fn from(error: ProxyError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

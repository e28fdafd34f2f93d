//! The ends of connections: TCP addresses and paths of Unix sockets.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Where something listens, or comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An IP address and a port.
    Tcp(SocketAddr),
    /// A Unix socket; of the far end nothing is known but the listener's path.
    Unix(PathBuf),
}

impl Address {
    /// The IP address and port, if it has them.
    #[must_use]
    pub const fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

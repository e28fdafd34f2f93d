//! The one error of the public interface.

use std::fmt;
use std::io;
use std::net::SocketAddr;

/// Why a broker could not be started or did not do what it was asked.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    source: Option<io::Error>,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An address could not be listened on.
    Listen(SocketAddr),
    /// A thread could not be started.
    Thread,
    /// The broker has stopped.
    Stopped,
}

impl Error {
    pub(crate) const fn new(kind: ErrorKind, source: io::Error) -> Self {
        Self { kind, source: Some(source) }
    }

    pub(crate) const fn stopped() -> Self {
        Self { kind: ErrorKind::Stopped, source: None }
    }

    /// What kind of error it is.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// True when the address that was to be listened on is in use.
    #[must_use]
    pub fn is_address_in_use(&self) -> bool {
        self.source.as_ref().is_some_and(|source| source.kind() == io::ErrorKind::AddrInUse)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ErrorKind::Listen(address) => write!(f, "cannot listen on {address}"),
            ErrorKind::Thread => f.write_str("cannot start a thread"),
            ErrorKind::Stopped => f.write_str("the broker has stopped"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

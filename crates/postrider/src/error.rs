//! The one error of the public interface.

use postrider_net::tls::TlsError;
use std::fmt;
use std::io;
use std::net::SocketAddr;

/// Why a broker could not be started or did not do what it was asked.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    what: Option<String>,
    advice: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An address could not be listened on.
    Listen(SocketAddr),
    /// A Unix socket, or one that was inherited, could not be listened on.
    ListenElsewhere,
    /// The files that TLS needs cannot be used.
    Tls,
    /// A thread could not be started.
    Thread,
    /// The broker has stopped.
    Stopped,
    /// Another process uses the data directory.
    InUse,
    /// The data directory holds no data, and none was to be made.
    NoStore,
    /// A later version wrote the data.
    Newer,
    /// The data is not as it was written.
    Damaged,
    /// The data directory cannot be read or written.
    Device,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, source: io::Error) -> Self {
        Self { kind, what: None, advice: None, source: Some(Box::new(source)) }
    }

    /// About the data directory: what is wrong, why, and what to do.
    pub(crate) fn of_store(
        kind: ErrorKind,
        what: String,
        source: impl std::error::Error + Send + Sync + 'static,
        advice: String,
    ) -> Self {
        Self { kind, what: Some(what), advice: Some(advice), source: Some(Box::new(source)) }
    }

    /// About a listener that is not at a TCP address.
    pub(crate) fn of_listener(what: &str, source: io::Error) -> Self {
        let what = format!("cannot listen on {what}");
        Self { kind: ErrorKind::ListenElsewhere, what: Some(what), advice: None, source: Some(Box::new(source)) }
    }

    pub(crate) fn of_tls(source: TlsError) -> Self {
        Self { kind: ErrorKind::Tls, what: None, advice: None, source: Some(Box::new(source)) }
    }

    pub(crate) const fn stopped() -> Self {
        Self { kind: ErrorKind::Stopped, what: None, advice: None, source: None }
    }

    /// What kind of error it is.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What to do about it, if the broker knows.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.advice.as_deref()
    }

    /// True when the address that was to be listened on is in use.
    #[must_use]
    pub fn is_address_in_use(&self) -> bool {
        let source = self.source.as_ref().and_then(|source| source.downcast_ref::<io::Error>());
        source.is_some_and(|source| source.kind() == io::ErrorKind::AddrInUse)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.what, self.kind) {
            (Some(what), _) => f.write_str(what),
            (None, ErrorKind::Listen(address)) => write!(f, "cannot listen on {address}"),
            (None, ErrorKind::ListenElsewhere) => f.write_str("cannot listen"),
            (None, ErrorKind::Tls) => f.write_str("TLS cannot be used"),
            (None, ErrorKind::Thread) => f.write_str("cannot start a thread"),
            (None, ErrorKind::Stopped) => f.write_str("the broker has stopped"),
            (None, ErrorKind::InUse | ErrorKind::NoStore | ErrorKind::Newer) => f.write_str("the data is not for us"),
            (None, ErrorKind::Damaged | ErrorKind::Device) => f.write_str("the data cannot be used"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

//! A way to a server, ready to be gone again and again.

use super::place::{Parts, Place};
use super::{Proxy, Tls, TlsOptions, WebSocket};
use std::io;
use std::net::IpAddr;

/// Where to connect, and through what. [`Route::open`] goes it, [`Route::open_blocking`] without a runtime.
#[derive(Clone, Debug)]
pub struct Route {
    /// The server.
    pub place: Place,
    /// The address of this machine to start from. Default: the system chooses.
    pub bind: Option<IpAddr>,
    /// A SOCKS5 proxy between. Default: none.
    pub proxy: Option<Proxy>,
    /// TLS. Default: none.
    pub tls: Option<Tls>,
    /// WebSocket, within TLS if there is that too. Default: none.
    pub web: Option<WebSocket>,
}

impl Route {
    /// Straight to a place.
    #[must_use]
    pub const fn new(place: Place) -> Self {
        Self { place, bind: None, proxy: None, tls: None, web: None }
    }

    /// The way that an address asks for: `host:port`, or a URL with `mqtt`, `mqtts`, `ws`, `wss` or `unix`.
    /// TLS is `tls` or, without that, as the system's certificates have it.
    ///
    /// # Errors
    /// The address is none, or the system's certificates cannot be read.
    pub fn parse(address: &str, tls: Option<&Tls>) -> io::Result<Self> {
        let Parts { scheme, place, path } = Parts::parse(address)?;
        let mut route = Self::new(place);
        if scheme.is_tls() {
            let tls = tls.cloned().map_or_else(|| TlsOptions::default().load(), Ok)?;
            route.tls = Some(tls);
        }
        if scheme.is_web() {
            route.web = Some(WebSocket::default());
        }
        if let (Some(web), Some(path)) = (&mut route.web, path) {
            web.path = path;
        }
        Ok(route)
    }

    /// What the server is called in TLS and HTTP; a socket on this machine has no name of its own.
    pub(super) fn host(&self) -> &str {
        match &self.place {
            Place::Tcp { host, .. } => host,
            Place::Unix(_) => "localhost",
        }
    }

    /// The layers in one word, such as `mqtts` or `ws over unix`.
    #[must_use]
    pub fn transport(&self) -> String {
        let name = match (&self.tls, &self.web) {
            (None, None) => "mqtt",
            (Some(_), None) => "mqtts",
            (None, Some(_)) => "ws",
            (Some(_), Some(_)) => "wss",
        };
        match self.place {
            Place::Tcp { .. } => name.to_owned(),
            Place::Unix(_) => format!("{name} over unix"),
        }
    }
}

impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.place {
            Place::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Place::Tcp { host, port } => write!(f, "{host}:{port}"),
            Place::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

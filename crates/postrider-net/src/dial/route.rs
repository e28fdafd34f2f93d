//! A way to a server, ready to be gone again and again.

use super::place::{Parts, Place, Scheme};
use super::{Proxy, Tls, TlsOptions, WebSocket};
use std::io;
use std::net::{IpAddr, ToSocketAddrs};

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

    /// The same with the host's name looked up, once and for all; in TLS the server still has to be called so.
    ///
    /// # Errors
    /// The host has no address.
    pub fn resolved(mut self) -> io::Result<Self> {
        let Place::Tcp { host, port } = &self.place else { return Ok(self) };
        let mut found = (&**host, *port).to_socket_addrs()?;
        let nothing = || io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address"));
        let address = found.next().ok_or_else(nothing)?.ip().to_string();
        if let Some(tls) = &mut self.tls {
            tls.server_name.get_or_insert_with(|| (**host).into());
        }
        self.place = Place::Tcp { host: address.into(), port: *port };
        Ok(self)
    }

    /// As an address that [`Route::parse`] reads.
    #[must_use]
    pub fn url(&self) -> String {
        let path = self.web.as_ref().map_or("", |web| &web.path);
        match self.place {
            Place::Tcp { .. } => format!("{}://{self}{path}", self.scheme().name()),
            Place::Unix(_) => format!("unix://{self}"),
        }
    }

    /// What the server is called in TLS and HTTP; a socket on this machine has no name of its own.
    pub(super) fn host(&self) -> &str {
        match &self.place {
            Place::Tcp { host, .. } => host,
            Place::Unix(_) => "localhost",
        }
    }

    /// The transport in one word.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        match (&self.place, &self.tls, &self.web) {
            (Place::Unix(_), None, None) => Scheme::Unix,
            (_, None, None) => Scheme::Mqtt,
            (_, Some(_), None) => Scheme::Mqtts,
            (_, None, Some(_)) => Scheme::Ws,
            (_, Some(_), Some(_)) => Scheme::Wss,
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

//! What a listener is to be like.

use crate::http::Http;
use postrider_net::proxy::ProxyOptions;
use postrider_net::tls::TlsOptions;
use postrider_net::websocket::{Request, Response, WebSocketOptions};
use postrider_net::{Address, SocketOptions};
use postrider_ports::{ListenerId, Peer};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

/// A listener to be: where, and what connections are wrapped in. From the outside in: PROXY header, TLS, WebSocket, MQTT.
///
/// ```no_run
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use postrider::{Broker, Listen, TlsOptions};
/// let tls = TlsOptions::new("server.pem", "server.key");
/// let builder = Broker::builder().listen_on(Listen::tcp("0.0.0.0:8883".parse()?).tls(tls).connections_max(10_000));
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Listen {
    pub(crate) bind: Bind,
    pub(crate) name: Option<String>,
    pub(crate) socket: SocketOptions,
    pub(crate) proxy: Option<ProxyOptions>,
    pub(crate) tls: Option<TlsOptions>,
    pub(crate) websocket: Option<WebSocketOptions>,
    pub(crate) http: Option<Http>,
    pub(crate) connections_max: Option<u32>,
}

#[derive(Debug)]
pub(crate) enum Bind {
    Tcp(SocketAddr),
    Unix(PathBuf, Option<u32>),
    Inherited(OwnedFd),
}

impl Listen {
    /// On a TCP address. Port 0 takes a free one.
    #[must_use]
    pub fn tcp(address: SocketAddr) -> Self {
        Self::on(Bind::Tcp(address))
    }

    /// On a Unix socket, which whoever `mode` lets write may use; `None` is what the process's umask leaves. A file that is
    /// left of somebody who listens no more is replaced.
    #[must_use]
    pub fn unix(path: impl Into<PathBuf>, mode: Option<u32>) -> Self {
        Self::on(Bind::Unix(path.into(), mode))
    }

    /// On a socket that somebody else listens on already, such as one of [`inherited`](crate::inherited).
    #[must_use]
    pub fn inherited(socket: OwnedFd) -> Self {
        Self::on(Bind::Inherited(socket))
    }

    fn on(bind: Bind) -> Self {
        let socket = SocketOptions::default();
        Self { bind, name: None, socket, proxy: None, tls: None, websocket: None, http: None, connections_max: None }
    }

    /// What people call it. Default: its address.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Options of the socket.
    #[must_use]
    pub fn socket(mut self, options: SocketOptions) -> Self {
        self.socket = options;
        self
    }

    /// Every connection begins with a PROXY header.
    #[must_use]
    pub fn proxy(mut self, options: ProxyOptions) -> Self {
        self.proxy = Some(options);
        self
    }

    /// Connections are encrypted.
    #[must_use]
    pub fn tls(mut self, options: TlsOptions) -> Self {
        self.tls = Some(options);
        self
    }

    /// MQTT is spoken within WebSocket.
    #[must_use]
    pub fn websocket(mut self, options: WebSocketOptions) -> Self {
        self.websocket = Some(options);
        self
    }

    /// No MQTT is spoken here: `answer` is asked for the response to the one request of each connection. It is called on
    /// a thread where it may block, and within the time that a CONNECT may take.
    #[must_use]
    pub fn http(mut self, answer: impl Fn(&Request, &Peer) -> Response + Send + Sync + 'static) -> Self {
        self.http = Some(Http::new(Arc::new(answer)));
        self
    }

    /// At most this many connections at a time; who comes then is closed at once.
    #[must_use]
    pub const fn connections_max(mut self, connections: u32) -> Self {
        self.connections_max = Some(connections);
        self
    }
}

impl From<SocketAddr> for Listen {
    fn from(address: SocketAddr) -> Self {
        Self::tcp(address)
    }
}

/// A listener of a running broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerInfo {
    /// By this number plugins and limits know it.
    pub id: ListenerId,
    /// What people call it.
    pub name: String,
    /// Where it listens, with the port that was chosen.
    pub address: Address,
}

/// What becomes of the connections of a listener that is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connections {
    /// They stay.
    Stay,
    /// They are closed.
    End,
}

//! One place where clients come in.
//!
//! Owns: addresses, protocols, what stands before MQTT on the wire.

use super::{ListenerLimits, Security, Tls};
use std::path::PathBuf;

/// One place where clients come in.
#[derive(Clone, Debug, PartialEq)]
pub struct Listener {
    /// For logs and figures; no two have the same.
    pub name: String,
    /// Where.
    pub bind: Bind,
    /// What is spoken.
    pub protocol: Protocol,
    /// Options of TCP.
    pub tcp: Tcp,
    /// TLS, or none.
    pub tls: Option<Tls>,
    /// Options of WebSocket; they hold where the protocol is that.
    pub websocket: WebSocket,
    /// The header of a proxy, or none.
    pub proxy: Option<Proxy>,
    /// What it allows.
    pub limits: ListenerLimits,
    /// Who is let in.
    pub security: Security,
}

/// Where a listener listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bind {
    /// A TCP port.
    Tcp {
        /// A name or an address; empty for every address of this machine.
        host: String,
        /// 0 for any that is free.
        port: u16,
    },
    /// A Unix socket.
    Unix {
        /// Where it is made.
        path: PathBuf,
        /// Who may connect; `None` as the process makes files.
        mode: Option<u32>,
    },
    /// A socket that systemd opened, by the name of its unit.
    Systemd {
        /// `FileDescriptorName`.
        name: String,
    },
}

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// MQTT at once.
    Mqtt,
    /// MQTT in WebSocket.
    Websockets,
    /// The broker's figures over HTTP.
    HttpApi,
}

/// Kinds of addresses that a host's name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// All.
    Both,
    /// IPv4 only.
    Ipv4,
    /// IPv6 only.
    Ipv6,
}

/// Options of TCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// A network device; `None` for all.
    pub interface: Option<String>,
    /// Kinds of addresses.
    pub domain: Domain,
    /// Connections that wait to be accepted; the system may have a lower bound.
    pub backlog: u32,
    /// Whether small packets are sent at once.
    pub nodelay: bool,
    /// Seconds of silence before the system asks whether the other end is there, and between two questions; 0 for
    /// never.
    pub keep_alive_s: u32,
    /// Questions without an answer until the connection is dead.
    pub keep_alive_count: u32,
}

/// Options of WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSocket {
    /// The path of the handshake; empty for any.
    pub path: String,
    /// Origins that pages may have; empty for any.
    pub origins: Vec<String>,
    /// Files for browsers.
    pub http_directory: Option<PathBuf>,
}

/// The header with which a proxy says who the client is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Which forms.
    pub version: ProxyVersion,
    /// Networks (`10.0.0.0/8`) that proxies are in; others are refused. Empty for all.
    pub trusted: Vec<String>,
    /// Whether a header must say that the client's side was TLS.
    pub requires_tls: bool,
}

/// Forms of a proxy's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyVersion {
    /// Text.
    V1,
    /// Bytes.
    V2,
    /// Either.
    Both,
}

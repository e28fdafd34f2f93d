//! Lines of mosquitto's log, for those who search logs for them.
//!
//! Owns: their exact form in 2.0; a test compares them with mosquitto itself.
//! Never: writes a log.

use std::fmt::Display;

/// The broker begins.
#[must_use]
pub fn starting(program: &str, version: &str) -> String {
    format!("{program} version {version} starting")
}

/// The broker takes connections.
#[must_use]
pub fn running(program: &str, version: &str) -> String {
    format!("{program} version {version} running")
}

/// The broker ends.
#[must_use]
pub fn terminating(program: &str, version: &str) -> String {
    format!("{program} version {version} terminating")
}

/// The configuration was read; `None` without a file.
#[must_use]
pub fn config_loaded(file: Option<&str>) -> String {
    file.map_or_else(|| "Using default config.".to_owned(), |file| format!("Config loaded from {file}."))
}

/// An included file is read.
#[must_use]
pub fn config_included(file: &str) -> String {
    format!("Loading config file {file}")
}

/// SIGHUP came.
#[must_use]
pub fn reloading() -> String {
    "Reloading config.".to_owned()
}

/// What a listener listens with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Socket<'a> {
    /// TCP over IPv4.
    Ipv4(u16),
    /// TCP over IPv6.
    Ipv6(u16),
    /// WebSocket.
    Websockets(u16),
    /// HTTP.
    HttpApi(u16),
    /// A Unix socket.
    Unix(&'a str),
}

/// A listener is opened.
#[must_use]
pub fn opening(socket: Socket<'_>) -> String {
    match socket {
        Socket::Ipv4(port) => format!("Opening ipv4 listen socket on port {port}."),
        Socket::Ipv6(port) => format!("Opening ipv6 listen socket on port {port}."),
        Socket::Websockets(port) => format!("Opening websockets listen socket on port {port}."),
        Socket::HttpApi(port) => format!("Opening http api listen socket on port {port}."),
        Socket::Unix(path) => format!("Opening unix listen socket on path {path}."),
    }
}

/// Somebody came to a port.
#[must_use]
pub fn new_connection(address: impl Display, port: u16, listener_port: u16) -> String {
    format!("New connection from {address}:{port} on port {listener_port}.")
}

/// A CONNECT that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connected<'a, A> {
    /// Where from.
    pub address: A,
    /// Where from.
    pub port: u16,
    /// Client identifier.
    pub client_id: &'a str,
    /// 1 for 3.1, 2 for 3.1.1, 5 for 5.0.
    pub edition: u8,
    /// Whether the session began anew.
    pub is_clean: bool,
    /// Keep alive in seconds.
    pub keep_alive_s: u16,
    /// User name.
    pub username: Option<&'a str>,
}

/// Somebody is let in.
#[must_use]
pub fn new_client<A: Display>(client: &Connected<'_, A>) -> String {
    let user = client.username.map(|name| format!(", u'{name}'")).unwrap_or_default();
    let (address, port, id) = (&client.address, client.port, client.client_id);
    let clean = u8::from(client.is_clean);
    let (edition, keep_alive) = (client.edition, client.keep_alive_s);
    format!("New client connected from {address}:{port} as {id} (p{edition}, c{clean}, k{keep_alive}{user}).")
}

/// How a client went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parting {
    /// With DISCONNECT.
    Disconnected,
    /// Without.
    Closed,
    /// It was silent for longer than it said.
    TimedOut,
    /// It broke the protocol.
    ProtocolError,
    /// What it sent is no packet.
    Malformed,
    /// What it sent is too large.
    Oversize,
    /// It may not come in, or not any more.
    NotAuthorised,
    /// An administrator ended it.
    ByAdministrator,
    /// The same client identifier came again.
    TakenOver,
}

/// A client goes. Whoever has no identifier yet is `<unknown>`.
#[must_use]
pub fn parted(client_id: Option<&str>, parting: Parting) -> String {
    let id = client_id.unwrap_or("<unknown>");
    match parting {
        Parting::Disconnected => format!("Client {id} disconnected."),
        Parting::Closed => format!("Client {id} closed its connection."),
        Parting::TimedOut => format!("Client {id} has exceeded timeout, disconnecting."),
        Parting::ProtocolError => format!("Client {id} disconnected due to protocol error."),
        Parting::Malformed => format!("Client {id} disconnected due to malformed packet."),
        Parting::Oversize => format!("Client {id} disconnected due to oversize packet."),
        Parting::NotAuthorised => format!("Client {id} disconnected, not authorised."),
        Parting::ByAdministrator => format!("Client {id} been disconnected by administrative action."),
        Parting::TakenOver => format!("Client {id} already connected, closing old connection."),
    }
}

/// Type `debug`: a CONNECT is answered. Who is refused has no identifier yet, but an address.
#[must_use]
pub fn sending_connack(client: &str, session_present: bool, code: u8) -> String {
    format!("Sending CONNACK to {client} ({}, {code})", u8::from(session_present))
}

/// Messages for a client are dropped.
#[must_use]
pub fn dropping(client_id: &str) -> String {
    format!("Outgoing messages are being dropped for client {client_id}.")
}

/// A PUBLISH as logs show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish<'a> {
    /// Who sent it.
    pub client_id: &'a str,
    /// DUP.
    pub is_dup: bool,
    /// QoS.
    pub qos: u8,
    /// RETAIN.
    pub is_retained: bool,
    /// Packet identifier; 0 for QoS 0.
    pub packet_id: u16,
    /// Topic.
    pub topic: &'a str,
    /// Bytes of its payload.
    pub payload_bytes: usize,
}

/// Type `debug`: a client published.
#[must_use]
pub fn publish_received(publish: &Publish<'_>) -> String {
    with_publish("Received", publish)
}

/// Type `debug`: it may not publish there.
#[must_use]
pub fn publish_denied(publish: &Publish<'_>) -> String {
    with_publish("Denied", publish)
}

fn with_publish(word: &str, publish: &Publish<'_>) -> String {
    let (dup, retain) = (u8::from(publish.is_dup), u8::from(publish.is_retained));
    let Publish { client_id, qos, packet_id, topic, payload_bytes, .. } = publish;
    format!(
        "{word} PUBLISH from {client_id} (d{dup}, q{qos}, r{retain}, m{packet_id}, '{topic}', ... ({payload_bytes} bytes))"
    )
}

/// Type `subscribe`: one filter.
#[must_use]
pub fn subscribed(client_id: &str, qos: u8, filter: &str) -> String {
    format!("{client_id} {qos} {filter}")
}

/// Type `unsubscribe`: one filter.
#[must_use]
pub fn unsubscribed(client_id: &str, filter: &str) -> String {
    format!("{client_id} {filter}")
}

/// SIGUSR1, or the end.
#[must_use]
pub fn saving(path: &str) -> String {
    format!("Saving in-memory database to {path}.")
}

//! A connection to another broker, as data; nothing here connects.
//!
//! Owns: addresses, rules of topics, both ends' names and passwords.

use super::{Secret, TlsVersion};
use std::path::PathBuf;

/// A connection to another broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    /// For logs and topics; no two have the same.
    pub name: String,
    /// Where the other broker is; the first is the preferred one.
    pub addresses: Vec<BridgeAddress>,
    /// Whether all addresses are equal; otherwise it falls back to the first.
    pub round_robin: bool,
    /// What is carried.
    pub rules: Vec<BridgeRule>,
    /// Who it is there.
    pub remote: BridgeEnd,
    /// Who it is here.
    pub local: BridgeEnd,
    /// Edition of MQTT.
    pub version: BridgeVersion,
    /// When it connects.
    pub start: BridgeStart,
    /// When it connects again.
    pub restart: BridgeRestart,
    /// Keep alive in seconds.
    pub keep_alive_s: u16,
    /// Seconds without messages after which a lazy bridge ends.
    pub idle_s: u32,
    /// Waiting messages that start a lazy bridge.
    pub threshold: u32,
    /// Whether it says that it is a bridge.
    pub says_bridge: bool,
    /// Whether it ends subscriptions there that no rule asks for.
    pub unsubscribes: bool,
    /// Whether messages keep their retain flag.
    pub outgoing_retain: bool,
    /// Larger packets are not sent; 0 for any.
    pub packet_bytes_max: u32,
    /// Topic aliases that the other end may use.
    pub topic_alias_max: u16,
    /// Receive Maximum that it announces; 0 for the broker's own in-flight limit.
    pub receive_maximum: u16,
    /// Seconds that its session there outlives a connection.
    pub session_expiry_s: u32,
    /// The address of this machine that it uses.
    pub bind_address: Option<String>,
    /// Seconds of silence until the system asks, 0 for never; seconds between two questions; questions.
    pub tcp_keep_alive: (u32, u32, u32),
    /// Milliseconds that sent bytes may stay unacknowledged; 0 for the system's.
    pub tcp_user_timeout_ms: u32,
    /// What it says of itself.
    pub notices: BridgeNotices,
    /// When a changed configuration holds.
    pub reload: BridgeReload,
    /// TLS, or none.
    pub tls: Option<BridgeTls>,
}

/// Where the other broker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeAddress {
    /// A name or an address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// What is carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeRule {
    /// A filter; empty where the prefixes are the whole topic.
    pub filter: String,
    /// Which way.
    pub direction: Direction,
    /// Highest QoS.
    pub qos: u8,
    /// What stands before it here.
    pub local_prefix: String,
    /// What stands before it there.
    pub remote_prefix: String,
}

/// Which way a rule carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From here to there.
    Out,
    /// From there to here.
    In,
    /// Both.
    Both,
}

/// Who a bridge is at one of its ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeEnd {
    /// `None`: there, the host's name, a dot and the bridge's name; here, `local.` and the name there.
    pub client_id: Option<String>,
    /// User name.
    pub username: Option<String>,
    /// Password.
    pub password: Option<Secret>,
    /// Whether the session begins anew with each connection. `None` at the local end: as at the other.
    pub clean: Option<bool>,
}

/// Edition of MQTT that a bridge speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BridgeVersion {
    /// 3.1.
    V3_1,
    /// 3.1.1.
    V3_1_1,
    /// 5.0.
    V5,
}

/// When a bridge connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BridgeStart {
    /// With the broker, and again whenever it ends.
    Automatic,
    /// When messages wait.
    Lazy,
    /// With the broker, once.
    Once,
}

/// How long a bridge waits before it connects again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BridgeRestart {
    /// Seconds at first.
    pub base_s: u32,
    /// Seconds at most; the same as `base_s` for always so.
    pub cap_s: u32,
    /// Seconds of a connection after which the wait is `base_s` again; 0 for at once.
    pub stable_s: u32,
}

/// What a bridge says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeNotices {
    /// Whether it publishes its state.
    pub is_on: bool,
    /// Whether only here.
    pub local_only: bool,
    /// Where; `None` for `$SYS/broker/connection/<client identifier>/state`.
    pub topic: Option<String>,
}

/// When a changed configuration holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BridgeReload {
    /// With the next connection.
    Lazy,
    /// At once.
    Immediate,
}

/// TLS of a bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeTls {
    /// Authorities: a PEM file.
    pub ca_file: Option<PathBuf>,
    /// Authorities: a directory of PEM files.
    pub ca_directory: Option<PathBuf>,
    /// Whether the system's authorities are trusted.
    pub system_ca: bool,
    /// Our certificate: a PEM file.
    pub certificate: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
    /// Whether the other end's name is looked at.
    pub checks_name: bool,
    /// Whether the other end must show that its certificate is not revoked.
    pub requires_ocsp: bool,
    /// ALPN.
    pub alpn: Option<String>,
    /// Cipher suites up to TLS 1.2.
    pub ciphers: Vec<String>,
    /// Cipher suites of TLS 1.3.
    pub ciphersuites: Vec<String>,
    /// Oldest version.
    pub version_min: TlsVersion,
    /// Identity of PSK.
    pub psk_identity: Option<String>,
    /// Key of PSK, in hexadecimal.
    pub psk: Option<Secret>,
}

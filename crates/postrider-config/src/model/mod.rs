//! The typed tree: everything that a broker is told, resolved, in one unit for each kind of thing.
//!
//! Owns: the shape; bytes, seconds and milliseconds as the names of the fields say.
//! Never: reads a file, inherits: each listener has everything that holds for it.

mod bridge;
mod broker;
mod limits;
mod listener;
mod log;
mod origin;
mod secret;
mod security;
mod tls;

pub use bridge::{
    Bridge, BridgeAddress, BridgeEnd, BridgeNotices, BridgeReload, BridgeRestart, BridgeRule, BridgeStart, BridgeTls,
    BridgeVersion, Direction,
};
pub use broker::{Compat, Data, Durability, Place, Process, Profile, ReceiveMaximum, Sys};
pub use limits::{Ban, Limits, ListenerLimits, Overflow, PayloadFormat, Rate, Rates, ShareStrategy, Versions};
pub use listener::{Bind, Domain, Listener, Protocol, Proxy, ProxyVersion, Tcp, WebSocket};
pub use log::{Facility, Log, LogDestination, LogFormat, LogType, TimestampFormat};
pub use origin::{Notice, Origin, Origins};
pub(crate) use secret::HIDDEN;
pub use secret::Secret;
pub use security::{Security, UsernameFrom};
pub use tls::{ClientCertificate, Tls, TlsVersion};

/// Everything that a broker is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where what must survive is kept.
    pub data: Data,
    /// The process itself.
    pub process: Process,
    /// What is written down.
    pub log: Log,
    /// What the broker says of itself, and who may tell it something.
    pub sys: Sys,
    /// What holds for the whole broker.
    pub limits: Limits,
    /// Where this broker does as another one does.
    pub compat: Compat,
    /// What listeners have that say nothing else. The server needs it only to open a listener that is in no file.
    pub listener_limits: ListenerLimits,
    /// The same for who is let in.
    pub security: Security,
    /// Where clients come in, each complete.
    pub listeners: Vec<Listener>,
    /// Connections to other brokers.
    pub bridges: Vec<Bridge>,
    /// What was read and has no effect, or another than its writer may think.
    pub notices: Vec<Notice>,
    /// Where values come from. Never empty keys: what is not in it is a default.
    pub origins: Origins,
}

impl Config {
    /// Whether two configurations say the same to a broker, wherever it was read.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let bare = |config: &Self| Self { notices: Vec::new(), origins: Origins::default(), ..config.clone() };
        bare(self) == bare(other)
    }
}

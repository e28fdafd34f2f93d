//! An embeddable MQTT 3.1, 3.1.1 and 5.0 broker.
//!
//! Owns: threads, sockets, timers and the one lock around the engine.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let broker = postrider::Broker::builder().listen("127.0.0.1:1883".parse()?).start()?;
//! tokio::signal::ctrl_c().await?;
//! broker.shutdown(std::time::Duration::from_secs(5)).await;
//! # Ok(()) }
//! ```

mod acceptor;
mod backlog;
mod backup;
mod broker;
mod census;
mod charges;
mod clock;
mod conn;
mod data;
mod deadlines;
pub mod defaults;
mod door;
mod draft;
mod error;
mod examine;
mod failure;
mod gates;
mod gauge;
mod handle;
mod handshake;
mod http;
mod intake;
mod leaving;
mod link_task;
mod listen;
mod listeners;
mod log;
mod log_threads;
mod memory;
mod meter;
mod mosquitto;
mod observer;
mod outbox;
mod partition;
mod scratch;
mod seeds;
mod shared;
mod store;
mod transport;
mod workers;
mod write_data;

pub use backup::{Copied, backup_data, restore_data};
pub use broker::{Broker, Builder};
pub use data::{Data, StoreData};
pub use error::{Error, ErrorKind};
pub use examine::{Examined, Salvaged, check_data, salvage_data};
pub use failure::Failure;
pub use handle::Handle;
pub use listen::{Connections, Listen, ListenerInfo};
pub use memory::{ListenerMemory, MemoryInfo};
pub use mosquitto::{
    Flaw, MosquittoFile, NotTaken, OnFlaw, Origin, TakeOver, TakenOver, is_of_mosquitto, take_over_mosquitto,
    taken_from,
};
pub use postrider_engine::Durability as Promise;
pub use postrider_engine::contents::{
    DeliveryData, MessageData, SessionData, SessionName, Stage, SubscriptionData, WillData,
};
pub use postrider_engine::{
    BanRule, Concerned, Ledger, Limits, ListenerLimits, Nameless, Owed, PayloadFormat, Pressure, Rate, Rates,
    ShareStrategy, Who,
};
pub use postrider_journal::{Damage, DamageKind};
pub use postrider_net::proxy::{ProxyOptions, ProxyVersions};
pub use postrider_net::tls::{
    CertificateFiles, ClientCertificates, Dates, Passphrase, TlsError, TlsOptions, TlsVersion, Trust,
};
pub use postrider_net::websocket::{FileServer, Handler, Request, Response, WebSocketOptions};
pub use postrider_net::{Address, Inherited, Network, NetworkError, SocketOptions, TcpKeepAlive, inherited};
pub use postrider_ports::{
    Access, Action, Authenticate, AuthenticateAnswer, AuthenticateRequest, Authorize, AuthorizeRequest, Cause,
    Certificate, ClientId, Control, ControlRequest, Counters, DropReason, Drops, Event, ListenerId, Observe, Peer,
    Principal, Reply, SessionInfo, Sieve, Subject, Traffic,
};
pub use postrider_proto::{Qos, ReasonCode, Version};
pub use postrider_session::{Bounds, LinkLimits, Overflow};
pub use store::{Durability, Restored};
pub use write_data::{DataWriter, WriteError, Written, WrittenMessage};

/// The examples of the README, compiled with the documentation's own.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

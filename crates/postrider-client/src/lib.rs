//! An MQTT 3.1, 3.1.1 and 5.0 client.
//!
//! Owns: the client's half of a conversation, apart from its socket ([`Conversation`]) and with one ([`Client`]).
//! Never: starts a task or a thread; what happens, happens while the caller waits in it.
//! Spec: chapter 3 as a client reads it, 4.1 to 4.6, 4.9.
//!
//! ```no_run
//! # async fn example() -> Result<(), postrider_client::Error> {
//! use postrider_client::{Client, Event, Options, Publication, Qos};
//!
//! let mut client = Client::connect(Options::new("127.0.0.1:1883", "lamp")).await?;
//! client.subscribe(&[("lamp/switch", Qos::AtLeastOnce)])?;
//! client.publish(Publication::new("lamp/state", "off").retained())?;
//! while let Event::Message(message) = client.next().await? {
//!     println!("{}: {} bytes", message.topic, message.payload.len());
//! }
//! # Ok(()) }
//! ```

mod client;
mod conversation;
mod error;
mod event;
mod legal;
mod options;
mod publication;
mod witness;

pub use client::Client;
pub use conversation::Conversation;
pub use error::{Error, ErrorKind};
pub use event::{Event, Message, Token};
pub use options::Options;
pub use postrider_net::dial::{NameCheck, Passphrase, Proxy, Scheme, Tls, TlsOptions, TlsVersion};
pub use postrider_proto::{
    Packet, PacketId, Properties, PropertiesBuf, Property, PropertyId, Qos, ReasonCode, RetainHandling, Start,
    SubscribeOptions, Text, Version,
};
pub use postrider_session::{Mono, Violation};
pub use publication::Publication;
pub use witness::Way;

//! The words of MQTT: packets, properties, topics, filters, reason codes, and their bytes.
//!
//! Owns: one vocabulary for two dialects (3.1 and 3.1.1 together, and 5.0), zero-copy decode, encode.
//! Never: allocates from a length on the wire, panics on input, knows what a session is.
//! Spec: chapters 1 to 3, 4.7.

#![deny(clippy::indexing_slicing)]

mod cursor;
mod error;
mod filter;
mod frame;
mod levels;
mod packet;
mod property;
mod qos;
mod reason;
mod text;
mod topic;
mod varint;
mod version;

pub use error::DecodeError;
pub use filter::{Filter, FilterError, Share};
pub use frame::{Frame, split};
pub use packet::{
    Ack, AckKind, Auth, Connack, Connect, Disconnect, Packet, PacketId, Publish, PublishHead, RetainHandling, Start,
    Suback, Subscribe, SubscribeOptions, Subscription, Subscriptions, Unsuback, Unsubscribe, UnsubscribeFilters, Will,
    encode_pingreq, encode_pingresp,
};
pub use property::{Properties, PropertiesBuf, Property, PropertyId, PropertySet};
pub use qos::Qos;
pub use reason::ReasonCode;
pub use text::Text;
pub use topic::{Topic, TopicError};
pub use varint::{VARINT_MAX, varint_len, write_varint};
pub use version::Version;

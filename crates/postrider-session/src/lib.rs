//! One conversation: the link, which dies with its socket, and the session, which survives it.
//!
//! Owns: framing and legality of packets on a link, the QoS flows, packet ids, the mailbox, the timer wheel.
//! Never: holds a socket, reads a clock, knows who else is connected.
//! Spec: 3.1.2, 4.1 to 4.6, 4.9, 4.13.

pub mod flow;
mod id_set;
mod link;
mod mailbox;
mod message;
mod numbers;
mod sequence;
mod spill;
mod time;
mod violation;
mod wheel;

pub use id_set::IdSet;
pub use link::{ClientLink, LinkLimits, ServerLink};
pub use mailbox::{Bounds, Mailbox, Offered, Overflow, Parcel, Share, SubscriptionIds, charge_of};
pub use message::{Message, MessageParts};
pub use numbers::{NumberError, put_number, take_number};
pub use sequence::Sequence;
pub use spill::Spilled;
pub use time::{Mono, Now, Wall};
pub use violation::Violation;
pub use wheel::{TimerKey, Wheel};

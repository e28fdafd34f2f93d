//! The QoS 1 and 2 flows, each half written once for both ends of a conversation.
//!
//! Owns: packet identifiers in flight, who has to say what next, the quotas of both directions.
//! Never: encodes a packet, knows whether it serves a broker or a client.
//! Spec: 4.3, 4.4, 4.6, 4.9.
//!
//! ```text
//! sender (outbound)                                     receiver (inbound)
//!
//! QoS 1   begin ──PUBLISH──▶                            on_publish: New ... finish_qos1
//!         AwaitPuback ◀──PUBACK──
//!         free
//!
//! QoS 2   begin ──PUBLISH──▶                            on_publish: New, then Duplicate
//!         AwaitPubrec ◀──PUBREC──                       (id kept)
//!         AwaitPubcomp ──PUBREL──▶                      on_pubrel: true once, then false
//!         free ◀──PUBCOMP──                             (id forgotten)
//! ```

mod inbound;
mod outbound;
mod weights;

pub use inbound::{Admission, Inbound};
pub use outbound::{Awaits, Outbound, Pubrec, Resend};

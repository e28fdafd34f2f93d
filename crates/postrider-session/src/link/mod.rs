//! Links: the protocol state of one network connection, seen from either end.

mod aliases;
mod client;
mod server;

pub use client::ClientLink;
pub use server::{LinkLimits, ServerLink};

//! Packets as tools that test brokers say and hear them: any bytes out, owned packets in.
//!
//! Owns: how they are made and what was heard, described for people.
//! Never: opens a socket, waits.

pub(crate) mod heard;
pub(crate) mod hello;
pub(crate) mod message;
pub(crate) mod raw;

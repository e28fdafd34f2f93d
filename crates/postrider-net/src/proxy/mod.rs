//! The header of the PROXY protocol, by which a load balancer says whom it connects.
//!
//! Owns: reading it to its last byte and not further, and who is believed.
//! Spec: "The PROXY protocol", versions 1 and 2, of HAProxy.

mod read;
mod v1;
mod v2;

pub use read::{Forwarded, ForwardedTls, ProxyError, ProxyOptions, ProxyVersions, parse, read};

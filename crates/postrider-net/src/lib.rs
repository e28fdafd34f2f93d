//! Bytes in, bytes out: sockets and listeners.
//!
//! Owns: how a socket is opened, read with one system call, written with one, and closed.
//! Never: knows what the bytes mean.

mod descriptors;
pub mod dial;
mod listener;
mod socket;

pub use descriptors::{Descriptors, Permit, raise_limit};
pub use listener::{Accepted, Listener, is_out_of_descriptors};
pub use socket::Socket;

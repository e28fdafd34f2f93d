//! Bytes in, bytes out: sockets, listeners, and what is put around them.
//!
//! Owns: how a socket is opened, read with one system call, written with one, and closed; TLS, WebSocket and the PROXY
//! protocol as streams.
//! Never: knows what the bytes mean.

mod activation;
mod address;
mod descriptors;
pub mod dial;
mod listener;
mod memory;
mod network;
pub mod proxy;
mod socket;
mod socket_file;
mod socket_options;
pub mod tls;
pub mod websocket;

pub use activation::{Inherited, inherited};
pub use address::Address;
pub use descriptors::{Descriptors, Permit, raise_limit};
pub use listener::{Accepted, Listener, is_out_of_descriptors};
pub use memory::{group_limit, resident_bytes};
pub use network::{Network, NetworkError};
pub use socket::Socket;
pub use socket_options::{SocketOptions, TcpKeepAlive};

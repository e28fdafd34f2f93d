//! How a client comes to a server: over which socket, through which proxy, in which envelope.
//!
//! Owns: connecting TCP and Unix sockets, SOCKS5, TLS and WebSocket as a client; one stream of bytes comes of it.
//! Never: listens, knows what the bytes mean, waits without the caller's knowledge.

mod advice;
mod bare;
mod ciphers;
mod held;
mod key_file;
mod line;
mod open;
mod place;
mod proxy;
mod route;
mod secure;
mod stream;
mod tls;
mod trust;
mod verifier;
mod web;

pub use crate::tls::Passphrase;
pub use bare::Bare;
pub use line::Line;
pub use place::{Place, Scheme};
pub use proxy::Proxy;
pub use route::Route;
pub use stream::Stream;
pub use tls::{NameCheck, Tls, TlsOptions, TlsVersion};
pub use web::WebSocket;

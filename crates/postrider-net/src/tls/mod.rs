//! TLS for the server's side.
//!
//! Owns: what a certificate is served with, who is asked for one, and when handshakes get their turn.
//! Never: decides what a name in a certificate means.

mod ciphers;
mod dates;
mod error;
mod files;
mod keylog;
mod names;
mod options;
mod resolver;
mod server;
mod turns;

pub use error::TlsError;
pub use names::Proved;
pub use options::{CertificateFiles, ClientCertificates, Dates, TlsOptions, TlsVersion, Trust};
pub use server::{Fresh, TlsServer, TlsStream};
pub use turns::Turns;

//! TLS for the server's side.
//!
//! Owns: what a certificate is served with, who is asked for one, and when handshakes get their turn.
//! Never: decides what a name in a certificate means.

mod ciphers;
mod dates;
mod error;
mod examine;
mod files;
mod keylog;
mod names;
mod options;
pub(crate) mod passphrase;
mod resolver;
mod server;
mod turns;

pub use error::TlsError;
pub use examine::{Ending, Examined, SOON, examine};
pub use names::Proved;
pub use options::{CertificateFiles, ClientCertificates, Dates, TlsOptions, TlsVersion, Trust};
pub use passphrase::Passphrase;
pub use server::{Fresh, TlsServer, TlsStream};
pub use turns::Turns;

//! TLS of a listener.
//!
//! Owns: what is needed to make a server's configuration; files are read by the server.

use super::Secret;
use std::path::PathBuf;

/// TLS of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// PEM file: the server's certificate and those between it and its authority. Empty where there is only PSK.
    pub certificate: PathBuf,
    /// PEM file of its key.
    pub key: PathBuf,
    /// Passphrase of the key.
    pub key_passphrase: Option<Secret>,
    /// Authorities of client certificates: a PEM file.
    pub client_ca_file: Option<PathBuf>,
    /// The same: a directory of PEM files.
    pub client_ca_directory: Option<PathBuf>,
    /// The same: PEM in the configuration.
    pub client_ca_inline: Option<String>,
    /// Whether clients are asked for a certificate.
    pub client_certificate: ClientCertificate,
    /// Whether a client certificate must be in date; devices without a clock need that it need not.
    pub check_client_dates: bool,
    /// PEM file of revoked certificates.
    pub crl: Option<PathBuf>,
    /// Cipher suites up to TLS 1.2, names of OpenSSL; empty for the library's.
    pub ciphers: Vec<String>,
    /// Cipher suites of TLS 1.3; empty for the library's.
    pub ciphersuites: Vec<String>,
    /// Oldest version.
    pub version_min: TlsVersion,
    /// Newest version.
    pub version_max: TlsVersion,
    /// Whether changed files are taken up without a signal.
    pub watches: bool,
    /// File that gets the keys of sessions, to look at traffic.
    pub key_log: Option<PathBuf>,
    /// What clients of PSK are told to find their identity by; with it, PSK is on.
    pub psk_hint: Option<String>,
}

/// Whether clients are asked for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCertificate {
    /// No.
    None,
    /// Yes; whoever has none is let through to the other questions.
    Optional,
    /// Yes, or the connection ends.
    Required,
}

/// Versions of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// 1.2.
    V1_2,
    /// 1.3.
    V1_3,
}

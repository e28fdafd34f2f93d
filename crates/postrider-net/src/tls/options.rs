//! What TLS is to be like.

use super::Passphrase;
use std::path::PathBuf;

/// The server's half of TLS: files and choices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsOptions {
    /// Who the server is. The first one is shown to whoever asks for no name, or for a name that none has.
    pub certificates: Vec<CertificateFiles>,
    /// Whether clients show certificates.
    pub clients: ClientCertificates,
    /// The oldest version that is spoken.
    pub version_min: TlsVersion,
    /// The newest version that is spoken.
    pub version_max: TlsVersion,
    /// Cipher suites of TLS 1.2 under OpenSSL's names, separated by colons. `None`: all that are safe.
    pub ciphers: Option<String>,
    /// Cipher suites of TLS 1.3.
    pub ciphers_1_3: Option<String>,
    /// Application protocols (ALPN), such as `mqtt`. A client that asks for others only is refused; one that asks for none
    /// is not. Empty: nobody is asked.
    pub alpn: Vec<String>,
    /// Writes the secrets of all connections into this file, for a debugger that reads along. Never in production.
    pub key_log: Option<PathBuf>,
}

/// A certificate chain and its key, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The server's certificate, then those that lead to a root.
    pub chain: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Who opens the key, if it is encrypted.
    pub passphrase: Option<Passphrase>,
}

/// Whether clients show who they are by a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ClientCertificates {
    /// They are not asked.
    #[default]
    NotAsked,
    /// Who shows one is checked; who shows none comes in.
    Optional(Trust),
    /// Nobody comes in without.
    Required(Trust),
}

/// Whose certificates are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// Authorities: PEM files, or directories of them.
    pub authorities: Vec<PathBuf>,
    /// More authorities: the text of a PEM file.
    pub authorities_pem: Option<String>,
    /// Lists of revoked certificates. If there are any, the list of each client's authority has to be among them.
    pub revoked: Vec<PathBuf>,
    /// Whether a client's certificate can be too old.
    pub dates: Dates,
}

/// Whether a client's certificate can be too old, or too new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dates {
    /// It can.
    #[default]
    Checked,
    /// It cannot: for devices whose certificates are never renewed. Everything else is checked as ever.
    NotChecked,
}

/// A version of TLS. Older ones are not spoken at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// 1.2 of 2008.
    #[default]
    V1_2,
    /// 1.3 of 2018.
    V1_3,
}

impl TlsOptions {
    /// A server with one certificate that asks its clients for none.
    #[must_use]
    pub fn new(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self {
            certificates: vec![CertificateFiles { chain: chain.into(), key: key.into(), passphrase: None }],
            clients: ClientCertificates::NotAsked,
            version_min: TlsVersion::V1_2,
            version_max: TlsVersion::V1_3,
            ciphers: None,
            ciphers_1_3: None,
            alpn: Vec::new(),
            key_log: None,
        }
    }
}

impl Trust {
    /// Believes this authority, a PEM file or a directory of them.
    #[must_use]
    pub fn authority(path: impl Into<PathBuf>) -> Self {
        Self { authorities: vec![path.into()], authorities_pem: None, revoked: Vec::new(), dates: Dates::Checked }
    }
}

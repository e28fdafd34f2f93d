//! What a client can say about TLS, and what rustls makes of it.
//!
//! Owns: the translation of files and names into one configuration, which many connections share.

use super::ciphers;
use super::key_file::KeyFile;
use super::trust;
use super::verifier::Verifier;
use crate::tls::passphrase::{self, Passphrase};
use rustls::SupportedProtocolVersion;
use rustls::client::{ClientConfig, Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// TLS as a client speaks it, ready for connections. Clones share what they remember of servers.
#[derive(Clone, Debug)]
pub struct Tls {
    pub(super) config: Arc<ClientConfig>,
    /// Whose signatures are accepted, in words.
    pub(super) trust: Arc<str>,
    pub(super) server_name: Option<Arc<str>>,
}

/// What to make a [`Tls`] of. The default trusts the system's certificates and has none of its own.
#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    /// Certificates of the authorities to trust, in PEM.
    pub ca_file: Option<PathBuf>,
    /// A directory of such files.
    pub ca_dir: Option<PathBuf>,
    /// Trust the system's authorities too, although others are given.
    pub trusts_system: bool,
    /// Our own certificate and those up to its authority, in PEM. Needs a key.
    pub certificate: Option<PathBuf>,
    /// The key of our certificate, in PEM.
    pub key: Option<PathBuf>,
    /// Who opens that key, if it is encrypted.
    pub passphrase: Option<Passphrase>,
    /// Whether the certificate must name the server.
    pub name_check: NameCheck,
    /// What the server has to be called, instead of the host in the address; sent as SNI.
    pub server_name: Option<String>,
    /// Protocols to offer (ALPN), the favourite first.
    pub protocols: Vec<String>,
    /// The oldest version of TLS.
    pub version_min: TlsVersion,
    /// Names of ciphers, OpenSSL's or IANA's, separated by colons. Default: all that rustls has.
    pub ciphers: Option<String>,
    /// A file that the keys of each connection are appended to, for whoever reads the wire.
    pub key_log: Option<PathBuf>,
    /// Make a full handshake every time.
    pub never_resumes: bool,
}

/// Whether the server's certificate must name the host that was asked for. Its signature is checked in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameCheck {
    /// It must.
    #[default]
    Strict,
    /// It may be anybody's: whoever has a certificate of the same authority can pose as the server.
    Off,
}

/// Versions of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersion {
    /// 1.2
    #[default]
    V1_2,
    /// 1.3
    V1_3,
}

impl TlsOptions {
    /// Reads the files and checks that everything fits.
    ///
    /// # Errors
    /// A file that cannot be read or holds something else, a cipher that nobody knows; the text names it.
    pub fn load(&self) -> io::Result<Tls> {
        let provider = Arc::new(ciphers::provider(self.ciphers.as_deref())?);
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(self.version_min.and_later())
            .map_err(|error| invalid(format!("these ciphers are of another version of TLS: {error}")))?;
        let (roots, given, trust) = trust::roots(self)?;
        let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .build()
            .map_err(|error| invalid(format!("{trust}: {error}")))?;
        let verifier = Verifier { chains, given, name_check: self.name_check };
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match self.identity()? {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(|error| self.unfit(&error))?,
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = self.protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        if let Some(path) = &self.key_log {
            config.key_log = Arc::new(KeyFile::open(path)?);
        }
        if self.never_resumes {
            config.resumption = Resumption::disabled();
        }
        Ok(Tls {
            config: Arc::new(config),
            trust: trust.into(),
            server_name: self.server_name.as_deref().map(Into::into),
        })
    }

    fn identity(&self) -> io::Result<Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>> {
        match (&self.certificate, &self.key) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => {
                Ok(Some((trust::certificates(certificate)?, private_key(key, self.passphrase.as_ref())?)))
            }
            (Some(_), None) | (None, Some(_)) => {
                Err(invalid("a client's certificate and its key are needed both: give --cert and --key".to_owned()))
            }
        }
    }

    fn unfit(&self, error: &rustls::Error) -> io::Error {
        let [certificate, key] =
            [&self.certificate, &self.key].map(|path| path.as_deref().unwrap_or_else(|| Path::new("")));
        invalid(format!("{} and {} do not fit each other: {error}", certificate.display(), key.display()))
    }
}

impl TlsVersion {
    fn and_later(self) -> &'static [&'static SupportedProtocolVersion] {
        match self {
            Self::V1_2 => rustls::ALL_VERSIONS,
            Self::V1_3 => &V1_3_ALONE,
        }
    }
}

static V1_3_ALONE: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];

fn private_key(path: &Path, passphrase: Option<&Passphrase>) -> io::Result<PrivateKeyDer<'static>> {
    let pem =
        std::fs::read(path).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    // The parser does not know this kind and would say that there is no key at all.
    if passphrase::is_encrypted(&pem) {
        let remedy = "decrypt it with `openssl pkey -in FILE -out NEW` and give that";
        return passphrase::open(path, &pem, passphrase, remedy).map_err(|error| invalid(error.to_string()));
    }
    PrivateKeyDer::from_pem_slice(&pem).map_err(|error| {
        invalid(format!(
            "{}: it holds no private key in PEM ({error}): give the file with BEGIN PRIVATE KEY",
            path.display()
        ))
    })
}

pub(super) fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

/// What is spoken when nobody says anything else.
pub(super) fn default_provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

//! A server's TLS, whose files can be read again while connections live.
//!
//! Owns: the configuration that new handshakes use; connections keep the one they began with.

use super::options::{CertificateFiles, ClientCertificates, Dates, TlsOptions, TlsVersion, Trust};
use super::{Proved, TlsError, Turns, ciphers, dates, files, keylog, resolver};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{Acceptor, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::Poll;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::LazyConfigAcceptor;
use x509_parser::prelude::{FromDer, X509Certificate};

/// A connection with TLS.
pub type TlsStream<S> = tokio_rustls::server::TlsStream<S>;

/// TLS for one listener.
#[derive(Debug)]
pub struct TlsServer(RwLock<Current>);

#[derive(Debug)]
struct Current {
    options: TlsOptions,
    config: Arc<ServerConfig>,
}

/// A configuration that is good, and not in use yet.
#[derive(Debug)]
pub struct Fresh(Current);

impl Fresh {
    /// Reads everything that `options` names.
    ///
    /// # Errors
    /// Which file, and what is wrong with it.
    pub fn read(options: TlsOptions) -> Result<Self, TlsError> {
        let config = Arc::new(configure(&options)?);
        Ok(Self(Current { options, config }))
    }
}

impl TlsServer {
    /// Reads everything that `options` names.
    ///
    /// # Errors
    /// Which file, and what is wrong with it.
    pub fn new(options: TlsOptions) -> Result<Self, TlsError> {
        let Fresh(current) = Fresh::read(options)?;
        Ok(Self(RwLock::new(current)))
    }

    /// Reads the same files again, and changes nothing yet.
    ///
    /// # Errors
    /// Which file, and what is wrong with it.
    pub fn read_again(&self) -> Result<Fresh, TlsError> {
        let options = self.0.read().unwrap_or_else(PoisonError::into_inner).options.clone();
        Fresh::read(options)
    }

    /// New handshakes use this from now on; sessions of before are not resumed.
    pub fn replace(&self, Fresh(current): Fresh) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = current;
    }

    /// Reads all files again; if one of them is wrong, everything stays as it is.
    ///
    /// # Errors
    /// Which file, and what is wrong with it.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.read_again().map(|fresh| self.replace(fresh))
    }

    /// The handshake, and what the client proved. It computes when `turns` lets it, and lets others go first after that.
    ///
    /// # Errors
    /// What is wrong with what the far end says, or [`io::ErrorKind::ResourceBusy`].
    pub async fn accept<S>(&self, stream: S, turns: &Turns) -> io::Result<(TlsStream<S>, Option<Box<Proved>>)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let place = turns.take().await?;
        let config = self.0.read().unwrap_or_else(PoisonError::into_inner).config.clone();
        // Boxed only until the handshake is over, and not a part of what every caller keeps.
        let mut accept = Box::pin(hello.into_stream(config));
        let first = poll_fn(|context| Poll::Ready(Pin::new(&mut accept).poll(context))).await;
        // Connections that have something to do go before the next handshake.
        tokio::task::yield_now().await;
        drop(place);
        let stream = match first {
            Poll::Ready(result) => result?,
            Poll::Pending => accept.await?,
        };
        let proved = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let proved = proved.and_then(|certificate| Proved::by_certificate(certificate)).map(Box::new);
        Ok((stream, proved))
    }
}

fn configure(options: &TlsOptions) -> Result<ServerConfig, TlsError> {
    let provider = ciphers::provider(options)?;
    let versions: &[_] = match (options.version_min, options.version_max) {
        (TlsVersion::V1_2, TlsVersion::V1_3) => &[&rustls::version::TLS13, &rustls::version::TLS12],
        (TlsVersion::V1_2, TlsVersion::V1_2) => &[&rustls::version::TLS12],
        (TlsVersion::V1_3, TlsVersion::V1_3) => &[&rustls::version::TLS13],
        (TlsVersion::V1_3, TlsVersion::V1_2) => {
            return Err(TlsError::general("the oldest version is newer than the newest"));
        }
    };
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions);
    let builder = builder.map_err(TlsError::general)?;
    let builder = match verifier(&options.clients, &provider)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let keys = options.certificates.iter().map(|files| certified_key(files, &provider));
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    if keys.is_empty() {
        return Err(TlsError::general("TLS needs a certificate and its key"));
    }
    let mut config = builder.with_cert_resolver(Arc::new(resolver::ByName::new(keys)));
    config.alpn_protocols = options.alpn.iter().map(|name| name.clone().into_bytes()).collect();
    // A client that comes again is spared the signature; its ticket keeps what it proved.
    config.ticketer = Ticketer::new().map_err(TlsError::general)?;
    config.send_tls13_tickets = 1;
    config.ignore_client_order = options.ciphers.is_some() || options.ciphers_1_3.is_some();
    if let Some(path) = &options.key_log {
        config.key_log = Arc::new(keylog::KeyLogFile::open(path)?);
    }
    Ok(config)
}

pub(super) fn certified_key(files: &CertificateFiles, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let chain = files::certificates(&files.chain)?;
    let key = files::private_key(&files.key, files.passphrase.as_ref())?;
    if let Some(first) = chain.first() {
        check_dates(first).map_err(|what| TlsError::of(&files.chain, what))?;
    }
    CertifiedKey::from_der(chain, key, provider).map_err(|error| {
        if matches!(error, rustls::Error::InconsistentKeys(_)) {
            let chain = files.chain.display();
            TlsError::of(&files.key, format!("the key does not belong to the certificate in {chain}"))
        } else if matches!(error, rustls::Error::InvalidCertificate(_)) {
            TlsError::of(&files.chain, format!("the certificate is broken: {error}"))
        } else {
            TlsError::of(&files.key, format!("the key cannot be used: {error}"))
        }
    })
}

/// Clients would turn away from a certificate that is too old.
pub(super) fn check_dates(certificate: &[u8]) -> Result<(), String> {
    let (_, parsed) =
        X509Certificate::from_der(certificate).map_err(|error| format!("the certificate is broken: {error}"))?;
    let validity = parsed.validity();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    if validity.not_after.timestamp() < now {
        return Err(format!("the certificate has expired: it was good until {}", validity.not_after));
    }
    if validity.not_before.timestamp() > now {
        return Err(format!("the certificate is not good before {}; is the clock right?", validity.not_before));
    }
    Ok(())
}

pub(super) fn verifier(
    clients: &ClientCertificates,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    let (trust, is_required) = match clients {
        ClientCertificates::NotAsked => return Ok(None),
        ClientCertificates::Optional(trust) => (trust, false),
        ClientCertificates::Required(trust) => (trust, true),
    };
    let roots = Arc::new(roots(trust)?);
    let mut builder = WebPkiClientVerifier::builder_with_provider(roots, provider.clone());
    if !is_required {
        builder = builder.allow_unauthenticated();
    }
    if !trust.revoked.is_empty() {
        for path in &trust.revoked {
            for file in files::expand(path)? {
                builder = builder.with_crls(files::revocation_lists(&file)?);
            }
        }
        // As OpenSSL does it for mosquitto: the client's own certificate, and an old list is no list.
        builder = builder.only_check_end_entity_revocation().enforce_revocation_expiration();
    }
    let verifier = builder
        .build()
        .map_err(|error| TlsError::general(format!("certificates of clients cannot be checked: {error}")))?;
    Ok(Some(match trust.dates {
        Dates::Checked => verifier,
        Dates::NotChecked => Arc::new(dates::WithoutDates(verifier)),
    }))
}

pub(super) fn roots(trust: &Trust) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for path in &trust.authorities {
        let is_directory = path.is_dir();
        let mut count = 0;
        for file in files::expand(path)? {
            match files::certificates(&file) {
                Ok(certificates) => count += roots.add_parsable_certificates(certificates).0,
                // Directories of certificates hold other things too.
                Err(_) if is_directory => {}
                Err(error) => return Err(error),
            }
        }
        if count == 0 {
            return Err(TlsError::of(path, "there is no certificate of an authority in it that can be used"));
        }
    }
    if let Some(pem) = &trust.authorities_pem {
        roots.add_parsable_certificates(files::certificates_in(pem)?);
    }
    if roots.is_empty() {
        return Err(TlsError::general(
            "clients are asked for certificates, but no authority is named that may have signed them",
        ));
    }
    Ok(roots)
}

//! An authority of a test's own, and the files of those it has signed.

use postrider::{TlsOptions, Trust};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod, KeyPair,
    KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A certificate and its key, as text.
pub(crate) struct Identity {
    pub(crate) chain: String,
    pub(crate) key: String,
    serial: u64,
}

/// Signs certificates, and has a directory for files that is removed with it.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    folder: PathBuf,
    serial: AtomicU64,
}

static COUNT: AtomicU64 = AtomicU64::new(0);

impl Authority {
    pub(crate) fn new() -> Self {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("authority-{}-{number}", std::process::id());
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).expect("a directory");
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, format!("authority {number}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).expect("signed");
        fs::write(folder.join("authority.pem"), certificate.pem()).expect("written");
        let issuer = Issuer::new(params, key);
        Self { issuer, certificate: certificate.der().clone(), folder, serial: AtomicU64::new(1) }
    }

    /// Of somebody with this common name, changed by `change`.
    pub(crate) fn sign_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        params.subject_alt_names.push(SanType::URI(format!("urn:dev:{serial}").try_into().expect("plain")));
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Example, Ltd");
        params.distinguished_name.push(DnType::CommonName, name);
        params.serial_number = Some(SerialNumber::from(serial));
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        Identity { chain: certificate.pem(), key: key.serialize_pem(), serial }
    }

    pub(crate) fn sign(&self, name: &str) -> Identity {
        self.sign_with(name, |_| {})
    }

    /// Writes a list that revokes these.
    pub(crate) fn revoke(&self, revoked: &[&Identity]) -> PathBuf {
        let revoked = revoked.iter().map(|identity| RevokedCertParams {
            serial_number: SerialNumber::from(identity.serial),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(2200, 1, 1),
            crl_number: SerialNumber::from(self.serial.fetch_add(1, Ordering::Relaxed)),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.issuer).expect("signed").pem().expect("text");
        self.write("revoked.pem", &list)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, text).expect("written");
        path
    }

    /// A server's options: its files are `server.pem` and `server.key`.
    pub(crate) fn server(&self) -> TlsOptions {
        let identity = self.sign("localhost");
        self.install(&identity);
        TlsOptions::new(self.folder.join("server.pem"), self.folder.join("server.key"))
    }

    /// Puts this certificate where the server's is.
    pub(crate) fn install(&self, identity: &Identity) {
        self.write("server.pem", &identity.chain);
        self.write("server.key", &identity.key);
    }

    pub(crate) fn trust(&self) -> Trust {
        Trust::authority(self.folder.join("authority.pem"))
    }

    /// Believes this authority; shows a certificate if there is one.
    pub(crate) fn client(&self, identity: Option<&Identity>) -> ClientConfig {
        self.client_with(identity, rustls::ALL_VERSIONS)
    }

    pub(crate) fn client_with(
        &self,
        identity: Option<&Identity>,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).expect("a certificate");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions);
        let builder = builder.expect("versions").with_root_certificates(roots);
        match identity {
            None => builder.with_no_client_auth(),
            Some(Identity { chain, key, .. }) => {
                let chain =
                    CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<_, _>>().expect("a chain");
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
                builder.with_client_auth_cert(chain, key).expect("they belong together")
            }
        }
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Goes through the client's half of a handshake.
pub(crate) async fn handshake(config: ClientConfig, tcp: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from("localhost").expect("a name");
    crate::wire::patiently(TlsConnector::from(Arc::new(config)).connect(name, tcp)).await
}

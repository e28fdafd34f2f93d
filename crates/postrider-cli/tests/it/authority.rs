//! Certificates for tests, and the authority that signs them.

use crate::folder::Folder;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use std::path::PathBuf;

/// An authority with a folder of files in PEM.
pub(crate) struct Authority {
    folder: Folder,
    issuer: Issuer<'static, KeyPair>,
    name: &'static str,
}

/// A certificate and its key.
pub(crate) struct Identity {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    /// `name` tells it from those of other tests.
    pub(crate) fn new(name: &'static str) -> Self {
        let folder = Folder::new(name);
        std::fs::create_dir_all(&folder.0).expect("below the target directory");
        let mut params = params(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        std::fs::write(folder.0.join(format!("{name}.crt")), certificate.pem()).expect("written");
        Self { folder, issuer: Issuer::new(params, key), name }
    }

    /// Its own certificate.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.0.join(format!("{}.crt", self.name))
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.0.clone()
    }

    /// A certificate of `name` for these hosts.
    pub(crate) fn sign(&self, name: &str, hosts: &[&str]) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let certificate = params(name, hosts).signed_by(&key, &self.issuer).expect("a certificate");
        let file = |ending: &str| self.folder.0.join(format!("{name}.{ending}"));
        let identity = Identity { certificate: file("cert"), key: file("key") };
        std::fs::write(&identity.certificate, certificate.pem()).expect("written");
        std::fs::write(&identity.key, key.serialize_pem()).expect("written");
        identity
    }
}

fn params(name: &str, hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = CertificateParams::new(hosts).expect("names of hosts");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

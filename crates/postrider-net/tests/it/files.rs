//! What is wrong with TLS, and where.

use postrider_net::tls::{ClientCertificates, TlsError, TlsOptions, TlsServer, Trust};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use std::fs;
use std::path::{Path, PathBuf};

/// A directory with a certificate and its key, removed with it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a directory");
        let own = Self(folder);
        own.sign("good", |_| {});
        own
    }

    pub(crate) fn sign(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        change(&mut params);
        let certificate = params.self_signed(&key).expect("signed");
        fs::write(self.path(&format!("{name}.pem")), certificate.pem()).expect("written");
        fs::write(self.path(&format!("{name}.key")), key.serialize_pem()).expect("written");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn options(&self, chain: &str, key: &str) -> TlsOptions {
        TlsOptions::new(self.path(chain), self.path(key))
    }

    pub(crate) fn good(&self) -> TlsOptions {
        self.options("good.pem", "good.key")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn wrong(options: TlsOptions) -> TlsError {
    TlsServer::new(options).expect_err("something is wrong")
}

#[test]
fn an_error_names_the_file_and_what_is_wrong_with_it() {
    let folder = Folder::new("files");
    folder.sign("old", |params| params.not_after = date_time_ymd(2021, 1, 1));
    folder.sign("early", |params| params.not_before = date_time_ymd(2200, 1, 1));
    folder.sign("other", |_| {});
    fs::write(folder.path("empty"), "").expect("written");
    fs::write(folder.path("broken"), "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n").expect("written");
    fs::write(folder.path("no-der"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .expect("written");
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    fs::write(folder.path("encrypted"), encrypted).expect("written");
    let cases = [
        ("missing", "good.key", "missing", "there is no such file"),
        ("good.pem", "missing", "missing", "there is no such file"),
        ("empty", "good.key", "empty", "there is no certificate in it"),
        ("good.key", "good.key", "good.key", "there is no certificate in it"),
        ("broken", "good.key", "broken", "a certificate in it is broken"),
        ("no-der", "good.key", "no-der", "the certificate is broken"),
        (".", "good.key", ".", "this is no file"),
        ("good.pem", "good.pem", "good.pem", "there is no private key in it"),
        ("good.pem", "encrypted", "encrypted", "the key is encrypted"),
        ("good.pem", "other.key", "other.key", "the key does not belong to the certificate in"),
        ("old.pem", "old.key", "old.pem", "the certificate has expired: it was good until"),
        ("early.pem", "early.key", "early.pem", "the certificate is not good before"),
    ];
    for (chain, key, file, what) in cases {
        let error = wrong(folder.options(chain, key));
        assert_eq!(error.file(), Some(&*folder.path(file)), "{error}");
        assert!(error.to_string().contains(what), "{error}");
    }
    for (authority, revoked, what) in [
        ("missing", None, "there is no such file"),
        ("empty", None, "there is no certificate in it"),
        ("good.pem", Some("good.pem"), "there is no list of revoked certificates in it"),
    ] {
        let revoked = revoked.map(|name| folder.path(name)).into_iter().collect();
        let trust = Trust { revoked, ..Trust::authority(folder.path(authority)) };
        let error = wrong(TlsOptions { clients: ClientCertificates::Required(trust), ..folder.good() });
        assert!(error.to_string().contains(what), "{error}");
    }
    TlsServer::new(folder.good()).expect("nothing is wrong");
}

#[test]
fn a_directory_of_authorities_may_hold_other_files_too() {
    let folder = Folder::new("directory");
    let clients = ClientCertificates::Required(Trust::authority(&folder.0));
    TlsServer::new(TlsOptions { clients, ..folder.good() }).expect("one is a certificate");
    fs::create_dir_all(folder.path("none")).expect("a directory");
    fs::write(folder.path("none/README"), "nothing").expect("written");
    let clients = ClientCertificates::Required(Trust::authority(folder.path("none")));
    let error = wrong(TlsOptions { clients, ..folder.good() });
    assert!(error.to_string().contains("no certificate of an authority"), "{error}");
}

#[test]
fn ciphers_go_by_openssls_names_and_an_unknown_one_is_told_which_there_are() {
    let folder = Folder::new("ciphers");
    let with = |old: Option<&str>, new: Option<&str>| TlsOptions {
        ciphers: old.map(str::to_owned),
        ciphers_1_3: new.map(str::to_owned),
        ..folder.good()
    };
    let good = with(Some("ECDHE-ECDSA-AES128-GCM-SHA256:ecdhe-rsa-chacha20-poly1305"), Some("TLS_AES_128_GCM_SHA256"));
    TlsServer::new(good).expect("all are known");
    let error = wrong(with(Some("ECDHE-ECDSA-AES128-GCM-SHA256:RC4-MD5"), None)).to_string();
    assert!(error.contains("\"RC4-MD5\"") && error.contains("ECDHE-RSA-AES256-GCM-SHA384"), "{error}");
    let error = wrong(with(None, Some("TLS_AES_128_CCM_SHA256"))).to_string();
    assert!(error.contains("TLS_AES_128_CCM_SHA256") && error.contains("TLS_CHACHA20_POLY1305_SHA256"), "{error}");
    assert!(wrong(with(Some(":"), None)).to_string().contains("the list is empty"));
}

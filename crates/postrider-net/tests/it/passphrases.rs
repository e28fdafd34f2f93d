//! Keys that a passphrase opens, as OpenSSL 3.0 wrote them.

use crate::files::Folder;
use postrider_net::tls::{CertificateFiles, Passphrase, TlsOptions, TlsServer, examine};
use rcgen::{CertificateParams, KeyPair};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A folder with a certificate of the key below, and the key as `text` has it.
fn folder(name: &str, text: &str) -> Folder {
    let folder = Folder::new(name);
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let certificate = params.self_signed(&KeyPair::from_pem(PLAIN).expect("a key")).expect("signed");
    fs::write(folder.path("own.pem"), certificate.pem()).expect("written");
    fs::write(folder.path("own.key"), text).expect("written");
    folder
}

fn options(folder: &Folder, passphrase: Option<Passphrase>) -> TlsOptions {
    let files = CertificateFiles { chain: folder.path("own.pem"), key: folder.path("own.key"), passphrase };
    TlsOptions { certificates: vec![files], ..folder.good() }
}

fn says(words: &'static str) -> Option<Passphrase> {
    Some(Passphrase::new(move || Ok(words.to_owned())))
}

fn why(folder: &Folder, passphrase: Option<Passphrase>) -> String {
    let error = TlsServer::new(options(folder, passphrase)).expect_err("it cannot be opened");
    assert_eq!(error.file(), Some(&*folder.path("own.key")), "{error}");
    error.to_string()
}

#[test]
fn keys_that_openssl_encrypted_are_opened_with_their_passphrase() {
    for (name, text) in [("aes", AES), ("scrypt", SCRYPT)] {
        let folder = folder(name, &format!("a comment before it\n{text}"));
        TlsServer::new(options(&folder, says(WORDS))).expect("it belongs to the certificate");
        assert!(why(&folder, says("wrong")).contains("the passphrase is wrong"));
        assert!(why(&folder, None).contains("tls.key_passphrase"));
        let absent = Passphrase::new(|| Err("the environment variable WORDS is not set".to_owned()));
        assert!(why(&folder, Some(absent)).contains("WORDS is not set"));
    }
}

#[test]
fn older_forms_are_refused_with_the_command_that_writes_them_anew() {
    for (name, text) in [("old-form", OLD), ("des", DES), ("pbes1", PBES1)] {
        let said = why(&folder(name, text), says(WORDS));
        assert!(said.contains("openssl pkcs8 -topk8"), "{name}: {said}");
    }
}

#[test]
fn nobody_is_asked_for_the_passphrase_of_a_key_that_has_none() {
    let folder = folder("plain", PLAIN);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let passphrase = Passphrase::new(move || {
        count.fetch_add(1, Ordering::Relaxed);
        Ok(String::new())
    });
    TlsServer::new(options(&folder, Some(passphrase.clone()))).expect("good files");
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    // With a key that has one, each reading asks: it may have changed with the key.
    fs::write(folder.path("own.key"), AES).expect("written");
    TlsServer::new(options(&folder, Some(passphrase.clone()))).expect_err("it is not the empty one");
    TlsServer::new(options(&folder, Some(passphrase))).expect_err("it is not the empty one");
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[test]
fn all_that_is_wrong_is_found_at_once() {
    let folder = folder("examined", "nothing");
    fs::write(folder.path("list"), "nothing").expect("written");
    let trust = postrider_net::tls::Trust {
        revoked: vec![folder.path("list"), folder.path("absent")],
        ..postrider_net::tls::Trust::authority(folder.path("missing"))
    };
    let clients = postrider_net::tls::ClientCertificates::Required(trust);
    let found = examine(&TlsOptions { clients, ..options(&folder, None) });
    let names: Vec<_> = found.faults.iter().map(|error| error.file().map(ToOwned::to_owned)).collect();
    assert_eq!(names, ["own.key", "missing", "list", "absent"].map(|name| Some(folder.path(name))));
}

const WORDS: &str = "correct horse";

// openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256; it protects nothing.
const PLAIN: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgs1IUZ94mkn8bXCpw
Eh3k9UE1J+Ms9QDrMcZ7Jo6cwxGhRANCAATvCaEHGBiYL5ff2ade9dqX+oAH2UND
4NxWGRX32pGUAo5VxLr2M2xAq0OUmVjPQTv/ClwOd0MGzgm3ISUMcyy/
-----END PRIVATE KEY-----
";

// openssl pkcs8 -topk8 -v2 aes-256-cbc
const AES: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAiykRebrsZF1wICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEENL3QOyi1W2DEU+qcn5Kr5UEgZC3
36Wsj55Oq18LNOFHB8YiYv1wsrfD51rrbglCQW216+uVUrPKF9WBRqye3Q9GLAEO
WM+WbZ9A8Gz2N166qmjiwNGo2+6ZRcsHBaMFVCI7an1STdD9HDkkRMtj/ke3p379
0h062Cm8DN6jkiD1ONnXECc/ZlgFJyavhREvu+zr7A2HLFvvpgJ6wldSBdW4Tpc=
-----END ENCRYPTED PRIVATE KEY-----
";

// openssl pkcs8 -topk8 -scrypt
const SCRYPT: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHkME8GCSqGSIb3DQEFDTBCMCEGCSsGAQQB2kcECzAUBAiWcg8lfb5BHgICBAAC
AQgCAQEwHQYJYIZIAWUDBAEqBBCrm1PgRwxtrJmycNKkEaZoBIGQfHaCZkJCbTlY
pZygTKyWQ0y/QzyYYz2W8bn+l4WHZW52Wv3bELrSFUu8ErXRyDfV8db4PhTcvOYt
eAbIW8wZgXq2NdCMPpHyLfE1gJw89MpYuNzaBl1njTzUS7wH56lScqroSjSkaOel
7Wdn2/yHRZaIyrWv4ENILWrspoTE4Hic4PGIPSl34scWQCecXPou
-----END ENCRYPTED PRIVATE KEY-----
";

// openssl ec -aes256
const OLD: &str = "-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-256-CBC,822F2563DAA9717C65FC203B2C579EFC

klicE7ETVcEhfZcrW6Si4cgPBPiNSsrX4lTRpq5omxKvl28YExtH2EeL4vctZi+m
e494v5akrleZbLTvlE9JmYSNL+leg1idbptKGNkcC3fwYK7wOwFQq+kNkx27gjzJ
4jeEJlqw60PTBpl8UXVu4UsrQw0RqQLlnStPRZ9XuVg=
-----END EC PRIVATE KEY-----
";

// openssl pkcs8 -topk8 -v2 des3
const DES: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHjME4GCSqGSIb3DQEFDTBBMCkGCSqGSIb3DQEFDDAcBAjCACObc4HS5gICCAAw
DAYIKoZIhvcNAgkFADAUBggqhkiG9w0DBwQIWOyAC5L56T0EgZDYN2bGzXFjoBDS
gP4z6NraRyc24ZAJy7/MSx8jVDFvxQuoAzkP8IfmtCUJbbIvC0KlXsEs1ETK9Hi3
zjeK7M9lCJjqihZxlb/uErlbDhl/dTJTdmaHn2JmBlvZJmczlgYIkK7Ls06jU5QA
yqJ9ZaR1SXQPTM0AaHb8I4zbX8IbEiE9nZJYBtZqvxlgpO5XrWg=
-----END ENCRYPTED PRIVATE KEY-----
";

// openssl pkcs8 -topk8 -v1 PBE-SHA1-3DES
const PBES1: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGxMBwGCiqGSIb3DQEMAQMwDgQIhOh8WyabWscCAggABIGQjBT7CNu9T3XSCDYt
hlgS2OyZ5hHjEjYlaZHk0u7MrX/TQEs/4VDR2ZrEAlgvZq9jD4n8r6AC7QbaHj2U
Ww83W2+tmhz1uvL8dDCUqQWmlGz5uGgGezoqyElUtF9zfEHc0lpZtz5ZntETlXMZ
k1s0OK6gTeeFgk2owDD8G0SLn5TLh8oFfDmTAoKy57xSxQ2f
-----END ENCRYPTED PRIVATE KEY-----
";

//! Handshakes over a pipe: names, protocols, ciphers, and turns.

use crate::files::Folder;
use postrider_net::tls::{CertificateFiles, TlsOptions, TlsServer, Turns};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::DuplexStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Believes everybody: these tests look at what is shown.
#[derive(Debug)]
struct Credulous(Arc<CryptoProvider>);

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn client(alpn: &[&str]) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let builder = builder.expect("versions").dangerous();
    let builder = builder.with_custom_certificate_verifier(Arc::new(Credulous(provider)));
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

async fn shake(server: &TlsServer, config: ClientConfig, name: &'static str) -> io::Result<TlsStream<DuplexStream>> {
    let (near, far) = tokio::io::duplex(1 << 16);
    let turns = Turns::new(1, 1);
    let name = ServerName::try_from(name).expect("a name");
    let connector = TlsConnector::from(Arc::new(config));
    let (client, server) = tokio::join!(connector.connect(name, near), server.accept(far, &turns));
    server.and(client)
}

async fn shown(server: &TlsServer, name: &'static str) -> Vec<u8> {
    let stream = shake(server, client(&[]), name).await.expect("a handshake");
    stream.get_ref().1.peer_certificates().expect("a chain")[0].to_vec()
}

#[tokio::test]
async fn a_client_is_shown_the_certificate_with_the_name_it_asks_for() {
    let folder = Folder::new("names");
    let named = |names: [&str; 2]| {
        let names = names.map(|name| rcgen::SanType::DnsName(name.to_owned().try_into().expect("a name")));
        move |params: &mut rcgen::CertificateParams| params.subject_alt_names = names.into()
    };
    folder.sign("one", named(["one.example", "*.wild.example"]));
    folder.sign("two", named(["two.example", "TWO.other"]));
    let files = |name: &str| CertificateFiles {
        passphrase: None,
        chain: folder.path(&format!("{name}.pem")),
        key: folder.path(&format!("{name}.key")),
    };
    let certificates = vec![files("good"), files("one"), files("two")];
    let server = TlsServer::new(TlsOptions { certificates, ..folder.good() }).expect("good files");
    let (good, one) = (shown(&server, "nobody.example").await, shown(&server, "one.example").await);
    let two = shown(&server, "two.example").await;
    assert!(good != one && one != two && good != two);
    for (name, expected) in [
        ("a.wild.example", &one),
        ("Two.OTHER", &two),
        ("wild.example", &good),
        ("a.b.wild.example", &good),
        ("127.0.0.1", &good),
    ] {
        assert!(shown(&server, name).await == *expected, "{name}");
    }
}

#[tokio::test]
async fn only_clients_that_ask_for_other_protocols_alone_are_refused() {
    let folder = Folder::new("alpn");
    let server = TlsServer::new(TlsOptions { alpn: vec!["mqtt".to_owned()], ..folder.good() }).expect("good files");
    let both = shake(&server, client(&["h2", "mqtt"]), "localhost").await.expect("mqtt is among them");
    assert_eq!(both.get_ref().1.alpn_protocol(), Some(&b"mqtt"[..]));
    shake(&server, client(&[]), "localhost").await.expect("it asks for none");
    shake(&server, client(&["h2"]), "localhost").await.expect_err("there is no h2");
    let open = TlsServer::new(folder.good()).expect("good files");
    shake(&open, client(&["h2"]), "localhost").await.expect("nobody is asked");
}

#[tokio::test]
async fn a_cipher_that_was_chosen_is_the_one_that_is_used() {
    let folder = Folder::new("chosen");
    for name in ["TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"] {
        let options = TlsOptions { ciphers_1_3: Some(name.to_owned()), ..folder.good() };
        let stream =
            shake(&TlsServer::new(options).expect("known"), client(&[]), "localhost").await.expect("a handshake");
        let suite = stream.get_ref().1.negotiated_cipher_suite().expect("one").suite();
        assert_eq!(format!("{suite:?}"), name.replace("TLS_", "TLS13_"));
    }
}

#[tokio::test]
async fn secrets_are_written_for_a_debugger_if_that_is_asked_for() {
    let folder = Folder::new("secrets");
    let key_log = Some(folder.path("secrets"));
    let server = TlsServer::new(TlsOptions { key_log, ..folder.good() }).expect("good files");
    shake(&server, client(&[]), "localhost").await.expect("a handshake");
    let text = std::fs::read_to_string(folder.path("secrets")).expect("written");
    let fields: Vec<&str> =
        text.lines().find(|line| line.starts_with("CLIENT_TRAFFIC_SECRET_0")).expect("it").split(' ').collect();
    assert_eq!(fields[1].len(), 64, "the random of the client");
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(folder.path("secrets")).expect("there").permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
}

// A23
#[tokio::test]
async fn who_finds_too_many_waiting_is_refused_and_the_others_get_their_turn() {
    let turns = Turns::new(1, 1);
    let first = turns.take().await.expect("free");
    let mut second = Box::pin(turns.take());
    assert!(timeout(Duration::from_millis(1), &mut second).await.is_err(), "it waits");
    let third = turns.take().await.expect_err("one waits already");
    assert_eq!(third.kind(), io::ErrorKind::ResourceBusy);
    drop(first);
    drop(second.await.expect("its turn"));
    // Who goes away while waiting counts no more.
    let _first = turns.take().await.expect("free");
    drop(timeout(Duration::from_millis(1), turns.take()).await);
    let mut next = Box::pin(turns.take());
    assert!(timeout(Duration::from_millis(1), &mut next).await.is_err(), "it may wait");
}

//! What is read of a client's certificate, through a real handshake.

use postrider_net::tls::{ClientCertificates, Proved, TlsOptions, TlsServer, Trust, Turns};
use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair, SanType};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsConnector;

/// What a server reads of a client that shows a certificate with this subject.
async fn proved(name: &str, subject: DistinguishedName, names: Vec<SanType>) -> Proved {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("subject-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a directory");
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.distinguished_name = subject;
    params.subject_alt_names = names;
    let certificate = params.self_signed(&key).expect("signed");
    fs::write(folder.join("own.pem"), certificate.pem()).expect("written");
    fs::write(folder.join("own.key"), key.serialize_pem()).expect("written");
    let options = TlsOptions {
        clients: ClientCertificates::Required(Trust::authority(folder.join("own.pem"))),
        ..TlsOptions::new(folder.join("own.pem"), folder.join("own.key"))
    };
    let server = TlsServer::new(options).expect("good files");
    fs::remove_dir_all(folder).expect("ours");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.der().clone()).expect("a certificate");
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let config = builder.expect("versions").with_root_certificates(roots);
    let config = config.with_client_auth_cert(vec![certificate.der().clone()], key).expect("they belong together");
    let (near, far) = tokio::io::duplex(1 << 16);
    let dial = TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").expect("a name"), near);
    let turns = Turns::new(1, 1);
    let (client, server) = tokio::join!(dial, server.accept(far, &turns));
    client.expect("a handshake");
    *server.expect("a handshake").1.expect("a certificate")
}

fn localhost() -> SanType {
    SanType::DnsName("localhost".try_into().expect("a name"))
}

// The text is what `openssl x509 -noout -subject -nameopt RFC2253` prints for the same subject.
#[tokio::test]
async fn a_subject_reads_as_openssl_prints_it() {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CountryName, DnValue::PrintableString("DE".try_into().expect("plain")));
    subject.push(DnType::OrganizationName, "Müller, \"Söhne\" + Co; <x> \\ #");
    subject.push(DnType::OrganizationalUnitName, " #edge ");
    subject.push(DnType::CustomDnType(vec![0, 9, 2342, 19_200_300, 100, 1, 1]), "u1");
    subject.push(DnType::CustomDnType(vec![1, 2, 3, 4]), "odd");
    subject.push(DnType::CommonName, "#sensor\n7");
    let proved = proved("odd", subject, vec![localhost()]).await;
    assert_eq!(
        proved.subject,
        "CN=\\#sensor\\0A7,1.2.3.4=#0C036F6464,UID=u1,OU=\\ #edge\\ ,\
         O=M\\C3\\BCller\\, \\\"S\\C3\\B6hne\\\" \\+ Co\\; \\<x\\> \\\\ #,C=DE"
    );
    assert_eq!(proved.common_name.as_deref(), Some("#sensor\n7"));
}

#[tokio::test]
async fn the_first_of_each_kind_of_alternative_name_counts() {
    let name = |text: &str| text.to_owned().try_into().expect("plain");
    let names = vec![
        SanType::IpAddress([127, 0, 0, 1].into()),
        localhost(),
        SanType::DnsName(name("second.example")),
        SanType::URI(name("urn:dev:1")),
        SanType::Rfc822Name(name("a@example.org")),
        SanType::URI(name("urn:dev:2")),
    ];
    let proved = proved("names", DistinguishedName::new(), names).await;
    let expected = Proved {
        common_name: None,
        subject: String::new(),
        dns: Some("localhost".to_owned()),
        uri: Some("urn:dev:1".to_owned()),
        email: Some("a@example.org".to_owned()),
    };
    assert_eq!(proved, expected);
}

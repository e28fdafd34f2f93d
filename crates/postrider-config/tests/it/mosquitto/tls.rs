//! TLS of listeners: never less than the file asks for.

use super::{faults, notices, read};
use postrider_config::model::{ClientCertificate, TlsVersion, UsernameFrom};

const TLS: &str = "listener 8883\ncertfile c\nkeyfile k\n";

#[test]
fn a_certificate_and_a_key_turn_it_on() {
    let config = read(&format!("{TLS}cafile a\nrequire_certificate true\nuse_identity_as_username true\n"));
    let listener = &config.listeners[0];
    let tls = listener.tls.as_ref().expect("TLS");
    assert_eq!((tls.certificate.to_str(), tls.key.to_str()), (Some("c"), Some("k")));
    assert_eq!(tls.client_certificate, ClientCertificate::Required);
    assert_eq!(listener.security.username_from, UsernameFrom::CommonName);
    assert_eq!(listener.name, "tls-8883");
}

#[test]
fn half_of_it_is_a_fault_and_never_a_listener_without_tls() {
    for half in ["certfile c", "keyfile k", "require_certificate true", "psk_hint h\ncertfile c\nkeyfile k"] {
        let faults = faults(&format!("listener 8883\n{half}\n"));
        assert!(faults[0].starts_with("m.conf:1: "), "{half}: {faults:?}");
    }
    assert_eq!(faults(&format!("{TLS}require_certificate true\n")).len(), 1, "authorities are missing");
    assert_eq!(faults(&format!("{TLS}use_subject_as_username true\n")).len(), 1, "nobody has a certificate");
    assert_eq!(faults(&format!("{TLS}enable_proxy_protocol 2\n")).len(), 1);
    assert_eq!(faults("listener 1\nenable_proxy_protocol 1\nproxy_protocol_v2_require_tls true\n").len(), 1);
}

#[test]
fn old_versions_become_the_oldest_that_is_spoken_with_a_notice() {
    let oldest = |version: &str| read(&format!("{TLS}tls_version {version}\n")).listeners[0].tls.clone().expect("TLS");
    assert_eq!(oldest("tlsv1.1").version_min, TlsVersion::V1_2);
    assert_eq!(oldest("tlsv1.3").version_min, TlsVersion::V1_3);
    assert_eq!(notices(&format!("{TLS}tls_version tlsv1.1\n")).len(), 1);
}

#[test]
fn options_of_tls_without_tls_are_told() {
    let said = notices("listener 1883\ncafile a\n");
    assert_eq!(said, ["m.conf:1: tcp-1883: has no TLS: `certfile` and `keyfile` turn it on"]);
}

#[test]
fn a_listener_of_psk_is_not_opened_and_never_a_plain_one() {
    let text = "listener 1883\nlistener 8883\npsk_hint h\npsk_file p\n";
    let config = read(text);
    let names: Vec<&str> = config.listeners.iter().map(|listener| listener.name.as_str()).collect();
    assert_eq!(names, ["tcp-1883"]);
    assert!(notices(text)[0].contains("tls-8883 IS NOT OPENED"), "{:?}", notices(text));
    assert_eq!(faults("listener 8883\npsk_hint h\npsk_file p\n").len(), 1, "there is no other");
    assert_eq!(faults("psk_hint h\npsk_file p\n").len(), 1, "the unnamed one is no other");
}

#[test]
fn engines_are_refused_with_advice() {
    let faults = faults(&format!("{TLS}tls_engine pkcs11\n"));
    let expected = "m.conf:4: tls_engine is not done here: engines of OpenSSL do not work here; give the key as a file with keyfile";
    assert_eq!(faults, [expected]);
}

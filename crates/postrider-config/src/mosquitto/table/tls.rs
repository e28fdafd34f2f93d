//! Options of a listener's TLS.

use super::Entry;
use super::entry::Set::{Listener, Nothing};
use crate::mosquitto::value::Kind::{Flag, Text, Word};
use std::path::PathBuf;

pub(super) const OPTIONS: &[Entry] = &[
    Entry::new("certfile", Text, "none", Listener(|to, value| to.tls.certificate = PathBuf::from(value.text())))
        .reread()
        .says("PEM file with the certificate and those between it and its authority.")
        .differs("Without `keyfile` it is an error; mosquitto opens the listener without TLS."),
    Entry::new("keyfile", Text, "none", Listener(|to, value| to.tls.key = PathBuf::from(value.text())))
        .reread()
        .says("PEM file with the key.")
        .differs("Without `certfile` it is an error; mosquitto opens the listener without TLS."),
    Entry::new(
        "cafile",
        Text,
        "none",
        Listener(|to, value| {
            to.tls.client_ca_file = Some(PathBuf::from(value.text()));
        }),
    )
    .says("PEM file with the authorities of client certificates."),
    Entry::new(
        "capath",
        Text,
        "none",
        Listener(|to, value| {
            to.tls.client_ca_directory = Some(PathBuf::from(value.text()));
        }),
    )
    .says("Directory of such files.")
    .differs("All files in it are read; their names need no hashes."),
    Entry::new("require_certificate", Flag, "false", Listener(|to, value| to.requires_certificate = value.flag()))
        .says("Whether clients must have a certificate."),
    Entry::new("crlfile", Text, "none", Listener(|to, value| to.tls.crl = Some(PathBuf::from(value.text()))))
        .says("PEM file of revoked certificates."),
    Entry::new(
        "disable_client_cert_date_checks",
        Flag,
        "false",
        Listener(|to, value| {
            to.tls.check_client_dates = !value.flag();
        }),
    )
    .says("Whether a client certificate may be out of date.")
    .since_2_1(),
    Entry::new("use_identity_as_username", Flag, "false", Listener(|to, value| to.own.identity = value.flag()))
        .says("Whether the common name of the client's certificate is the user name."),
    Entry::new("use_subject_as_username", Flag, "false", Listener(|to, value| to.own.subject = value.flag()))
        .says("Whether the whole subject of the client's certificate is the user name."),
    Entry::new("ciphers", Text, "the library's", Listener(|to, value| to.tls.ciphers = names(value.text())))
        .says("Cipher suites up to TLS 1.2, with colons between."),
    Entry::new(
        "ciphers_tls1.3",
        Text,
        "the library's",
        Listener(|to, value| {
            to.tls.ciphersuites = names(value.text());
        }),
    )
    .says("Cipher suites of TLS 1.3, with colons between."),
    Entry::new("tls_version", Word(VERSIONS), "tlsv1.2", Listener(|to, value| to.tls_version(value.text())))
        .says("The oldest version that is spoken.")
        .differs("1.0 and 1.1 are broken: 1.2 holds, with a notice."),
    Entry::new("tls_engine", Text, "none", Nothing)
        .stays()
        .refused("engines of OpenSSL do not work here; give the key as a file with keyfile"),
    Entry::new("tls_engine_kpass_sha1", Text, "none", Nothing)
        .stays()
        .refused("engines of OpenSSL do not work here; give the key as a file with keyfile"),
    Entry::new("tls_keyform", Word(&["pem", "engine"]), "pem", Nothing)
        .stays()
        .no_effect("Keys are PEM files; `engine` is refused with `tls_engine`."),
    Entry::new("psk_hint", Text, "none", Listener(|to, value| to.tls.psk_hint = Some(value.text().to_owned())))
        .says("Turns PSK on, and tells clients which identity to use.")
        .differs(
            "Listeners with PSK come later: such a listener is not opened, and it is an error if there is no other.",
        ),
];

/// Names with colons between.
pub(super) fn names(text: &str) -> Vec<String> {
    text.split(':').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

pub(super) const VERSIONS: &[&str] = &["tlsv1", "tlsv1.0", "tlsv1.1", "tlsv1.2", "tlsv1.3"];

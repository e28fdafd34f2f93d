//! Which certificate a client is shown.

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::Arc;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Certificates with the names they are for; the first is for everybody else.
#[derive(Debug)]
pub(super) struct ByName(Vec<(Vec<String>, Arc<CertifiedKey>)>);

impl ByName {
    pub(super) fn new(keys: Vec<CertifiedKey>) -> Self {
        Self(keys.into_iter().map(|key| (names(&key), Arc::new(key))).collect())
    }
}

fn names(key: &CertifiedKey) -> Vec<String> {
    let parsed = key.cert.first().and_then(|certificate| X509Certificate::from_der(certificate).ok());
    let Some((_, certificate)) = parsed else { return Vec::new() };
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let dns = |name: &GeneralName<'_>| {
        if let GeneralName::DNSName(name) = name { Some(name.to_ascii_lowercase()) } else { None }
    };
    names.value.general_names.iter().filter_map(dns).collect()
}

/// A name of a certificate may stand for all names below one label: `*.example.org`.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(rest) => name.split_once('.').is_some_and(|(label, tail)| !label.is_empty() && tail == rest),
        None => pattern == name,
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().map(str::to_ascii_lowercase);
        let fits = |names: &[String]| name.as_ref().is_some_and(|name| names.iter().any(|own| matches(own, name)));
        let named = self.0.iter().find(|(names, _)| fits(names));
        named.or_else(|| self.0.first()).map(|(_, key)| key.clone())
    }
}

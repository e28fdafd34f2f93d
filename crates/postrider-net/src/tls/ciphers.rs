//! Cipher suites under the names that OpenSSL has for them.

use super::{TlsError, TlsOptions, TlsVersion};
use rustls::SupportedCipherSuite;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{cipher_suite as suites, default_provider};
use std::sync::Arc;

const OF_1_2: [(&str, SupportedCipherSuite); 6] = [
    ("ECDHE-ECDSA-AES256-GCM-SHA384", suites::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    ("ECDHE-ECDSA-AES128-GCM-SHA256", suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ("ECDHE-ECDSA-CHACHA20-POLY1305", suites::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    ("ECDHE-RSA-AES256-GCM-SHA384", suites::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    ("ECDHE-RSA-AES128-GCM-SHA256", suites::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    ("ECDHE-RSA-CHACHA20-POLY1305", suites::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
];

const OF_1_3: [(&str, SupportedCipherSuite); 3] = [
    ("TLS_AES_256_GCM_SHA384", suites::TLS13_AES_256_GCM_SHA384),
    ("TLS_AES_128_GCM_SHA256", suites::TLS13_AES_128_GCM_SHA256),
    ("TLS_CHACHA20_POLY1305_SHA256", suites::TLS13_CHACHA20_POLY1305_SHA256),
];

/// The cryptography, with the suites that were asked for in the order they were asked for.
pub(super) fn provider(options: &TlsOptions) -> Result<Arc<CryptoProvider>, TlsError> {
    let mut provider = default_provider();
    let mut chosen = Vec::new();
    if options.version_max == TlsVersion::V1_3 {
        chosen.extend(choose("ciphers of TLS 1.3", options.ciphers_1_3.as_deref(), &OF_1_3)?);
    }
    if options.version_min == TlsVersion::V1_2 {
        chosen.extend(choose("ciphers", options.ciphers.as_deref(), &OF_1_2)?);
    }
    provider.cipher_suites = chosen;
    Ok(Arc::new(provider))
}

fn choose(
    what: &str,
    list: Option<&str>,
    known: &[(&str, SupportedCipherSuite)],
) -> Result<Vec<SupportedCipherSuite>, TlsError> {
    let Some(list) = list else { return Ok(known.iter().map(|(_, suite)| *suite).collect()) };
    let names = list.split([':', ',', ' ']).filter(|name| !name.is_empty());
    let chosen = names.map(|name| {
        let entry = known.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        entry.map(|(_, suite)| *suite).ok_or_else(|| unknown(what, name, known))
    });
    let chosen: Vec<SupportedCipherSuite> = chosen.collect::<Result<_, _>>()?;
    if chosen.is_empty() {
        return Err(TlsError::general(format!(
            "{what}: the list is empty; leave it out for all, or name some of {}",
            all(known)
        )));
    }
    Ok(chosen)
}

fn unknown(what: &str, name: &str, known: &[(&str, SupportedCipherSuite)]) -> TlsError {
    TlsError::general(format!("{what}: there is no {name:?}; there are {}", all(known)))
}

fn all(known: &[(&str, SupportedCipherSuite)]) -> String {
    known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

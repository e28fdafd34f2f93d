//! Names of ciphers, as OpenSSL and IANA have them.

use super::tls::{default_provider, invalid};
use rustls::CipherSuite;
use rustls::crypto::CryptoProvider;
use std::io;

/// rustls' provider with the suites that are asked for. As with OpenSSL, those of TLS 1.3 stay unless one of them is
/// named.
pub(super) fn provider(names: Option<&str>) -> io::Result<CryptoProvider> {
    let mut provider = default_provider();
    let Some(names) = names else { return Ok(provider) };
    let mut wanted = Vec::new();
    for name in names.split([':', ',', ' ']).filter(|name| !name.is_empty()) {
        match NAMES.iter().find(|known| known.iana == name || known.openssl == name) {
            Some(known) => wanted.push(*known),
            None if ALL.contains(&name) => wanted.extend(NAMES),
            None => return Err(invalid(format!("the cipher {name} is not known here, but {}", known_names()))),
        }
    }
    let names_v1_3 = wanted.iter().any(|known| known.is_v1_3());
    let is_wanted = |suite: CipherSuite| wanted.iter().any(|known| known.suite == suite);
    provider.cipher_suites.retain(|suite| is_wanted(suite.suite()) || suite.tls13().is_some() && !names_v1_3);
    Ok(provider)
}

/// OpenSSL's words for what is good enough.
const ALL: [&str; 3] = ["DEFAULT", "ALL", "HIGH"];

#[derive(Clone, Copy)]
struct Known {
    suite: CipherSuite,
    iana: &'static str,
    openssl: &'static str,
}

impl Known {
    const fn new(suite: CipherSuite, iana: &'static str, openssl: &'static str) -> Self {
        Self { suite, iana, openssl }
    }

    fn is_v1_3(&self) -> bool {
        self.openssl == self.iana
    }
}

fn known_names() -> String {
    NAMES.map(|known| known.openssl).join(", ")
}

/// In TLS 1.3 both have one name.
const NAMES: [Known; 9] = [
    Known::new(CipherSuite::TLS13_AES_256_GCM_SHA384, "TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"),
    Known::new(CipherSuite::TLS13_AES_128_GCM_SHA256, "TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"),
    Known::new(
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_CHACHA20_POLY1305_SHA256",
    ),
    Known::new(
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
    ),
    Known::new(
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
    ),
    Known::new(
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
    ),
    Known::new(
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
    ),
    Known::new(
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
    ),
    Known::new(
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        "ECDHE-RSA-CHACHA20-POLY1305",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(names: &str) -> Vec<CipherSuite> {
        provider(Some(names)).unwrap().cipher_suites.iter().map(|suite| suite.suite()).collect()
    }

    #[test]
    fn every_suite_of_the_provider_has_a_name_and_the_other_way_round() {
        let all: Vec<_> = default_provider().cipher_suites.iter().map(|suite| suite.suite()).collect();
        assert_eq!(all.len(), NAMES.len());
        assert!(NAMES.iter().all(|known| all.contains(&known.suite)));
        assert_eq!(chosen("DEFAULT"), all);
    }

    #[test]
    fn names_of_1_2_leave_1_3_alone_and_names_of_1_3_do_not() {
        let one = chosen("ECDHE-RSA-AES256-GCM-SHA384");
        assert_eq!(one.len(), 4, "{one:?}");
        assert_eq!(chosen("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"), one);
        assert_eq!(chosen("TLS_AES_128_GCM_SHA256"), [CipherSuite::TLS13_AES_128_GCM_SHA256]);
        assert_eq!(chosen("TLS_AES_128_GCM_SHA256:ECDHE-RSA-AES256-GCM-SHA384").len(), 2);
    }

    #[test]
    fn a_cipher_that_is_not_known_is_named_together_with_those_that_are() {
        let error = provider(Some("DES-CBC3-SHA")).unwrap_err().to_string();
        assert!(error.contains("DES-CBC3-SHA") && error.contains("ECDHE-RSA-AES256-GCM-SHA384"), "{error}");
    }
}

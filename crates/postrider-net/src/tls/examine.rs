//! What is wrong with the files of TLS, all of it at once.
//!
//! Owns: looking without serving: nothing is written, and nothing is in use afterwards.

use super::files;
use super::options::{ClientCertificates, TlsOptions, Trust};
use super::server::{certified_key, check_dates, roots, verifier};
use super::{TlsError, ciphers};
use rustls::crypto::CryptoProvider;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};
use x509_parser::time::ASN1Time;

/// What looking at files has found.
#[derive(Clone, Debug, Default)]
pub struct Examined {
    /// With any of these a listener cannot be opened.
    pub faults: Vec<TlsError>,
    /// What holds no longer, or soon no longer.
    pub ending: Vec<Ending>,
}

/// Something that ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The file it is in.
    pub file: PathBuf,
    /// In words: what, and when.
    pub what: String,
}

/// How long before its end a certificate is spoken of.
pub const SOON: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Looks at every file that `options` names.
#[must_use]
pub fn examine(options: &TlsOptions) -> Examined {
    let mut found = Examined::default();
    let Some(provider) = found.keep(ciphers::provider(options)) else { return found };
    for own in &options.certificates {
        let chain = found.keep(files::certificates(&own.chain));
        let key = found.keep(files::private_key(&own.key, own.passphrase.as_ref()));
        let Some(first) = chain.as_ref().and_then(|chain| chain.first()) else { continue };
        if let Err(what) = check_dates(first) {
            found.faults.push(TlsError::of(&own.chain, what));
        } else if key.is_some() {
            found.keep(certified_key(own, &provider));
            found.soon(&own.chain, first);
        }
    }
    match &options.clients {
        ClientCertificates::NotAsked => {}
        ClientCertificates::Optional(trust) | ClientCertificates::Required(trust) => {
            found.trust(options, trust, &provider);
        }
    }
    found
}

impl Examined {
    fn keep<T>(&mut self, result: Result<T, TlsError>) -> Option<T> {
        result.map_err(|error| self.faults.push(error)).ok()
    }

    fn trust(&mut self, options: &TlsOptions, trust: &Trust, provider: &Arc<CryptoProvider>) {
        let before = self.faults.len();
        self.keep(roots(trust));
        let lists = trust.revoked.iter().filter_map(|path| self.keep(files::expand(path))).flatten();
        for file in lists.collect::<Vec<_>>() {
            for list in self.keep(files::revocation_lists(&file)).into_iter().flatten() {
                self.stale(&file, &list);
            }
        }
        if self.faults.len() == before {
            self.keep(verifier(&options.clients, provider));
        }
    }

    fn soon(&mut self, file: &Path, certificate: &[u8]) {
        let Ok((_, parsed)) = X509Certificate::from_der(certificate) else { return };
        let end = parsed.validity().not_after;
        let left = end.timestamp().saturating_sub(now());
        if u64::try_from(left).is_ok_and(|left| left < SOON.as_secs()) {
            let what = format!("the certificate is good for {} days more, until {end}; renew it", left / DAY_S);
            self.ending.push(Ending { file: file.to_owned(), what });
        }
    }

    /// With a list past its next update every client with a certificate is refused.
    fn stale(&mut self, file: &Path, list: &[u8]) {
        let Ok((_, parsed)) = CertificateRevocationList::from_der(list) else { return };
        if let Some(next) = parsed.next_update().filter(|next: &ASN1Time| next.timestamp() < now()) {
            let what =
                format!("the list of revoked certificates was to be renewed by {next}; no client gets in with it");
            self.ending.push(Ending { file: file.to_owned(), what });
        }
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

const DAY_S: i64 = 24 * 60 * 60;

//! Certificates of clients whose dates do not count.
//!
//! Owns: asking for the moment nearest to now at which the client's certificate holds, when now is outside of its dates.
//! Never: leaves out a check; signatures, authorities, revocation and purposes are looked at for that moment.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use std::sync::Arc;
use std::time::Duration;
use x509_parser::prelude::{FromDer, X509Certificate};

/// A verifier for which no certificate of a client is too old or too new.
#[derive(Debug)]
pub(super) struct WithoutDates(pub(super) Arc<dyn ClientCertVerifier>);

/// The moment nearest to `now` within the dates of a certificate.
fn within_dates(certificate: &CertificateDer<'_>, now: UnixTime) -> Option<UnixTime> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let validity = parsed.validity();
    let seconds = |time: i64| u64::try_from(time).ok();
    let (first, last) = (seconds(validity.not_before.timestamp())?, seconds(validity.not_after.timestamp())?);
    (first <= last).then(|| UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs().clamp(first, last))))
}

const fn is_about_dates(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidCertificate(
            CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. }
        )
    )
}

impl ClientCertVerifier for WithoutDates {
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match self.0.verify_client_cert(end_entity, intermediates, now) {
            Err(error) if is_about_dates(&error) => match within_dates(end_entity, now) {
                Some(moment) => self.0.verify_client_cert(end_entity, intermediates, moment),
                None => Err(error),
            },
            result => result,
        }
    }

    fn offer_client_auth(&self) -> bool {
        self.0.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.0.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        self.0.requires_raw_public_keys()
    }
}

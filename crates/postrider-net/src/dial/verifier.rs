//! Which servers are who they say they are.
//!
//! Owns: the two exceptions to the rules of chains. A server may show the very certificate that was given as its
//! authority: many have one that signs itself and calls itself an authority, which is no end of a chain; its bytes, its
//! dates, its purpose and the server's name are checked as always. And with [`NameCheck::Off`] a certificate may name
//! anybody. The proof that the server has the key is asked for in any case.

use super::tls::NameCheck;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use std::sync::Arc;
use x509_parser::prelude::{FromDer, X509Certificate};

#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) chains: Arc<WebPkiServerVerifier>,
    /// Certificates that somebody named one by one; those of a directory or the system are none.
    pub(super) given: Vec<CertificateDer<'static>>,
    pub(super) name_check: NameCheck,
}

impl Verifier {
    /// A chain that leads to an authority, or the very certificate that was given as one.
    fn verify_strictly(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<(), Error> {
        let error = match self.chains.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(error) if self.given.iter().any(|given| given == end_entity) => error,
            result => return result.map(|_| ()),
        };
        check(end_entity, now, error)?;
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.verify_strictly(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is looked at last, when everything else is right.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.name_check == NameCheck::Off => {}
            result => result?,
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}

/// What a chain would have been asked too. A certificate that cannot be read is refused with what was said of it before.
fn check(certificate: &[u8], now: UnixTime, before: Error) -> Result<(), Error> {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else { return Err(before) };
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let dates = parsed.validity();
    if now < dates.not_before.timestamp() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > dates.not_after.timestamp() {
        return Err(CertificateError::Expired.into());
    }
    match parsed.extended_key_usage() {
        Ok(Some(usage)) if usage.value.server_auth || usage.value.any => Ok(()),
        Ok(None) => Ok(()),
        Ok(Some(_)) => Err(CertificateError::InvalidPurpose.into()),
        Err(_) => Err(before),
    }
}

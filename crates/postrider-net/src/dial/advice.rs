//! What is said when TLS fails, and what to do then.

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

/// One sentence about an error of a handshake; `trust` says whose signatures are accepted, `host` whom we asked for.
#[expect(clippy::wildcard_enum_match_arm, reason = "rustls may know more one day; its own words do for the rest")]
pub(super) fn explain(error: &Error, trust: &str, host: &str) -> String {
    match error {
        Error::InvalidCertificate(error) => certificate(error, trust, host),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "the server does not answer in TLS: use the port of its TLS listener, or leave TLS out".to_owned()
        }
        Error::AlertReceived(alert) => received(*alert),
        Error::PeerIncompatible(why) => {
            format!(
                "the server and we have no version or cipher of TLS in common ({why:?}): TLS 1.2 and 1.3 are spoken here"
            )
        }
        Error::NoApplicationProtocol => NO_ALPN.to_owned(),
        error => format!("TLS: {error}"),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "rustls may know more one day; its own words do for the rest")]
fn certificate(error: &CertificateError, trust: &str, host: &str) -> String {
    match error {
        CertificateError::UnknownIssuer => {
            format!("the server's certificate is signed by nobody in {trust}: give its CA with --cafile")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("the server's certificate is not for {host}: use a name that stands in it, or --insecure")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired: it needs a new one, unless this machine's clock is wrong".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet: look at the clocks of both machines".to_owned()
        }
        CertificateError::BadSignature => {
            format!(
                "the server's certificate is not signed by the CA in {trust} of that name: give the right one with --cafile"
            )
        }
        CertificateError::Revoked => "the server's certificate was revoked".to_owned(),
        error => format!("the server's certificate cannot be used: {error}"),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all others are said in the words of TLS")]
fn received(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
            "the server asks for a client's certificate: give --cert and --key".to_owned()
        }
        AlertDescription::UnknownCA
        | AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateRevoked
        | AlertDescription::UnsupportedCertificate => {
            format!("the server does not accept our certificate ({alert:?}): give one with --cert and --key that its CA signed")
        }
        AlertDescription::NoApplicationProtocol => NO_ALPN.to_owned(),
        AlertDescription::ProtocolVersion => "the server does not speak this version of TLS".to_owned(),
        AlertDescription::HandshakeFailure => {
            "the server ended the handshake (HandshakeFailure): no cipher in common, or it asks for a client's certificate, \
             --cert and --key"
                .to_owned()
        }
        alert => format!("the server ended TLS: {alert:?}"),
    }
}

const NO_ALPN: &str = "the server does not know the protocol given as --tls-alpn: leave it out, or try `mqtt`";

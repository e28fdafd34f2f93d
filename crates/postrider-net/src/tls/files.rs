//! Reads what TLS needs from files.
//!
//! Owns: errors that name the file and what is wrong in it.

use super::TlsError;
use super::passphrase::{self, Passphrase};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// No certificate, key or list of the world is larger; a device that never ends is not read for ever.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    let metadata = fs::metadata(file).map_err(|error| unreadable(file, &error))?;
    if !metadata.is_file() {
        return Err(TlsError::of(file, "this is no file"));
    }
    if metadata.len() > FILE_BYTES_MAX {
        return Err(TlsError::of(file, "this is larger than 64 MiB and cannot be what is meant"));
    }
    fs::read(file).map_err(|error| unreadable(file, &error))
}

fn unreadable(file: &Path, error: &io::Error) -> TlsError {
    if error.kind() == io::ErrorKind::NotFound {
        TlsError::of(file, "there is no such file")
    } else {
        TlsError::of(file, format!("cannot read it: {error}"))
    }
}

/// Every certificate in a file; at least one.
pub(super) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates = objects(file, "certificate")?;
    if certificates.is_empty() {
        return Err(TlsError::of(
            file,
            "there is no certificate in it (a block that begins with -----BEGIN CERTIFICATE-----)",
        ));
    }
    Ok(certificates)
}

/// Every list of revoked certificates in a file; at least one.
pub(super) fn revocation_lists(file: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    let lists = objects(file, "list of revoked certificates")?;
    if lists.is_empty() {
        return Err(TlsError::of(file, "there is no list of revoked certificates in it (-----BEGIN X509 CRL-----)"));
    }
    Ok(lists)
}

fn objects<T: PemObject>(file: &Path, what: &str) -> Result<Vec<T>, TlsError> {
    let text = read(file)?;
    T::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|error| TlsError::of(file, format!("a {what} in it is broken: {error}")))
}

/// Every certificate in a text; at least one.
pub(super) fn certificates_in(pem: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|error| TlsError::general(format!("{INLINE}: a certificate is broken: {error}")))?;
    if found.is_empty() {
        return Err(TlsError::general(format!("{INLINE}: there is no certificate (-----BEGIN CERTIFICATE-----)")));
    }
    Ok(found)
}

const INLINE: &str = "the authorities that are given as a text";

/// The first private key in a file.
pub(super) fn private_key(file: &Path, passphrase: Option<&Passphrase>) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = Zeroizing::new(read(file)?);
    if passphrase::is_encrypted(&text) {
        return passphrase::open(file, &text, passphrase, ENCRYPTED);
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
        if matches!(error, pem::Error::NoItemsFound) {
            return TlsError::of(file, NO_KEY);
        }
        TlsError::of(file, format!("the key in it is broken: {error}"))
    })
}

const ENCRYPTED: &str =
    "give its passphrase (tls.key_passphrase), or write it without one (openssl pkey -in KEY -out PLAIN)";
const NO_KEY: &str = "there is no private key in it (-----BEGIN PRIVATE KEY-----)";

/// The files that a path means: itself, or what is in the directory, in the order of the names.
pub(super) fn expand(path: &Path) -> Result<Vec<PathBuf>, TlsError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).map_err(|error| unreadable(path, &error))?;
    let mut files = Vec::new();
    for entry in entries {
        let file = entry.map_err(|error| unreadable(path, &error))?.path();
        if file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(TlsError::of(path, "there is no file in this directory"));
    }
    Ok(files)
}

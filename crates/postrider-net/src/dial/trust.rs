//! Whose signatures are accepted.

use super::TlsOptions;
use super::tls::invalid;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::io;
use std::path::Path;

/// The authorities that `options` name, those of them that stand in the one file, and who they all are in words.
pub(super) fn roots(options: &TlsOptions) -> io::Result<(RootCertStore, Vec<CertificateDer<'static>>, String)> {
    let (mut roots, mut given, mut words) = (RootCertStore::empty(), Vec::new(), Vec::new());
    if let Some(file) = &options.ca_file {
        for certificate in certificates(file)? {
            given.push(certificate.clone());
            roots.add(certificate).map_err(|error| invalid(format!("{}: {error}", file.display())))?;
        }
        words.push(file.display().to_string());
    }
    if let Some(directory) = &options.ca_dir {
        if add_directory(&mut roots, directory)? == 0 {
            return Err(invalid(format!("{}: no file in it holds a certificate in PEM", directory.display())));
        }
        words.push(directory.display().to_string());
    }
    if options.trusts_system || words.is_empty() {
        add_system(&mut roots)?;
        words.push("the system's certificates".to_owned());
    }
    Ok((roots, given, words.join(" or ")))
}

/// All certificates of a file in PEM; there is at least one.
pub(super) fn certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let pem =
        std::fs::read(path).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => {
            let why = "it holds no certificate in PEM: give the file with BEGIN CERTIFICATE";
            Err(invalid(format!("{}: {why}", path.display())))
        }
        Err(error) => Err(invalid(format!("{}: {error}", path.display()))),
    }
}

/// Takes what files of a directory hold. Other files and authorities of another time may lie there too.
fn add_directory(roots: &mut RootCertStore, directory: &Path) -> io::Result<usize> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", directory.display()));
    let mut count = 0;
    for entry in std::fs::read_dir(directory).map_err(named)? {
        let found = certificates(&entry.map_err(named)?.path()).unwrap_or_default();
        count += roots.add_parsable_certificates(found).0;
    }
    Ok(count)
}

fn add_system(roots: &mut RootCertStore) -> io::Result<()> {
    let places = openssl_probe::probe();
    let mut count = 0;
    if let Some(file) = &places.cert_file {
        count += roots.add_parsable_certificates(certificates(file).unwrap_or_default()).0;
    }
    // The directory has the same again, one a file.
    for directory in &places.cert_dir {
        if count == 0 {
            count += add_directory(roots, directory).unwrap_or_default();
        }
    }
    if count == 0 {
        let remedy = "install ca-certificates, or give the server's CA with --cafile";
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("this system has no trusted certificates: {remedy}"),
        ));
    }
    Ok(())
}

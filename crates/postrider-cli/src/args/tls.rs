//! How a connection is encrypted, for all commands that are clients.
//!
//! Owns: mosquitto's options for TLS, and which of them contradict each other.

use crate::prompt;
use anyhow::{Context, bail};
use clap::{Args as Group, ValueEnum};
use postrider_client::{NameCheck, Passphrase, Scheme, TlsOptions, TlsVersion};
use postrider_net::dial::Route;
use std::path::{Path, PathBuf};

#[derive(Clone, Debug, Default, Group)]
pub(crate) struct TlsArgs {
    /// TLS: certificates of the authorities to trust, in PEM
    #[arg(long, value_name = "FILE", global = true)]
    cafile: Option<PathBuf>,
    /// TLS: a directory of such files
    #[arg(long, value_name = "DIRECTORY", global = true)]
    capath: Option<PathBuf>,
    /// TLS: trust the authorities that this system trusts; without --cafile and --capath that is so anyway
    #[arg(long, global = true)]
    tls_use_os_certs: bool,
    /// TLS: our own certificate, in PEM, for servers that ask for one
    #[arg(long, value_name = "FILE", global = true)]
    cert: Option<PathBuf>,
    /// TLS: the key of our certificate, in PEM
    #[arg(long, value_name = "FILE", global = true)]
    key: Option<PathBuf>,
    /// TLS: the kind of --key, which is `pem`
    #[arg(long, value_name = "KIND", global = true, hide = true)]
    keyform: Option<KeyForm>,
    /// TLS: take a certificate that names another server. Its signature is checked all the same
    #[arg(long, global = true)]
    insecure: bool,
    /// TLS: ciphers to offer, by OpenSSL's or IANA's names, with colons between
    #[arg(long, value_name = "NAMES", global = true)]
    ciphers: Option<String>,
    /// TLS: the protocol to ask for (ALPN), such as `mqtt`
    #[arg(long, value_name = "NAME", global = true)]
    tls_alpn: Option<String>,
    /// TLS: the oldest version to speak: `tlsv1.2` or `tlsv1.3`
    #[arg(long, value_name = "VERSION", value_parser = version, global = true)]
    tls_version: Option<TlsVersion>,
    /// TLS: write the keys of connections to this file, so that a capture of the wire can be read
    #[arg(long, value_name = "FILE", global = true)]
    tls_keylog: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum KeyForm {
    Pem,
    Engine,
}

impl TlsArgs {
    /// Whether something was typed that makes no sense without TLS, and switches it on.
    pub(crate) const fn asks_for_tls(&self) -> bool {
        self.trusts_somebody() || self.tls_use_os_certs || self.cert.is_some() || self.key.is_some()
    }

    pub(super) const fn trusts_somebody(&self) -> bool {
        self.cafile.is_some() || self.capath.is_some()
    }

    /// What contradicts itself.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        if self.cert.is_some() != self.key.is_some() {
            bail!("--cert and --key belong together: give both, or neither");
        }
        match self.keyform {
            Some(KeyForm::Engine) => {
                bail!("--keyform engine: this build has no TLS engines: give the key's file in PEM")
            }
            Some(KeyForm::Pem) if self.key.is_none() => bail!("--keyform says of which kind --key is: add --key FILE"),
            Some(KeyForm::Pem) | None => Ok(()),
        }
    }

    /// Nothing is encrypted: whoever typed one of these must hear that.
    pub(crate) fn check_unused(&self) -> anyhow::Result<()> {
        let typed = [
            ("--insecure", self.insecure),
            ("--ciphers", self.ciphers.is_some()),
            ("--tls-alpn", self.tls_alpn.is_some()),
            ("--tls-version", self.tls_version.is_some()),
            ("--tls-keylog", self.tls_keylog.is_some()),
        ];
        if let Some((name, _)) = typed.iter().find(|(_, is_typed)| *is_typed) {
            bail!(
                "{name} is about TLS, which nothing here asks for: add --cafile FILE or --tls-use-os-certs, or leave it out"
            );
        }
        Ok(())
    }

    /// The way to `address`, a URL or `host:port`, with a full handshake every time.
    pub(crate) fn route(&self, address: &str) -> anyhow::Result<Route> {
        self.check()?;
        let tls = if Scheme::of(address).is_tls() {
            Some(TlsOptions { never_resumes: true, ..self.options() }.load().context("TLS")?)
        } else if self.asks_for_tls() {
            bail!("options for TLS need an address with mqtts:// or wss://, such as mqtts://host:8883")
        } else {
            self.check_unused()?;
            None
        };
        Route::parse(address, tls.as_ref()).and_then(Route::resolved).with_context(|| address.to_owned())
    }

    pub(super) fn options(&self) -> TlsOptions {
        TlsOptions {
            ca_file: self.cafile.clone(),
            ca_dir: self.capath.clone(),
            trusts_system: self.tls_use_os_certs,
            certificate: self.cert.clone(),
            key: self.key.clone(),
            passphrase: self.key.as_deref().map(passphrase_of),
            name_check: if self.insecure { NameCheck::Off } else { NameCheck::Strict },
            server_name: None,
            protocols: self.tls_alpn.clone().into_iter().collect(),
            version_min: self.tls_version.unwrap_or_default(),
            ciphers: self.ciphers.clone(),
            key_log: self.tls_keylog.clone(),
            never_resumes: false,
        }
    }
}

/// Whoever typed the command knows it; he is asked if the key turns out to be encrypted.
fn passphrase_of(key: &Path) -> Passphrase {
    let question = format!("Passphrase of {}: ", key.display());
    Passphrase::new(move || {
        let words = prompt::ask(&question).map_err(|error| format!("{error:#}"))?;
        String::from_utf8(words.to_vec()).map_err(|_| "it is no UTF-8".to_owned())
    })
}

/// The versions under mosquitto's names.
fn version(text: &str) -> Result<TlsVersion, String> {
    match text {
        "tlsv1.3" | "1.3" => Ok(TlsVersion::V1_3),
        "tlsv1.2" | "1.2" => Ok(TlsVersion::V1_2),
        "tlsv1" | "tlsv1.0" | "tlsv1.1" => Err("it is broken and not spoken any more: tlsv1.2 or tlsv1.3".to_owned()),
        _ => Err("it is tlsv1.2 or tlsv1.3".to_owned()),
    }
}

//! Keys that a passphrase opens.
//!
//! Owns: who is asked for it, and the way from an encrypted PKCS #8 block to a key.
//! Never: keeps a passphrase longer than it takes to open the key.

use super::TlsError;
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::der::Document;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Who knows the passphrase of a key. He is asked each time the key is read, and only if it is encrypted.
#[derive(Clone)]
pub struct Passphrase(Arc<Asked>);

type Asked = dyn Fn() -> Result<String, String> + Send + Sync;

impl Passphrase {
    /// `ask` gives the passphrase, or says why there is none.
    pub fn new(ask: impl Fn() -> Result<String, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }

    fn ask(&self) -> Result<Zeroizing<String>, String> {
        (self.0)().map(Zeroizing::new)
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(hidden)")
    }
}

impl PartialEq for Passphrase {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Passphrase {}

/// Whether the text of a key's file says that it is encrypted, in either of the two forms there are.
pub(crate) fn is_encrypted(pem: &[u8]) -> bool {
    pem.windows(MARK.len()).any(|part| part == MARK)
}

/// Opens the first encrypted key in a file. `advice` says where the passphrase is to be given if nobody has it.
pub(crate) fn open(
    file: &Path,
    pem: &[u8],
    passphrase: Option<&Passphrase>,
    advice: &str,
) -> Result<PrivateKeyDer<'static>, TlsError> {
    let wrong = |what: &str| TlsError::of(file, what);
    let block = block(pem).ok_or_else(|| wrong(OLD_FORM))?;
    let Some(passphrase) = passphrase else { return Err(wrong(&format!("the key is encrypted; {advice}"))) };
    let (_, der) = Document::from_pem(block).map_err(|error| wrong(&format!("the key in it is broken: {error}")))?;
    let sealed = EncryptedPrivateKeyInfoRef::try_from(der.as_bytes())
        .map_err(|error| wrong(&format!("the key in it cannot be read: {error}; {REWRITE}")))?;
    let words = passphrase.ask().map_err(|what| wrong(&format!("its passphrase: {what}")))?;
    let key = sealed.decrypt(words.as_bytes()).map_err(|error| wrong(&refusal(&error)))?;
    Ok(PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec())))
}

fn refusal(error: &pkcs8::Error) -> String {
    if matches!(error, pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::DecryptFailed)) {
        return "the passphrase is wrong".to_owned();
    }
    format!("the key cannot be decrypted, or the passphrase is wrong ({error}); {REWRITE}")
}

/// The first block of an encrypted key, from its first line to its last.
fn block(pem: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(pem).ok()?;
    let begin = text.find(BEGIN)?;
    let length = text.get(begin..)?.find(END)? + END.len();
    text.get(begin..begin + length)
}

const MARK: &[u8] = b"ENCRYPTED";
const BEGIN: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
const END: &str = "-----END ENCRYPTED PRIVATE KEY-----";
const OLD_FORM: &str =
    "the key is encrypted in the old form of OpenSSL; write it anew with `openssl pkcs8 -topk8 -in KEY -out NEW`";
const REWRITE: &str = "`openssl pkcs8 -topk8 -v2 aes-256-cbc -in KEY -out NEW` writes one that can be read";

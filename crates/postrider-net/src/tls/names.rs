//! What a client's certificate says of it.
//!
//! Owns: the text of a subject, as `openssl x509 -subject -nameopt RFC2253` prints it and mosquitto compares it.
//! Spec: RFC 4514, 2.

use std::fmt::Write as _;
use x509_parser::asn1_rs::{Any, Oid, Tag, ToDer};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// What somebody has proved to be, by a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proved {
    /// The first common name of the subject.
    pub common_name: Option<String>,
    /// The whole subject, last part first: `CN=sensor-7,OU=floor 2,O=Example`.
    pub subject: String,
    /// The first DNS name of the alternative names.
    pub dns: Option<String>,
    /// The first URI of them.
    pub uri: Option<String>,
    /// The first e-mail address of them.
    pub email: Option<String>,
}

impl Proved {
    /// Reads a certificate that was verified; `None` if it cannot be read.
    pub(super) fn by_certificate(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let subject = certificate.subject();
        let common_name = subject.iter_common_name().next().and_then(|name| text(name.attr_value()));
        let mut proved =
            Self { common_name: common_name.and_then(plain), subject: subject_text(subject), ..Self::default() };
        if let Ok(Some(names)) = certificate.subject_alternative_name() {
            names.value.general_names.iter().for_each(|name| proved.note(name));
        }
        Some(proved)
    }

    fn note(&mut self, name: &GeneralName<'_>) {
        let (slot, name) = match name {
            GeneralName::DNSName(name) => (&mut self.dns, name),
            GeneralName::URI(name) => (&mut self.uri, name),
            GeneralName::RFC822Name(name) => (&mut self.email, name),
            GeneralName::OtherName(..)
            | GeneralName::X400Address(_)
            | GeneralName::DirectoryName(_)
            | GeneralName::EDIPartyName(_)
            | GeneralName::IPAddress(_)
            | GeneralName::RegisteredID(_)
            | GeneralName::Invalid(..) => return,
        };
        if slot.is_none() {
            *slot = plain((*name).to_owned());
        }
    }
}

/// A name with a NUL in it is meant to be read as a shorter one by somebody.
fn plain(name: String) -> Option<String> {
    (!name.contains('\0')).then_some(name)
}

fn subject_text(name: &X509Name<'_>) -> String {
    let parts: Vec<String> =
        name.iter().map(|part| part.iter().map(attribute_text).collect::<Vec<_>>().join("+")).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join(",")
}

fn attribute_text(attribute: &AttributeTypeAndValue<'_>) -> String {
    let value = attribute.attr_value();
    match (short_name(attribute.attr_type()), text(value)) {
        (Some(name), Some(text)) => format!("{name}={}", escape(&text)),
        // What has no name, or is no text, is shown as its bytes.
        (name, _) => {
            let name = name.map_or_else(|| attribute.attr_type().to_id_string(), str::to_owned);
            let bytes = value.to_der_vec().unwrap_or_default();
            bytes.iter().fold(format!("{name}=#"), |mut text, byte| {
                // A string takes everything.
                let _ = write!(text, "{byte:02X}");
                text
            })
        }
    }
}

/// A value as text, if it is some kind of text.
fn text(value: &Any<'_>) -> Option<String> {
    let bytes = value.data;
    match value.tag() {
        Tag::Utf8String => String::from_utf8(bytes.to_vec()).ok(),
        // What is not ASCII in these is read as Latin-1, as everybody does.
        Tag::PrintableString | Tag::Ia5String | Tag::T61String | Tag::NumericString | Tag::VisibleString => {
            Some(bytes.iter().copied().map(char::from).collect())
        }
        Tag::BmpString => {
            let units = bytes.chunks(2).map(|pair| pair.iter().fold(0, |unit, byte| unit << 8 | u16::from(*byte)));
            String::from_utf16(&units.collect::<Vec<_>>()).ok()
        }
        Tag::UniversalString => {
            let code = |four: &[u8]| four.iter().fold(0, |code, byte| code << 8 | u32::from(*byte));
            bytes.chunks(4).map(|four| char::from_u32(code(four))).collect()
        }
        _ => None,
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::new();
    let last = text.len().saturating_sub(1);
    for (at, byte) in text.bytes().enumerate() {
        let is_special = match byte {
            b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => true,
            b'#' => at == 0,
            b' ' => at == 0 || at == last,
            _ => false,
        };
        // A string takes everything.
        let _ = match byte {
            0x20..=0x7e if is_special => write!(escaped, "\\{}", char::from(byte)),
            0x20..=0x7e => write!(escaped, "{}", char::from(byte)),
            _ => write!(escaped, "\\{byte:02X}"),
        };
    }
    escaped
}

fn short_name(oid: &Oid<'_>) -> Option<&'static str> {
    let id = oid.to_id_string();
    SHORT_NAMES.iter().find(|(known, _)| *known == id).map(|(_, name)| *name)
}

/// The names that OpenSSL prints.
const SHORT_NAMES: [(&str, &str); 20] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.13", "description"),
    ("2.5.4.15", "businessCategory"),
    ("2.5.4.17", "postalCode"),
    ("2.5.4.42", "GN"),
    ("2.5.4.43", "initials"),
    ("2.5.4.46", "dnQualifier"),
    ("2.5.4.65", "pseudonym"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
];

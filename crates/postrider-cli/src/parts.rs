//! The parts of a message that tables and JSON name one by one.
//!
//! Owns: properties taken apart and put together, base64.

use anyhow::{Context, ensure};
use postrider_proto::{Properties, PropertiesBuf, Property, PropertyId, Text};

/// The properties that are passed on with a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) payload_format: Option<u8>,
    pub(crate) content_type: Option<String>,
    pub(crate) response_topic: Option<String>,
    pub(crate) correlation_data: Option<Vec<u8>>,
    pub(crate) user_properties: Vec<(String, String)>,
}

impl Parts {
    /// Of a block that was checked when it came.
    pub(crate) fn of(block: &[u8]) -> Self {
        let properties = Properties::trusted(block);
        let text = |id| properties.text(id).map(|text| text.as_str().to_owned());
        let format = properties.number(PropertyId::PayloadFormatIndicator);
        Self {
            payload_format: format.and_then(|format| u8::try_from(format).ok()),
            content_type: text(PropertyId::ContentType),
            response_topic: text(PropertyId::ResponseTopic),
            correlation_data: properties.binary(PropertyId::CorrelationData).map(<[u8]>::to_vec),
            user_properties: properties
                .iter()
                .filter_map(|property| {
                    let Property::Pair(name, value) = property else { return None };
                    Some((name.as_str().to_owned(), value.as_str().to_owned()))
                })
                .collect(),
        }
    }

    /// The block that says the same; refused if it is longer than a packet can say.
    pub(crate) fn block(&self) -> anyhow::Result<Vec<u8>> {
        let mut block = PropertiesBuf::new();
        if let Some(format) = self.payload_format {
            block.push(Property::Byte(PropertyId::PayloadFormatIndicator, format));
        }
        let texts = [(PropertyId::ContentType, &self.content_type), (PropertyId::ResponseTopic, &self.response_topic)];
        for (id, value) in texts {
            if let Some(value) = value {
                block.push(Property::Text(id, text(value)?));
            }
        }
        if let Some(data) = &self.correlation_data {
            ensure!(data.len() <= usize::from(u16::MAX), "correlation data of more than 65,535 bytes");
            block.push(Property::Binary(PropertyId::CorrelationData, data));
        }
        for (name, value) in &self.user_properties {
            block.push(Property::Pair(text(name)?, text(value)?));
        }
        Ok(block.as_properties().as_bytes().to_vec())
    }
}

fn text(value: &str) -> anyhow::Result<Text<'_>> {
    Text::parse(value.as_bytes()).with_context(|| format!("{:?} is not a text of MQTT", shortened(value)))
}

fn shortened(value: &str) -> String {
    value.chars().take(40).collect()
}

/// Bytes as text. [RFC 4648, 4]
pub(crate) fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let at = |index: usize| u32::from(three.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let digit = (bits >> (18 - 6 * place)) & 63;
            let digit = DIGITS.get(digit as usize).copied().unwrap_or(b'=');
            text.push(if place <= three.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xFB, 0xFF, 0xFE]), "+//+");
    }

    #[test]
    fn properties_that_are_taken_apart_come_together_again() {
        let parts = Parts {
            payload_format: Some(1),
            content_type: Some("text/plain".to_owned()),
            response_topic: Some("a/b".to_owned()),
            correlation_data: Some(vec![0, 255]),
            user_properties: vec![("a".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())],
        };
        let block = parts.block().expect("nothing is too long");
        Properties::parse(&block).expect("a block");
        assert_eq!(Parts::of(&block), parts);
        assert_eq!(Parts::of(&Parts::default().block().expect("empty")), Parts::default());
        let long = Parts { content_type: Some("x".repeat(70_000)), ..Parts::default() };
        assert!(long.block().is_err());
    }
}

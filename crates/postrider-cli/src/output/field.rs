//! One `%` sequence of a format: which part of the message, and how it is laid out.
//!
//! Owns: width, padding and precision as they are in mosquitto's command.

use super::clock;
use super::json::{Layout, Payload, document};
use crate::events::shown;
use jiff::Zoned;
use postrider_client::{Message, Properties, Property, PropertyId};
use std::io::Write;

/// A part of the message and its layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) what: Letter,
    pub(super) align: Align,
    /// A blank or a zero, in front of what is aligned to the right.
    pub(super) pad: u8,
    /// 0 is as wide as it comes.
    pub(super) width: usize,
    pub(super) precision: Option<usize>,
    /// Between groups of hexadecimal digits.
    pub(super) separator: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

macro_rules! letters {
    ($($name:ident = $letter:literal,)*) => {
        /// The letters behind a `%`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Letter { $($name,)* }

        impl Letter {
            pub(super) const fn from_char(letter: char) -> Option<Self> {
                match letter {
                    $($letter => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

letters! {
    TopicAlias = 'A',
    ContentType = 'C',
    CorrelationData = 'D',
    Double = 'd',
    Expiry = 'E',
    PayloadFormat = 'F',
    Float = 'f',
    Iso8601 = 'I',
    JsonQuoted = 'j',
    JsonEmbedded = 'J',
    Length = 'l',
    PacketId = 'm',
    UserProperties = 'P',
    Payload = 'p',
    Qos = 'q',
    ResponseTopic = 'R',
    Retain = 'r',
    SubscriptionId = 'S',
    Topic = 't',
    Unix = 'U',
    HexLower = 'x',
    HexUpper = 'X',
}

impl Field {
    pub(super) fn write(
        &self,
        message: &Message,
        now: &Zoned,
        layout: Layout,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        let properties = message.properties.as_properties();
        match self.what {
            Letter::TopicAlias => self.number_of(properties, PropertyId::TopicAlias, out),
            Letter::Expiry => self.number_of(properties, PropertyId::MessageExpiryInterval, out),
            Letter::PayloadFormat => self.number_of(properties, PropertyId::PayloadFormatIndicator, out),
            Letter::SubscriptionId => self.number_of(properties, PropertyId::SubscriptionIdentifier, out),
            Letter::Length => self.number(&message.payload.len().to_string(), out),
            Letter::PacketId => self.number(&message.packet_id.map_or(0, |id| id.as_u16()).to_string(), out),
            Letter::ContentType => match properties.text(PropertyId::ContentType) {
                Some(text) => self.text(text.as_bytes(), out),
                None => self.blank(out),
            },
            Letter::ResponseTopic => {
                if let Some(text) = properties.text(PropertyId::ResponseTopic) {
                    self.text(text.as_bytes(), out);
                }
            }
            Letter::CorrelationData => {
                out.extend_from_slice(properties.binary(PropertyId::CorrelationData).unwrap_or_default());
            }
            Letter::UserProperties => user_properties(properties, out),
            Letter::Topic => self.text(message.topic.as_bytes(), out),
            Letter::Qos => out.push(b'0' + message.qos as u8),
            Letter::Retain => out.push(b'0' + u8::from(message.retain)),
            Letter::Iso8601 => self.text(clock::text(now, "%FT%T%z").as_bytes(), out),
            Letter::Unix => out.extend_from_slice(clock::unix(now).as_bytes()),
            Letter::Payload => self.payload(&message.payload, out),
            Letter::HexLower => self.hex(&message.payload, *b"0123456789abcdef", out),
            Letter::HexUpper => self.hex(&message.payload, *b"0123456789ABCDEF", out),
            Letter::JsonQuoted => out.extend(document(message, now, Payload::Quoted, layout)?.bytes()),
            Letter::JsonEmbedded => out.extend(document(message, now, Payload::Embedded, layout)?.bytes()),
            Letter::Float => self.real(<[u8; 4]>::try_from(&*message.payload).map(f32::from_ne_bytes), message, out)?,
            Letter::Double => {
                self.real(<[u8; 8]>::try_from(&*message.payload).map(f64::from_ne_bytes), message, out)?
            }
        }
        Ok(())
    }

    fn number_of(&self, properties: Properties<'_>, id: PropertyId, out: &mut Vec<u8>) {
        match properties.number(id) {
            Some(number) => self.number(&number.to_string(), out),
            None => self.blank(out),
        }
    }

    fn number(&self, digits: &str, out: &mut Vec<u8>) {
        self.padded(digits.as_bytes(), digits.len(), self.pad, out);
    }

    /// The precision is the most that is printed of a text, in bytes; zeros are not put in front of it.
    fn text(&self, text: &[u8], out: &mut Vec<u8>) {
        let text = &text[..text.len().min(self.precision.unwrap_or(usize::MAX))];
        self.padded(text, text.len(), b' ', out);
    }

    /// A payload is never wider than its field.
    fn payload(&self, payload: &[u8], out: &mut Vec<u8>) {
        let payload = self.cut(payload);
        self.padded(payload, payload.len(), self.pad, out);
    }

    /// The precision is the number of digits in a group.
    fn hex(&self, payload: &[u8], digits: [u8; 16], out: &mut Vec<u8>) {
        let payload = self.cut(payload);
        let group = self.precision.filter(|digits| *digits > 0).unwrap_or(usize::MAX);
        let mut text = Vec::with_capacity(payload.len() * 2);
        let nibbles = payload.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        for (at, nibble) in nibbles.enumerate() {
            if at > 0 && at % group == 0 {
                text.push(self.separator);
            }
            text.push(digits[usize::from(nibble)]);
        }
        self.padded(&text, payload.len() * 2, self.pad, out);
    }

    fn cut<'a>(&self, payload: &'a [u8]) -> &'a [u8] {
        let most = if self.width == 0 { usize::MAX } else { self.width };
        &payload[..payload.len().min(most)]
    }

    fn real<T: Into<f64>, E>(&self, value: Result<T, E>, message: &Message, out: &mut Vec<u8>) -> Result<(), String> {
        let topic = shown(&message.topic);
        let value: f64 = value.map_err(|_| format!("the payload on {topic} is not a number of this size"))?.into();
        let text = format!("{value:.*}", self.precision.unwrap_or(6));
        self.padded(text.as_bytes(), text.len(), self.pad, out);
        Ok(())
    }

    fn padded(&self, text: &[u8], len: usize, pad: u8, out: &mut Vec<u8>) {
        let missing = self.width.saturating_sub(len);
        if self.align == Align::Right {
            out.extend(std::iter::repeat_n(pad, missing));
        }
        out.extend_from_slice(text);
        if self.align == Align::Left {
            out.extend(std::iter::repeat_n(b' ', missing));
        }
    }

    fn blank(&self, out: &mut Vec<u8>) {
        let pad = if self.align == Align::Left { b' ' } else { self.pad };
        out.extend(std::iter::repeat_n(pad, self.width));
    }
}

/// `name:value name:value`.
fn user_properties(properties: Properties<'_>, out: &mut Vec<u8>) {
    let mut gap = "";
    for property in properties.iter() {
        if let Property::Pair(name, value) = property {
            // A vector takes everything.
            let _ = write!(out, "{gap}{name}:{value}");
            gap = " ";
        }
    }
}

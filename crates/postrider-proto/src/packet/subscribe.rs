//! SUBSCRIBE and SUBACK.
//!
//! Spec: 3.8, 3.9.

use super::{SUBACK, SUBSCRIBE, write_header};
use crate::cursor::Cursor;
use crate::property::{len_of_len, write_binary};
use crate::text::check_text;
use crate::{DecodeError, Filter, FilterError, PacketId, Properties, PropertySet, Qos, ReasonCode, Version};

/// When a subscription brings retained messages. [3.8.3.1]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RetainHandling {
    /// At every SUBSCRIBE. [MQTT-3.3.1-9]
    Always = 0,
    /// Only if there was no such subscription. [MQTT-3.3.1-10]
    IfNew = 1,
    /// Never. [MQTT-3.3.1-11]
    Never = 2,
}

/// How one filter is subscribed to. Before 5.0 only the QoS is chosen by the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SubscribeOptions {
    /// The highest QoS wanted.
    pub qos: Qos,
    /// Nothing that this client published itself. [MQTT-3.8.3-3]
    pub no_local: bool,
    /// Keep the retain flag as the publisher set it. [MQTT-3.3.1-13]
    pub retain_as_published: bool,
    /// When retained messages come.
    pub retain_handling: RetainHandling,
}

impl SubscribeOptions {
    /// What a 3.1.1 client can ask for.
    #[must_use]
    pub const fn of(qos: Qos) -> Self {
        Self { qos, no_local: false, retain_as_published: false, retain_handling: RetainHandling::Always }
    }

    /// The byte behind a filter. [3.8.3.1]
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        self.qos.as_u8()
            | (self.no_local as u8) << 2
            | (self.retain_as_published as u8) << 3
            | (self.retain_handling as u8) << 4
    }

    /// [MQTT-3.8.3-5]; 3.1 left the upper bits open.
    fn from_byte(byte: u8, version: Version) -> Result<Self, DecodeError> {
        let qos = Qos::from_u8(byte & 0b11).ok_or(DecodeError::SubscribeOptions)?;
        let reserved = match version {
            Version::V3_1 => 0,
            Version::V3_1_1 => 0b1111_1100,
            Version::V5 => 0b1100_0000,
        };
        if byte & reserved != 0 {
            return Err(DecodeError::SubscribeOptions);
        }
        if !version.is_v5() {
            return Ok(Self::of(qos));
        }
        let retain_handling = match byte >> 4 & 0b11 {
            0 => RetainHandling::Always,
            1 => RetainHandling::IfNew,
            2 => RetainHandling::Never,
            _ => return Err(DecodeError::RetainHandling),
        };
        Ok(Self { qos, no_local: byte & 0b100 != 0, retain_as_published: byte & 0b1000 != 0, retain_handling })
    }
}

/// Asks for subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscribe<'a> {
    /// Comes back in the SUBACK. [MQTT-3.8.4-2]
    pub packet_id: PacketId,
    /// Subscription Identifier and User Properties.
    pub properties: Properties<'a>,
    /// At least one filter. [MQTT-3.8.3-2]
    pub subscriptions: Subscriptions<'a>,
}

/// The filters of a SUBSCRIBE, still as bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Subscriptions<'a> {
    raw: &'a [u8],
    version: Version,
}

/// One filter of a SUBSCRIBE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscription<'a> {
    /// A filter whose wildcards or share name are wrong is refused by itself, not with the packet.
    pub filter: Result<Filter<'a>, FilterError>,
    /// The bytes of the filter, legal or not.
    pub raw_filter: &'a [u8],
    /// How it is wanted.
    pub options: SubscribeOptions,
}

impl<'a> Subscriptions<'a> {
    /// Takes filters and options as [`Subscriptions::write`] wrote them.
    #[must_use]
    pub const fn trusted(raw: &'a [u8], version: Version) -> Self {
        Self { raw, version }
    }

    /// Appends one filter to the bytes that [`Subscriptions::trusted`] takes.
    pub fn write(filter: &[u8], options: SubscribeOptions, out: &mut Vec<u8>) {
        write_binary(filter, out);
        out.push(options.to_byte());
    }

    /// The filters in the order they came. [MQTT-3.9.3-1]
    pub fn iter(self) -> impl Iterator<Item = Subscription<'a>> {
        let mut cursor = Cursor::new(self.raw);
        core::iter::from_fn(move || {
            let (raw_filter, options) = take_subscription(&mut cursor, self.version).ok()?;
            Some(Subscription { filter: Filter::of_text(raw_filter), raw_filter, options })
        })
    }
}

impl core::fmt::Debug for Subscriptions<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// A filter whose text was not looked at, and its options.
#[inline]
fn take_subscription<'a>(
    cursor: &mut Cursor<'a>,
    version: Version,
) -> Result<(&'a [u8], SubscribeOptions), DecodeError> {
    let raw_filter = cursor.take_binary()?;
    Ok((raw_filter, SubscribeOptions::from_byte(cursor.take_u8()?, version)?))
}

/// What ends the connection. A filter that is a text but no legal filter is refused by itself.
fn check_subscription(cursor: &mut Cursor<'_>, version: Version) -> Result<(), DecodeError> {
    let (raw_filter, options) = take_subscription(cursor, version)?;
    check_text(raw_filter)?;
    if options.no_local && raw_filter.starts_with(b"$share/") {
        return Err(DecodeError::NoLocalOnShare);
    }
    Ok(())
}

impl<'a> Subscribe<'a> {
    pub(super) fn decode(body: &'a [u8], version: Version) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(body);
        let packet_id = cursor.take_packet_id()?;
        let properties = match version {
            Version::V5 => Properties::decode(&mut cursor, PropertySet::SUBSCRIBE)?,
            Version::V3_1 | Version::V3_1_1 => Properties::NONE,
        };
        let subscriptions = Subscriptions { raw: cursor.rest(), version };
        if cursor.is_empty() {
            return Err(DecodeError::NoFilters);
        }
        while !cursor.is_empty() {
            check_subscription(&mut cursor, version)?;
        }
        Ok(Self { packet_id, properties, subscriptions })
    }

    /// Appends the packet.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) {
        let properties = if version.is_v5() { self.properties.encoded_len() } else { 0 };
        write_header(SUBSCRIBE, 0b0010, 2 + properties + self.subscriptions.raw.len(), out);
        out.extend_from_slice(&self.packet_id.as_u16().to_be_bytes());
        if version.is_v5() {
            self.properties.encode(out);
        }
        out.extend_from_slice(self.subscriptions.raw);
    }
}

/// The answer to SUBSCRIBE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suback<'a> {
    /// Of the SUBSCRIBE. [MQTT-2.2.1-6]
    pub packet_id: PacketId,
    /// Reason String and User Properties.
    pub properties: Properties<'a>,
    /// One reason code a filter, in the filters' order; errors are 0x80 before 5.0. [MQTT-3.9.3-1]
    pub codes: &'a [u8],
}

impl<'a> Suback<'a> {
    pub(super) fn decode(body: &'a [u8], version: Version) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(body);
        let packet_id = cursor.take_packet_id()?;
        let properties = match version {
            Version::V5 => Properties::decode(&mut cursor, PropertySet::ACK)?,
            Version::V3_1 | Version::V3_1_1 => Properties::NONE,
        };
        let codes = cursor.rest();
        match codes.iter().find(|code| !is_allowed(**code, version)) {
            Some(code) => Err(DecodeError::ReasonCode(*code)),
            None if codes.is_empty() => Err(DecodeError::Truncated),
            None => Ok(Self { packet_id, properties, codes }),
        }
    }

    /// How many bytes [`Suback::encode`] appends.
    #[must_use]
    pub const fn encoded_len(&self, version: Version) -> usize {
        let body = self.body_len(version);
        1 + len_of_len(body) + body
    }

    const fn body_len(&self, version: Version) -> usize {
        let properties = if version.is_v5() { self.properties.encoded_len() } else { 0 };
        2 + properties + self.codes.len()
    }

    /// Appends the packet; before 5.0 every error code becomes 0x80. [MQTT-3.9.3-2]
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) {
        write_header(SUBACK, 0, self.body_len(version), out);
        out.extend_from_slice(&self.packet_id.as_u16().to_be_bytes());
        if version.is_v5() {
            self.properties.encode(out);
            out.extend_from_slice(self.codes);
        } else {
            out.extend(self.codes.iter().map(|code| (*code).min(0x80)));
        }
    }
}

/// [MQTT-3.9.3-2]
fn is_allowed(code: u8, version: Version) -> bool {
    if !version.is_v5() {
        return matches!(code, 0 | 1 | 2 | 0x80);
    }
    ReasonCode::from_u8(code).is_some_and(|reason| {
        matches!(
            reason,
            ReasonCode::Success
                | ReasonCode::GrantedQos1
                | ReasonCode::GrantedQos2
                | ReasonCode::UnspecifiedError
                | ReasonCode::ImplementationSpecificError
                | ReasonCode::NotAuthorized
                | ReasonCode::TopicFilterInvalid
                | ReasonCode::PacketIdentifierInUse
                | ReasonCode::QuotaExceeded
                | ReasonCode::SharedSubscriptionsNotSupported
                | ReasonCode::SubscriptionIdentifiersNotSupported
                | ReasonCode::WildcardSubscriptionsNotSupported
        )
    })
}

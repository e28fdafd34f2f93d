//! UNSUBSCRIBE and UNSUBACK.
//!
//! Spec: 3.10, 3.11.

use super::{UNSUBACK, UNSUBSCRIBE, write_header};
use crate::cursor::Cursor;
use crate::property::{len_of_len, write_binary};
use crate::text::check_text;
use crate::{DecodeError, PacketId, Properties, PropertySet, ReasonCode, Version};

/// Ends subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsubscribe<'a> {
    /// Comes back in the UNSUBACK. [MQTT-3.10.4-5]
    pub packet_id: PacketId,
    /// User Properties.
    pub properties: Properties<'a>,
    /// At least one filter. [MQTT-3.10.3-2]
    pub filters: UnsubscribeFilters<'a>,
}

/// The filters of an UNSUBSCRIBE, still as bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UnsubscribeFilters<'a> {
    raw: &'a [u8],
}

impl<'a> UnsubscribeFilters<'a> {
    /// Takes filters as [`UnsubscribeFilters::write`] wrote them.
    #[must_use]
    pub const fn trusted(raw: &'a [u8]) -> Self {
        Self { raw }
    }

    /// Appends one filter to the bytes that [`UnsubscribeFilters::trusted`] takes.
    pub fn write(filter: &[u8], out: &mut Vec<u8>) {
        write_binary(filter, out);
    }

    /// The filters in the order they came, legal or not: they are compared byte by byte.
    /// [MQTT-3.10.4-1]
    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        let mut cursor = Cursor::new(self.raw);
        core::iter::from_fn(move || cursor.take_binary().ok())
    }
}

impl core::fmt::Debug for UnsubscribeFilters<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.iter().map(crate::Text::trusted)).finish()
    }
}

impl<'a> Unsubscribe<'a> {
    pub(super) fn decode(body: &'a [u8], version: Version) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(body);
        let packet_id = cursor.take_packet_id()?;
        let properties = match version {
            Version::V5 => Properties::decode(&mut cursor, PropertySet::UNSUBSCRIBE)?,
            Version::V3_1 | Version::V3_1_1 => Properties::NONE,
        };
        let filters = UnsubscribeFilters { raw: cursor.rest() };
        if cursor.is_empty() {
            return Err(DecodeError::NoFilters);
        }
        while !cursor.is_empty() {
            check_text(cursor.take_binary()?)?;
        }
        Ok(Self { packet_id, properties, filters })
    }

    /// Appends the packet.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) {
        let properties = if version.is_v5() { self.properties.encoded_len() } else { 0 };
        write_header(UNSUBSCRIBE, 0b0010, 2 + properties + self.filters.raw.len(), out);
        out.extend_from_slice(&self.packet_id.as_u16().to_be_bytes());
        if version.is_v5() {
            self.properties.encode(out);
        }
        out.extend_from_slice(self.filters.raw);
    }
}

/// The answer to UNSUBSCRIBE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsuback<'a> {
    /// Of the UNSUBSCRIBE. [MQTT-2.2.1-6]
    pub packet_id: PacketId,
    /// Reason String and User Properties.
    pub properties: Properties<'a>,
    /// One reason code a filter; there are none before 5.0. [MQTT-3.11.3-1]
    pub codes: &'a [u8],
}

impl<'a> Unsuback<'a> {
    pub(super) fn decode(body: &'a [u8], version: Version) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(body);
        let packet_id = cursor.take_packet_id()?;
        if !version.is_v5() {
            cursor.check_end()?;
            return Ok(Self { packet_id, properties: Properties::NONE, codes: &[] });
        }
        let properties = Properties::decode(&mut cursor, PropertySet::ACK)?;
        let codes = cursor.rest();
        match codes.iter().find(|code| !is_allowed(**code)) {
            Some(code) => Err(DecodeError::ReasonCode(*code)),
            None if codes.is_empty() => Err(DecodeError::Truncated),
            None => Ok(Self { packet_id, properties, codes }),
        }
    }

    /// How many bytes [`Unsuback::encode`] appends.
    #[must_use]
    pub const fn encoded_len(&self, version: Version) -> usize {
        let body = self.body_len(version);
        1 + len_of_len(body) + body
    }

    const fn body_len(&self, version: Version) -> usize {
        if version.is_v5() { 2 + self.properties.encoded_len() + self.codes.len() } else { 2 }
    }

    /// Appends the packet.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) {
        write_header(UNSUBACK, 0, self.body_len(version), out);
        out.extend_from_slice(&self.packet_id.as_u16().to_be_bytes());
        if version.is_v5() {
            self.properties.encode(out);
            out.extend_from_slice(self.codes);
        }
    }
}

/// [MQTT-3.11.3-2]
fn is_allowed(code: u8) -> bool {
    ReasonCode::from_u8(code).is_some_and(|reason| {
        matches!(
            reason,
            ReasonCode::Success
                | ReasonCode::NoSubscriptionExisted
                | ReasonCode::UnspecifiedError
                | ReasonCode::ImplementationSpecificError
                | ReasonCode::NotAuthorized
                | ReasonCode::TopicFilterInvalid
                | ReasonCode::PacketIdentifierInUse
        )
    })
}

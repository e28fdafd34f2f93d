//! PUBACK, PUBREC, PUBREL and PUBCOMP, which share one form.
//!
//! Spec: 3.4 to 3.7.

use super::{PUBACK, PUBCOMP, PUBREC, PUBREL, write_header};
use crate::cursor::Cursor;
use crate::{DecodeError, PacketId, Properties, PropertySet, ReasonCode, Version};

/// Which of the four acknowledgements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AckKind {
    /// Ends a QoS 1 delivery.
    Puback,
    /// The receiver owns the QoS 2 message.
    Pubrec,
    /// The sender has forgotten the QoS 2 message.
    Pubrel,
    /// Ends a QoS 2 delivery.
    Pubcomp,
}

impl AckKind {
    /// The packet's name as the specification prints it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Puback => "PUBACK",
            Self::Pubrec => "PUBREC",
            Self::Pubrel => "PUBREL",
            Self::Pubcomp => "PUBCOMP",
        }
    }

    /// The acknowledgement among the packet types. [2.1.2]
    #[inline]
    pub(super) const fn of(packet_type: u8) -> Option<Self> {
        match packet_type {
            PUBACK => Some(Self::Puback),
            PUBREC => Some(Self::Pubrec),
            PUBREL => Some(Self::Pubrel),
            PUBCOMP => Some(Self::Pubcomp),
            _ => None,
        }
    }

    const fn kind_and_flags(self) -> (u8, u8) {
        match self {
            Self::Puback => (PUBACK, 0),
            Self::Pubrec => (PUBREC, 0),
            Self::Pubrel => (PUBREL, 0b0010),
            Self::Pubcomp => (PUBCOMP, 0),
        }
    }

    /// [MQTT-3.4.2-1], [MQTT-3.5.2-1], [MQTT-3.6.2-1], [MQTT-3.7.2-1]
    const fn allows(self, reason: ReasonCode) -> bool {
        match self {
            Self::Puback | Self::Pubrec => matches!(
                reason,
                ReasonCode::Success
                    | ReasonCode::NoMatchingSubscribers
                    | ReasonCode::UnspecifiedError
                    | ReasonCode::ImplementationSpecificError
                    | ReasonCode::NotAuthorized
                    | ReasonCode::TopicNameInvalid
                    | ReasonCode::PacketIdentifierInUse
                    | ReasonCode::QuotaExceeded
                    | ReasonCode::PayloadFormatInvalid
            ),
            Self::Pubrel | Self::Pubcomp => {
                matches!(reason, ReasonCode::Success | ReasonCode::PacketIdentifierNotFound)
            }
        }
    }
}

/// One acknowledgement of the QoS 1 and 2 flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack<'a> {
    /// Which of the four it is.
    pub kind: AckKind,
    /// The identifier of the PUBLISH. [MQTT-2.2.1-5]
    pub packet_id: PacketId,
    /// Always success before 5.0.
    pub reason: ReasonCode,
    /// Reason String and User Properties.
    pub properties: Properties<'a>,
}

impl<'a> Ack<'a> {
    /// An acknowledgement without properties.
    #[inline]
    #[must_use]
    pub const fn new(kind: AckKind, packet_id: PacketId, reason: ReasonCode) -> Self {
        Self { kind, packet_id, reason, properties: Properties::NONE }
    }

    #[inline]
    pub(super) fn decode(kind: AckKind, body: &'a [u8], version: Version) -> Result<Self, DecodeError> {
        if let [high, low] = body {
            let packet_id = PacketId::new(u16::from_be_bytes([*high, *low])).ok_or(DecodeError::PacketIdZero)?;
            return Ok(Self::new(kind, packet_id, ReasonCode::Success));
        }
        Self::decode_long(kind, body, version)
    }

    /// With a reason and perhaps properties, or with bytes that do not belong there.
    fn decode_long(kind: AckKind, body: &'a [u8], version: Version) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(body);
        let mut ack = Self::new(kind, cursor.take_packet_id()?, ReasonCode::Success);
        if version.is_v5() && !cursor.is_empty() {
            let code = cursor.take_u8()?;
            ack.reason = ReasonCode::from_u8(code).ok_or(DecodeError::ReasonCode(code))?;
            if !kind.allows(ack.reason) {
                return Err(DecodeError::ReasonCode(code));
            }
            if !cursor.is_empty() {
                ack.properties = Properties::decode(&mut cursor, PropertySet::ACK)?;
            }
        }
        cursor.check_end()?;
        Ok(ack)
    }

    /// How many bytes [`Ack::encode`] appends.
    #[must_use]
    pub fn encoded_len(&self, version: Version) -> usize {
        let body = self.body_len(version);
        1 + crate::property::len_of_len(body) + body
    }

    fn body_len(&self, version: Version) -> usize {
        if !version.is_v5() || (self.reason == ReasonCode::Success && self.properties.is_empty()) {
            2
        } else if self.properties.is_empty() {
            3
        } else {
            3 + self.properties.encoded_len()
        }
    }

    /// Appends the packet; success without properties takes the short form. [3.4.2.1]
    #[inline]
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) {
        let (kind, flags) = self.kind.kind_and_flags();
        let [high, low] = self.packet_id.as_u16().to_be_bytes();
        let body = self.body_len(version);
        if body == 2 {
            out.extend_from_slice(&[kind << 4 | flags, 2, high, low]);
            return;
        }
        write_header(kind, flags, body, out);
        out.extend_from_slice(&[high, low, self.reason.as_u8()]);
        if body > 3 {
            self.properties.encode(out);
        }
    }
}

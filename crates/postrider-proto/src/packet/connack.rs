//! CONNACK.
//!
//! Spec: 3.2.

use super::{CONNACK, write_header};
use crate::cursor::Cursor;
use crate::property::len_of_len;
use crate::{DecodeError, Properties, PropertySet, ReasonCode, Version};

/// The answer to CONNECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connack<'a> {
    /// True when the server goes on with a stored session. [MQTT-3.2.2-3]
    pub session_present: bool,
    /// 3.1 and 3.1.1 return codes are mapped: 1 to 0x84, 2 to 0x85, 3 to 0x88, 4 to 0x86, 5 to 0x87.
    pub reason: ReasonCode,
    /// What the server allows; empty before 5.0.
    pub properties: Properties<'a>,
}

impl<'a> Connack<'a> {
    pub(super) fn decode(body: &'a [u8], version: Version) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(body);
        let flags = cursor.take_u8()?;
        if flags & !1 != 0 {
            return Err(DecodeError::ConnackFlags);
        }
        let code = cursor.take_u8()?;
        let (reason, properties) = match version {
            Version::V5 => {
                let reason = ReasonCode::from_u8(code).filter(|reason| is_allowed(*reason));
                let reason = reason.ok_or(DecodeError::ReasonCode(code))?;
                (reason, Properties::decode(&mut cursor, PropertySet::CONNACK)?)
            }
            Version::V3_1 | Version::V3_1_1 => (from_v3(code)?, Properties::NONE),
        };
        cursor.check_end()?;
        Ok(Self { session_present: flags & 1 != 0, reason, properties })
    }

    /// How many bytes [`Connack::encode`] appends.
    #[must_use]
    pub fn encoded_len(&self, version: Version) -> usize {
        let body = self.body_len(version);
        1 + len_of_len(body) + body
    }

    const fn body_len(&self, version: Version) -> usize {
        if version.is_v5() { 2 + self.properties.encoded_len() } else { 2 }
    }

    /// Appends the packet; 3.1 has no session-present flag and leaves the byte 0.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) {
        write_header(CONNACK, 0, self.body_len(version), out);
        out.push(u8::from(self.session_present && version != Version::V3_1));
        if version.is_v5() {
            out.push(self.reason.as_u8());
            self.properties.encode(out);
        } else {
            out.push(self.reason.v3_connack());
        }
    }
}

/// [MQTT-3.2.2-8]
const fn is_allowed(reason: ReasonCode) -> bool {
    matches!(
        reason,
        ReasonCode::Success
            | ReasonCode::UnspecifiedError
            | ReasonCode::MalformedPacket
            | ReasonCode::ProtocolError
            | ReasonCode::ImplementationSpecificError
            | ReasonCode::UnsupportedProtocolVersion
            | ReasonCode::ClientIdentifierNotValid
            | ReasonCode::BadUserNameOrPassword
            | ReasonCode::NotAuthorized
            | ReasonCode::ServerUnavailable
            | ReasonCode::ServerBusy
            | ReasonCode::Banned
            | ReasonCode::BadAuthenticationMethod
            | ReasonCode::TopicNameInvalid
            | ReasonCode::PacketTooLarge
            | ReasonCode::QuotaExceeded
            | ReasonCode::PayloadFormatInvalid
            | ReasonCode::RetainNotSupported
            | ReasonCode::QosNotSupported
            | ReasonCode::UseAnotherServer
            | ReasonCode::ServerMoved
            | ReasonCode::ConnectionRateExceeded
    )
}

const fn from_v3(code: u8) -> Result<ReasonCode, DecodeError> {
    Ok(match code {
        0 => ReasonCode::Success,
        1 => ReasonCode::UnsupportedProtocolVersion,
        2 => ReasonCode::ClientIdentifierNotValid,
        3 => ReasonCode::ServerUnavailable,
        4 => ReasonCode::BadUserNameOrPassword,
        5 => ReasonCode::NotAuthorized,
        _ => return Err(DecodeError::ReasonCode(code)),
    })
}

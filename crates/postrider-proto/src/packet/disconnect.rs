//! DISCONNECT and AUTH.
//!
//! Spec: 3.14, 3.15.

use super::{AUTH, DISCONNECT, write_header};
use crate::cursor::Cursor;
use crate::property::len_of_len;
use crate::{DecodeError, Properties, PropertyId, PropertySet, ReasonCode, Version};

/// The last packet of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disconnect<'a> {
    /// Always success (normal disconnection) before 5.0.
    pub reason: ReasonCode,
    /// Session Expiry Interval (from a client), Reason String, Server Reference, User Properties.
    pub properties: Properties<'a>,
}

impl<'a> Disconnect<'a> {
    /// A DISCONNECT without properties.
    #[must_use]
    pub const fn new(reason: ReasonCode) -> Self {
        Self { reason, properties: Properties::NONE }
    }

    pub(super) fn decode(body: &'a [u8], version: Version) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(body);
        let mut packet = Self::new(ReasonCode::Success);
        if version.is_v5() && !cursor.is_empty() {
            let code = cursor.take_u8()?;
            let reason = ReasonCode::from_u8(code).filter(|reason| is_allowed(*reason));
            packet.reason = reason.ok_or(DecodeError::ReasonCode(code))?;
            if !cursor.is_empty() {
                packet.properties = Properties::decode(&mut cursor, PropertySet::DISCONNECT)?;
            }
        }
        cursor.check_end()?;
        Ok(packet)
    }

    /// How many bytes [`Disconnect::encode`] appends.
    #[must_use]
    pub fn encoded_len(&self, version: Version) -> usize {
        let body = self.body_len(version);
        1 + len_of_len(body) + body
    }

    fn body_len(&self, version: Version) -> usize {
        if !version.is_v5() || (self.reason == ReasonCode::Success && self.properties.is_empty()) {
            0
        } else if self.properties.is_empty() {
            1
        } else {
            1 + self.properties.encoded_len()
        }
    }

    /// Appends the packet; success without properties takes the short form. [3.14.2.1]
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) {
        let body = self.body_len(version);
        write_header(DISCONNECT, 0, body, out);
        if body > 0 {
            out.push(self.reason.as_u8());
        }
        if body > 1 {
            self.properties.encode(out);
        }
    }
}

/// [MQTT-3.14.2-1]
const fn is_allowed(reason: ReasonCode) -> bool {
    matches!(
        reason,
        ReasonCode::Success
            | ReasonCode::DisconnectWithWill
            | ReasonCode::UnspecifiedError
            | ReasonCode::MalformedPacket
            | ReasonCode::ProtocolError
            | ReasonCode::ImplementationSpecificError
            | ReasonCode::NotAuthorized
            | ReasonCode::ServerBusy
            | ReasonCode::ServerShuttingDown
            | ReasonCode::BadAuthenticationMethod
            | ReasonCode::KeepAliveTimeout
            | ReasonCode::SessionTakenOver
            | ReasonCode::TopicFilterInvalid
            | ReasonCode::TopicNameInvalid
            | ReasonCode::ReceiveMaximumExceeded
            | ReasonCode::TopicAliasInvalid
            | ReasonCode::PacketTooLarge
            | ReasonCode::MessageRateTooHigh
            | ReasonCode::QuotaExceeded
            | ReasonCode::AdministrativeAction
            | ReasonCode::PayloadFormatInvalid
            | ReasonCode::RetainNotSupported
            | ReasonCode::QosNotSupported
            | ReasonCode::UseAnotherServer
            | ReasonCode::ServerMoved
            | ReasonCode::SharedSubscriptionsNotSupported
            | ReasonCode::ConnectionRateExceeded
            | ReasonCode::MaximumConnectTime
            | ReasonCode::SubscriptionIdentifiersNotSupported
            | ReasonCode::WildcardSubscriptionsNotSupported
    )
}

/// One step of an authentication exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Auth<'a> {
    /// Success, continue, or re-authenticate. [MQTT-3.15.2-1]
    pub reason: ReasonCode,
    /// Authentication Method and Data, Reason String, User Properties.
    pub properties: Properties<'a>,
}

impl<'a> Auth<'a> {
    pub(super) fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(body);
        let mut packet = Self { reason: ReasonCode::Success, properties: Properties::NONE };
        if !cursor.is_empty() {
            let code = cursor.take_u8()?;
            packet.reason = match ReasonCode::from_u8(code) {
                Some(
                    reason @ (ReasonCode::Success | ReasonCode::ContinueAuthentication | ReasonCode::ReAuthenticate),
                ) => reason,
                _ => return Err(DecodeError::ReasonCode(code)),
            };
            if !cursor.is_empty() {
                packet.properties = Properties::decode(&mut cursor, PropertySet::AUTH)?;
            }
        }
        cursor.check_end()?;
        if packet.properties.find(PropertyId::AuthenticationData).is_some()
            && packet.properties.find(PropertyId::AuthenticationMethod).is_none()
        {
            return Err(DecodeError::AuthenticationDataAlone);
        }
        Ok(packet)
    }

    /// Appends the packet; success without properties takes the short form. [3.15.2.1]
    pub fn encode(&self, out: &mut Vec<u8>) {
        let body_len = self.body_len();
        write_header(AUTH, 0, body_len, out);
        if body_len > 0 {
            out.push(self.reason.as_u8());
            self.properties.encode(out);
        }
    }

    /// The size of the whole packet.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let body_len = self.body_len();
        1 + len_of_len(body_len) + body_len
    }

    fn body_len(&self) -> usize {
        let is_short = self.reason == ReasonCode::Success && self.properties.is_empty();
        if is_short { 0 } else { 1 + self.properties.encoded_len() }
    }
}

//! A packet that a broker sent, owned.

use super::message::Message;
use postrider_client::{ReasonCode, Version};
use postrider_proto::{AckKind, DecodeError, Packet, PropertiesBuf, PropertyId, split};

/// A packet and the bytes it was.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) what: What,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    Connack(Welcome),
    Publish(Message),
    Ack(Answer),
    Suback(u16, Vec<u8>),
    Unsuback(u16, Vec<u8>),
    Pingresp,
    Disconnect(ReasonCode),
    Auth(ReasonCode),
    /// What only clients send.
    Misdirected(&'static str),
}

/// A CONNACK.
#[derive(Clone, Debug)]
pub(crate) struct Welcome {
    pub(crate) session_present: bool,
    pub(crate) reason: ReasonCode,
    pub(crate) properties: PropertiesBuf,
}

/// A PUBACK, PUBREC, PUBREL or PUBCOMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) kind: AckKind,
    pub(crate) packet_id: u16,
    pub(crate) reason: ReasonCode,
}

impl Heard {
    /// `bytes` are one whole packet.
    pub(crate) fn read(bytes: Vec<u8>, version: Version) -> Result<Self, (DecodeError, Vec<u8>)> {
        let what = match split(&bytes, usize::MAX) {
            Ok(Some(frame)) => Packet::decode(frame, version).and_then(|packet| {
                check_from_broker(&packet)?;
                Ok(What::of(&packet))
            }),
            Ok(None) => Err(DecodeError::Truncated),
            Err(error) => Err(error),
        };
        match what {
            Ok(what) => Ok(Self { what, bytes }),
            Err(error) => Err((error, bytes)),
        }
    }

    /// Whether an acknowledgement explains itself. [MQTT-3.1.2-29]
    pub(crate) fn has_problem_information(&self) -> bool {
        let Ok(Some(frame)) = split(&self.bytes, usize::MAX) else { return false };
        let properties = match Packet::decode(frame, Version::V5) {
            Ok(Packet::Ack(ack)) => ack.properties,
            Ok(Packet::Suback(suback)) => suback.properties,
            Ok(Packet::Unsuback(unsuback)) => unsuback.properties,
            _ => return false,
        };
        !properties.is_empty()
    }

    /// For people.
    pub(crate) fn describe(&self) -> String {
        match &self.what {
            What::Connack(welcome) if welcome.session_present => {
                format!("CONNACK, {}, session present", welcome.reason)
            }
            What::Connack(welcome) => format!("CONNACK, {}", welcome.reason),
            What::Publish(message) => format!("PUBLISH {}", message.describe()),
            What::Ack(answer) => answer.describe(),
            What::Suback(id, codes) => format!("SUBACK #{id} {codes:02X?}"),
            What::Unsuback(id, codes) => format!("UNSUBACK #{id} {codes:02X?}"),
            What::Pingresp => "PINGRESP".to_owned(),
            What::Disconnect(reason) => format!("DISCONNECT, {reason}"),
            What::Auth(reason) => format!("AUTH, {reason}"),
            What::Misdirected(name) => format!("{name}, which only clients send"),
        }
    }
}

/// What a client may say and a broker may not. [MQTT-3.14.2-2]
fn check_from_broker(packet: &Packet<'_>) -> Result<(), DecodeError> {
    let expiry = PropertyId::SessionExpiryInterval;
    let Packet::Disconnect(disconnect) = packet else { return Ok(()) };
    match disconnect.properties.find(expiry) {
        Some(_) => Err(DecodeError::PropertyMisplaced(expiry)),
        None => Ok(()),
    }
}

impl Answer {
    pub(crate) fn describe(self) -> String {
        format!("{} #{}, {}", self.kind.name(), self.packet_id, self.reason)
    }
}

impl What {
    fn of(packet: &Packet<'_>) -> Self {
        match packet {
            Packet::Connack(connack) => Self::Connack(Welcome {
                session_present: connack.session_present,
                reason: connack.reason,
                properties: connack.properties.into(),
            }),
            Packet::Publish(publish) => Self::Publish(Message::of(publish)),
            Packet::Ack(ack) => {
                Self::Ack(Answer { kind: ack.kind, packet_id: ack.packet_id.as_u16(), reason: ack.reason })
            }
            Packet::Suback(suback) => Self::Suback(suback.packet_id.as_u16(), suback.codes.to_vec()),
            Packet::Unsuback(unsuback) => Self::Unsuback(unsuback.packet_id.as_u16(), unsuback.codes.to_vec()),
            Packet::Pingresp => Self::Pingresp,
            Packet::Disconnect(disconnect) => Self::Disconnect(disconnect.reason),
            Packet::Auth(auth) => Self::Auth(auth.reason),
            Packet::Connect(_) | Packet::Subscribe(_) | Packet::Unsubscribe(_) | Packet::Pingreq => {
                Self::Misdirected(packet.name())
            }
        }
    }
}

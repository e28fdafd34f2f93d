//! The fifteen packets.
//!
//! Owns: which packet a frame is, the check of its fixed header, dispatch to the packet's own file.
//! Never: copies a payload, a topic or a property block while decoding.
//! Spec: 2.1.2, chapter 3.

mod ack;
mod connack;
mod connect;
mod disconnect;
mod publish;
mod subscribe;
mod unsubscribe;

pub use ack::{Ack, AckKind};
pub use connack::Connack;
pub use connect::{Connect, Start, Will};
pub use disconnect::{Auth, Disconnect};
pub use publish::{Publish, PublishHead};
pub use subscribe::{RetainHandling, Suback, Subscribe, SubscribeOptions, Subscription, Subscriptions};
pub use unsubscribe::{Unsuback, Unsubscribe, UnsubscribeFilters};

use crate::property::write_len;
use crate::{DecodeError, Frame, Version};
use core::num::NonZeroU16;

/// A packet identifier, never 0. [2.2.1]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PacketId(NonZeroU16);

impl PacketId {
    /// The smallest identifier.
    pub const FIRST: Self = Self(NonZeroU16::MIN);

    /// `None` for 0, which no packet may carry. [MQTT-2.2.1-3]
    #[inline]
    #[must_use]
    pub const fn new(number: u16) -> Option<Self> {
        match NonZeroU16::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The identifier's number, 1 to 65,535.
    #[inline]
    #[must_use]
    pub const fn as_u16(self) -> u16 {
        self.0.get()
    }

    /// The identifier after this one; behind 65,535 comes 1.
    #[inline]
    #[must_use]
    pub const fn next(self) -> Self {
        match self.0.checked_add(1) {
            Some(next) => Self(next),
            None => Self::FIRST,
        }
    }
}

impl core::fmt::Display for PacketId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One packet, borrowing from the bytes it was decoded from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// Boxed, as it is large and comes once a connection.
    Connect(Box<Connect<'a>>),
    /// Answer to CONNECT.
    Connack(Connack<'a>),
    /// An application message.
    Publish(Publish<'a>),
    /// PUBACK, PUBREC, PUBREL or PUBCOMP.
    Ack(Ack<'a>),
    /// Asks for subscriptions.
    Subscribe(Subscribe<'a>),
    /// Answer to SUBSCRIBE.
    Suback(Suback<'a>),
    /// Ends subscriptions.
    Unsubscribe(Unsubscribe<'a>),
    /// Answer to UNSUBSCRIBE.
    Unsuback(Unsuback<'a>),
    /// A sign of life.
    Pingreq,
    /// Answer to PINGREQ.
    Pingresp,
    /// The sender is about to close.
    Disconnect(Disconnect<'a>),
    /// One step of an authentication exchange; 5.0 only.
    Auth(Auth<'a>),
}

const CONNECT: u8 = 1;
const CONNACK: u8 = 2;
const PUBLISH: u8 = 3;
const PUBACK: u8 = 4;
const PUBREC: u8 = 5;
const PUBREL: u8 = 6;
const PUBCOMP: u8 = 7;
const SUBSCRIBE: u8 = 8;
const SUBACK: u8 = 9;
const UNSUBSCRIBE: u8 = 10;
const UNSUBACK: u8 = 11;
const PINGREQ: u8 = 12;
const PINGRESP: u8 = 13;
const DISCONNECT: u8 = 14;
const AUTH: u8 = 15;

impl<'a> Packet<'a> {
    /// Reads `frame` in the dialect of `version`; a CONNECT says its own.
    ///
    /// Linear in the frame; allocates nothing but the box of a CONNECT.
    ///
    /// # Errors
    /// The first breach found; the frame is then of no use.
    #[inline]
    pub fn decode(frame: Frame<'a>, version: Version) -> Result<Self, DecodeError> {
        let kind = frame.header >> 4;
        if !frame.is_minimal && version.is_v5() && kind != CONNECT {
            return Err(DecodeError::VarintNotMinimal);
        }
        if kind == PUBLISH {
            return Publish::decode(frame.header, frame.body, version).map(Packet::Publish);
        }
        check_flags(frame.header, version)?;
        if let Some(kind) = AckKind::of(kind) {
            return Ack::decode(kind, frame.body, version).map(Packet::Ack);
        }
        Self::decode_rest(kind, frame, version)
    }

    fn decode_rest(kind: u8, frame: Frame<'a>, version: Version) -> Result<Self, DecodeError> {
        let body = frame.body;
        Ok(match kind {
            CONNECT => {
                let connect = Connect::decode(body)?;
                if !frame.is_minimal && connect.version.is_v5() {
                    return Err(DecodeError::VarintNotMinimal);
                }
                Packet::Connect(Box::new(connect))
            }
            CONNACK => Packet::Connack(Connack::decode(body, version)?),
            SUBSCRIBE => Packet::Subscribe(Subscribe::decode(body, version)?),
            SUBACK => Packet::Suback(Suback::decode(body, version)?),
            UNSUBSCRIBE => Packet::Unsubscribe(Unsubscribe::decode(body, version)?),
            UNSUBACK => Packet::Unsuback(Unsuback::decode(body, version)?),
            PINGREQ => check_empty(body, Packet::Pingreq)?,
            PINGRESP => check_empty(body, Packet::Pingresp)?,
            DISCONNECT => Packet::Disconnect(Disconnect::decode(body, version)?),
            AUTH if version.is_v5() => Packet::Auth(Auth::decode(body)?),
            _ => return Err(DecodeError::UnknownPacketType(kind)),
        })
    }

    /// Appends the packet in the dialect of `version`; a CONNECT uses its own.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) {
        match self {
            Packet::Connect(packet) => packet.encode(out),
            Packet::Connack(packet) => packet.encode(version, out),
            Packet::Publish(packet) => packet.encode(version, out),
            Packet::Ack(packet) => packet.encode(version, out),
            Packet::Subscribe(packet) => packet.encode(version, out),
            Packet::Suback(packet) => packet.encode(version, out),
            Packet::Unsubscribe(packet) => packet.encode(version, out),
            Packet::Unsuback(packet) => packet.encode(version, out),
            Packet::Pingreq => encode_pingreq(out),
            Packet::Pingresp => encode_pingresp(out),
            Packet::Disconnect(packet) => packet.encode(version, out),
            Packet::Auth(packet) => packet.encode(out),
        }
    }

    /// The packet's name as the specification prints it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Packet::Connect(_) => "CONNECT",
            Packet::Connack(_) => "CONNACK",
            Packet::Publish(_) => "PUBLISH",
            Packet::Ack(ack) => ack.kind.name(),
            Packet::Subscribe(_) => "SUBSCRIBE",
            Packet::Suback(_) => "SUBACK",
            Packet::Unsubscribe(_) => "UNSUBSCRIBE",
            Packet::Unsuback(_) => "UNSUBACK",
            Packet::Pingreq => "PINGREQ",
            Packet::Pingresp => "PINGRESP",
            Packet::Disconnect(_) => "DISCONNECT",
            Packet::Auth(_) => "AUTH",
        }
    }
}

/// Appends a PINGREQ. [3.12]
#[inline]
pub fn encode_pingreq(out: &mut Vec<u8>) {
    out.extend_from_slice(&[PINGREQ << 4, 0]);
}

/// Appends a PINGRESP. [3.13]
#[inline]
pub fn encode_pingresp(out: &mut Vec<u8>) {
    out.extend_from_slice(&[PINGRESP << 4, 0]);
}

/// [MQTT-2.1.3-1] Reserved flags have the listed value.
///
/// 3.1 still knew DUP on PUBREL, SUBSCRIBE and UNSUBSCRIBE, so there it is let pass.
#[inline]
fn check_flags(header: u8, version: Version) -> Result<(), DecodeError> {
    let expected = match header >> 4 {
        PUBREL | SUBSCRIBE | UNSUBSCRIBE => 0b0010,
        _ => 0,
    };
    let mut flags = header & 0x0F;
    if version == Version::V3_1 && expected != 0 {
        flags &= !0b1000;
    }
    if flags == expected { Ok(()) } else { Err(DecodeError::FixedHeaderFlags(header)) }
}

fn check_empty<'a>(body: &[u8], packet: Packet<'a>) -> Result<Packet<'a>, DecodeError> {
    if body.is_empty() { Ok(packet) } else { Err(DecodeError::TrailingBytes) }
}

/// The first byte of a packet whose flags are `flags`, and its remaining length.
#[inline]
fn write_header(kind: u8, flags: u8, body_len: usize, out: &mut Vec<u8>) {
    out.push(kind << 4 | flags);
    write_len(body_len, out);
}

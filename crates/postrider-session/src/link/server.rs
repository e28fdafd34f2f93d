//! The broker's half of one network connection.
//!
//! Owns: framing, which packet is legal when, keep alive, topic aliases towards us, pre-authentication limits.
//! Never: holds a socket or bytes, changes anything in the broker.
//! Spec: 3.1.0, 3.1.2.10, 3.1.4, 3.3.2.3.4, 4.13.
//!
//! ```text
//! Opened ──CONNECT──▶ Asked ──accepted──▶ Accepted
//!                       │ AUTH 0x18 to the client
//!                       ▼
//!                    Exchanging ──accepted──▶ Accepted
//! ```

use super::aliases::Aliases;
use crate::{Mono, Violation};
use postrider_proto::{
    Connack, DecodeError, Disconnect, Frame, Packet, Properties, PropertiesBuf, Property, PropertyId, Publish, Version,
    split,
};

/// What a link allows its far end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkLimits {
    /// Largest packet in bytes, fixed header included. [3.2.2.3.6]
    pub packet_bytes_max: u32,
    /// Largest property block in bytes.
    pub property_bytes_max: u32,
    /// Largest property block of a CONNECT in bytes.
    pub connect_property_bytes_max: u32,
    /// Bytes that may come before a CONNECT is accepted.
    pub pre_auth_bytes_max: u32,
    /// Milliseconds from the opening of the connection until a CONNECT must be accepted.
    pub connect_ms_max: u32,
    /// Milliseconds beyond one and a half keep-alive times that a client may be silent. [MQTT-3.1.2-22]
    pub keep_alive_grace_ms: u32,
    /// Topic Alias Maximum that we announce.
    pub topic_alias_max: u16,
    /// Most levels of a topic or filter.
    pub levels_max: u16,
}

/// Protocol state of one client's connection. Feed it bytes and time; it says which packets they are.
#[derive(Clone, Debug)]
pub struct ServerLink {
    phase: Phase,
    version: Version,
    uses_auth: bool,
    /// One and a half keep-alive times in milliseconds; 0 switches it off.
    silence_ms_max: u32,
    /// Bytes so far, until accepted.
    bytes: u32,
    packet_bytes_max: u32,
    /// The largest packet the client takes.
    their_packet_bytes_max: u32,
    /// When the connection was opened; once accepted, when something last came.
    since: Mono,
    aliases: Option<Box<Aliases>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing but a CONNECT may come.
    Opened,
    /// The CONNECT was handed up; nothing is read until it is decided.
    Asked,
    /// An authentication exchange goes on: AUTH and DISCONNECT only. [MQTT-3.1.2-30]
    Exchanging,
    /// The client is in.
    Accepted,
}

impl ServerLink {
    /// A connection was opened.
    #[must_use]
    pub fn new(now: Mono, limits: &LinkLimits) -> Self {
        Self {
            phase: Phase::Opened,
            version: Version::V3_1_1,
            uses_auth: false,
            silence_ms_max: 0,
            bytes: 0,
            packet_bytes_max: limits.packet_bytes_max,
            their_packet_bytes_max: u32::MAX,
            since: now,
            aliases: None,
        }
    }

    /// Bytes came. Counts them against what is allowed before a CONNECT is accepted, and as a sign of life.
    ///
    /// # Errors
    /// [`Violation::ConnectTooLarge`].
    #[inline]
    pub fn on_bytes(&mut self, now: Mono, count: usize, limits: &LinkLimits) -> Result<(), Violation> {
        if self.phase == Phase::Accepted {
            self.since = now;
            return Ok(());
        }
        self.bytes = self.bytes.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        if self.bytes > limits.pre_auth_bytes_max { Err(Violation::ConnectTooLarge) } else { Ok(()) }
    }

    /// Decodes the packet at the head of `input` and says how many bytes it took; `None` when it is not
    /// whole or nothing may be read now.
    ///
    /// # Errors
    /// What the far end broke; the link is of no more use but for [`ServerLink::farewell`].
    #[inline]
    pub fn decode<'a>(
        &mut self,
        input: &'a [u8],
        limits: &LinkLimits,
    ) -> Result<Option<(Packet<'a>, usize)>, Violation> {
        if self.phase == Phase::Accepted {
            let Some(frame) = split(input, self.packet_bytes_max as usize)? else { return Ok(None) };
            let packet = Packet::decode(frame, self.version)?;
            self.check_accepted(&packet, limits)?;
            return Ok(Some((packet, frame.len)));
        }
        self.decode_early(input, limits)
    }

    #[inline]
    fn check_accepted(&self, packet: &Packet<'_>, limits: &LinkLimits) -> Result<(), Violation> {
        match packet {
            Packet::Publish(publish) => {
                if !publish.properties.is_empty() {
                    check_publish_properties(publish, limits)?;
                }
                Ok(())
            }
            Packet::Ack(_) | Packet::Pingreq => Ok(()),
            Packet::Subscribe(subscribe) => check_size(subscribe.properties, limits.property_bytes_max),
            Packet::Unsubscribe(unsubscribe) => check_size(unsubscribe.properties, limits.property_bytes_max),
            Packet::Disconnect(disconnect) => check_size(disconnect.properties, limits.property_bytes_max),
            Packet::Auth(_) if self.uses_auth => Ok(()),
            Packet::Auth(_) => Err(Violation::AuthUnexpected),
            Packet::Connect(_) => Err(Violation::SecondConnect),
            Packet::Connack(_) | Packet::Suback(_) | Packet::Unsuback(_) | Packet::Pingresp => {
                Err(Violation::Misdirected(packet.name()))
            }
        }
    }

    #[cold]
    fn decode_early<'a>(
        &mut self,
        input: &'a [u8],
        limits: &LinkLimits,
    ) -> Result<Option<(Packet<'a>, usize)>, Violation> {
        match self.phase {
            Phase::Asked => Ok(None),
            Phase::Opened => self.decode_connect(input, limits),
            Phase::Exchanging | Phase::Accepted => {
                let Some(frame) = split(input, limits.pre_auth_bytes_max as usize)? else { return Ok(None) };
                let packet = Packet::decode(frame, self.version)?;
                if matches!(packet, Packet::Auth(_) | Packet::Disconnect(_)) {
                    Ok(Some((packet, frame.len)))
                } else {
                    Err(Violation::NotAuthenticated)
                }
            }
        }
    }

    fn decode_connect<'a>(
        &mut self,
        input: &'a [u8],
        limits: &LinkLimits,
    ) -> Result<Option<(Packet<'a>, usize)>, Violation> {
        // [MQTT-3.1.0-1], seen at the first byte.
        if input.first().is_some_and(|header| header >> 4 != 1) {
            return Err(Violation::NoConnect);
        }
        let bytes_max = limits.pre_auth_bytes_max.min(self.packet_bytes_max);
        let Some(frame) = split(input, bytes_max as usize)? else { return Ok(None) };
        if looks_like_v5(frame.body) {
            // So that a refusal of what follows is said in its dialect.
            self.version = Version::V5;
        }
        let packet = Packet::decode(frame, Version::V3_1_1)?;
        let Packet::Connect(connect) = &packet else { return Err(Violation::NoConnect) };
        check_size(connect.properties, limits.connect_property_bytes_max)?;
        if let Some(will) = &connect.will {
            check_size(will.properties, limits.connect_property_bytes_max)?;
        }
        self.version = connect.version;
        self.uses_auth = connect.properties.find(PropertyId::AuthenticationMethod).is_some();
        self.phase = Phase::Asked;
        Ok(Some((packet, frame.len)))
    }

    /// The server answered CONNECT with AUTH and waits for the client's. [4.12]
    pub fn on_exchange(&mut self) {
        if self.phase == Phase::Asked {
            self.phase = Phase::Exchanging;
        }
    }

    /// The server accepted the client. `keep_alive_s` is the one that holds: the client's, or the server's in
    /// its place; `packet_bytes_max` is what the client takes. [MQTT-3.1.2-21]
    pub fn on_accepted(&mut self, now: Mono, keep_alive_s: u16, packet_bytes_max: u32) {
        self.phase = Phase::Accepted;
        self.their_packet_bytes_max = packet_bytes_max;
        self.silence_ms_max = u32::from(keep_alive_s) * 1500;
        self.since = now;
    }

    /// Puts the name in place of a topic alias. Call it for each PUBLISH in order, right before it is handed
    /// up. [3.3.2.3.4]
    ///
    /// # Errors
    /// [`Violation::AliasOutOfRange`], [`Violation::AliasUnknown`].
    #[inline]
    pub fn resolve<'a>(&'a mut self, publish: Publish<'a>, limits: &LinkLimits) -> Result<Publish<'a>, Violation> {
        if publish.properties.is_empty() {
            return Ok(publish);
        }
        if publish.properties.find(PropertyId::TopicAlias).is_none() {
            return Ok(publish);
        }
        self.aliases.get_or_insert_with(|| Box::new(Aliases::new(limits.topic_alias_max))).resolve(publish)
    }

    /// When [`ServerLink::on_timeout`] has to be called next; `None` when silence is allowed.
    #[must_use]
    pub fn next_deadline(&self, limits: &LinkLimits) -> Option<Mono> {
        match self.phase {
            Phase::Accepted if self.silence_ms_max == 0 => None,
            Phase::Accepted => {
                let silence_ms = u64::from(self.silence_ms_max) + u64::from(limits.keep_alive_grace_ms);
                Some(self.since.plus_ms(silence_ms))
            }
            Phase::Opened | Phase::Asked | Phase::Exchanging => {
                Some(self.since.plus_ms(u64::from(limits.connect_ms_max)))
            }
        }
    }

    /// Time passed. An error means that the link is over; otherwise ask for the next deadline again.
    ///
    /// # Errors
    /// [`Violation::KeepAliveTimeout`] [MQTT-3.1.2-22], [`Violation::ConnectTimeout`].
    pub fn on_timeout(&self, now: Mono, limits: &LinkLimits) -> Result<(), Violation> {
        match self.next_deadline(limits) {
            Some(deadline) if deadline <= now && self.phase == Phase::Accepted => Err(Violation::KeepAliveTimeout),
            Some(deadline) if deadline <= now => Err(Violation::ConnectTimeout),
            _ => Ok(()),
        }
    }

    /// Appends what the far end is told about its breach: CONNACK before it was accepted, DISCONNECT
    /// afterwards, nothing where the dialect has no words for it. [4.13], [MQTT-3.14.0-1]
    pub fn farewell(&self, violation: Violation, out: &mut Vec<u8>) {
        match self.phase {
            Phase::Accepted if self.version.is_v5() => {
                let mut properties = PropertiesBuf::new();
                properties.push(Property::Text(PropertyId::ReasonString, violation.to_string().as_str().into()));
                let mut packet = Disconnect { reason: violation.reason(), properties: properties.as_properties() };
                if packet.encoded_len(self.version) > self.their_packet_bytes_max as usize {
                    // [MQTT-3.14.2-3]
                    packet.properties = Properties::NONE;
                }
                packet.encode(self.version, out);
            }
            Phase::Opened => self.refuse_connect(violation, out),
            Phase::Asked | Phase::Exchanging | Phase::Accepted => {}
        }
    }

    /// [MQTT-3.1.2-2], [MQTT-3.1.4-1]: a protocol level that is not spoken is told, other faults of a
    /// CONNECT only where its dialect is known to be 5.0.
    fn refuse_connect(&self, violation: Violation, out: &mut Vec<u8>) {
        let Violation::Malformed(error) = violation else { return };
        let version = if let DecodeError::ProtocolLevel(level) = error {
            if level & 0x7F > Version::V5.level() { Version::V5 } else { Version::V3_1_1 }
        } else if self.version.is_v5() {
            Version::V5
        } else {
            return;
        };
        Connack { session_present: false, reason: violation.reason(), properties: Properties::NONE }
            .encode(version, out);
    }

    /// The dialect, known once a CONNECT came.
    #[inline]
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// True once the client is in.
    #[inline]
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.phase == Phase::Accepted
    }

    /// True while a CONNECT waits for its verdict, so that nothing is to be read.
    #[inline]
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.phase == Phase::Asked
    }

    /// How many bytes the packet at the head of `input` will have in all, as soon as that is known.
    #[must_use]
    pub fn announced_len(&self, input: &[u8]) -> Option<usize> {
        Frame::announced_len(input)
    }
}

fn check_publish_properties(publish: &Publish<'_>, limits: &LinkLimits) -> Result<(), Violation> {
    check_size(publish.properties, limits.property_bytes_max)?;
    if publish.properties.find(PropertyId::SubscriptionIdentifier).is_some() {
        return Err(Violation::SubscriptionIdentifierFromClient);
    }
    Ok(())
}

fn check_size(properties: Properties<'_>, bytes_max: u32) -> Result<(), Violation> {
    if properties.as_bytes().len() > bytes_max as usize {
        return Err(DecodeError::PropertiesTooLarge.into());
    }
    Ok(())
}

/// True for a CONNECT body whose name and level are those of 5.0.
fn looks_like_v5(body: &[u8]) -> bool {
    body.starts_with(b"\0\x04MQTT\x05")
}

//! The client's half of one network connection.
//!
//! Owns: framing, which packet is legal when, keep alive as the one who has to show life.
//! Never: holds a socket or bytes.
//! Spec: 3.1.2.10, 3.2, 4.13.

use super::aliases::Aliases;
use crate::{Mono, Violation};
use postrider_proto::{Disconnect, Packet, PropertyId, Publish, ReasonCode, Version, split};

/// Protocol state of one connection to a server.
#[derive(Clone, Debug)]
pub struct ClientLink {
    version: Version,
    is_accepted: bool,
    packet_bytes_max: u32,
    keep_alive_ms: u64,
    last_sent: Mono,
    /// When the PINGREQ that has not been answered was sent.
    pinged: Option<Mono>,
    aliases: Aliases,
}

/// What the passing of time asks of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeepAlive {
    Quiet,
    Ping,
    Dead,
}

impl ClientLink {
    /// A connection was opened and CONNECT sent; `topic_alias_max` is what it announced.
    #[must_use]
    pub const fn new(
        now: Mono,
        version: Version,
        keep_alive_s: u16,
        packet_bytes_max: u32,
        topic_alias_max: u16,
    ) -> Self {
        Self {
            version,
            is_accepted: false,
            packet_bytes_max,
            keep_alive_ms: keep_alive_s as u64 * 1000,
            last_sent: now,
            pinged: None,
            aliases: Aliases::new(topic_alias_max),
        }
    }

    /// Decodes the packet at the head of `input` and says how many bytes it took; `None` when it is not whole.
    ///
    /// # Errors
    /// What the server broke.
    pub fn decode<'a>(&mut self, input: &'a [u8]) -> Result<Option<(Packet<'a>, usize)>, Violation> {
        let Some(frame) = split(input, self.packet_bytes_max as usize)? else { return Ok(None) };
        let packet = Packet::decode(frame, self.version)?;
        self.check(&packet)?;
        Ok(Some((packet, frame.len)))
    }

    fn check(&mut self, packet: &Packet<'_>) -> Result<(), Violation> {
        match packet {
            Packet::Connack(_) if self.is_accepted => Err(Violation::Misdirected("CONNACK")),
            Packet::Connack(connack) => {
                self.is_accepted = connack.reason == ReasonCode::Success;
                // [MQTT-3.1.2-21]
                if let Some(seconds) = connack.properties.two_bytes(PropertyId::ServerKeepAlive) {
                    self.keep_alive_ms = u64::from(seconds) * 1000;
                }
                Ok(())
            }
            Packet::Auth(_) => Ok(()),
            // [MQTT-3.2.0-1]
            _ if !self.is_accepted => Err(Violation::Misdirected("a packet before CONNACK")),
            Packet::Pingresp => {
                self.pinged = None;
                Ok(())
            }
            Packet::Disconnect(_) if !self.version.is_v5() => Err(Violation::Misdirected("DISCONNECT")),
            Packet::Disconnect(disconnect) => check_disconnect(disconnect),
            Packet::Publish(_) | Packet::Ack(_) | Packet::Suback(_) | Packet::Unsuback(_) => Ok(()),
            Packet::Connect(_) | Packet::Subscribe(_) | Packet::Unsubscribe(_) | Packet::Pingreq => {
                Err(Violation::Misdirected(packet.name()))
            }
        }
    }

    /// Puts the name in place of a topic alias. [MQTT-3.3.2-10]
    ///
    /// # Errors
    /// [`Violation::AliasOutOfRange`], [`Violation::AliasUnknown`].
    pub fn resolve<'a>(&'a mut self, publish: Publish<'a>) -> Result<Publish<'a>, Violation> {
        self.aliases.resolve(publish)
    }

    /// Something was sent.
    pub const fn on_sent(&mut self, now: Mono) {
        self.last_sent = now;
    }

    /// When [`ClientLink::on_timeout`] has to be called next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Mono> {
        if self.keep_alive_ms == 0 {
            return None;
        }
        let ping = self.last_sent.plus_ms(self.keep_alive_ms);
        Some(self.pinged.map_or(ping, |pinged| pinged.plus_ms(self.keep_alive_ms).min(ping)))
    }

    /// Time passed; true when a PINGREQ is to be sent. [MQTT-3.1.2-20]
    ///
    /// # Errors
    /// [`Violation::KeepAliveTimeout`] when the last PINGREQ got no answer for a keep-alive time.
    pub fn on_timeout(&mut self, now: Mono) -> Result<bool, Violation> {
        match self.look(now) {
            KeepAlive::Quiet => Ok(false),
            KeepAlive::Ping => {
                self.pinged.get_or_insert(now);
                self.last_sent = now;
                Ok(true)
            }
            KeepAlive::Dead => Err(Violation::KeepAliveTimeout),
        }
    }

    fn look(&self, now: Mono) -> KeepAlive {
        if self.keep_alive_ms == 0 {
            return KeepAlive::Quiet;
        }
        if self.pinged.is_some_and(|pinged| now.since_ms(pinged) >= self.keep_alive_ms) {
            return KeepAlive::Dead;
        }
        if now.since_ms(self.last_sent) >= self.keep_alive_ms { KeepAlive::Ping } else { KeepAlive::Quiet }
    }

    /// The dialect.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }
}

/// [MQTT-3.14.2-2]
fn check_disconnect(disconnect: &Disconnect<'_>) -> Result<(), Violation> {
    match disconnect.properties.find(PropertyId::SessionExpiryInterval) {
        Some(_) => Err(Violation::SessionExpiryFromServer),
        None => Ok(()),
    }
}

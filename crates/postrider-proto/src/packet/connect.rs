//! CONNECT, with the will it may carry.
//!
//! Spec: 3.1.

use super::{CONNECT, write_header};
use crate::cursor::Cursor;
use crate::property::write_binary;
use crate::{DecodeError, Properties, PropertyId, PropertySet, Qos, Text, Topic, Version};

/// Whether an earlier session is to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Start {
    /// Forget it: Clean Start 1, Clean Session 1.
    Clean,
    /// Resume it if there is one: Clean Start 0, Clean Session 0.
    Resume,
}

/// The first packet of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect<'a> {
    /// From the protocol name and level.
    pub version: Version,
    /// True when bit 7 of the level is set, by which bridges of 3.1 and 3.1.1 make themselves known.
    pub is_bridge: bool,
    /// Clean Start, or Clean Session before 5.0. [MQTT-3.1.2-4]
    pub start: Start,
    /// Seconds; 0 switches it off. [3.1.2.10]
    pub keep_alive_s: u16,
    /// Properties of the connection.
    pub properties: Properties<'a>,
    /// Empty when the server is to choose. [MQTT-3.1.3-6]
    pub client_id: Text<'a>,
    /// What to publish when the connection ends otherwise than by DISCONNECT.
    pub will: Option<Will<'a>>,
    /// Who connects.
    pub user_name: Option<Text<'a>>,
    /// A password or token; any bytes.
    pub password: Option<&'a [u8]>,
}

/// The will in a CONNECT. [3.1.2.5]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Will<'a> {
    /// The QoS it is published with.
    pub qos: Qos,
    /// Whether it is retained. [MQTT-3.1.2-14], [MQTT-3.1.2-15]
    pub retain: bool,
    /// Where it is published.
    pub topic: Topic<'a>,
    /// What is published; at most 65,535 bytes.
    pub payload: &'a [u8],
    /// Will properties; empty before 5.0.
    pub properties: Properties<'a>,
}

const FLAG_RESERVED: u8 = 0b0000_0001;
const FLAG_CLEAN: u8 = 0b0000_0010;
const FLAG_WILL: u8 = 0b0000_0100;
const FLAG_WILL_RETAIN: u8 = 0b0010_0000;
const FLAG_PASSWORD: u8 = 0b0100_0000;
const FLAG_USER_NAME: u8 = 0b1000_0000;
const LEVEL_BRIDGE: u8 = 0x80;

impl<'a> Connect<'a> {
    pub(super) fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(body);
        let (version, is_bridge) = take_version(&mut cursor)?;
        let flags = cursor.take_u8()?;
        check_connect_flags(flags, version)?;
        let keep_alive_s = cursor.take_u16()?;
        let properties = match version {
            Version::V5 => Properties::decode(&mut cursor, PropertySet::CONNECT)?,
            Version::V3_1 | Version::V3_1_1 => Properties::NONE,
        };
        if properties.find(PropertyId::AuthenticationData).is_some()
            && properties.find(PropertyId::AuthenticationMethod).is_none()
        {
            return Err(DecodeError::AuthenticationDataAlone);
        }
        let client_id = cursor.take_text()?;
        let will = if flags & FLAG_WILL == 0 { None } else { Some(Will::decode(flags, &mut cursor, version)?) };
        // 3.1 lets a flag stand without its field.
        let absent = |cursor: &Cursor<'_>| version == Version::V3_1 && cursor.is_empty();
        let user_name = match flags & FLAG_USER_NAME != 0 && !absent(&cursor) {
            true => Some(cursor.take_text()?),
            false => None,
        };
        let password = match flags & FLAG_PASSWORD != 0 && !absent(&cursor) {
            true => Some(cursor.take_binary()?),
            false => None,
        };
        cursor.check_end()?;
        let start = if flags & FLAG_CLEAN == 0 { Start::Resume } else { Start::Clean };
        Ok(Self { version, is_bridge, start, keep_alive_s, properties, client_id, will, user_name, password })
    }

    /// Appends the packet in its own dialect.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut body = Vec::with_capacity(64);
        write_binary(self.version.name().as_bytes(), &mut body);
        body.push(self.version.level() | if self.is_bridge { LEVEL_BRIDGE } else { 0 });
        body.push(self.flags());
        body.extend_from_slice(&self.keep_alive_s.to_be_bytes());
        if self.version.is_v5() {
            self.properties.encode(&mut body);
        }
        write_binary(self.client_id.as_bytes(), &mut body);
        if let Some(will) = &self.will {
            if self.version.is_v5() {
                will.properties.encode(&mut body);
            }
            write_binary(will.topic.as_bytes(), &mut body);
            write_binary(will.payload, &mut body);
        }
        if let Some(name) = self.user_name {
            write_binary(name.as_bytes(), &mut body);
        }
        if let Some(password) = self.password {
            write_binary(password, &mut body);
        }
        write_header(CONNECT, 0, body.len(), out);
        out.extend_from_slice(&body);
    }

    fn flags(&self) -> u8 {
        let mut flags = 0;
        if self.start == Start::Clean {
            flags |= FLAG_CLEAN;
        }
        if let Some(will) = &self.will {
            flags |= FLAG_WILL | will.qos.as_u8() << 3;
            if will.retain {
                flags |= FLAG_WILL_RETAIN;
            }
        }
        if self.user_name.is_some() {
            flags |= FLAG_USER_NAME;
        }
        if self.password.is_some() {
            flags |= FLAG_PASSWORD;
        }
        flags
    }
}

impl<'a> Will<'a> {
    /// [MQTT-3.1.3-1] Properties, then topic, then payload.
    fn decode(flags: u8, cursor: &mut Cursor<'a>, version: Version) -> Result<Self, DecodeError> {
        let properties = match version {
            Version::V5 => Properties::decode(cursor, PropertySet::WILL)?,
            Version::V3_1 | Version::V3_1_1 => Properties::NONE,
        };
        Ok(Self {
            qos: will_qos(flags)?,
            retain: flags & FLAG_WILL_RETAIN != 0,
            topic: Topic::parse(cursor.take_binary()?)?,
            payload: cursor.take_binary()?,
            properties,
        })
    }
}

/// [MQTT-3.1.2-1], [MQTT-3.1.2-2]
fn take_version(cursor: &mut Cursor<'_>) -> Result<(Version, bool), DecodeError> {
    let name = cursor.take_binary()?;
    if name != b"MQTT" && name != b"MQIsdp" {
        return Err(DecodeError::ProtocolName);
    }
    let level = cursor.take_u8()?;
    let is_bridge = level & LEVEL_BRIDGE != 0;
    let version = match (name, level & !LEVEL_BRIDGE) {
        (b"MQIsdp", 3) => Version::V3_1,
        (b"MQTT", 4) => Version::V3_1_1,
        (b"MQTT", 5) if !is_bridge => Version::V5,
        _ => return Err(DecodeError::ProtocolLevel(level)),
    };
    Ok((version, is_bridge))
}

/// [MQTT-3.1.2-3], [MQTT-3.1.2-11] to [MQTT-3.1.2-13]; 3.1 left these bits open.
fn check_connect_flags(flags: u8, version: Version) -> Result<(), DecodeError> {
    will_qos(flags)?;
    if version == Version::V3_1 {
        return Ok(());
    }
    if flags & FLAG_RESERVED != 0 {
        return Err(DecodeError::ConnectReservedFlag);
    }
    if flags & FLAG_WILL == 0 && flags & (FLAG_WILL_RETAIN | 0b0001_1000) != 0 {
        return Err(DecodeError::WillFlags);
    }
    if version == Version::V3_1_1 && flags & FLAG_PASSWORD != 0 && flags & FLAG_USER_NAME == 0 {
        return Err(DecodeError::PasswordWithoutUserName);
    }
    Ok(())
}

/// [MQTT-3.1.2-12]
fn will_qos(flags: u8) -> Result<Qos, DecodeError> {
    Qos::from_u8(flags >> 3 & 0b11).ok_or(DecodeError::WillQos)
}

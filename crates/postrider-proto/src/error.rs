//! What can be wrong with bytes from the wire.
//!
//! Owns: the list of breaches a decoder can see, the reason code and the clause of each.
//! Never: holds input bytes, so that an error cannot be made large.

use crate::{FilterError, PropertyId, ReasonCode, TopicError};

/// Why bytes are not a packet. The far end is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The body ends before its last field, or a field reaches past the body.
    Truncated,
    /// Bytes are left over behind the last field.
    TrailingBytes,
    /// [MQTT-1.5.5-1] A variable byte integer of more than four bytes.
    VarintTooLong,
    /// [MQTT-1.5.5-1] A variable byte integer that a shorter encoding exists for.
    VarintNotMinimal,
    /// A packet type that this edition does not have.
    UnknownPacketType(u8),
    /// [MQTT-2.1.3-1] Flags of the fixed header that are not what the table says.
    FixedHeaderFlags(u8),
    /// The packet is larger than the receiver allows.
    PacketTooLarge,
    /// [MQTT-1.5.4-1] A string that is not UTF-8.
    StringNotUtf8,
    /// [MQTT-1.5.4-2] A string that holds U+0000.
    StringHasNul,
    /// A string of more than 65,535 bytes. Only an encoder can see this.
    StringTooLong,
    /// [MQTT-3.1.2-1] A protocol name that is not MQTT's.
    ProtocolName,
    /// [MQTT-3.1.2-2] A protocol level that is not spoken here; the level as it came.
    ProtocolLevel(u8),
    /// [MQTT-3.1.2-3] The reserved connect flag is set.
    ConnectReservedFlag,
    /// [MQTT-3.1.2-11], [MQTT-3.1.2-13] Will QoS or retain without a will.
    WillFlags,
    /// [MQTT-3.1.2-12] Will QoS 3.
    WillQos,
    /// [MQTT-3.1.2-22] of 3.1.1: a password without a user name.
    PasswordWithoutUserName,
    /// [MQTT-3.3.1-4] QoS 3.
    Qos3,
    /// [MQTT-3.3.1-2] DUP on a QoS 0 PUBLISH.
    DupOnQos0,
    /// [MQTT-2.2.1-3] Packet identifier 0.
    PacketIdZero,
    /// A topic name that is not legal.
    Topic(TopicError),
    /// [MQTT-3.3.2-1] No topic name, and no alias in its place.
    TopicMissing,
    /// A topic filter that is not legal.
    Filter(FilterError),
    /// [MQTT-3.8.3-2], [MQTT-3.10.3-2] No filter at all.
    NoFilters,
    /// [MQTT-3.8.3-5] Reserved bits of the subscription options are set, or QoS 3.
    SubscribeOptions,
    /// Retain Handling 3. [3.8.3.1]
    RetainHandling,
    /// [MQTT-3.8.3-4] No Local on a shared subscription.
    NoLocalOnShare,
    /// A reason code that this packet cannot carry.
    ReasonCode(u8),
    /// [MQTT-3.2.2-1] Reserved bits of CONNACK's acknowledge flags.
    ConnackFlags,
    /// A property identifier that the specification does not have.
    PropertyUnknown(u8),
    /// A property that has no place in this packet.
    PropertyMisplaced(PropertyId),
    /// A property that may come once came twice.
    PropertyRepeated(PropertyId),
    /// A property whose value is out of its range.
    PropertyValue(PropertyId),
    /// More bytes of properties than the receiver allows.
    PropertiesTooLarge,
    /// Authentication Data without an Authentication Method. [3.1.2.11.10]
    AuthenticationDataAlone,
}

impl DecodeError {
    /// What to tell the sender, where the dialect has a way to say so. [2.4], [4.13]
    #[must_use]
    pub const fn reason(self) -> ReasonCode {
        match self {
            Self::Truncated
            | Self::TrailingBytes
            | Self::VarintTooLong
            | Self::VarintNotMinimal
            | Self::UnknownPacketType(_)
            | Self::FixedHeaderFlags(_)
            | Self::StringNotUtf8
            | Self::StringHasNul
            | Self::StringTooLong
            | Self::ConnectReservedFlag
            | Self::WillFlags
            | Self::WillQos
            | Self::PasswordWithoutUserName
            | Self::Qos3
            | Self::DupOnQos0
            | Self::SubscribeOptions
            | Self::ConnackFlags
            | Self::ReasonCode(_)
            | Self::PropertyUnknown(_) => ReasonCode::MalformedPacket,
            Self::PacketIdZero
            | Self::TopicMissing
            | Self::NoFilters
            | Self::RetainHandling
            | Self::NoLocalOnShare
            | Self::PropertyMisplaced(_)
            | Self::PropertyRepeated(_)
            | Self::AuthenticationDataAlone => ReasonCode::ProtocolError,
            Self::PropertyValue(PropertyId::TopicAlias) => ReasonCode::TopicAliasInvalid,
            Self::PropertyValue(PropertyId::ResponseTopic) => ReasonCode::TopicNameInvalid,
            Self::PropertyValue(_) => ReasonCode::ProtocolError,
            Self::ProtocolName | Self::ProtocolLevel(_) => ReasonCode::UnsupportedProtocolVersion,
            Self::PacketTooLarge | Self::PropertiesTooLarge => ReasonCode::PacketTooLarge,
            Self::Topic(error) => error.reason(),
            Self::Filter(error) => error.reason(),
        }
    }

    /// The statement of the 5.0 specification that was broken, or the section where it has no number.
    #[must_use]
    pub const fn clause(self) -> &'static str {
        match self {
            Self::Truncated | Self::TrailingBytes | Self::ReasonCode(_) => "MQTT-4.13.1-1",
            Self::VarintTooLong | Self::VarintNotMinimal => "MQTT-1.5.5-1",
            Self::UnknownPacketType(_) => "2.1.2",
            Self::FixedHeaderFlags(_) => "MQTT-2.1.3-1",
            Self::PacketTooLarge => "MQTT-3.2.2-15",
            Self::StringNotUtf8 | Self::Topic(TopicError::NotUtf8) | Self::Filter(FilterError::NotUtf8) => {
                "MQTT-1.5.4-1"
            }
            Self::StringHasNul | Self::Topic(TopicError::HasNul) | Self::Filter(FilterError::HasNul) => "MQTT-1.5.4-2",
            Self::StringTooLong => "1.5.4",
            Self::ProtocolName => "MQTT-3.1.2-1",
            Self::ProtocolLevel(_) => "MQTT-3.1.2-2",
            Self::ConnectReservedFlag => "MQTT-3.1.2-3",
            Self::WillFlags => "MQTT-3.1.2-11",
            Self::WillQos => "MQTT-3.1.2-12",
            Self::PasswordWithoutUserName => "MQTT-3.1.2-22",
            Self::Qos3 => "MQTT-3.3.1-4",
            Self::DupOnQos0 => "MQTT-3.3.1-2",
            Self::PacketIdZero => "MQTT-2.2.1-3",
            Self::Topic(TopicError::HasWildcard) => "MQTT-3.3.2-2",
            Self::Topic(TopicError::Empty) | Self::Filter(FilterError::Empty) => "MQTT-4.7.3-1",
            Self::Topic(TopicError::TooLong) | Self::Filter(FilterError::TooLong) => "MQTT-4.7.3-3",
            Self::TopicMissing => "MQTT-3.3.2-1",
            Self::Filter(FilterError::HashMisplaced) => "MQTT-4.7.1-1",
            Self::Filter(FilterError::PlusMisplaced) => "MQTT-4.7.1-2",
            Self::Filter(FilterError::ShareNameEmpty) => "MQTT-4.8.2-1",
            Self::Filter(FilterError::ShareNameWildcard | FilterError::ShareFilterMissing) => "MQTT-4.8.2-2",
            Self::NoFilters => "MQTT-3.8.3-2",
            Self::SubscribeOptions | Self::RetainHandling => "MQTT-3.8.3-5",
            Self::NoLocalOnShare => "MQTT-3.8.3-4",
            Self::ConnackFlags => "MQTT-3.2.2-1",
            Self::PropertyUnknown(_)
            | Self::PropertyMisplaced(_)
            | Self::PropertyRepeated(_)
            | Self::PropertyValue(_)
            | Self::PropertiesTooLarge => "2.2.2.2",
            Self::AuthenticationDataAlone => "3.1.2.11.10",
        }
    }
}

impl From<TopicError> for DecodeError {
    fn from(error: TopicError) -> Self {
        Self::Topic(error)
    }
}

impl From<FilterError> for DecodeError {
    fn from(error: FilterError) -> Self {
        Self::Filter(error)
    }
}

impl core::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let text = match *self {
            Self::UnknownPacketType(kind) => return write!(f, "packet type {kind} does not exist here"),
            Self::FixedHeaderFlags(header) => {
                return write!(f, "fixed header 0x{header:02X} has flags that are reserved");
            }
            Self::ProtocolLevel(level) => return write!(f, "protocol level {level} is not spoken here"),
            Self::ReasonCode(code) => return write!(f, "reason code 0x{code:02X} has no place in this packet"),
            Self::PropertyUnknown(id) => return write!(f, "property 0x{id:02X} does not exist"),
            Self::PropertyMisplaced(id) => return write!(f, "property {id:?} has no place in this packet"),
            Self::PropertyRepeated(id) => return write!(f, "property {id:?} came twice"),
            Self::PropertyValue(id) => return write!(f, "property {id:?} has a value out of its range"),
            Self::Topic(error) => return error.fmt(f),
            Self::Filter(error) => return error.fmt(f),
            Self::Truncated => "the packet ends inside a field",
            Self::TrailingBytes => "the packet goes on behind its last field",
            Self::VarintTooLong => "a variable byte integer has at most four bytes",
            Self::VarintNotMinimal => "a variable byte integer is longer than it needs to be",
            Self::PacketTooLarge => "the packet is larger than allowed",
            Self::StringNotUtf8 => "a string is not UTF-8",
            Self::StringHasNul => "a string holds U+0000",
            Self::StringTooLong => "a string has at most 65,535 bytes",
            Self::ProtocolName => "the protocol name is neither MQTT nor MQIsdp",
            Self::ConnectReservedFlag => "the reserved connect flag is set",
            Self::WillFlags => "will QoS or retain is set without a will",
            Self::WillQos => "the will has QoS 3",
            Self::PasswordWithoutUserName => "a password needs a user name before MQTT 5",
            Self::Qos3 => "QoS 3 does not exist",
            Self::DupOnQos0 => "DUP is set on a QoS 0 message",
            Self::PacketIdZero => "packet identifier 0 is not allowed",
            Self::TopicMissing => "there is neither a topic name nor a topic alias",
            Self::NoFilters => "there is no topic filter",
            Self::SubscribeOptions => "reserved bits of the subscription options are set",
            Self::RetainHandling => "retain handling 3 does not exist",
            Self::NoLocalOnShare => "no local is not allowed on a shared subscription",
            Self::ConnackFlags => "reserved CONNACK flags are set",
            Self::PropertiesTooLarge => "the properties are larger than allowed",
            Self::AuthenticationDataAlone => "authentication data needs an authentication method",
        };
        f.write_str(text)
    }
}

impl core::error::Error for DecodeError {}

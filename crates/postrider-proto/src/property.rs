//! Properties of 5.0: which exist, where they may stand, how they are read and written.
//!
//! Owns: the property table, the check that a block is well-formed.
//! Never: copies a block while decoding; the bytes stay where they came.
//! Spec: 2.2.2.

use crate::cursor::Cursor;
use crate::text::check_text;
use crate::{DecodeError, Text, Topic, varint_len, write_varint};

macro_rules! property_ids {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        /// The property identifiers of 2.2.2.2.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum PropertyId {
            $($(#[$doc])* $name = $value,)*
        }

        impl PropertyId {
            /// Every identifier, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The identifier with this number, if there is one.
            #[must_use]
            pub const fn from_u8(number: u8) -> Option<Self> {
                match number {
                    $($value => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

property_ids! {
    /// PUBLISH, will: 1 when the payload is UTF-8.
    PayloadFormatIndicator = 0x01;
    /// PUBLISH, will: lifetime in seconds.
    MessageExpiryInterval = 0x02;
    /// PUBLISH, will: what the payload is.
    ContentType = 0x03;
    /// PUBLISH, will: where an answer is expected.
    ResponseTopic = 0x08;
    /// PUBLISH, will: which request this answers.
    CorrelationData = 0x09;
    /// PUBLISH towards a client, SUBSCRIBE: which subscription matched.
    SubscriptionIdentifier = 0x0B;
    /// CONNECT, CONNACK, DISCONNECT: seconds a session outlives its connection.
    SessionExpiryInterval = 0x11;
    /// CONNACK: the client identifier the server chose.
    AssignedClientIdentifier = 0x12;
    /// CONNACK: seconds; replaces the client's keep alive.
    ServerKeepAlive = 0x13;
    /// CONNECT, CONNACK, AUTH: which method.
    AuthenticationMethod = 0x15;
    /// CONNECT, CONNACK, AUTH: what the method needs.
    AuthenticationData = 0x16;
    /// CONNECT: 0 asks for no reason strings.
    RequestProblemInformation = 0x17;
    /// Will: seconds between the end of the connection and the will.
    WillDelayInterval = 0x18;
    /// CONNECT: 1 asks for response information.
    RequestResponseInformation = 0x19;
    /// CONNACK: the basis of response topics.
    ResponseInformation = 0x1A;
    /// CONNACK, DISCONNECT: another server to use.
    ServerReference = 0x1C;
    /// Most acknowledgements: a sentence for people.
    ReasonString = 0x1F;
    /// CONNECT, CONNACK: how many QoS 1 and 2 messages may be unacknowledged.
    ReceiveMaximum = 0x21;
    /// CONNECT, CONNACK: the highest topic alias accepted.
    TopicAliasMaximum = 0x22;
    /// PUBLISH: a number in place of the topic name.
    TopicAlias = 0x23;
    /// CONNACK: the highest QoS the server takes.
    MaximumQos = 0x24;
    /// CONNACK: 0 when retained messages are not supported.
    RetainAvailable = 0x25;
    /// Everywhere but PINGREQ and PINGRESP: a name and a value, any number of times.
    UserProperty = 0x26;
    /// CONNECT, CONNACK: the largest packet accepted, in bytes.
    MaximumPacketSize = 0x27;
    /// CONNACK: 0 when wildcards are not supported.
    WildcardSubscriptionAvailable = 0x28;
    /// CONNACK: 0 when subscription identifiers are not supported.
    SubscriptionIdentifierAvailable = 0x29;
    /// CONNACK: 0 when shared subscriptions are not supported.
    SharedSubscriptionAvailable = 0x2A;
}

/// One property with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Property<'a> {
    /// 0 or 1.
    Byte(PropertyId, u8),
    /// A two-byte integer.
    TwoBytes(PropertyId, u16),
    /// A four-byte integer.
    FourBytes(PropertyId, u32),
    /// A variable byte integer; only the Subscription Identifier is one.
    Varint(PropertyId, u32),
    /// A UTF-8 string.
    Text(PropertyId, Text<'a>),
    /// Binary data.
    Binary(PropertyId, &'a [u8]),
    /// A User Property: name and value.
    Pair(Text<'a>, Text<'a>),
}

/// A set of property identifiers: where each may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PropertySet(u64);

impl PropertySet {
    const NONE: Self = Self(0);
    const ALL: Self = Self(u64::MAX);

    /// The set with these members.
    #[must_use]
    pub const fn of(ids: &[PropertyId]) -> Self {
        let mut set = Self::NONE;
        let mut rest = ids;
        while let [first, tail @ ..] = rest {
            set = set.with(*first);
            rest = tail;
        }
        set
    }

    #[inline]
    const fn with(self, id: PropertyId) -> Self {
        Self(self.0 | 1 << (id as u8))
    }

    /// True when `id` is a member.
    #[inline]
    #[must_use]
    pub const fn contains(self, id: PropertyId) -> bool {
        self.0 & (1 << (id as u8)) != 0
    }

    /// True when the two have a member in common.
    #[inline]
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Properties of CONNECT. [3.1.2.11]
    pub const CONNECT: Self = Self::of(&[
        PropertyId::SessionExpiryInterval,
        PropertyId::ReceiveMaximum,
        PropertyId::MaximumPacketSize,
        PropertyId::TopicAliasMaximum,
        PropertyId::RequestResponseInformation,
        PropertyId::RequestProblemInformation,
        PropertyId::UserProperty,
        PropertyId::AuthenticationMethod,
        PropertyId::AuthenticationData,
    ]);
    /// Properties of a will. [3.1.3.2]
    pub const WILL: Self = Self::of(&[
        PropertyId::WillDelayInterval,
        PropertyId::PayloadFormatIndicator,
        PropertyId::MessageExpiryInterval,
        PropertyId::ContentType,
        PropertyId::ResponseTopic,
        PropertyId::CorrelationData,
        PropertyId::UserProperty,
    ]);
    /// Properties of CONNACK. [3.2.2.3]
    pub const CONNACK: Self = Self::of(&[
        PropertyId::SessionExpiryInterval,
        PropertyId::ReceiveMaximum,
        PropertyId::MaximumQos,
        PropertyId::RetainAvailable,
        PropertyId::MaximumPacketSize,
        PropertyId::AssignedClientIdentifier,
        PropertyId::TopicAliasMaximum,
        PropertyId::ReasonString,
        PropertyId::UserProperty,
        PropertyId::WildcardSubscriptionAvailable,
        PropertyId::SubscriptionIdentifierAvailable,
        PropertyId::SharedSubscriptionAvailable,
        PropertyId::ServerKeepAlive,
        PropertyId::ResponseInformation,
        PropertyId::ServerReference,
        PropertyId::AuthenticationMethod,
        PropertyId::AuthenticationData,
    ]);
    /// Properties of PUBLISH. [3.3.2.3]
    pub const PUBLISH: Self = Self::of(&[
        PropertyId::PayloadFormatIndicator,
        PropertyId::MessageExpiryInterval,
        PropertyId::TopicAlias,
        PropertyId::ResponseTopic,
        PropertyId::CorrelationData,
        PropertyId::UserProperty,
        PropertyId::SubscriptionIdentifier,
        PropertyId::ContentType,
    ]);
    /// Properties of PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK and UNSUBACK.
    pub const ACK: Self = Self::of(&[PropertyId::ReasonString, PropertyId::UserProperty]);
    /// Properties of SUBSCRIBE. [3.8.2.1]
    pub const SUBSCRIBE: Self = Self::of(&[PropertyId::SubscriptionIdentifier, PropertyId::UserProperty]);
    /// Properties of UNSUBSCRIBE. [3.10.2.1]
    pub const UNSUBSCRIBE: Self = Self::of(&[PropertyId::UserProperty]);
    /// Properties of DISCONNECT. [3.14.2.2]
    pub const DISCONNECT: Self = Self::of(&[
        PropertyId::SessionExpiryInterval,
        PropertyId::ReasonString,
        PropertyId::UserProperty,
        PropertyId::ServerReference,
    ]);
    /// Properties of AUTH. [3.15.2.2]
    pub const AUTH: Self = Self::of(&[
        PropertyId::AuthenticationMethod,
        PropertyId::AuthenticationData,
        PropertyId::ReasonString,
        PropertyId::UserProperty,
    ]);
    /// What may come more than once: User Property everywhere, Subscription Identifier in PUBLISH.
    const REPEATABLE: Self = Self::of(&[PropertyId::UserProperty]);
    const REPEATABLE_IN_PUBLISH: Self = Self::of(&[PropertyId::UserProperty, PropertyId::SubscriptionIdentifier]);
}

impl PropertyId {
    /// The identifier's number on the wire.
    #[inline]
    #[must_use]
    pub const fn as_u8(self) -> u8 {
        self as u8
    }

    /// Reads the value, whose text is not looked at before [`Property::check_value`].
    #[inline(always)]
    fn read<'a>(self, cursor: &mut Cursor<'a>) -> Result<Property<'a>, DecodeError> {
        Ok(match self {
            Self::PayloadFormatIndicator
            | Self::RequestProblemInformation
            | Self::RequestResponseInformation
            | Self::MaximumQos
            | Self::RetainAvailable
            | Self::WildcardSubscriptionAvailable
            | Self::SubscriptionIdentifierAvailable
            | Self::SharedSubscriptionAvailable => Property::Byte(self, cursor.take_u8()?),
            Self::ServerKeepAlive | Self::ReceiveMaximum | Self::TopicAliasMaximum | Self::TopicAlias => {
                Property::TwoBytes(self, cursor.take_u16()?)
            }
            Self::MessageExpiryInterval
            | Self::SessionExpiryInterval
            | Self::WillDelayInterval
            | Self::MaximumPacketSize => Property::FourBytes(self, cursor.take_u32()?),
            Self::SubscriptionIdentifier => Property::Varint(self, cursor.take_varint()?),
            Self::ContentType
            | Self::ResponseTopic
            | Self::AssignedClientIdentifier
            | Self::AuthenticationMethod
            | Self::ResponseInformation
            | Self::ServerReference
            | Self::ReasonString => Property::Text(self, take_unchecked_text(cursor)?),
            Self::CorrelationData | Self::AuthenticationData => Property::Binary(self, cursor.take_binary()?),
            Self::UserProperty => Property::Pair(take_unchecked_text(cursor)?, take_unchecked_text(cursor)?),
        })
    }
}

impl Property<'_> {
    /// Which property this is.
    #[must_use]
    pub const fn id(&self) -> PropertyId {
        match *self {
            Self::Byte(id, _)
            | Self::TwoBytes(id, _)
            | Self::FourBytes(id, _)
            | Self::Varint(id, _)
            | Self::Text(id, _)
            | Self::Binary(id, _) => id,
            Self::Pair(..) => PropertyId::UserProperty,
        }
    }

    #[inline(always)]
    fn check_value(&self) -> Result<(), DecodeError> {
        let good = match *self {
            Self::Byte(_, value) => value <= 1,
            Self::TwoBytes(PropertyId::ReceiveMaximum | PropertyId::TopicAlias, value) => value != 0,
            Self::FourBytes(PropertyId::MaximumPacketSize, value) | Self::Varint(_, value) => value != 0,
            Self::Text(_, text) => {
                check_text(text.as_bytes())?;
                self.id() != PropertyId::ResponseTopic || Topic::parse(text.as_bytes()).is_ok()
            }
            Self::Pair(name, value) => {
                check_text(name.as_bytes())?;
                check_text(value.as_bytes())?;
                true
            }
            Self::TwoBytes(..) | Self::FourBytes(..) | Self::Binary(..) => true,
        };
        if good { Ok(()) } else { Err(DecodeError::PropertyValue(self.id())) }
    }
}

/// A block of properties whose form, places and values were checked; empty before 5.0.
#[derive(Clone, Copy)]
pub struct Properties<'a> {
    raw: &'a [u8],
    /// Every identifier in the block, and perhaps more: what is not in the set need not be looked for.
    present: PropertySet,
}

impl<'a> Properties<'a> {
    /// No properties.
    pub const NONE: Properties<'static> = Properties { raw: &[], present: PropertySet::NONE };

    /// Reads the property length and checks what it spans against `allowed`.
    #[inline]
    pub(crate) fn decode(cursor: &mut Cursor<'a>, allowed: PropertySet) -> Result<Self, DecodeError> {
        let len = cursor.take_varint()?;
        if len == 0 {
            return Ok(Properties::NONE);
        }
        let raw = cursor.take_slice(len as usize)?;
        let present = check_block(raw, allowed)?;
        Ok(Self { raw, present })
    }

    /// Takes a block from elsewhere than a packet, without its length in front.
    ///
    /// # Errors
    /// As for a packet that may have any property.
    pub fn parse(raw: &'a [u8]) -> Result<Self, DecodeError> {
        if raw.is_empty() {
            return Ok(Properties::NONE);
        }
        let present = check_block(raw, PropertySet::ALL)?;
        Ok(Self { raw, present })
    }

    /// Takes a block that was checked when it was stored, without its length in front.
    #[inline]
    #[must_use]
    pub const fn trusted(raw: &'a [u8]) -> Self {
        let present = if raw.is_empty() { PropertySet::NONE } else { PropertySet::ALL };
        Self { raw, present }
    }

    /// The block without its length in front.
    #[inline]
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.raw
    }

    /// True when there is none.
    #[inline]
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.raw.is_empty()
    }

    /// The properties in the order they came. [MQTT-3.3.2-18]
    pub fn iter(self) -> impl Iterator<Item = Property<'a>> {
        let mut cursor = Cursor::new(self.raw);
        core::iter::from_fn(move || next_property(&mut cursor).ok())
    }

    /// The first property with this identifier.
    #[inline]
    #[must_use]
    pub fn find(self, id: PropertyId) -> Option<Property<'a>> {
        if !self.present.contains(id) {
            return None;
        }
        self.search(id)
    }

    fn search(self, id: PropertyId) -> Option<Property<'a>> {
        self.iter().find(|property| property.id() == id)
    }

    /// True when none of `ids` is in the block.
    #[inline]
    #[must_use]
    pub fn is_free_of(self, ids: PropertySet) -> bool {
        !self.present.meets(ids) || !self.iter().any(|property| ids.contains(property.id()))
    }

    /// The value of a byte, two-byte, four-byte or variable byte integer property.
    #[must_use]
    pub fn number(self, id: PropertyId) -> Option<u32> {
        match self.find(id)? {
            Property::Byte(_, value) => Some(u32::from(value)),
            Property::TwoBytes(_, value) => Some(u32::from(value)),
            Property::FourBytes(_, value) | Property::Varint(_, value) => Some(value),
            Property::Text(..) | Property::Binary(..) | Property::Pair(..) => None,
        }
    }

    /// The value of a two-byte property.
    #[must_use]
    pub fn two_bytes(self, id: PropertyId) -> Option<u16> {
        if let Property::TwoBytes(_, value) = self.find(id)? { Some(value) } else { None }
    }

    /// The value of a byte property as yes or no.
    #[must_use]
    pub fn flag(self, id: PropertyId) -> Option<bool> {
        self.number(id).map(|value| value != 0)
    }

    /// The value of a string property.
    #[must_use]
    pub fn text(self, id: PropertyId) -> Option<Text<'a>> {
        if let Property::Text(_, value) = self.find(id)? { Some(value) } else { None }
    }

    /// The value of a binary property.
    #[must_use]
    pub fn binary(self, id: PropertyId) -> Option<&'a [u8]> {
        if let Property::Binary(_, value) = self.find(id)? { Some(value) } else { None }
    }

    /// Appends the property length and the block.
    #[inline]
    pub(crate) fn encode(self, out: &mut Vec<u8>) {
        write_len(self.raw.len(), out);
        out.extend_from_slice(self.raw);
    }

    /// The bytes that [`Properties::encode`] appends.
    #[inline]
    pub(crate) const fn encoded_len(self) -> usize {
        len_of_len(self.raw.len()) + self.raw.len()
    }
}

/// A length as a variable byte integer; lengths above the limit cannot reach the wire.
#[inline]
pub(crate) fn write_len(len: usize, out: &mut Vec<u8>) {
    write_varint(u32::try_from(len).unwrap_or(u32::MAX), out);
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "values above four bytes' worth count as four bytes")]
pub(crate) const fn len_of_len(len: usize) -> usize {
    if len > u32::MAX as usize { 4 } else { varint_len(len as u32) }
}

fn take_unchecked_text<'a>(cursor: &mut Cursor<'a>) -> Result<Text<'a>, DecodeError> {
    cursor.take_binary().map(Text::trusted)
}

// Inlined, like what it calls, so that `check_block` need not build what it looks at once.
#[inline(always)]
fn next_property<'a>(cursor: &mut Cursor<'a>) -> Result<Property<'a>, DecodeError> {
    // An identifier is a variable byte integer of which all known values take one byte.
    let number = cursor.take_varint()?;
    let id = u8::try_from(number).ok().and_then(PropertyId::from_u8);
    let id = id.ok_or_else(|| DecodeError::PropertyUnknown(u8::try_from(number).unwrap_or(u8::MAX)))?;
    id.read(cursor)
}

/// Says which properties there are in a block where all is well.
fn check_block(raw: &[u8], allowed: PropertySet) -> Result<PropertySet, DecodeError> {
    let repeatable =
        if allowed == PropertySet::PUBLISH { PropertySet::REPEATABLE_IN_PUBLISH } else { PropertySet::REPEATABLE };
    let mut seen = PropertySet::NONE;
    let mut cursor = Cursor::new(raw);
    while !cursor.is_empty() {
        let property = next_property(&mut cursor)?;
        let id = property.id();
        if !allowed.contains(id) {
            return Err(DecodeError::PropertyMisplaced(id));
        }
        if seen.contains(id) && !repeatable.contains(id) {
            return Err(DecodeError::PropertyRepeated(id));
        }
        seen = seen.with(id);
        property.check_value()?;
    }
    Ok(seen)
}

impl PartialEq for Properties<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}

impl Eq for Properties<'_> {}

impl Default for Properties<'_> {
    fn default() -> Self {
        Properties::NONE
    }
}

impl core::fmt::Debug for Properties<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Builds a block of properties for a packet that is to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PropertiesBuf {
    raw: Vec<u8>,
}

impl PropertiesBuf {
    /// An empty block.
    #[must_use]
    pub const fn new() -> Self {
        Self { raw: Vec::new() }
    }

    /// Appends one property. Strings and binary data are cut at 65,535 bytes.
    pub fn push(&mut self, property: Property<'_>) -> &mut Self {
        let raw = &mut self.raw;
        raw.push(property.id().as_u8());
        match property {
            Property::Byte(_, value) => raw.push(value),
            Property::TwoBytes(_, value) => raw.extend_from_slice(&value.to_be_bytes()),
            Property::FourBytes(_, value) => raw.extend_from_slice(&value.to_be_bytes()),
            Property::Varint(_, value) => write_varint(value, raw),
            Property::Text(_, value) => write_binary(value.as_bytes(), raw),
            Property::Binary(_, value) => write_binary(value, raw),
            Property::Pair(name, value) => {
                write_binary(name.as_bytes(), raw);
                write_binary(value.as_bytes(), raw);
            }
        }
        self
    }

    /// The block as a packet takes it.
    #[must_use]
    pub fn as_properties(&self) -> Properties<'_> {
        Properties::trusted(&self.raw)
    }

    /// True when nothing was pushed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }
}

impl From<Properties<'_>> for PropertiesBuf {
    fn from(properties: Properties<'_>) -> Self {
        Self { raw: properties.raw.to_vec() }
    }
}

/// Two bytes of length and the bytes, at most 65,535 of them. [1.5.6]
#[inline]
pub(crate) fn write_binary(bytes: &[u8], out: &mut Vec<u8>) {
    let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(bytes.get(..usize::from(len)).unwrap_or(bytes));
}

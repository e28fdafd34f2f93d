//! What a client must not say, found before it is said.
//!
//! Owns: the checks of what the application hands over; what a server would call malformed never leaves.
//! Spec: 1.5.4, 3.1, 3.3.2.3, 3.8.

use crate::{Error, ErrorKind, Options, Publication};
use postrider_proto::{
    DecodeError, Disconnect, Packet, PropertyId, PublishHead, Qos, Start, Subscribe, Text, Topic, Unsubscribe,
    VARINT_MAX, Version, split,
};

/// Everything that a CONNECT says.
pub(crate) fn check_options(options: &Options, encoded: &[u8]) -> Result<(), Error> {
    // [MQTT-3.1.3-7] of 3.1.1
    if options.client_id.is_empty() && options.start == Start::Resume && !options.version.is_v5() {
        return Err(Error::new(ErrorKind::ClientId));
    }
    for text in [Some(&*options.client_id), options.user_name.as_deref()].into_iter().flatten() {
        Text::parse(text.as_bytes()).map_err(illegal)?;
    }
    check_binary(options.password.as_deref().unwrap_or_default())?;
    if let Some(will) = &options.will {
        check_topic(&will.topic)?;
        check_binary(&will.payload)?;
    }
    check_packet(encoded, options.version)
}

/// A message to be published. Topic aliases are the conversation's own; Subscription Identifiers are a server's.
/// [MQTT-3.3.2-14], [MQTT-3.3.4-6], [MQTT-3.2.2-18]
pub(crate) fn check_publication(publication: &Publication) -> Result<(), Error> {
    check_topic(&publication.topic)?;
    let properties = publication.properties.as_properties();
    for id in [PropertyId::TopicAlias, PropertyId::SubscriptionIdentifier] {
        if properties.find(id).is_some() {
            return Err(illegal(DecodeError::PropertyMisplaced(id)));
        }
    }
    if properties.is_empty() {
        return Ok(());
    }
    let mut bytes = Vec::new();
    let topic = Topic::trusted(publication.topic.as_bytes());
    PublishHead {
        dup: false,
        qos: Qos::AtMostOnce,
        retain: false,
        topic,
        topic_alias: None,
        packet_id: None,
        expiry_s: None,
        properties,
        subscription_ids: &[],
        payload_len: 0,
    }
    .encode(Version::V5, &mut bytes);
    check_packet(&bytes, Version::V5)
}

/// A SUBSCRIBE as 5.0 would say it. [MQTT-3.8.3-4]
pub(crate) fn check_subscribe(subscribe: &Subscribe<'_>) -> Result<(), Error> {
    if subscribe.properties.number(PropertyId::SubscriptionIdentifier).is_some_and(|number| number > VARINT_MAX) {
        return Err(illegal(DecodeError::PropertyValue(PropertyId::SubscriptionIdentifier)));
    }
    let mut bytes = Vec::new();
    subscribe.encode(Version::V5, &mut bytes);
    check_packet(&bytes, Version::V5)
}

/// An UNSUBSCRIBE as 5.0 would say it.
pub(crate) fn check_unsubscribe(unsubscribe: &Unsubscribe<'_>) -> Result<(), Error> {
    let mut bytes = Vec::new();
    unsubscribe.encode(Version::V5, &mut bytes);
    check_packet(&bytes, Version::V5)
}

/// A DISCONNECT as 5.0 would say it. A Server Reference is a server's. [3.14.2.2.5]
pub(crate) fn check_disconnect(disconnect: &Disconnect<'_>) -> Result<(), Error> {
    if disconnect.properties.find(PropertyId::ServerReference).is_some() {
        return Err(illegal(DecodeError::PropertyMisplaced(PropertyId::ServerReference)));
    }
    let mut bytes = Vec::new();
    disconnect.encode(Version::V5, &mut bytes);
    check_packet(&bytes, Version::V5)
}

fn check_topic(topic: &str) -> Result<(), Error> {
    Topic::parse(topic.as_bytes()).map(drop).map_err(|error| Error::new(ErrorKind::Topic(error)))
}

/// What has two bytes for its length.
fn check_binary(bytes: &[u8]) -> Result<(), Error> {
    if bytes.len() > usize::from(u16::MAX) { Err(illegal(DecodeError::StringTooLong)) } else { Ok(()) }
}

/// What we would say to a client that sent us these bytes.
fn check_packet(bytes: &[u8], version: Version) -> Result<(), Error> {
    match split(bytes, usize::MAX) {
        Ok(Some(frame)) if frame.len == bytes.len() => Packet::decode(frame, version).map(drop).map_err(illegal),
        Ok(_) => Err(illegal(DecodeError::PacketTooLarge)),
        Err(error) => Err(illegal(error)),
    }
}

const fn illegal(error: DecodeError) -> Error {
    Error::new(ErrorKind::Illegal(error))
}

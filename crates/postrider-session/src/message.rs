//! An application message as the broker keeps it: immutable and shared.
//!
//! Owns: how topic, properties and payload lie in memory.
//! Never: changes once made.

use bytes::Bytes;
use postrider_proto::{Properties, Qos, Topic};
use std::sync::Arc;

use crate::{Mono, Sequence};

/// An application message; cloning it shares it.
///
/// A small one is a single allocation: a few bytes of header, topic, properties, payload. From 2 KiB of
/// payload on, the payload is a buffer of its own which outboxes can refer to without copying.
#[derive(Clone)]
pub struct Message(Repr);

#[derive(Clone)]
enum Repr {
    Small(Arc<[u8]>),
    Large(Arc<Large>),
}

struct Large {
    head: Box<[u8]>,
    payload: Bytes,
}

/// What a message is made of.
#[derive(Clone, Copy, Debug)]
pub struct MessageParts<'a> {
    /// Where it was published.
    pub topic: Topic<'a>,
    /// What was published.
    pub payload: &'a [u8],
    /// What is passed on unaltered: without expiry, alias and subscription identifiers.
    pub properties: Properties<'a>,
    /// The QoS it was published with.
    pub qos: Qos,
    /// When it expires, if it does.
    pub expires: Option<Mono>,
    /// The record of the log that it stands in, if it does.
    pub sequence: Sequence,
}

/// Payloads of this many bytes and more are shared by reference.
pub(crate) const LARGE_BYTES: usize = 2048;

const QOS: u8 = 0b11;
/// What a shared allocation counts with.
const COUNTS: usize = 16;
const HAS_EXPIRY: u8 = 0b100;
const HAS_PROPERTIES: u8 = 0b1000;
const HAS_SEQUENCE: u8 = 0b1_0000;
const IS_STUB: u8 = 0b10_0000;

impl Message {
    /// Copies the parts into a message.
    #[must_use]
    pub fn new(parts: &MessageParts<'_>) -> Self {
        if parts.payload.len() < LARGE_BYTES {
            let mut bytes = blank(head_len(parts) + parts.payload.len());
            let space = Arc::get_mut(&mut bytes).expect("it was made in the line above");
            put(parts.payload, write_head(parts, space));
            Self(Repr::Small(bytes))
        } else {
            Self::with_payload(parts, Bytes::copy_from_slice(parts.payload))
        }
    }

    /// The same, but `payload` is shared instead of `parts.payload` copied, if it is large.
    #[must_use]
    pub fn with_payload(parts: &MessageParts<'_>, payload: Bytes) -> Self {
        if payload.len() < LARGE_BYTES {
            return Self::new(&MessageParts { payload: &payload, ..*parts });
        }
        let mut head = vec![0; head_len(parts)].into_boxed_slice();
        write_head(parts, &mut head);
        Self(Repr::Large(Arc::new(Large { head, payload })))
    }

    /// A message of which no more is known than where it stands in the log.
    #[must_use]
    pub fn stub(sequence: Sequence, qos: Qos) -> Self {
        let parts = MessageParts {
            topic: Topic::trusted(b""),
            payload: b"",
            properties: Properties::NONE,
            qos,
            expires: None,
            sequence,
        };
        let mut head = vec![0; head_len(&parts)];
        write_head(&parts, &mut head);
        if let Some(flags) = head.first_mut() {
            *flags |= IS_STUB;
        }
        Self(Repr::Small(head.into()))
    }

    /// Whether it has to be read from the log before it can be sent.
    #[must_use]
    pub fn is_stub(&self) -> bool {
        self.head().first().is_some_and(|flags| flags & IS_STUB != 0)
    }

    /// The record of the log that it stands in, if it does.
    #[inline]
    #[must_use]
    pub fn sequence(&self) -> Sequence {
        let head = self.head();
        if head.first().is_some_and(|flags| flags & HAS_SEQUENCE != 0) {
            read_head(head).sequence
        } else {
            Sequence::NONE
        }
    }

    /// Where it was published.
    #[inline]
    #[must_use]
    pub fn topic(&self) -> Topic<'_> {
        Topic::trusted(split_topic(self.head()).1)
    }

    /// The QoS it was published with.
    #[must_use]
    pub fn qos(&self) -> Qos {
        Qos::from_u8(self.head().first().copied().unwrap_or(0) & QOS).unwrap_or(Qos::AtMostOnce)
    }

    /// When it expires, if it does. [MQTT-3.3.2-5]
    #[must_use]
    pub fn expires(&self) -> Option<Mono> {
        self.parts().expires
    }

    /// True once its lifetime is over.
    #[must_use]
    pub fn is_expired(&self, now: Mono) -> bool {
        self.head().first().is_some_and(|flags| flags & HAS_EXPIRY != 0)
            && self.expires().is_some_and(|expires| expires <= now)
    }

    /// All parts at once.
    #[inline(always)]
    #[must_use]
    pub fn parts(&self) -> MessageParts<'_> {
        let (head, large) = match &self.0 {
            Repr::Small(bytes) => (&bytes[..], None),
            Repr::Large(large) => (&large.head[..], Some(&large.payload[..])),
        };
        let mut parts = read_head(head);
        if let Some(payload) = large {
            parts.payload = payload;
        }
        parts
    }

    /// The payload as a shared buffer, if it is large.
    #[must_use]
    pub fn shared_payload(&self) -> Option<&Bytes> {
        match &self.0 {
            Repr::Small(_) => None,
            Repr::Large(large) => Some(&large.payload),
        }
    }

    /// The bytes of memory one copy takes, shared or not.
    #[must_use]
    pub fn size(&self) -> usize {
        match &self.0 {
            Repr::Small(bytes) => COUNTS + bytes.len(),
            Repr::Large(large) => COUNTS + size_of::<Large>() + large.head.len() + large.payload.len(),
        }
    }

    /// True when both are the same allocation.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Repr::Small(left), Repr::Small(right)) => Arc::ptr_eq(left, right),
            (Repr::Large(left), Repr::Large(right)) => Arc::ptr_eq(left, right),
            (Repr::Small(_), Repr::Large(_)) | (Repr::Large(_), Repr::Small(_)) => false,
        }
    }

    fn head(&self) -> &[u8] {
        match &self.0 {
            Repr::Small(bytes) => bytes,
            Repr::Large(large) => &large.head,
        }
    }
}

impl core::fmt::Debug for Message {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let parts = self.parts();
        write!(f, "Message({} q{} {} bytes)", parts.topic, parts.qos, parts.payload.len())
    }
}

impl MessageParts<'_> {
    /// The bytes of memory that a message of these parts takes.
    #[must_use]
    pub fn size(&self) -> usize {
        let (head, payload) = (head_len(self), self.payload.len());
        COUNTS + if payload < LARGE_BYTES { head } else { size_of::<Large>() + head } + payload
    }
}

fn head_len(parts: &MessageParts<'_>) -> usize {
    let expiry = if parts.expires.is_some() { 8 } else { 0 };
    let sequence = if parts.sequence.is_some() { 8 } else { 0 };
    let properties = parts.properties.as_bytes().len();
    3 + expiry + sequence + if properties == 0 { 0 } else { 4 + properties } + parts.topic.as_bytes().len()
}

/// Zeros in one allocation, where a vector would have to be moved into a second one.
fn blank(len: usize) -> Arc<[u8]> {
    static ZEROS: [u8; LARGE_BYTES * 2] = [0; LARGE_BYTES * 2];
    ZEROS.get(..len).map_or_else(|| vec![0; len].into(), Arc::from)
}

/// Flags, topic with its length, and what [`write_rare`] writes. Gives back the space behind.
fn write_head<'a>(parts: &MessageParts<'_>, space: &'a mut [u8]) -> &'a mut [u8] {
    let properties = parts.properties.as_bytes();
    let topic = parts.topic.as_bytes();
    let mut flags = parts.qos.as_u8();
    if parts.expires.is_some() {
        flags |= HAS_EXPIRY;
    }
    if !properties.is_empty() {
        flags |= HAS_PROPERTIES;
    }
    if parts.sequence.is_some() {
        flags |= HAS_SEQUENCE;
    }
    let [low, high] = u16::try_from(topic.len()).unwrap_or(u16::MAX).to_le_bytes();
    let space = put(topic, put(&[flags, low, high], space));
    if flags & !QOS == 0 { space } else { write_rare(parts, space) }
}

/// What many messages do not have: expiry, sequence, properties with their length.
fn write_rare<'a>(parts: &MessageParts<'_>, mut space: &'a mut [u8]) -> &'a mut [u8] {
    let properties = parts.properties.as_bytes();
    if let Some(Mono(ms)) = parts.expires {
        space = put(&ms.to_le_bytes(), space);
    }
    if parts.sequence.is_some() {
        space = put(&parts.sequence.0.to_le_bytes(), space);
    }
    if !properties.is_empty() {
        let len = u32::try_from(properties.len()).unwrap_or(u32::MAX);
        space = put(properties, put(&len.to_le_bytes(), space));
    }
    space
}

/// Writes at the beginning of `space` and gives back the rest.
fn put<'a>(bytes: &[u8], space: &'a mut [u8]) -> &'a mut [u8] {
    let (place, rest) = space.split_at_mut(bytes.len());
    place.copy_from_slice(bytes);
    rest
}

/// Flags, topic, and what follows, of what [`write_head`] wrote.
#[inline]
fn split_topic(head: &[u8]) -> (u8, &[u8], &[u8]) {
    let ([flags, low, high], rest) = head.split_first_chunk::<3>().unwrap_or((&[0; 3], &[]));
    let (topic, rest) = rest.split_at(usize::from(u16::from_le_bytes([*low, *high])));
    (*flags, topic, rest)
}

/// Reads what [`write_head`] wrote; what is left over is the payload.
#[inline(always)]
fn read_head(head: &[u8]) -> MessageParts<'_> {
    let (flags, topic, rest) = split_topic(head);
    let mut parts = MessageParts {
        topic: Topic::trusted(topic),
        payload: rest,
        properties: Properties::NONE,
        qos: Qos::from_u8(flags & QOS).unwrap_or(Qos::AtMostOnce),
        expires: None,
        sequence: Sequence::NONE,
    };
    if flags & !QOS != 0 {
        read_rare(flags, &mut parts);
    }
    parts
}

/// What [`write_rare`] wrote: it stands in front of the payload.
fn read_rare(flags: u8, parts: &mut MessageParts<'_>) {
    if flags & HAS_EXPIRY != 0
        && let Some((ms, rest)) = parts.payload.split_first_chunk::<8>()
    {
        parts.expires = Some(Mono(u64::from_le_bytes(*ms)));
        parts.payload = rest;
    }
    if flags & HAS_SEQUENCE != 0
        && let Some((number, rest)) = parts.payload.split_first_chunk::<8>()
    {
        parts.sequence = Sequence(u64::from_le_bytes(*number));
        parts.payload = rest;
    }
    if flags & HAS_PROPERTIES != 0
        && let Some((len, rest)) = parts.payload.split_first_chunk::<4>()
    {
        let (properties, rest) = rest.split_at(u32::from_le_bytes(*len) as usize);
        parts.properties = Properties::trusted(properties);
        parts.payload = rest;
    }
}

//! Random packets that are legal, for properties and for other tests to damage.

use postrider_proto::{
    Ack, AckKind, Auth, Connack, Connect, Disconnect, Packet, PacketId, Properties, PropertiesBuf, Property,
    PropertyId, PropertySet, Publish, Qos, ReasonCode, RetainHandling, Start, Suback, Subscribe, SubscribeOptions,
    Subscriptions, Text, Topic, Unsuback, Unsubscribe, UnsubscribeFilters, Version, Will,
};
use proptest::prelude::*;

/// A version and the bytes of a legal packet of that version.
pub(crate) fn encoded() -> impl Strategy<Value = (Version, Vec<u8>)> {
    version().prop_flat_map(|version| {
        prop_oneof![
            connect(version),
            connack(version),
            publish(version),
            ack(version),
            subscribe(version),
            suback(version),
            unsubscribe(version),
            unsuback(version),
            disconnect(version),
            auth(),
            Just(encode(&Packet::Pingreq, version)),
            Just(encode(&Packet::Pingresp, version)),
        ]
        .prop_map(move |bytes| (version, bytes))
    })
}

fn encode(packet: &Packet<'_>, version: Version) -> Vec<u8> {
    // AUTH exists in 5.0 only; elsewhere its place is taken by a packet without a body.
    let packet = if matches!(packet, Packet::Auth(_)) && !version.is_v5() { &Packet::Pingreq } else { packet };
    let mut out = Vec::new();
    packet.encode(version, &mut out);
    out
}

fn version() -> impl Strategy<Value = Version> {
    prop_oneof![Just(Version::V3_1), Just(Version::V3_1_1), Just(Version::V5)]
}

fn qos() -> impl Strategy<Value = Qos> {
    prop_oneof![Just(Qos::AtMostOnce), Just(Qos::AtLeastOnce), Just(Qos::ExactlyOnce)]
}

fn packet_id() -> impl Strategy<Value = PacketId> {
    (1u16..).prop_map(|number| PacketId::new(number).expect("not 0"))
}

fn text() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 ü€😀\u{FEFF}]{0,12}"
}

pub(crate) fn topic() -> impl Strategy<Value = String> {
    "[a-z$ü/]{1,12}"
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..200)
}

fn property(id: PropertyId) -> BoxedStrategy<PropertiesBuf> {
    let one = |property: Property<'_>| {
        let mut buf = PropertiesBuf::new();
        buf.push(property);
        buf
    };
    match id {
        PropertyId::PayloadFormatIndicator
        | PropertyId::RequestProblemInformation
        | PropertyId::RequestResponseInformation
        | PropertyId::MaximumQos
        | PropertyId::RetainAvailable
        | PropertyId::WildcardSubscriptionAvailable
        | PropertyId::SubscriptionIdentifierAvailable
        | PropertyId::SharedSubscriptionAvailable => {
            (0u8..2).prop_map(move |value| one(Property::Byte(id, value))).boxed()
        }
        PropertyId::ServerKeepAlive
        | PropertyId::ReceiveMaximum
        | PropertyId::TopicAliasMaximum
        | PropertyId::TopicAlias => (1u16..).prop_map(move |value| one(Property::TwoBytes(id, value))).boxed(),
        PropertyId::MessageExpiryInterval
        | PropertyId::SessionExpiryInterval
        | PropertyId::WillDelayInterval
        | PropertyId::MaximumPacketSize => (1u32..).prop_map(move |value| one(Property::FourBytes(id, value))).boxed(),
        PropertyId::SubscriptionIdentifier => {
            (1u32..=postrider_proto::VARINT_MAX).prop_map(move |value| one(Property::Varint(id, value))).boxed()
        }
        PropertyId::ResponseTopic => {
            topic().prop_map(move |value| one(Property::Text(id, Text::from(value.as_str())))).boxed()
        }
        PropertyId::ContentType
        | PropertyId::AssignedClientIdentifier
        | PropertyId::AuthenticationMethod
        | PropertyId::ResponseInformation
        | PropertyId::ServerReference
        | PropertyId::ReasonString => {
            text().prop_map(move |value| one(Property::Text(id, Text::from(value.as_str())))).boxed()
        }
        PropertyId::CorrelationData | PropertyId::AuthenticationData => {
            payload().prop_map(move |value| one(Property::Binary(id, &value))).boxed()
        }
        PropertyId::UserProperty => (text(), text())
            .prop_map(move |(name, value)| one(Property::Pair(name.as_str().into(), value.as_str().into())))
            .boxed(),
    }
}

/// Some of the allowed properties, each at most once but for user properties; none before 5.0.
pub(crate) fn properties(allowed: PropertySet, version: Version) -> BoxedStrategy<PropertiesBuf> {
    if !version.is_v5() {
        return Just(PropertiesBuf::new()).boxed();
    }
    let ids: Vec<PropertyId> = PropertyId::ALL.iter().copied().filter(|id| allowed.contains(*id)).collect();
    proptest::sample::subsequence(ids.clone(), 0..=ids.len())
        .prop_flat_map(|mut ids| {
            // Authentication Data does not stand alone.
            if ids.contains(&PropertyId::AuthenticationData) && !ids.contains(&PropertyId::AuthenticationMethod) {
                ids.push(PropertyId::AuthenticationMethod);
            }
            if ids.contains(&PropertyId::UserProperty) {
                ids.push(PropertyId::UserProperty);
            }
            ids.into_iter().map(property).collect::<Vec<_>>()
        })
        .prop_map(|parts| {
            let mut all = PropertiesBuf::new();
            for part in parts {
                for property in part.as_properties().iter() {
                    all.push(property);
                }
            }
            all
        })
        .boxed()
}

fn reason(version: Version, allowed: &'static [ReasonCode]) -> BoxedStrategy<ReasonCode> {
    if version.is_v5() { proptest::sample::select(allowed).boxed() } else { Just(ReasonCode::Success).boxed() }
}

fn connect(version: Version) -> BoxedStrategy<Vec<u8>> {
    let will = (qos(), any::<bool>(), topic(), payload(), properties(PropertySet::WILL, version));
    (
        any::<bool>(),
        any::<u16>(),
        properties(PropertySet::CONNECT, version),
        text(),
        proptest::option::of(will),
        proptest::option::of(text()),
        proptest::option::of(payload()),
    )
        .prop_map(move |(clean, keep_alive_s, properties, client_id, will, user_name, password)| {
            let connect = Connect {
                version,
                is_bridge: clean && !version.is_v5(),
                start: if clean { Start::Clean } else { Start::Resume },
                keep_alive_s,
                properties: properties.as_properties(),
                client_id: client_id.as_str().into(),
                will: will.as_ref().map(|(qos, retain, topic, payload, properties)| Will {
                    qos: *qos,
                    retain: *retain,
                    topic: Topic::trusted(topic.as_bytes()),
                    payload,
                    properties: properties.as_properties(),
                }),
                user_name: user_name.as_deref().map(Text::from),
                password: password.as_deref().filter(|_| user_name.is_some() || version.is_v5()),
            };
            encode(&Packet::Connect(Box::new(connect)), version)
        })
        .boxed()
}

fn connack(version: Version) -> BoxedStrategy<Vec<u8>> {
    const REASONS: &[ReasonCode] = &[ReasonCode::Success, ReasonCode::NotAuthorized, ReasonCode::Banned];
    (any::<bool>(), reason(version, REASONS), properties(PropertySet::CONNACK, version))
        .prop_map(move |(session_present, reason, properties)| {
            encode(
                &Packet::Connack(Connack { session_present, reason, properties: properties.as_properties() }),
                version,
            )
        })
        .boxed()
}

fn publish(version: Version) -> BoxedStrategy<Vec<u8>> {
    (any::<bool>(), qos(), any::<bool>(), topic(), packet_id(), properties(PropertySet::PUBLISH, version), payload())
        .prop_map(move |(dup, qos, retain, topic, packet_id, properties, payload)| {
            let publish = Publish {
                dup: dup && qos != Qos::AtMostOnce,
                qos,
                retain,
                topic: Topic::trusted(topic.as_bytes()),
                packet_id: (qos != Qos::AtMostOnce).then_some(packet_id),
                properties: properties.as_properties(),
                payload: &payload,
            };
            encode(&Packet::Publish(publish), version)
        })
        .boxed()
}

fn ack(version: Version) -> BoxedStrategy<Vec<u8>> {
    const KINDS: [AckKind; 4] = [AckKind::Puback, AckKind::Pubrec, AckKind::Pubrel, AckKind::Pubcomp];
    (proptest::sample::select(&KINDS[..]), packet_id(), any::<bool>(), properties(PropertySet::ACK, version))
        .prop_map(move |(kind, packet_id, fine, properties)| {
            let reason = match kind {
                _ if fine || !version.is_v5() => ReasonCode::Success,
                AckKind::Puback | AckKind::Pubrec => ReasonCode::QuotaExceeded,
                AckKind::Pubrel | AckKind::Pubcomp => ReasonCode::PacketIdentifierNotFound,
            };
            encode(&Packet::Ack(Ack { kind, packet_id, reason, properties: properties.as_properties() }), version)
        })
        .boxed()
}

fn options(version: Version) -> impl Strategy<Value = SubscribeOptions> {
    const HANDLING: [RetainHandling; 3] = [RetainHandling::Always, RetainHandling::IfNew, RetainHandling::Never];
    (qos(), any::<bool>(), any::<bool>(), proptest::sample::select(&HANDLING[..])).prop_map(
        move |(qos, no_local, retain_as_published, retain_handling)| {
            if version.is_v5() {
                SubscribeOptions { qos, no_local, retain_as_published, retain_handling }
            } else {
                SubscribeOptions::of(qos)
            }
        },
    )
}

fn subscribe(version: Version) -> BoxedStrategy<Vec<u8>> {
    let one = ("[a-z+#/]{0,8}", options(version));
    (packet_id(), properties(PropertySet::SUBSCRIBE, version), proptest::collection::vec(one, 1..5))
        .prop_map(move |(packet_id, properties, filters)| {
            let mut raw = Vec::new();
            for (filter, options) in &filters {
                Subscriptions::write(filter.as_bytes(), *options, &mut raw);
            }
            let packet = Subscribe {
                packet_id,
                properties: properties.as_properties(),
                subscriptions: Subscriptions::trusted(&raw, version),
            };
            encode(&Packet::Subscribe(packet), version)
        })
        .boxed()
}

fn suback(version: Version) -> BoxedStrategy<Vec<u8>> {
    let codes = proptest::collection::vec(proptest::sample::select(&[0u8, 1, 2, 0x80][..]), 1..5);
    (packet_id(), properties(PropertySet::ACK, version), codes)
        .prop_map(move |(packet_id, properties, codes)| {
            let packet = Suback { packet_id, properties: properties.as_properties(), codes: &codes };
            encode(&Packet::Suback(packet), version)
        })
        .boxed()
}

fn unsubscribe(version: Version) -> BoxedStrategy<Vec<u8>> {
    (packet_id(), properties(PropertySet::UNSUBSCRIBE, version), proptest::collection::vec("[a-z+#/]{0,8}", 1..5))
        .prop_map(move |(packet_id, properties, filters)| {
            let mut raw = Vec::new();
            for filter in &filters {
                UnsubscribeFilters::write(filter.as_bytes(), &mut raw);
            }
            let packet = Unsubscribe {
                packet_id,
                properties: properties.as_properties(),
                filters: UnsubscribeFilters::trusted(&raw),
            };
            encode(&Packet::Unsubscribe(packet), version)
        })
        .boxed()
}

fn unsuback(version: Version) -> BoxedStrategy<Vec<u8>> {
    let codes = proptest::collection::vec(proptest::sample::select(&[0u8, 0x11, 0x8F][..]), 1..5);
    (packet_id(), properties(PropertySet::ACK, version), codes)
        .prop_map(move |(packet_id, properties, codes)| {
            let codes: &[u8] = if version.is_v5() { &codes } else { &[] };
            let packet = Unsuback { packet_id, properties: properties.as_properties(), codes };
            encode(&Packet::Unsuback(packet), version)
        })
        .boxed()
}

fn disconnect(version: Version) -> BoxedStrategy<Vec<u8>> {
    const REASONS: &[ReasonCode] =
        &[ReasonCode::Success, ReasonCode::DisconnectWithWill, ReasonCode::SessionTakenOver, ReasonCode::ServerMoved];
    (reason(version, REASONS), properties(PropertySet::DISCONNECT, version))
        .prop_map(move |(reason, properties)| {
            encode(&Packet::Disconnect(Disconnect { reason, properties: properties.as_properties() }), version)
        })
        .boxed()
}

fn auth() -> BoxedStrategy<Vec<u8>> {
    const REASONS: &[ReasonCode] =
        &[ReasonCode::Success, ReasonCode::ContinueAuthentication, ReasonCode::ReAuthenticate];
    (reason(Version::V5, REASONS), properties(PropertySet::AUTH, Version::V5))
        .prop_map(move |(reason, properties)| {
            let properties = properties.as_properties();
            let properties = if properties.is_empty() { Properties::NONE } else { properties };
            encode(&Packet::Auth(Auth { reason, properties }), Version::V5)
        })
        .boxed()
}

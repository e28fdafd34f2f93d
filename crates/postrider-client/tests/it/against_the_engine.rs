//! Both halves of the protocol, ours against ours.

use crate::wire::{Wire, payloads};
use postrider_client::{
    Event, Options, Property, PropertyId, Publication, Qos, ReasonCode, Start, SubscribeOptions, Version,
};

const VERSIONS: [Version; 3] = [Version::V3_1, Version::V3_1_1, Version::V5];
const ALL_QOS: [Qos; 3] = [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce];

fn options(name: &str, version: Version) -> Options {
    Options::new("", name).version(version)
}

fn acknowledged(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::Acknowledged { reason: ReasonCode::Success, .. })).count()
}

#[test]
fn a_message_arrives_in_every_edition_with_every_qos() {
    for version in VERSIONS {
        for qos in ALL_QOS {
            let mut wire = Wire::new();
            let reader = wire.connected(options("reader", version));
            let writer = wire.connected(options("writer", version));
            wire.clients[reader].conversation.subscribe([("a/+", SubscribeOptions::of(qos))], None).unwrap();
            wire.settle();
            for number in 0..50 {
                let publication = Publication::new("a/b", number.to_string()).qos(qos);
                wire.clients[writer].conversation.publish(publication).unwrap();
            }
            wire.settle();
            let expected: Vec<String> = (0..50).map(|number| number.to_string()).collect();
            assert_eq!(payloads(&wire.take(reader)), expected, "{version:?} {qos:?}");
            let answers = acknowledged(&wire.take(writer));
            assert_eq!(answers, if qos == Qos::AtMostOnce { 0 } else { 50 }, "{version:?} {qos:?}");
            assert_eq!(wire.clients[writer].conversation.unfinished(), 0);
        }
    }
}

// [MQTT-4.3.3-10], [MQTT-4.4.0-1]
#[test]
fn nothing_is_lost_and_qos_2_never_doubled_when_both_wires_break_at_every_byte() {
    for qos in [Qos::AtLeastOnce, Qos::ExactlyOnce] {
        for cut_at in 0..60 {
            let mut wire = Wire::new();
            let reader = wire.connected(options("reader", Version::V5).resume(3600));
            let writer = wire.connected(options("writer", Version::V5).resume(3600));
            wire.clients[reader].conversation.subscribe([("t", SubscribeOptions::of(qos))], None).unwrap();
            wire.settle();
            for number in 0..3 {
                let publication = Publication::new("t", number.to_string()).qos(qos);
                wire.clients[writer].conversation.publish(publication).unwrap();
            }
            for _ in 0..cut_at {
                wire.carry(writer, 1, 1);
                wire.carry(reader, 1, 1);
            }
            wire.cut(writer);
            wire.cut(reader);
            wire.dial(writer);
            wire.dial(reader);
            wire.settle();
            let mut got = payloads(&wire.take(reader));
            if qos == Qos::AtLeastOnce {
                got.dedup();
                got.sort();
                got.dedup();
            }
            assert_eq!(got, ["0", "1", "2"], "{qos:?} cut after {cut_at} bytes");
            assert_eq!(acknowledged(&wire.take(writer)), 3, "{qos:?} cut after {cut_at} bytes");
        }
    }
}

// [MQTT-3.2.2-5]: the session is gone, so QoS 1 is published anew and nobody pretends to know about QoS 2.
#[test]
fn a_forgotten_session_costs_no_qos_1_message_and_is_told_for_qos_2() {
    let mut wire = Wire::new();
    let reader = wire.connected(options("reader", Version::V5));
    wire.clients[reader].conversation.subscribe([("t", SubscribeOptions::of(Qos::ExactlyOnce))], None).unwrap();
    let writer = wire.connected(options("writer", Version::V5).resume(0));
    for qos in [Qos::AtLeastOnce, Qos::ExactlyOnce] {
        wire.clients[writer].conversation.publish(Publication::new("t", format!("{qos:?}")).qos(qos)).unwrap();
    }
    wire.carry(writer, 0, 0);
    wire.cut(writer);
    wire.dial(writer);
    wire.settle();
    assert_eq!(payloads(&wire.take(reader)), ["AtLeastOnce"]);
    let events = wire.take(writer);
    assert!(events.iter().any(|event| matches!(event, Event::Abandoned { .. })), "{events:?}");
    assert_eq!(acknowledged(&events), 1);
}

// [MQTT-3.2.2-15]
#[test]
fn a_message_larger_than_the_server_takes_is_refused_here() {
    let mut wire = Wire::new();
    let bytes_max = wire.broker.engine.limits().link.packet_bytes_max as usize;
    let writer = wire.connected(options("writer", Version::V5));
    let token = wire.clients[writer]
        .conversation
        .publish(Publication::new("t", vec![0; bytes_max + 1]).qos(Qos::AtLeastOnce))
        .unwrap();
    wire.settle();
    let events = wire.take(writer);
    assert!(events.contains(&Event::Acknowledged { token, reason: ReasonCode::PacketTooLarge }), "{events:?}");
    assert!(wire.clients[writer].conversation.is_connected());
}

#[test]
fn requests_are_answered_while_the_quota_is_used_up() {
    let mut wire = Wire::new();
    let client = wire.connected(options("client", Version::V5));
    let conversation = &mut wire.clients[client].conversation;
    for number in 0..1000 {
        conversation.publish(Publication::new("t", number.to_string()).qos(Qos::ExactlyOnce)).unwrap();
    }
    let subscribed = conversation.subscribe([("x", SubscribeOptions::of(Qos::ExactlyOnce))], Some(7)).unwrap();
    let unsubscribed = conversation.unsubscribe(["x", "y"]).unwrap();
    wire.settle();
    let events = wire.take(client);
    assert!(events.contains(&Event::Subscribed { token: subscribed, codes: vec![ReasonCode::GrantedQos2] }));
    let codes = vec![ReasonCode::Success, ReasonCode::NoSubscriptionExisted];
    assert!(events.contains(&Event::Unsubscribed { token: unsubscribed, codes }));
    assert_eq!(acknowledged(&events), 1000);
}

#[test]
fn properties_and_the_retain_flag_travel() {
    let mut wire = Wire::new();
    let writer = wire.connected(options("writer", Version::V5));
    let publication = Publication::new("t", "x")
        .retained()
        .property(Property::Pair("colour".into(), "blue".into()))
        .property(Property::Text(PropertyId::ContentType, "text/plain".into()));
    wire.clients[writer].conversation.publish(publication.clone()).unwrap();
    wire.settle();
    let reader = wire.connected(options("reader", Version::V5));
    wire.clients[reader].conversation.subscribe([("t", SubscribeOptions::of(Qos::AtMostOnce))], None).unwrap();
    wire.settle();
    let events = wire.take(reader);
    let message =
        events.iter().find_map(|event| if let Event::Message(message) = event { Some(message) } else { None });
    let message = message.expect("the retained message");
    assert!(message.retain);
    let travelled: Vec<_> = message.properties.as_properties().iter().collect();
    let sent: Vec<_> = publication.properties.as_properties().iter().collect();
    assert!(sent.iter().all(|property| travelled.contains(property)), "{travelled:?}");
}

#[test]
fn a_will_is_published_when_the_wire_breaks_and_not_after_a_good_bye() {
    for is_polite in [false, true] {
        let mut wire = Wire::new();
        let reader = wire.connected(options("reader", Version::V3_1_1));
        wire.clients[reader].conversation.subscribe([("w", SubscribeOptions::of(Qos::AtLeastOnce))], None).unwrap();
        let mortal = wire
            .connected(options("mortal", Version::V3_1_1).will(Publication::new("w", "gone").qos(Qos::AtLeastOnce)));
        if is_polite {
            let mut wave = Vec::new();
            wire.clients[mortal].conversation.close(ReasonCode::Success, &mut wave);
            assert_eq!(wave, [0xE0, 0]);
            wire.broker.receive(wire.now, mortal, &wave);
        }
        wire.cut(mortal);
        wire.settle();
        assert_eq!(payloads(&wire.take(reader)).len(), usize::from(!is_polite));
    }
}

// [MQTT-3.1.3-6], [MQTT-3.2.2-16]
#[test]
fn a_name_that_the_server_gave_is_used_again() {
    let mut wire = Wire::new();
    let client = wire.connected(options("", Version::V5).resume(60));
    let name = wire.clients[client].conversation.options().client_id.clone();
    assert!(!name.is_empty());
    wire.cut(client);
    wire.dial(client);
    wire.settle();
    let events = wire.take(client);
    assert!(matches!(events.last(), Some(Event::Connected { session_present: true, .. })), "{events:?}");
    assert_eq!(wire.clients[client].conversation.options().start, Start::Resume);
}

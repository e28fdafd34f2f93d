//! QoS 1, packet identifiers, and the order of messages.
//!
//! Spec: 2.2.1, 4.3.2, 4.6 (5.0); 2.3.1, 4.3.2, 4.6 (3.1.1).

use super::{Q0, Q1, Q2};
use crate::conformance::capability::Capability::{Qos1, Qos2};
use crate::conformance::case::{ALL, Case, ONLY_5, case};
use crate::conformance::fault::{Fault, Played, check_eq};
use crate::conformance::scene::Scene;
use crate::wire::heard::Answer;
use crate::wire::message::message;
use postrider_client::{Qos, ReasonCode};
use postrider_proto::AckKind;
use std::collections::BTreeSet;
use std::time::Duration;

pub(super) const CASES: &[Case] = &[
    case("QoS 0 messages keep their order", ALL, order_0).v3("4.6.0-5 4.6.0-6").v5("4.6.0-5 4.6.0-6"),
    case("QoS 1 messages keep their order", ALL, order_1).v3("4.6.0-5 4.6.0-6").v5("4.6.0-5 4.6.0-6").needs(&[Qos1]),
    case("QoS 2 messages keep their order", ALL, order_2).v3("4.6.0-5 4.6.0-6").v5("4.6.0-5 4.6.0-6").needs(&[Qos2]),
    case("a packet identifier is free again after its PUBACK", ALL, id_again)
        .v3("2.3.1-3 4.3.2-2")
        .v5("4.3.2-5")
        .needs(&[Qos1]),
    case("packet identifiers of the two directions are independent", ALL, both_directions)
        .v3("2.3.1-4")
        .v5("2.2.1-4")
        .needs(&[Qos1]),
    case("messages that are unacknowledged have different packet identifiers", ALL, distinct_ids)
        .v3("2.3.1-4")
        .v5("2.2.1-4 4.3.2-1")
        .needs(&[Qos1]),
    case("the largest packet identifier is taken", ALL, largest_id).v3("2.3.1-6").v5("2.2.1-5").needs(&[Qos1]),
    case("a QoS 1 message to nobody is acknowledged", ALL, to_nobody)
        .v3("4.3.2-2")
        .v5("4.3.2-4 3.4.2-1")
        .needs(&[Qos1]),
    case("an unacknowledged message is not sent again on the same connection", ONLY_5, no_repetition)
        .v5("4.4.0-1")
        .needs(&[Qos1]),
    case("a PUBACK with an error ends a delivery like any other", ONLY_5, negative_puback).v5("4.4.0-2").needs(&[Qos1]),
    case("a PUBACK that nobody waits for does no harm", ALL, stray_puback).needs(&[Qos1]),
];

/// Within what every broker takes unacknowledged.
const COUNT: u16 = 15;

fn order(scene: &Scene, qos: Qos) -> Played {
    let topic = scene.topic("a");
    let mut subscriber = scene.client("sub")?;
    subscriber.subscribe(&topic, qos)?;
    let mut publisher = scene.client("pub")?;
    let count = COUNT.min(scene.ground().abilities.receive_maximum);
    for number in 1..=count {
        publisher.send_message(&message(&topic, number.to_string()).qos(qos).numbered(number))?;
    }
    if qos == Q1 {
        for number in 1..=count {
            publisher.expect_ack(AckKind::Puback, number)?;
        }
    }
    if qos == Q2 {
        for number in 1..=count {
            publisher.expect_ack(AckKind::Pubrec, number)?;
        }
        for number in 1..=count {
            publisher.acknowledge(AckKind::Pubrel, number)?;
        }
        for number in 1..=count {
            publisher.expect_ack(AckKind::Pubcomp, number)?;
        }
    }
    for number in 1..=count {
        subscriber.expect_message(&topic, &number.to_string())?;
    }
    subscriber.expect_quiet()
}

fn order_0(scene: &Scene) -> Played {
    order(scene, Q0)
}

fn order_1(scene: &Scene) -> Played {
    order(scene, Q1)
}

fn order_2(scene: &Scene) -> Played {
    order(scene, Q2)
}

fn id_again(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut subscriber = scene.client("sub")?;
    subscriber.subscribe(&topic, Q1)?;
    let mut publisher = scene.client("pub")?;
    for payload in ["1", "2", "3"] {
        publisher.publish(&message(&topic, payload).qos1().numbered(7))?;
        subscriber.expect_message(&topic, payload)?;
    }
    subscriber.expect_quiet()
}

fn both_directions(scene: &Scene) -> Played {
    let (topic, back) = (scene.topic("a"), scene.topic("back"));
    let mut peer = scene.client("a")?;
    peer.subscribe(&topic, Q1)?;
    let mut other = scene.client("b")?;
    other.subscribe(&back, Q0)?;
    other.publish(&message(&topic, "x").qos1())?;
    let unfinished = peer.take_message()?;
    peer.publish(&message(&back, "y").qos1().numbered(unfinished.packet_id))?;
    peer.acknowledge(AckKind::Puback, unfinished.packet_id)?;
    other.expect_message(&back, "y")?;
    peer.expect_quiet()
}

fn distinct_ids(scene: &Scene) -> Played {
    const MESSAGES: usize = 5;
    let topic = scene.topic("a");
    let mut subscriber = scene.client("sub")?;
    subscriber.subscribe(&topic, Q1)?;
    let mut publisher = scene.client("pub")?;
    for _ in 0..MESSAGES {
        publisher.publish(&message(&topic, "x").qos1())?;
    }
    let mut ids = BTreeSet::new();
    for _ in 0..MESSAGES {
        ids.insert(subscriber.take_message()?.packet_id);
    }
    check_eq("packet identifiers of unacknowledged messages", MESSAGES, ids.len())?;
    ids.into_iter().try_for_each(|id| subscriber.acknowledge(AckKind::Puback, id))?;
    subscriber.expect_quiet()
}

fn largest_id(scene: &Scene) -> Played {
    let mut peer = scene.client("a")?;
    peer.publish(&message(scene.topic("a"), "x").qos1().numbered(u16::MAX))?;
    peer.expect_quiet()
}

fn to_nobody(scene: &Scene) -> Played {
    let mut peer = scene.client("a")?;
    let reason = peer.offer(&message(scene.topic("a"), "x").qos1())?;
    if [ReasonCode::Success, ReasonCode::NoMatchingSubscribers].contains(&reason) {
        return Ok(());
    }
    Err(Fault::failed("PUBACK with success or no matching subscribers", reason.to_string()))
}

fn no_repetition(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut subscriber = scene.client("sub")?;
    subscriber.subscribe(&topic, Q1)?;
    scene.client("pub")?.publish(&message(&topic, "x").qos1())?;
    let came = subscriber.take_message()?;
    scene.pass(Duration::from_millis(2500));
    subscriber.expect_quiet()?;
    subscriber.finish(&came)
}

fn negative_puback(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut subscriber = scene.enter(&scene.hello("sub").durable())?;
    subscriber.subscribe(&topic, Q1)?;
    scene.client("pub")?.publish(&message(&topic, "x").qos1())?;
    let packet_id = subscriber.take_message()?.packet_id;
    let reason = ReasonCode::ImplementationSpecificError;
    subscriber.acknowledge_with(Answer { kind: AckKind::Puback, packet_id, reason })?;
    subscriber.expect_quiet()?;
    subscriber.disconnect()?;
    scene.enter(&scene.hello("sub").durable())?.expect_quiet()
}

fn stray_puback(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut peer = scene.client("a")?;
    peer.subscribe(&topic, Q1)?;
    peer.acknowledge(AckKind::Puback, 999)?;
    peer.publish(&message(&topic, "x").qos1())?;
    peer.expect_message(&topic, "x")?;
    peer.expect_quiet()
}

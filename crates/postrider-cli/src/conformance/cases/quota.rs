//! Receive Maximum and Maximum Packet Size, in both directions.
//!
//! Spec: 3.1.2.11.3, 3.1.2.11.4, 3.2.2.3.3, 3.2.2.3.6, 4.9 (5.0).

use super::{Q0, Q1, Q2};
use crate::conformance::capability::Capability::{Qos1, Qos2};
use crate::conformance::case::{Case, ONLY_5, case};
use crate::conformance::fault::{Fault, Played, check_eq};
use crate::conformance::peer::Peer;
use crate::conformance::scene::Scene;
use crate::wire::heard::Answer;
use crate::wire::hello::Hello;
use crate::wire::message::message;
use crate::wire::raw::packet;
use postrider_client::ReasonCode;
use postrider_proto::{AckKind, Property, PropertyId};

pub(super) const CASES: &[Case] = &[
    case("no more QoS 1 messages are unacknowledged than the client wants", ONLY_5, keeps_to_it)
        .v5("3.3.4-9 4.9.0-1 4.9.0-2")
        .needs(&[Qos1]),
    case("a QoS 2 exchange counts until its PUBCOMP", ONLY_5, until_pubcomp).v5("3.3.4-9 4.9.0-2").needs(&[Qos2]),
    case("a PUBREC with an error makes room for another message", ONLY_5, negative_pubrec).v5("4.9.0-2").needs(&[Qos2]),
    case("QoS 0 messages and PINGRESPs are not held back by Receive Maximum", ONLY_5, others_pass)
        .v5("3.3.4-10 4.9.0-3")
        .needs(&[Qos1]),
    case("Receive Maximum holds for what a session kept", ONLY_5, after_return).v5("3.3.4-9 4.9.0-2").needs(&[Qos1]),
    case("more unacknowledged messages than the broker's Receive Maximum end the connection", ONLY_5, exceeded)
        .v5("3.3.4-7")
        .needs(&[Qos2]),
    case("as many unacknowledged messages as the broker's Receive Maximum are taken", ONLY_5, exhausted).needs(&[Qos2]),
    case("a message larger than the client's Maximum Packet Size is not sent", ONLY_5, too_large)
        .v5("3.1.2-24 3.1.2-25"),
    case("a QoS 1 message that is too large counts as delivered", ONLY_5, too_large_qos1)
        .v5("3.1.2-24 3.1.2-25")
        .needs(&[Qos1]),
    case("a packet above the broker's Maximum Packet Size ends the connection", ONLY_5, above_theirs).v5("3.2.2-15"),
];

fn with_quota(scene: &Scene, messages: u16) -> Hello {
    scene.hello("sub").with(Property::TwoBytes(PropertyId::ReceiveMaximum, messages))
}

fn keeps_to_it(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut subscriber = scene.enter(&with_quota(scene, 2))?;
    subscriber.subscribe(&topic, Q1)?;
    let mut publisher = scene.client("pub")?;
    for number in 1..=5 {
        publisher.publish(&message(&topic, number.to_string()).qos1())?;
    }
    let mut open = [subscriber.take_message()?, subscriber.take_message()?];
    subscriber.expect_quiet()?;
    for number in 3..=5 {
        subscriber.finish(&open[0])?;
        open.rotate_left(1);
        open[1] = subscriber.take_message()?;
        check_eq("payload", number.to_string(), open[1].text())?;
        subscriber.expect_quiet()?;
    }
    Ok(())
}

fn until_pubcomp(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut subscriber = scene.enter(&with_quota(scene, 1))?;
    subscriber.subscribe(&topic, Q2)?;
    let mut publisher = scene.client("pub")?;
    publisher.publish(&message(&topic, "1").qos2())?;
    publisher.publish(&message(&topic, "2").qos2())?;
    let first = subscriber.take_message()?;
    subscriber.acknowledge(AckKind::Pubrec, first.packet_id)?;
    subscriber.expect_ack(AckKind::Pubrel, first.packet_id)?;
    subscriber.expect_quiet()?;
    subscriber.acknowledge(AckKind::Pubcomp, first.packet_id)?;
    subscriber.expect_message(&topic, "2").map(drop)
}

fn negative_pubrec(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut subscriber = scene.enter(&with_quota(scene, 1))?;
    subscriber.subscribe(&topic, Q2)?;
    let mut publisher = scene.client("pub")?;
    publisher.publish(&message(&topic, "1").qos2())?;
    publisher.publish(&message(&topic, "2").qos2())?;
    let packet_id = subscriber.take_message()?.packet_id;
    let reason = ReasonCode::UnspecifiedError;
    subscriber.acknowledge_with(Answer { kind: AckKind::Pubrec, packet_id, reason })?;
    subscriber.expect_message(&topic, "2").map(drop)
}

fn others_pass(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut subscriber = scene.enter(&with_quota(scene, 1))?;
    subscriber.subscribe(&topic, Q1)?;
    let mut publisher = scene.client("pub")?;
    publisher.publish(&message(&topic, "1").qos1())?;
    publisher.publish(&message(&topic, "2").qos1())?;
    let first = subscriber.take_message()?;
    publisher.publish(&message(&topic, "now"))?;
    subscriber.expect_message(&topic, "now")?;
    subscriber.ping()?;
    subscriber.finish(&first)?;
    subscriber.expect_message(&topic, "2").map(drop)
}

fn after_return(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let hello = with_quota(scene, 1).durable();
    let mut subscriber = scene.enter(&hello)?;
    subscriber.subscribe(&topic, Q1)?;
    subscriber.disconnect()?;
    let mut publisher = scene.client("pub")?;
    for payload in ["1", "2", "3"] {
        publisher.publish(&message(&topic, payload).qos1())?;
    }
    let mut back = scene.enter(&hello)?;
    for payload in ["1", "2", "3"] {
        let message = back.take_message()?;
        check_eq("payload", payload.to_owned(), message.text())?;
        back.expect_quiet()?;
        back.finish(&message)?;
    }
    back.expect_quiet()
}

/// As many QoS 2 messages without a PUBREL as the broker wants, if that is not too many to try.
fn fill(scene: &Scene) -> Result<(Peer<'_>, u16), Fault> {
    let count = scene.ground().abilities.receive_maximum;
    if count > 2000 {
        return Err(Fault::Skipped(format!("the broker's Receive Maximum is {count}")));
    }
    let mut publisher = scene.client("pub")?;
    for id in 1..=count {
        publisher.send_message(&message(scene.topic("a"), "x").qos2().numbered(id))?;
        publisher.expect_ack(AckKind::Pubrec, id)?;
    }
    Ok((publisher, count))
}

fn exhausted(scene: &Scene) -> Played {
    let (mut publisher, count) = fill(scene)?;
    publisher.expect_quiet()?;
    for id in 1..=count {
        publisher.acknowledge(AckKind::Pubrel, id)?;
        publisher.expect_ack(AckKind::Pubcomp, id)?;
    }
    Ok(())
}

fn exceeded(scene: &Scene) -> Played {
    let (mut publisher, count) = fill(scene)?;
    publisher.send_message(&message(scene.topic("a"), "x").qos2().numbered(count + 1))?;
    publisher.expect_closed(&[ReasonCode::ReceiveMaximumExceeded])
}

fn small(scene: &Scene) -> Hello {
    scene.hello("sub").with(Property::FourBytes(PropertyId::MaximumPacketSize, SMALL))
}

/// Larger than any CONNACK and topic of ours.
const SMALL: u32 = 256;

fn too_large(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut subscriber = scene.enter(&small(scene))?;
    subscriber.subscribe(&topic, Q0)?;
    let mut publisher = scene.client("pub")?;
    publisher.publish(&message(&topic, "x".repeat(SMALL as usize)))?;
    publisher.publish(&message(&topic, "small"))?;
    subscriber.expect_message(&topic, "small")?;
    subscriber.expect_quiet()
}

fn too_large_qos1(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let one = Property::TwoBytes(PropertyId::ReceiveMaximum, 1);
    let mut subscriber = scene.enter(&small(scene).with(one).durable())?;
    subscriber.subscribe(&topic, Q1)?;
    let mut publisher = scene.client("pub")?;
    for _ in 0..3 {
        publisher.publish(&message(&topic, "x".repeat(SMALL as usize)).qos1())?;
    }
    publisher.publish(&message(&topic, "small").qos1())?;
    subscriber.expect_message(&topic, "small")?;
    subscriber.expect_quiet()?;
    subscriber.disconnect()?;
    // With a client that takes more they do not come either.
    scene.enter(&scene.hello("sub").durable())?.expect_quiet()
}

fn above_theirs(scene: &Scene) -> Played {
    let Some(max) = scene.ground().abilities.packet_bytes_max.filter(|max| *max <= 4 << 20) else {
        return Err(Fault::Skipped("the broker takes packets of more than 4 MiB".to_owned()));
    };
    let mut publisher = scene.client("pub")?;
    publisher.send(&packet(0x30, &vec![0; max as usize]))?;
    publisher.expect_closed(&[ReasonCode::PacketTooLarge])
}

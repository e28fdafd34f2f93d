//! What is sent again when a client comes back, and what is not.
//!
//! Spec: 4.4, 3.3.1.1.

use super::{Q0, Q1, Q2};
use crate::conformance::capability::Capability::{Qos1, Qos2};
use crate::conformance::case::{ALL, Case, ONLY_5, case};
use crate::conformance::fault::{Fault, Played, check_eq};
use crate::conformance::peer::Peer;
use crate::conformance::scene::Scene;
use crate::wire::message::{Message, message};
use postrider_client::Qos;
use postrider_proto::AckKind;
use std::time::Duration;

pub(super) const CASES: &[Case] = &[
    case("an unacknowledged QoS 1 message comes again with DUP and its identifier", ALL, qos1)
        .v3("4.3.2-1 4.4.0-1 3.3.1-1 2.3.1-3")
        .v5("4.3.2-3 4.4.0-1 3.3.1-1")
        .needs(&[Qos1]),
    case("an unacknowledged QoS 2 message comes again with DUP and its identifier", ALL, qos2)
        .v3("4.4.0-1 3.3.1-1 2.3.1-3")
        .v5("4.4.0-1 3.3.1-1")
        .needs(&[Qos2]),
    case("a PUBREL that was not answered comes again, and the message does not", ALL, pubrel)
        .v3("4.4.0-1 4.3.3-1")
        .v5("4.4.0-1 4.3.3-5 4.3.3-6")
        .needs(&[Qos2]),
    case("unacknowledged messages come again in their order", ALL, order)
        .v3("4.6.0-6 4.4.0-1")
        .v5("4.6.0-6 4.4.0-1")
        .needs(&[Qos1]),
    case("unacknowledged messages come again before new ones", ALL, before_new)
        .v3("4.6.0-6 4.4.0-1")
        .v5("4.6.0-6 4.4.0-1")
        .needs(&[Qos1]),
    case("an acknowledged message does not come again", ALL, acknowledged).v3("4.3.2-1").v5("4.4.0-2").needs(&[Qos1]),
    case("a clean start forgets what was unacknowledged", ALL, clean).v3("3.1.2-6").v5("3.1.2-4").needs(&[Qos1]),
    case("a QoS 2 message whose publisher returns and repeats it arrives once", ALL, incoming)
        .v3("4.3.3-2 4.4.0-1")
        .v5("4.3.3-10 3.1.2-5")
        .needs(&[Qos2]),
    case("a QoS 2 message whose publisher returns and releases it is completed", ALL, incoming_released)
        .v3("4.3.3-2")
        .v5("4.3.3-11 3.1.2-5")
        .needs(&[Qos2]),
    case("a QoS 2 message that was sent is finished although it has expired", ONLY_5, expired)
        .v5("4.3.3-7")
        .needs(&[Qos2]),
];

fn subscriber(scene: &Scene) -> Result<Peer<'_>, Fault> {
    scene.enter(&scene.hello("sub").durable())
}

/// A message that its subscriber took without acknowledging it, and broke off.
fn interrupted(scene: &Scene, qos: Qos, sent: &Message) -> Result<Message, Fault> {
    let mut before = subscriber(scene)?;
    before.subscribe(&sent.topic, qos)?;
    scene.client("pub")?.publish(&sent.clone().qos(qos))?;
    let first = before.take_message()?;
    check_eq("DUP of the first sending", false, first.dup)?;
    before.cut();
    Ok(first)
}

fn comes_again(scene: &Scene, qos: Qos) -> Played {
    let first = interrupted(scene, qos, &message(scene.topic("a"), "x"))?;
    let mut after = subscriber(scene)?;
    let second = after.receive()?;
    check_eq("the message", Message { dup: true, ..first }, second)?;
    after.expect_quiet()?;
    after.disconnect()?;
    subscriber(scene)?.expect_quiet()
}

fn qos1(scene: &Scene) -> Played {
    comes_again(scene, Q1)
}

fn qos2(scene: &Scene) -> Played {
    comes_again(scene, Q2)
}

fn pubrel(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut before = subscriber(scene)?;
    before.subscribe(&topic, Q2)?;
    scene.client("pub")?.publish(&message(&topic, "x").qos2())?;
    let id = before.take_message()?.packet_id;
    before.acknowledge(AckKind::Pubrec, id)?;
    before.expect_ack(AckKind::Pubrel, id)?;
    before.cut();
    let mut after = subscriber(scene)?;
    after.expect_ack(AckKind::Pubrel, id)?;
    after.acknowledge(AckKind::Pubcomp, id)?;
    after.expect_quiet()
}

fn order(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut before = subscriber(scene)?;
    before.subscribe(&topic, Q1)?;
    let mut publisher = scene.client("pub")?;
    let mut sent = Vec::new();
    for payload in ["1", "2", "3", "4"] {
        publisher.publish(&message(&topic, payload).qos1())?;
        sent.push(before.take_message()?);
    }
    before.cut();
    let mut after = subscriber(scene)?;
    for first in sent {
        check_eq("the message", Message { dup: true, ..first }, after.receive()?)?;
    }
    after.expect_quiet()
}

fn before_new(scene: &Scene) -> Played {
    let first = interrupted(scene, Q1, &message(scene.topic("a"), "old"))?;
    scene.client("pub")?.publish(&message(&first.topic, "new").qos1())?;
    let mut after = subscriber(scene)?;
    check_eq("the first message", Message { dup: true, ..first.clone() }, after.receive()?)?;
    let new = after.expect_message(&first.topic, "new")?;
    check_eq("DUP of the new message", false, new.dup)?;
    after.expect_quiet()
}

fn acknowledged(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut before = subscriber(scene)?;
    before.subscribe(&topic, Q1)?;
    scene.client("pub")?.publish(&message(&topic, "x").qos1())?;
    before.receive()?;
    before.ping()?;
    before.cut();
    subscriber(scene)?.expect_quiet()
}

fn clean(scene: &Scene) -> Played {
    interrupted(scene, Q1, &message(scene.topic("a"), "x"))?;
    scene.client("sub")?.expect_quiet()
}

/// A publisher that broke off behind its PUBREC.
fn unreleased(scene: &Scene, sent: &Message) -> Played {
    let mut before = scene.enter(&scene.hello("pub").durable())?;
    before.send_message(sent)?;
    before.expect_ack(AckKind::Pubrec, sent.packet_id)?;
    before.cut();
    Ok(())
}

fn incoming(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut listener = scene.client("sub")?;
    listener.subscribe(&topic, Q0)?;
    let sent = message(&topic, "x").qos2().numbered(5);
    unreleased(scene, &sent)?;
    let mut after = scene.enter(&scene.hello("pub").durable())?;
    after.publish(&sent.dup())?;
    listener.expect_message(&topic, "x")?;
    listener.expect_quiet()
}

fn incoming_released(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut listener = scene.client("sub")?;
    listener.subscribe(&topic, Q0)?;
    unreleased(scene, &message(&topic, "x").qos2().numbered(5))?;
    let mut after = scene.enter(&scene.hello("pub").durable())?;
    after.acknowledge(AckKind::Pubrel, 5)?;
    let reason = after.expect_ack(AckKind::Pubcomp, 5)?;
    check_eq("reason of the PUBCOMP", false, reason.is_error())?;
    listener.expect_message(&topic, "x")?;
    listener.expect_quiet()
}

fn expired(scene: &Scene) -> Played {
    let first = interrupted(scene, Q2, &message(scene.topic("a"), "x").expiring(1))?;
    scene.pass(Duration::from_millis(2500));
    let mut after = subscriber(scene)?;
    let second = after.receive()?;
    check_eq("packet identifier", first.packet_id, second.packet_id)?;
    check_eq("payload", first.payload, second.payload)?;
    after.expect_quiet()
}

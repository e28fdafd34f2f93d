//! QoS 2: exactly once, whatever is said twice.
//!
//! Spec: 3.5 to 3.7, 4.3.3.

use super::{Q0, Q2};
use crate::conformance::capability::Capability::Qos2;
use crate::conformance::case::{ALL, Case, ONLY_5, SINCE_3_1_1, case};
use crate::conformance::fault::{Fault, Played, check_eq};
use crate::conformance::refusals::MALFORMED;
use crate::conformance::scene::Scene;
use crate::wire::heard::Answer;
use crate::wire::message::message;
use crate::wire::raw::packet;
use postrider_client::ReasonCode;
use postrider_proto::AckKind;

pub(super) const CASES: &[Case] = &[
    case("a QoS 2 message that is repeated before its PUBREL arrives once", ALL, repeated)
        .v3("4.3.3-2")
        .v5("4.3.3-10")
        .needs(&[Qos2]),
    case("a packet identifier of QoS 2 is free again after its PUBCOMP", ALL, id_again)
        .v3("2.3.1-3 4.3.3-2")
        .v5("4.3.3-12")
        .needs(&[Qos2]),
    case("a PUBREL that is repeated is answered again", ALL, pubrel_again).v3("4.3.3-2").v5("4.3.3-11").needs(&[Qos2]),
    case("a PUBREL that nobody waits for is answered with a PUBCOMP", ALL, stray_pubrel)
        .v3("4.3.3-2")
        .v5("4.3.3-11 3.7.2-1")
        .needs(&[Qos2]),
    case("a PUBREC is answered with a PUBREL of the same identifier", ALL, outgoing)
        .v3("4.3.3-1 2.3.1-6")
        .v5("4.3.3-4 2.2.1-5")
        .needs(&[Qos2]),
    case("a PUBREC that is repeated is answered again", ALL, pubrec_again).v3("4.3.3-1").v5("4.3.3-4").needs(&[Qos2]),
    case("a PUBREC with an error ends the delivery", ONLY_5, negative_pubrec).v5("4.3.3-4 4.4.0-2").needs(&[Qos2]),
    case("a PUBREC that nobody waits for is answered in 5.0 with a PUBREL that says so", ONLY_5, stray_pubrec)
        .v5("3.6.2-1")
        .needs(&[Qos2]),
    case("a PUBREL with wrong flags ends the connection", SINCE_3_1_1, pubrel_flags)
        .v3("3.6.1-1 2.2.2-2")
        .v5("3.6.1-1 2.1.3-1")
        .needs(&[Qos2]),
    case("two QoS 2 exchanges can be interleaved", ALL, interleaved)
        .v3("4.3.3-2")
        .v5("4.3.3-8 4.3.3-11")
        .needs(&[Qos2]),
];

fn repeated(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut subscriber = scene.client("sub")?;
    subscriber.subscribe(&topic, Q0)?;
    let mut publisher = scene.client("pub")?;
    let once = message(&topic, "x").qos2().numbered(9);
    publisher.send_message(&once)?;
    publisher.expect_ack(AckKind::Pubrec, 9)?;
    for _ in 0..3 {
        publisher.send_message(&once.clone().dup())?;
        publisher.expect_ack(AckKind::Pubrec, 9)?;
    }
    publisher.acknowledge(AckKind::Pubrel, 9)?;
    publisher.expect_ack(AckKind::Pubcomp, 9)?;
    subscriber.expect_message(&topic, "x")?;
    subscriber.expect_quiet()
}

fn id_again(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut subscriber = scene.client("sub")?;
    subscriber.subscribe(&topic, Q0)?;
    let mut publisher = scene.client("pub")?;
    for payload in ["1", "2", "3"] {
        publisher.publish(&message(&topic, payload).qos2().numbered(9))?;
        subscriber.expect_message(&topic, payload)?;
    }
    subscriber.expect_quiet()
}

fn pubrel_again(scene: &Scene) -> Played {
    let mut peer = scene.client("a")?;
    peer.publish(&message(scene.topic("a"), "x").qos2().numbered(9))?;
    peer.acknowledge(AckKind::Pubrel, 9)?;
    peer.expect_ack(AckKind::Pubcomp, 9)?;
    peer.expect_quiet()
}

fn stray_pubrel(scene: &Scene) -> Played {
    let mut peer = scene.client("a")?;
    peer.acknowledge(AckKind::Pubrel, 77)?;
    let reason = peer.expect_ack(AckKind::Pubcomp, 77)?;
    if scene.is_v5() && reason != ReasonCode::PacketIdentifierNotFound {
        scene.note(format!("the PUBCOMP says {reason}"));
    }
    peer.expect_quiet()
}

fn outgoing(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut subscriber = scene.client("sub")?;
    subscriber.subscribe(&topic, Q2)?;
    scene.client("pub")?.publish(&message(&topic, "x").qos2())?;
    let came = subscriber.take_message()?;
    subscriber.expect_quiet()?;
    subscriber.acknowledge(AckKind::Pubrec, came.packet_id)?;
    subscriber.expect_ack(AckKind::Pubrel, came.packet_id)?;
    subscriber.acknowledge(AckKind::Pubcomp, came.packet_id)?;
    subscriber.expect_quiet()
}

fn pubrec_again(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut subscriber = scene.client("sub")?;
    subscriber.subscribe(&topic, Q2)?;
    scene.client("pub")?.publish(&message(&topic, "x").qos2())?;
    let id = subscriber.take_message()?.packet_id;
    for _ in 0..2 {
        subscriber.acknowledge(AckKind::Pubrec, id)?;
        subscriber.expect_ack(AckKind::Pubrel, id)?;
    }
    subscriber.acknowledge(AckKind::Pubcomp, id)?;
    subscriber.expect_quiet()
}

fn negative_pubrec(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut subscriber = scene.enter(&scene.hello("sub").durable())?;
    subscriber.subscribe(&topic, Q2)?;
    let mut publisher = scene.client("pub")?;
    publisher.publish(&message(&topic, "x").qos2())?;
    let packet_id = subscriber.take_message()?.packet_id;
    let reason = ReasonCode::ImplementationSpecificError;
    subscriber.acknowledge_with(Answer { kind: AckKind::Pubrec, packet_id, reason })?;
    subscriber.expect_quiet()?;
    publisher.publish(&message(&topic, "y").qos2())?;
    subscriber.expect_message(&topic, "y")?;
    subscriber.disconnect()?;
    scene.enter(&scene.hello("sub").durable())?.expect_quiet()
}

fn stray_pubrec(scene: &Scene) -> Played {
    let mut peer = scene.client("a")?;
    peer.acknowledge(AckKind::Pubrec, 77)?;
    match peer.expect_ack(AckKind::Pubrel, 77) {
        Ok(ReasonCode::PacketIdentifierNotFound) => {}
        Ok(reason) => scene.note(format!("the PUBREL says {reason}")),
        Err(Fault::Failed(evidence)) => scene.note(format!("no PUBREL: {}", evidence.came)),
        Err(fault) => return Err(fault),
    }
    Ok(())
}

fn pubrel_flags(scene: &Scene) -> Played {
    let mut peer = scene.client("a")?;
    peer.send_message(&message(scene.topic("a"), "x").qos2().numbered(9))?;
    peer.expect_ack(AckKind::Pubrec, 9)?;
    peer.send(&packet(0x60, &[0, 9]))?;
    peer.expect_closed(MALFORMED)
}

fn interleaved(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut subscriber = scene.client("sub")?;
    subscriber.subscribe(&topic, Q0)?;
    if scene.ground().abilities.receive_maximum < 2 {
        return Err(Fault::Skipped("the broker takes one message at a time".to_owned()));
    }
    let mut publisher = scene.client("pub")?;
    for id in [1, 2] {
        publisher.send_message(&message(&topic, id.to_string()).qos2().numbered(id))?;
        publisher.expect_ack(AckKind::Pubrec, id)?;
    }
    for id in [2, 1] {
        publisher.acknowledge(AckKind::Pubrel, id)?;
        publisher.expect_ack(AckKind::Pubcomp, id)?;
    }
    check_eq("messages", vec!["1".to_owned(), "2".to_owned()], subscriber.receive_sorted(2)?)?;
    subscriber.expect_quiet()
}

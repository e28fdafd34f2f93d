//! What is kept for a client that is away.
//!
//! Spec: 3.1.2.4, 4.1, 4.5, 4.6.

use super::{Q0, Q1, Q2};
use crate::conformance::capability::Capability;
use crate::conformance::case::{ALL, Case, ONLY_5, case};
use crate::conformance::fault::{Fault, Played, check_qos};
use crate::conformance::peer::Peer;
use crate::conformance::scene::Scene;
use crate::wire::message::message;
use postrider_client::Qos;
use std::time::Duration;

pub(super) const CASES: &[Case] = &[
    case("QoS 1 messages for a client that is away are kept in order", ALL, qos1)
        .v3("3.1.2-5 4.5.0-1 4.6.0-6")
        .v5("4.5.0-1 4.6.0-6")
        .needs(&[Capability::Qos1]),
    case("QoS 2 messages for a client that is away are kept in order", ALL, qos2)
        .v3("3.1.2-5 4.5.0-1 4.6.0-6")
        .v5("4.5.0-1 4.6.0-6")
        .needs(&[Capability::Qos2]),
    case("QoS 1 messages that came before the client broke off are kept", ALL, broken)
        .v3("3.1.2-5")
        .v5("4.5.0-1")
        .needs(&[Capability::Qos1]),
    case("messages that were kept come once", ALL, once).v3("4.3.2-1").v5("4.4.0-2").needs(&[Capability::Qos1]),
    case("a CONNACK comes before the messages that were kept", ALL, connack_first)
        .v3("3.2.0-1")
        .v5("3.2.0-1")
        .needs(&[Capability::Qos1]),
    case("a subscription that was ended keeps nothing for the client", ALL, unsubscribed)
        .v3("3.10.4-2")
        .v5("3.10.4-2")
        .needs(&[Capability::Qos1]),
    case("a clean start drops the messages that were kept", ALL, dropped)
        .v3("3.1.2-6")
        .v5("3.1.2-4")
        .needs(&[Capability::Qos1]),
    case("a message that expires while the client is away does not come", ONLY_5, expired)
        .v5("3.3.2-5")
        .needs(&[Capability::Qos1]),
    case("QoS 0 messages for a client that is away may be dropped and do no harm", ALL, qos0),
];

/// A session with one subscription whose client is away.
fn leave(scene: &Scene, topic: &str, qos: Qos) -> Played {
    let mut peer = scene.enter(&scene.hello("sub").durable())?;
    peer.subscribe(topic, qos)?;
    peer.disconnect()
}

fn come_back(scene: &Scene) -> Result<Peer<'_>, Fault> {
    scene.enter(&scene.hello("sub").durable())
}

fn kept_in_order(scene: &Scene, qos: Qos) -> Played {
    let topic = scene.topic("a");
    leave(scene, &topic, qos)?;
    let mut publisher = scene.client("pub")?;
    for number in 0..COUNT {
        publisher.publish(&message(&topic, number.to_string()).qos(qos))?;
    }
    let mut back = come_back(scene)?;
    for number in 0..COUNT {
        let message = back.expect_message(&topic, &number.to_string())?;
        check_qos("QoS", qos, message.qos)?;
    }
    back.expect_quiet()
}

const COUNT: u32 = 10;

fn qos1(scene: &Scene) -> Played {
    kept_in_order(scene, Q1)
}

fn qos2(scene: &Scene) -> Played {
    kept_in_order(scene, Q2)
}

fn broken(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut peer = scene.enter(&scene.hello("sub").durable())?;
    peer.subscribe(&topic, Q1)?;
    peer.cut();
    scene.client("pub")?.publish(&message(&topic, "x").qos1())?;
    let mut back = come_back(scene)?;
    back.expect_message(&topic, "x")?;
    back.expect_quiet()
}

fn once(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    leave(scene, &topic, Q1)?;
    scene.client("pub")?.publish(&message(&topic, "x").qos1())?;
    let mut back = come_back(scene)?;
    back.expect_message(&topic, "x")?;
    back.ping()?;
    back.disconnect()?;
    come_back(scene)?.expect_quiet()
}

fn connack_first(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    leave(scene, &topic, Q1)?;
    let mut publisher = scene.client("pub")?;
    for number in 0..COUNT {
        publisher.publish(&message(&topic, number.to_string()).qos1())?;
    }
    // `enter` takes nothing else for the first packet.
    come_back(scene)?.take_message().map(drop)
}

fn unsubscribed(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    leave(scene, &topic, Q1)?;
    let mut peer = come_back(scene)?;
    peer.unsubscribe(&[&topic])?;
    peer.disconnect()?;
    scene.client("pub")?.publish(&message(&topic, "x").qos1())?;
    let mut back = come_back(scene)?;
    back.expect_quiet()?;
    back.subscribe(&topic, Q1)?;
    scene.check_hears(&mut back, &topic)
}

fn dropped(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    leave(scene, &topic, Q1)?;
    scene.client("pub")?.publish(&message(&topic, "x").qos1())?;
    scene.client("sub")?.expect_quiet()?;
    let mut back = come_back(scene)?;
    back.expect_quiet()?;
    back.subscribe(&topic, Q1)?;
    scene.check_hears(&mut back, &topic)
}

fn expired(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    leave(scene, &topic, Q1)?;
    let mut publisher = scene.client("pub")?;
    publisher.publish(&message(&topic, "short").qos1().expiring(1))?;
    publisher.publish(&message(&topic, "long").qos1().expiring(100))?;
    scene.pass(Duration::from_millis(2500));
    let mut back = come_back(scene)?;
    back.expect_message(&topic, "long")?;
    back.expect_quiet()
}

fn qos0(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    leave(scene, &topic, Q0)?;
    scene.client("pub")?.publish(&message(&topic, "x"))?;
    let mut back = come_back(scene)?;
    let kept = back.receive_all()?;
    if !kept.is_empty() {
        scene.note("QoS 0 messages are kept for a client that is away");
    }
    scene.client("pub")?.publish(&message(&topic, "y"))?;
    back.expect_message(&topic, "y").map(drop)
}

//! Retained messages: kept, replaced, cleared.
//!
//! Spec: 3.3.1.3.

use super::{Q0, Q1};
use crate::conformance::capability::Capability::{Qos1, Retain, Wildcard};
use crate::conformance::case::{ALL, Case, case};
use crate::conformance::fault::{Fault, Played, check_eq, check_qos};
use crate::conformance::peer::Peer;
use crate::conformance::scene::Scene;
use crate::wire::message::{Message, message};

pub(super) const CASES: &[Case] = &[
    case("a retained message comes to a later subscription with RETAIN 1", ALL, kept)
        .v3("3.3.1-5 3.3.1-6 3.3.1-8")
        .v5("3.3.1-5 3.3.1-9")
        .needs(&[Retain]),
    case("a retained message outlives the session that sent it", ALL, outlives)
        .v3("3.1.2-7 3.3.1-5")
        .v5("3.3.1-5")
        .needs(&[Retain]),
    case("a later retained message replaces an earlier one", ALL, replaced)
        .v3("3.3.1-5 3.3.1-7")
        .v5("3.3.1-5")
        .needs(&[Retain]),
    case("an empty retained message clears and is passed on", ALL, cleared)
        .v3("3.3.1-10 3.3.1-11")
        .v5("3.3.1-6 3.3.1-7")
        .needs(&[Retain]),
    case("a message with RETAIN 0 neither replaces nor clears a retained one", ALL, untouched)
        .v3("3.3.1-12")
        .v5("3.3.1-8")
        .needs(&[Retain]),
    case("a message with RETAIN 0 is not kept", ALL, not_kept).v3("3.3.1-12").v5("3.3.1-8"),
    case("retained messages of all topics that match come", ALL, wildcard)
        .v3("3.3.1-6")
        .v5("3.3.1-9")
        .needs(&[Retain, Wildcard]),
    case("a retained message comes with the lesser QoS", ALL, lesser_qos)
        .v3("3.8.4-6 3.3.1-5")
        .v5("3.8.4-8 3.3.1-5")
        .needs(&[Retain, Qos1]),
    case("a retained message does not come to a session that returns", ALL, not_on_return)
        .v3("3.3.1-6")
        .v5("3.3.1-9")
        .needs(&[Retain]),
    case("each of two filters brings the retained message", ALL, two_filters)
        .v3("3.3.1-6 3.8.4-4")
        .v5("3.3.1-9 3.8.4-5")
        .needs(&[Retain, Wildcard]),
    case("a retained message of 50,000 bytes comes unaltered", ALL, large).v3("3.3.1-5").v5("3.3.1-5").needs(&[Retain]),
];

/// Publishes and knows that the broker has it.
fn publish(scene: &Scene, sent: &Message) -> Played {
    let mut publisher = scene.client("pub")?;
    publisher.publish(sent)?;
    publisher.ping()
}

fn subscriber<'s>(scene: &'s Scene, filter: &str) -> Result<Peer<'s>, Fault> {
    let mut peer = scene.client("sub")?;
    peer.subscribe(&scene.topic(filter), Q0)?;
    Ok(peer)
}

fn expect_kept(scene: &Scene, payload: &str) -> Played {
    let mut peer = subscriber(scene, "a")?;
    check_eq("RETAIN", true, peer.expect_message(&scene.topic("a"), payload)?.retain)?;
    peer.expect_quiet()
}

fn retain(scene: &Scene, payload: &str) -> Played {
    publish(scene, &message(scene.topic("a"), payload).retained())
}

fn kept(scene: &Scene) -> Played {
    retain(scene, "x")?;
    expect_kept(scene, "x")
}

fn outlives(scene: &Scene) -> Played {
    let mut publisher = scene.client("pub")?;
    publisher.publish(&message(scene.topic("a"), "x").retained())?;
    publisher.ping()?;
    publisher.disconnect()?;
    scene.client("pub")?.disconnect()?;
    expect_kept(scene, "x")
}

fn replaced(scene: &Scene) -> Played {
    retain(scene, "1")?;
    retain(scene, "2")?;
    expect_kept(scene, "2")
}

fn cleared(scene: &Scene) -> Played {
    retain(scene, "x")?;
    let mut before = subscriber(scene, "a")?;
    before.expect_message(&scene.topic("a"), "x")?;
    retain(scene, "")?;
    let live = before.expect_message(&scene.topic("a"), "")?;
    check_eq("RETAIN towards an established subscription", false, live.retain)?;
    subscriber(scene, "a")?.expect_quiet()
}

fn untouched(scene: &Scene) -> Played {
    retain(scene, "x")?;
    publish(scene, &message(scene.topic("a"), "live"))?;
    publish(scene, &message(scene.topic("a"), ""))?;
    expect_kept(scene, "x")
}

fn not_kept(scene: &Scene) -> Played {
    publish(scene, &message(scene.topic("a"), "x"))?;
    let mut peer = subscriber(scene, "a")?;
    peer.expect_quiet()?;
    scene.check_hears(&mut peer, &scene.topic("a"))
}

fn wildcard(scene: &Scene) -> Played {
    for name in ["w", "w/1", "w/2/3", "v"] {
        publish(scene, &message(scene.topic(name), name).retained())?;
    }
    let mut peer = subscriber(scene, "w/#")?;
    check_eq("retained messages", vec!["w".to_owned(), "w/1".to_owned(), "w/2/3".to_owned()], peer.receive_sorted(3)?)?;
    peer.expect_quiet()
}

fn lesser_qos(scene: &Scene) -> Played {
    publish(scene, &message(scene.topic("low"), "x").retained())?;
    publish(scene, &message(scene.topic("high"), "x").qos1().retained())?;
    let mut peer = scene.client("sub")?;
    for (name, granted, expected) in [("low", Q1, Q0), ("high", Q0, Q0), ("high", Q1, Q1)] {
        peer.subscribe(&scene.topic(name), granted)?;
        let came = peer.expect_message(&scene.topic(name), "x")?;
        check_qos(&format!("QoS of {name} to {granted}"), expected, came.qos)?;
    }
    Ok(())
}

fn not_on_return(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    retain(scene, "x")?;
    let mut before = scene.enter(&scene.hello("sub").durable())?;
    before.subscribe(&topic, Q0)?;
    before.expect_message(&topic, "x")?;
    before.disconnect()?;
    scene.enter(&scene.hello("sub").durable())?.expect_quiet()
}

fn two_filters(scene: &Scene) -> Played {
    let topic = scene.topic("t/a");
    publish(scene, &message(&topic, "x").retained())?;
    let mut peer = scene.client("sub")?;
    for filter in ["t/a", "t/+"] {
        peer.subscribe(&scene.topic(filter), Q0)?;
        peer.expect_message(&topic, "x")?;
        peer.expect_quiet()?;
    }
    Ok(())
}

fn large(scene: &Scene) -> Played {
    let payload = "0123456789".repeat(5000);
    if scene.ground().abilities.packet_bytes_max.is_some_and(|max| (max as usize) < payload.len() + 200) {
        return Err(Fault::Skipped("the broker takes smaller packets only".to_owned()));
    }
    retain(scene, &payload)?;
    let came = subscriber(scene, "a")?.receive()?;
    check_eq("bytes", payload.as_bytes(), &came.payload)
}

//! UNSUBSCRIBE and UNSUBACK.
//!
//! Spec: 3.10, 3.11.

use super::{Q0, Q1, Q2};
use crate::conformance::capability::Capability::{Qos1, Qos2, Wildcard};
use crate::conformance::case::{ALL, Case, ONLY_5, SINCE_3_1_1, case};
use crate::conformance::fault::{Played, check_eq};
use crate::conformance::refusals::MALFORMED;
use crate::conformance::scene::Scene;
use crate::wire::message::message;
use crate::wire::raw::{head, packet, string};
use postrider_client::ReasonCode;
use postrider_proto::AckKind;

pub(super) const CASES: &[Case] = &[
    case("an UNSUBSCRIBE ends the subscription", ALL, ends)
        .v3("3.10.4-1 3.10.4-2 3.10.4-4 2.3.1-7")
        .v5("3.10.4-1 3.10.4-2 3.10.4-4 3.10.4-5 2.2.1-6"),
    case("an UNSUBSCRIBE without a subscription is answered", ALL, nothing_there).v3("3.10.4-5").v5("3.10.4-5"),
    case("an UNSUBACK has a code for each filter in their order", ONLY_5, codes).v5("3.11.3-1 3.11.3-2 3.10.4-6"),
    case("an UNSUBSCRIBE of several filters ends them all", ALL, several).v3("3.10.4-6").v5("3.10.4-6"),
    case("filters are compared letter by letter, not matched", ALL, compared)
        .v3("3.10.4-1")
        .v5("3.10.4-1")
        .needs(&[Wildcard]),
    case("an UNSUBSCRIBE does not end other clients' subscriptions", ALL, others).v3("3.10.4-1").v5("3.10.4-1"),
    case("a QoS 1 delivery that has begun is finished after UNSUBSCRIBE", ALL, begun_qos1)
        .v3("3.10.4-3")
        .v5("3.10.4-3")
        .needs(&[Qos1]),
    case("a QoS 2 delivery that has begun is finished after UNSUBSCRIBE", ALL, begun_qos2)
        .v3("3.10.4-3")
        .v5("3.10.4-3")
        .needs(&[Qos2]),
    case("an UNSUBSCRIBE whose flags are not 0010 ends the connection", SINCE_3_1_1, flags)
        .v3("3.10.1-1 2.2.2-2")
        .v5("3.10.1-1 2.1.3-1"),
    case("an UNSUBSCRIBE without a filter ends the connection", SINCE_3_1_1, no_filter)
        .v3("3.10.3-2")
        .v5("3.10.3-2 4.13.1-1"),
    case("an UNSUBSCRIBE with packet identifier 0 ends the connection", SINCE_3_1_1, id_0)
        .v3("2.3.1-1 4.8.0-1")
        .v5("2.2.1-3 4.13.1-1"),
    case("an UNSUBSCRIBE that ends inside a filter ends the connection", ALL, cut).v3("4.8.0-1").v5("4.13.1-1"),
    case("an UNSUBSCRIBE of what is not UTF-8 ends the connection", SINCE_3_1_1, not_utf8)
        .v3("3.10.3-1 1.5.3-1")
        .v5("3.10.3-1 1.5.4-1"),
];

fn ends(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut peer = scene.client("a")?;
    peer.subscribe(&topic, Q0)?;
    peer.publish(&message(&topic, "1"))?;
    peer.expect_message(&topic, "1")?;
    peer.unsubscribe(&[&topic])?;
    peer.publish(&message(&topic, "2"))?;
    peer.expect_quiet()
}

fn nothing_there(scene: &Scene) -> Played {
    let mut peer = scene.client("a")?;
    let codes = peer.unsubscribe(&[&scene.topic("a")])?;
    check_eq("codes", if scene.is_v5() { vec![0x11] } else { Vec::new() }, codes)?;
    peer.expect_quiet()
}

fn codes(scene: &Scene) -> Played {
    let topics = ["a", "b", "c"].map(|name| scene.topic(name));
    let mut peer = scene.client("a")?;
    for topic in [&topics[0], &topics[2]] {
        peer.subscribe(topic, Q0)?;
    }
    let filters = [&topics[0], &topics[1], &topics[2], &topics[0]].map(String::as_str);
    check_eq("codes", vec![0, 0x11, 0, 0x11], peer.unsubscribe(&filters)?)
}

fn several(scene: &Scene) -> Played {
    let topics = ["a", "b", "c"].map(|name| scene.topic(name));
    let mut peer = scene.client("a")?;
    topics.iter().try_for_each(|topic| peer.subscribe(topic, Q0))?;
    peer.unsubscribe(&[&topics[0], &topics[1]])?;
    topics.iter().try_for_each(|topic| peer.publish(&message(topic, "x")))?;
    peer.expect_message(&topics[2], "x")?;
    peer.expect_quiet()
}

fn compared(scene: &Scene) -> Played {
    let topic = scene.topic("a/b");
    let mut peer = scene.client("a")?;
    peer.subscribe(&topic, Q0)?;
    for filter in ["a/+", "a/#", "a/B", "a", "a/b/"] {
        peer.unsubscribe(&[&scene.topic(filter)])?;
    }
    peer.publish(&message(&topic, "x"))?;
    peer.expect_message(&topic, "x")?;
    peer.expect_quiet()
}

fn others(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let (mut one, mut other) = (scene.client("a")?, scene.client("b")?);
    one.subscribe(&topic, Q0)?;
    other.subscribe(&topic, Q0)?;
    other.unsubscribe(&[&topic])?;
    other.publish(&message(&topic, "x"))?;
    one.expect_message(&topic, "x")?;
    other.expect_quiet()
}

fn begun_qos1(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut before = scene.enter(&scene.hello("sub").durable())?;
    before.subscribe(&topic, Q1)?;
    scene.client("pub")?.publish(&message(&topic, "x").qos1())?;
    let begun = before.take_message()?;
    before.unsubscribe(&[&topic])?;
    before.cut();
    let mut after = scene.enter(&scene.hello("sub").durable())?;
    let again = after.expect_message(&topic, "x")?;
    check_eq("packet identifier", begun.packet_id, again.packet_id)?;
    after.expect_quiet()
}

fn begun_qos2(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut peer = scene.client("sub")?;
    peer.subscribe(&topic, Q2)?;
    scene.client("pub")?.publish(&message(&topic, "x").qos2())?;
    let begun = peer.take_message()?;
    peer.unsubscribe(&[&topic])?;
    peer.acknowledge(AckKind::Pubrec, begun.packet_id)?;
    peer.expect_ack(AckKind::Pubrel, begun.packet_id)?;
    peer.acknowledge(AckKind::Pubcomp, begun.packet_id)?;
    peer.expect_quiet()
}

fn broken(scene: &Scene, header: u8, body: &[u8]) -> Played {
    let mut peer = scene.client("a")?;
    peer.send(&packet(header, body))?;
    peer.expect_closed(&[MALFORMED, &[ReasonCode::TopicFilterInvalid]].concat())
}

fn flags(scene: &Scene) -> Played {
    broken(scene, 0xA0, &[&head(scene.version, 1, &[])[..], &string(scene.topic("a"))].concat())
}

fn no_filter(scene: &Scene) -> Played {
    broken(scene, 0xA2, &head(scene.version, 1, &[]))
}

fn id_0(scene: &Scene) -> Played {
    broken(scene, 0xA2, &[&head(scene.version, 0, &[])[..], &string(scene.topic("a"))].concat())
}

fn cut(scene: &Scene) -> Played {
    broken(scene, 0xA2, &[&head(scene.version, 1, &[])[..], &[0, 99, b'a']].concat())
}

fn not_utf8(scene: &Scene) -> Played {
    broken(scene, 0xA2, &[&head(scene.version, 1, &[])[..], &string(b"conformance/\xFF")].concat())
}

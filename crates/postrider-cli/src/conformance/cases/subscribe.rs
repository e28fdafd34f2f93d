//! SUBSCRIBE and SUBACK: what is granted, what is refused, what replaces what.
//!
//! Spec: 3.8, 3.9.

use super::{Q0, Q1, Q2};
use crate::conformance::capability::Capability::{Qos1, Qos2, Retain, Wildcard};
use crate::conformance::case::{ALL, Case, ONLY_5, SINCE_3_1_1, case};
use crate::conformance::fault::{Fault, Played, check_eq, check_qos};
use crate::conformance::refusals::{MALFORMED, PROTOCOL_ERROR};
use crate::conformance::scene::Scene;
use crate::wire::heard::{Heard, What};
use crate::wire::message::message;
use crate::wire::raw::{self, head, packet, string};
use postrider_client::{Qos, ReasonCode, SubscribeOptions};
use postrider_proto::PropertiesBuf;

pub(super) const CASES: &[Case] = &[
    case("a SUBSCRIBE is answered with a SUBACK of the same identifier and the QoS", ALL, granted)
        .v3("3.8.4-1 3.8.4-2 3.8.4-5 2.3.1-7")
        .v5("3.8.4-1 3.8.4-2 3.8.4-7 2.2.1-6"),
    case("a SUBACK has a code for each filter in their order", ALL, several)
        .v3("3.8.4-4 3.8.4-5 3.9.3-1")
        .v5("3.8.4-5 3.8.4-6 3.9.3-1")
        .needs(&[Qos2]),
    case("a SUBSCRIBE of 100 filters makes as many subscriptions", ALL, hundred)
        .v3("3.8.4-4 3.9.3-1")
        .v5("3.8.4-5 3.8.4-6 3.9.3-1"),
    case("a filter that is refused does not disturb those beside it", SINCE_3_1_1, one_refused)
        .v3("3.9.3-2 3.8.4-4 3.8.4-5 3.9.3-1")
        .v5("3.9.3-2 3.8.4-5 3.8.4-6 3.9.3-1"),
    case("the same filter again replaces the subscription", ALL, replaced).v3("3.8.4-3").v5("3.8.4-3").needs(&[Qos1]),
    case("the same filter again brings the retained message again", ALL, retained_again)
        .v3("3.8.4-3")
        .v5("3.8.4-4")
        .needs(&[Retain]),
    case("overlapping subscriptions bring the highest QoS of them", ALL, overlapping)
        .v3("3.3.5-1")
        .v5("3.3.4-2")
        .needs(&[Wildcard, Qos1]),
    case("a filter without a wildcard brings its topic and no other", ALL, exact).v3("3.3.2-3").v5("3.3.2-3"),
    case("a SUBSCRIBE whose flags are not 0010 ends the connection", SINCE_3_1_1, flags)
        .v3("3.8.1-1 2.2.2-2")
        .v5("3.8.1-1 2.1.3-1"),
    case("a SUBSCRIBE without a filter ends the connection", SINCE_3_1_1, no_filter)
        .v3("3.8.3-3")
        .v5("3.8.3-2 4.13.1-1"),
    case("a SUBSCRIBE with packet identifier 0 ends the connection", SINCE_3_1_1, id_0)
        .v3("2.3.1-1 4.8.0-1")
        .v5("2.2.1-3 4.13.1-1"),
    case("a SUBSCRIBE of QoS 3 ends the connection", SINCE_3_1_1, qos3).v3("3.8.3-4").v5("3.8.3-5 4.13.1-1"),
    case("reserved bits behind a filter end the connection", SINCE_3_1_1, reserved_bits)
        .v3("3.8.3-4")
        .v5("3.8.3-5 4.13.1-1"),
    case("Retain Handling 3 ends the connection", ONLY_5, retain_handling_3).v5("4.13.1-1"),
    case("a SUBSCRIBE that ends behind a filter ends the connection", ALL, no_options)
        .v3("3.8.3-3")
        .v5("3.8.3-2 4.13.1-1"),
    case("a SUBSCRIBE that ends inside a filter ends the connection", ALL, cut).v3("4.8.0-1").v5("4.13.1-1"),
    case("a filter that is not UTF-8 ends the connection", SINCE_3_1_1, not_utf8)
        .v3("3.8.3-1 1.5.3-1")
        .v5("3.8.3-1 1.5.4-1"),
    case("a filter with U+0000 ends the connection", SINCE_3_1_1, nul).v3("1.5.3-2 4.7.3-2").v5("1.5.4-2 4.7.3-2"),
    case("an empty filter is refused", ALL, empty).v3("4.7.3-1").v5("4.7.3-1"),
    case("a property of another packet in a SUBSCRIBE ends the connection", ONLY_5, misplaced).v5("4.13.1-1"),
];

fn granted(scene: &Scene) -> Played {
    let mut peer = scene.client("a")?;
    let lacks = |capability, qos| if scene.lacks(capability) { None } else { Some(qos) };
    for qos in [Some(Q0), lacks(Qos1, Q1), lacks(Qos2, Q2)].into_iter().flatten() {
        peer.subscribe(&scene.topic(&qos.to_string()), qos)?;
    }
    peer.expect_quiet()
}

fn request(scene: &Scene, id: u16, filters: &[(String, Qos)]) -> Vec<u8> {
    let filters: Vec<_> = filters.iter().map(|(filter, qos)| (filter.as_str(), SubscribeOptions::of(*qos))).collect();
    raw::subscribe(scene.version, id, &filters, &PropertiesBuf::new())
}

fn several(scene: &Scene) -> Played {
    let mut peer = scene.client("a")?;
    let filters = [("c", Q2), ("a", Q0), ("b", Q1)].map(|(name, qos)| (scene.topic(name), qos));
    let codes = peer.request_subscription(9, &request(scene, 9, &filters))?;
    check_eq("codes", vec![2, 0, 1], codes)?;
    for (topic, _) in &filters {
        peer.publish(&message(topic, "x"))?;
        peer.expect_message(topic, "x")?;
    }
    Ok(())
}

fn hundred(scene: &Scene) -> Played {
    let mut peer = scene.client("a")?;
    let filters: Vec<_> = (0..100).map(|number| (scene.topic(&number.to_string()), Q0)).collect();
    let codes = peer.request_subscription(9, &request(scene, 9, &filters))?;
    check_eq("codes", vec![0; 100], codes)?;
    for (topic, _) in filters.iter().step_by(33) {
        peer.publish(&message(topic, "x"))?;
        peer.expect_message(topic, "x")?;
    }
    peer.expect_quiet()
}

fn one_refused(scene: &Scene) -> Played {
    let mut peer = scene.client("a")?;
    let filters = [scene.topic("a"), scene.topic("a/#/b"), scene.topic("c")].map(|filter| (filter, Q0));
    peer.send(&request(scene, 9, &filters))?;
    // Whoever closes the connection because of such a filter is right as well.
    let Some(heard) = peer.ending_or_packet()? else { return Ok(()) };
    let Heard { what: What::Suback(9, codes), .. } = &heard else {
        return if matches!(heard.what, What::Disconnect(_)) {
            Ok(())
        } else {
            Err(Fault::wrong("a SUBACK #9", &heard))
        };
    };
    if !matches!(codes[..], [0, 0x80..=0xFF, 0]) {
        return Err(Fault::wrong("a SUBACK with 00, an error and 00", &heard));
    }
    for name in ["a", "c"] {
        peer.publish(&message(scene.topic(name), "x"))?;
        peer.expect_message(&scene.topic(name), "x")?;
    }
    Ok(())
}

fn replaced(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut peer = scene.client("a")?;
    peer.subscribe(&topic, Q0)?;
    peer.subscribe(&topic, Q1)?;
    peer.publish(&message(&topic, "1").qos1())?;
    check_qos("QoS", Q1, peer.expect_message(&topic, "1")?.qos)?;
    peer.expect_quiet()?;
    peer.subscribe(&topic, Q0)?;
    peer.publish(&message(&topic, "2").qos1())?;
    check_qos("QoS", Q0, peer.expect_message(&topic, "2")?.qos)?;
    peer.expect_quiet()
}

fn retained_again(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    scene.client("pub")?.publish(&message(&topic, "kept").retained())?;
    let mut peer = scene.client("a")?;
    for _ in 0..2 {
        peer.subscribe(&topic, Q0)?;
        check_eq("RETAIN", true, peer.expect_message(&topic, "kept")?.retain)?;
        peer.expect_quiet()?;
    }
    Ok(())
}

fn overlapping(scene: &Scene) -> Played {
    let topic = scene.topic("a/b");
    let mut peer = scene.client("a")?;
    for (filter, qos) in [("a/b", Q0), ("a/+", Q1), ("a/#", Q0)] {
        peer.subscribe(&scene.topic(filter), qos)?;
    }
    scene.client("pub")?.publish(&message(&topic, "x").qos1())?;
    let mut copies = vec![peer.expect_message(&topic, "x")?];
    copies.extend(peer.receive_all()?);
    let highest = copies.iter().map(|copy| copy.qos).max().unwrap_or(Q0);
    check_qos("highest QoS of the copies", Q1, highest)?;
    if copies.len() > 3 {
        return Err(Fault::failed("at most 3 copies", copies.len().to_string()));
    }
    Ok(())
}

fn exact(scene: &Scene) -> Played {
    let mut peer = scene.client("a")?;
    peer.subscribe(&scene.topic("a/b"), Q0)?;
    for name in ["a", "a/b/c", "a/bc", "b", "a/b"] {
        peer.publish(&message(scene.topic(name), name))?;
    }
    peer.expect_message(&scene.topic("a/b"), "a/b")?;
    peer.expect_quiet()
}

/// Such a SUBSCRIBE ends the connection.
fn broken(scene: &Scene, header: u8, body: &[u8], reasons: &[ReasonCode]) -> Played {
    let mut peer = scene.client("a")?;
    peer.send(&packet(header, body))?;
    peer.expect_closed(reasons)
}

/// A filter and the byte behind it.
fn body(scene: &Scene, id: u16, filter: &[u8], options: u8) -> Vec<u8> {
    [&head(scene.version, id, &[])[..], &string(filter), &[options]].concat()
}

fn flags(scene: &Scene) -> Played {
    broken(scene, 0x80, &body(scene, 1, scene.topic("a").as_bytes(), 0), MALFORMED)
}

fn no_filter(scene: &Scene) -> Played {
    broken(scene, 0x82, &head(scene.version, 1, &[]), &[PROTOCOL_ERROR, MALFORMED].concat())
}

fn id_0(scene: &Scene) -> Played {
    broken(scene, 0x82, &body(scene, 0, scene.topic("a").as_bytes(), 0), MALFORMED)
}

fn qos3(scene: &Scene) -> Played {
    broken(scene, 0x82, &body(scene, 1, scene.topic("a").as_bytes(), 3), MALFORMED)
}

fn reserved_bits(scene: &Scene) -> Played {
    let options = if scene.is_v5() { 0x40 } else { 0x04 };
    broken(scene, 0x82, &body(scene, 1, scene.topic("a").as_bytes(), options), MALFORMED)
}

fn retain_handling_3(scene: &Scene) -> Played {
    broken(scene, 0x82, &body(scene, 1, scene.topic("a").as_bytes(), 0x30), MALFORMED)
}

fn no_options(scene: &Scene) -> Played {
    broken(scene, 0x82, &[&head(scene.version, 1, &[])[..], &string(scene.topic("a"))].concat(), MALFORMED)
}

fn cut(scene: &Scene) -> Played {
    broken(scene, 0x82, &[&head(scene.version, 1, &[])[..], &[0, 99, b'a']].concat(), MALFORMED)
}

fn not_utf8(scene: &Scene) -> Played {
    broken(
        scene,
        0x82,
        &body(scene, 1, b"conformance/\xFF", 0),
        &[MALFORMED, &[ReasonCode::TopicFilterInvalid]].concat(),
    )
}

fn nul(scene: &Scene) -> Played {
    broken(scene, 0x82, &body(scene, 1, b"conformance/\0", 0), &[MALFORMED, &[ReasonCode::TopicFilterInvalid]].concat())
}

fn empty(scene: &Scene) -> Played {
    super::wildcards::expect_refused(scene, b"")
}

fn misplaced(scene: &Scene) -> Played {
    let body = [&head(scene.version, 1, &[0x11, 0, 0, 0, 9])[..], &string(scene.topic("a")), &[0]].concat();
    broken(scene, 0x82, &body, MALFORMED)
}

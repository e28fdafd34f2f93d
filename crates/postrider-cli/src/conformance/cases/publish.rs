//! Messages that arrive as they were sent, and PUBLISH packets that are none.
//!
//! Spec: 3.3.

use super::{Q0, Q1, Q2};
use crate::conformance::capability::Capability::{Qos1, Qos2, Retain};
use crate::conformance::case::{ALL, Case, ONLY_5, SINCE_3_1_1, case};
use crate::conformance::fault::{Fault, Played, check_eq, check_qos};
use crate::conformance::refusals::{MALFORMED, PROTOCOL_ERROR};
use crate::conformance::scene::Scene;
use crate::wire::message::message;
use crate::wire::raw::{head, packet, string};
use postrider_client::{Qos, ReasonCode, Version};

pub(super) const CASES: &[Case] = &[
    case("a QoS 0 message arrives", ALL, qos0).v3("4.3.1-1 2.3.1-5 3.3.2-3").v5("4.3.1-1 2.2.1-2 3.3.2-3"),
    case("a QoS 1 message is acknowledged and arrives", ALL, qos1)
        .v3("4.3.2-1 3.3.4-1 4.3.2-2 2.3.1-6")
        .v5("4.3.2-2 3.3.4-1 4.3.2-4 2.2.1-5 4.5.0-1")
        .needs(&[Qos1]),
    case("a QoS 2 message is acknowledged in both steps and arrives", ALL, qos2)
        .v3("3.3.4-1 4.3.3-2 2.3.1-6")
        .v5("4.3.3-2 3.5.2-1 3.3.4-1 4.3.3-8 4.3.3-11 2.2.1-5")
        .needs(&[Qos2]),
    case("a message arrives with the lesser of its QoS and that of the subscription", ALL, lesser_qos)
        .v3("3.8.4-6")
        .v5("3.8.4-8")
        .needs(&[Qos2]),
    case("a publisher that subscribes gets its own messages", ALL, own).v3("3.3.2-3").v5("3.3.2-3 4.5.0-1"),
    case("an empty message arrives", ALL, empty).v3("3.3.2-3").v5("3.3.2-3"),
    case("a message of all bytes arrives unaltered", ALL, all_bytes).v3("3.3.2-3").v5("3.3.2-3"),
    case("a message of 100,000 bytes arrives unaltered", ALL, large).v3("3.3.2-3").v5("3.3.2-3"),
    case("DUP of the publisher is not passed on", ALL, dup).v3("3.3.1-3").v5("3.3.1-3").needs(&[Qos1]),
    case("RETAIN is 0 towards those who subscribed before", ALL, retain).v3("3.3.1-9").v5("3.3.1-12").needs(&[Retain]),
    case("a PUBLISH that comes byte by byte is understood", ALL, byte_by_byte).v3("3.3.2-3").v5("3.3.2-3"),
    case("many PUBLISHes in one write are all understood", ALL, many_at_once).v3("3.3.2-3").v5("3.3.2-3"),
    case("messages cross from 5.0 to 3.1.1 and back", ONLY_5, across).v5("3.3.2-3"),
    case("a PUBLISH of QoS 3 ends the connection", ALL, qos3).v3("3.3.1-4").v5("3.3.1-4"),
    case("a PUBLISH with DUP and QoS 0 is a mistake", SINCE_3_1_1, dup_qos0).v3("3.3.1-2").v5("3.3.1-2"),
    case("a PUBLISH with packet identifier 0 ends the connection", SINCE_3_1_1, id_0)
        .v3("2.3.1-1 4.8.0-1")
        .v5("2.2.1-3 4.13.1-1")
        .needs(&[Qos1]),
    case("a PUBLISH that ends inside its topic ends the connection", ALL, cut).v3("4.8.0-1").v5("4.13.1-1"),
    case("a PUBLISH without its packet identifier ends the connection", ALL, no_id)
        .v3("2.3.1-1 4.8.0-1")
        .v5("4.13.1-1")
        .needs(&[Qos1]),
    case("a PUBLISH without a property length ends the connection", ONLY_5, no_properties).v5("2.2.2-1 4.13.1-1"),
    case("a PUBLISH whose properties reach past its end ends the connection", ONLY_5, long_properties).v5("4.13.1-1"),
];

fn arrives(scene: &Scene, qos: Qos) -> Played {
    let topic = scene.topic("a");
    let mut subscriber = scene.client("sub")?;
    subscriber.subscribe(&topic, qos)?;
    let mut publisher = scene.client("pub")?;
    publisher.publish(&message(&topic, "x").qos(qos))?;
    let came = subscriber.expect_message(&topic, "x")?;
    check_qos("QoS", qos, came.qos)?;
    check_eq("DUP", false, came.dup)?;
    subscriber.expect_quiet()?;
    publisher.expect_quiet()
}

fn qos0(scene: &Scene) -> Played {
    arrives(scene, Q0)
}

fn qos1(scene: &Scene) -> Played {
    arrives(scene, Q1)
}

fn qos2(scene: &Scene) -> Played {
    arrives(scene, Q2)
}

fn lesser_qos(scene: &Scene) -> Played {
    let mut publisher = scene.client("pub")?;
    for granted in [Q0, Q1, Q2] {
        let topic = scene.topic(&granted.to_string());
        let mut subscriber = scene.client(&format!("s{granted}"))?;
        subscriber.subscribe(&topic, granted)?;
        for published in [Q0, Q1, Q2] {
            publisher.publish(&message(&topic, "x").qos(published))?;
            let came = subscriber.expect_message(&topic, "x")?;
            check_qos(&format!("QoS of {published} to {granted}"), granted.min(published), came.qos)?;
        }
    }
    Ok(())
}

fn own(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut peer = scene.client("a")?;
    peer.subscribe(&topic, Q0)?;
    peer.publish(&message(&topic, "x"))?;
    peer.expect_message(&topic, "x")?;
    peer.expect_quiet()
}

fn unaltered(scene: &Scene, payload: &[u8]) -> Played {
    let topic = scene.topic("a");
    let mut subscriber = scene.client("sub")?;
    subscriber.subscribe(&topic, Q0)?;
    scene.client("pub")?.publish(&message(&topic, payload))?;
    let came = subscriber.receive()?;
    check_eq("topic", &topic, &came.topic)?;
    check_eq("payload", payload, &came.payload)?;
    subscriber.expect_quiet()
}

fn empty(scene: &Scene) -> Played {
    unaltered(scene, b"")
}

fn all_bytes(scene: &Scene) -> Played {
    let payload: Vec<u8> = (0..=255).collect();
    unaltered(scene, &payload)
}

fn large(scene: &Scene) -> Played {
    const SIZE: usize = 100_000;
    if scene.ground().abilities.packet_bytes_max.is_some_and(|max| (max as usize) < SIZE + 100) {
        return Err(Fault::Skipped("the broker takes smaller packets only".to_owned()));
    }
    let payload: Vec<u8> = b"0123456789abcdef!".iter().copied().cycle().take(SIZE).collect();
    unaltered(scene, &payload)
}

fn dup(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut subscriber = scene.client("sub")?;
    subscriber.subscribe(&topic, Q1)?;
    scene.client("pub")?.publish(&message(&topic, "x").qos1().dup())?;
    let came = subscriber.expect_message(&topic, "x")?;
    check_eq("DUP", false, came.dup)
}

fn retain(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut subscriber = scene.client("sub")?;
    subscriber.subscribe(&topic, Q0)?;
    scene.client("pub")?.publish(&message(&topic, "x").retained())?;
    let came = subscriber.expect_message(&topic, "x")?;
    check_eq("RETAIN", false, came.retain)
}

fn byte_by_byte(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut subscriber = scene.client("sub")?;
    subscriber.subscribe(&topic, Q0)?;
    let mut publisher = scene.client("pub")?;
    for byte in message(&topic, "slowly").bytes(scene.version) {
        publisher.send(&[byte])?;
        scene.pass(std::time::Duration::from_millis(1));
    }
    subscriber.expect_message(&topic, "slowly")?;
    publisher.expect_quiet()
}

fn many_at_once(scene: &Scene) -> Played {
    const COUNT: u32 = 50;
    let topic = scene.topic("a");
    let mut subscriber = scene.client("sub")?;
    subscriber.subscribe(&topic, Q0)?;
    let mut publisher = scene.client("pub")?;
    let bytes: Vec<u8> =
        (0..COUNT).flat_map(|number| message(&topic, number.to_string()).bytes(scene.version)).collect();
    publisher.send(&bytes)?;
    for number in 0..COUNT {
        subscriber.expect_message(&topic, &number.to_string())?;
    }
    publisher.expect_quiet()
}

fn across(scene: &Scene) -> Played {
    if !scene.ground().abilities.spoken.contains(&Version::V3_1_1) {
        return Err(Fault::Skipped("the broker was not asked to speak 3.1.1".to_owned()));
    }
    let topic = scene.topic("a");
    let mut new = scene.client("new")?;
    let mut old = scene.enter(&scene.hello("old").in_edition(Version::V3_1_1))?;
    new.subscribe(&topic, Q0)?;
    old.subscribe(&topic, Q0)?;
    let with = postrider_proto::Property::Pair("a".into(), "b".into());
    new.publish(&message(&topic, "from 5.0").with(with))?;
    old.expect_message(&topic, "from 5.0")?;
    new.expect_message(&topic, "from 5.0")?;
    old.publish(&message(&topic, "from 3.1.1"))?;
    new.expect_message(&topic, "from 3.1.1")?;
    old.expect_message(&topic, "from 3.1.1").map(drop)
}

fn qos3(scene: &Scene) -> Played {
    broken(scene, 0x36, &[&string(scene.topic("a"))[..], &head(scene.version, 1, &[]), b"x"].concat())
}

/// Sends such a PUBLISH.
fn broken(scene: &Scene, header: u8, body: &[u8]) -> Played {
    let mut peer = scene.client("a")?;
    peer.send(&packet(header, body))?;
    peer.expect_closed(MALFORMED)
}

fn dup_qos0(scene: &Scene) -> Played {
    let mut peer = scene.client("a")?;
    peer.send(&message(scene.topic("a"), "x").dup().bytes(scene.version))?;
    peer.expect_closed_or_note(MALFORMED)
}

fn id_0(scene: &Scene) -> Played {
    let mut peer = scene.client("a")?;
    let body = [&string(scene.topic("a"))[..], &head(scene.version, 0, &[]), b"x"].concat();
    peer.send(&packet(0x32, &body))?;
    peer.expect_closed(&[PROTOCOL_ERROR, &[ReasonCode::MalformedPacket]].concat())
}

fn cut(scene: &Scene) -> Played {
    broken(scene, 0x30, &[0, 200, b'a', b'b'])
}

fn no_id(scene: &Scene) -> Played {
    broken(scene, 0x32, &string(scene.topic("a")))
}

fn no_properties(scene: &Scene) -> Played {
    broken(scene, 0x30, &string(scene.topic("a")))
}

fn long_properties(scene: &Scene) -> Played {
    broken(scene, 0x30, &[&string(scene.topic("a"))[..], &[50, 1, 1]].concat())
}

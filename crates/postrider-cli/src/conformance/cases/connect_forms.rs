//! CONNECTs of the wrong form, none of which may be let in.
//!
//! Spec: 3.1.2, 3.1.3, 3.1.4.

use crate::conformance::case::{ALL, Case, ONLY_3_1_1, ONLY_5, SINCE_3_1_1, case};
use crate::conformance::fault::{Fault, Played};
use crate::conformance::refusals::{MALFORMED, PROTOCOL_ERROR};
use crate::conformance::scene::Scene;
use crate::wire::heard::What;
use crate::wire::raw::{RawConnect, string};
use postrider_client::ReasonCode;

pub(super) const CASES: &[Case] = &[
    case("a CONNECT with another protocol name is not let in", SINCE_3_1_1, protocol_name).v3("3.1.2-1").v5("3.1.2-1"),
    case("a CONNECT with an unknown protocol level is told so", ONLY_3_1_1, level_before_5).v3("3.1.2-2"),
    case("a CONNECT with an unknown protocol version is not let in", ONLY_5, level_5).v5("3.1.2-2"),
    case("a CONNECT whose reserved flag is set is not let in", SINCE_3_1_1, reserved_flag)
        .v3("3.2.2-6 3.1.2-3 3.1.4-1")
        .v5("3.1.2-3 3.1.4-1"),
    case("a CONNECT with flags in its fixed header is not let in", SINCE_3_1_1, header_flags)
        .v3("2.2.2-2")
        .v5("2.1.3-1"),
    case("a will of QoS 3 is not let in", SINCE_3_1_1, will_qos_3).v3("3.1.2-14 3.1.4-1").v5("3.1.2-12 3.1.4-1"),
    case("a will QoS without a will is not let in", SINCE_3_1_1, will_qos_alone)
        .v3("3.1.2-13 3.1.4-1")
        .v5("3.1.2-11 3.1.4-1"),
    case("a retained will without a will is not let in", SINCE_3_1_1, will_retain_alone)
        .v3("3.1.2-15 3.1.4-1")
        .v5("3.1.2-13 3.1.4-1"),
    case("a will flag without a will is not let in", ALL, will_missing).v3("3.1.2-9 3.1.4-1").v5("3.1.2-9 3.1.4-1"),
    case("a user name flag without a user name is not let in", SINCE_3_1_1, user_missing)
        .v3("3.1.2-19 3.1.4-1")
        .v5("3.1.2-17 3.1.4-1"),
    case("a password flag without a password is not let in", SINCE_3_1_1, password_missing)
        .v3("3.1.2-21 3.1.4-1")
        .v5("3.1.2-19 3.1.4-1"),
    case("a password without a user name is not let in", ONLY_3_1_1, password_alone).v3("3.1.2-22 3.1.4-1"),
    case("a password without a user name is no mistake in 5.0", ONLY_5, token).v5("3.1.2-16 3.1.2-19"),
    case("a CONNECT that goes on behind its last field is not let in", SINCE_3_1_1, trailing)
        .v3("3.1.4-1")
        .v5("3.1.4-1"),
    case("a CONNECT that ends inside its client identifier is not let in", ALL, cut)
        .v3("3.1.3-3 3.1.4-1")
        .v5("3.1.3-3 3.1.4-1"),
    case("a CONNECT without a client identifier is not let in", ALL, empty_payload).v3("3.1.3-3").v5("3.1.3-3"),
    case("a will topic that is not UTF-8 is not let in", SINCE_3_1_1, will_topic_utf8)
        .v3("3.1.3-10 1.5.3-1")
        .v5("3.1.3-11 1.5.4-1"),
    case("a user name that is not UTF-8 is not let in", SINCE_3_1_1, user_utf8)
        .v3("3.1.3-11 1.5.3-1")
        .v5("3.1.3-12 1.5.4-1"),
    case("a will to a topic with a wildcard is not let in", SINCE_3_1_1, will_wildcard).v3("4.7.1-1").v5("4.7.0-1"),
    case("a Receive Maximum of 0 is not let in", ONLY_5, receive_maximum_0).v5("3.1.4-1"),
    case("a Maximum Packet Size of 0 is not let in", ONLY_5, packet_size_0).v5("3.1.4-1"),
    case("a Request Problem Information of 2 is not let in", ONLY_5, problem_2).v5("3.1.4-1"),
    case("a property that comes twice in a CONNECT is not let in", ONLY_5, repeated).v5("3.1.4-1"),
    case("a property of another packet in a CONNECT is not let in", ONLY_5, misplaced).v5("3.1.4-1"),
    case("a property that does not exist is not let in", ONLY_5, unknown).v5("3.1.4-1"),
    case("authentication data without a method is not let in", ONLY_5, data_alone).v5("3.1.4-1"),
    case("a property length that reaches past the CONNECT is not let in", ONLY_5, long_properties).v5("3.1.4-1"),
    case("a user property that is not UTF-8 is not let in", ONLY_5, pair_utf8).v5("1.5.7-1"),
    case("a will property of another packet is not let in", ONLY_5, will_misplaced).v5("3.1.4-1"),
];

fn plain(scene: &Scene) -> RawConnect {
    RawConnect::new(scene.version, &scene.client_id("a"))
}

fn malformed(scene: &Scene, connect: &RawConnect) -> Played {
    refused(scene, connect, MALFORMED)
}

fn refused(scene: &Scene, connect: &RawConnect, reasons: &[ReasonCode]) -> Played {
    let mut peer = scene.dial()?;
    peer.send(&connect.bytes())?;
    peer.expect_connect_malformed(reasons)
}

fn with_properties(scene: &Scene, properties: &[u8]) -> Played {
    refused(scene, &plain(scene).properties(properties), MALFORMED)
}

/// The payload of a will, before which 5.0 has properties.
fn will(scene: &Scene, topic: &[u8]) -> Vec<u8> {
    let properties: &[u8] = if scene.is_v5() { &[0] } else { &[] };
    [properties, &string(topic), &string("x")].concat()
}

/// Whoever is not MQTT may be told anything but that it is let in.
fn protocol_name(scene: &Scene) -> Played {
    let mut peer = scene.dial()?;
    peer.send(&RawConnect { name: b"MQTX", ..plain(scene) }.bytes())?;
    match peer.ending_or_packet()? {
        Some(heard) if matches!(&heard.what, What::Connack(welcome) if !welcome.reason.is_error()) => {
            Err(Fault::wrong("no welcome", &heard))
        }
        Some(_) | None => Ok(()),
    }
}

fn level_before_5(scene: &Scene) -> Played {
    let mut peer = scene.dial()?;
    peer.send(&RawConnect { level: 2, ..plain(scene) }.bytes())?;
    peer.expect_connect_refused(&[ReasonCode::UnsupportedProtocolVersion])
}

/// A broker cannot know the dialect of an edition it does not know: 0x01 and 0x84 both say so.
fn level_5(scene: &Scene) -> Played {
    let mut peer = scene.dial()?;
    peer.send(&RawConnect { level: 6, ..plain(scene) }.bytes())?;
    match peer.expect_connect_refused(&[ReasonCode::UnsupportedProtocolVersion]) {
        Err(Fault::Failed(evidence)) if evidence.bytes.starts_with(&[0x20, 2, 0, 1]) => Ok(()),
        played => played,
    }
}

fn reserved_flag(scene: &Scene) -> Played {
    malformed(scene, &plain(scene).flags(0b11))
}

fn header_flags(scene: &Scene) -> Played {
    malformed(scene, &RawConnect { header: 0x13, ..plain(scene) })
}

fn will_qos_3(scene: &Scene) -> Played {
    malformed(scene, &plain(scene).flags(0b1_1110).then(&will(scene, scene.topic("w").as_bytes())))
}

fn will_qos_alone(scene: &Scene) -> Played {
    malformed(scene, &plain(scene).flags(0b1010))
}

fn will_retain_alone(scene: &Scene) -> Played {
    malformed(scene, &plain(scene).flags(0b10_0010))
}

fn will_missing(scene: &Scene) -> Played {
    malformed(scene, &plain(scene).flags(0b110))
}

fn user_missing(scene: &Scene) -> Played {
    malformed(scene, &plain(scene).flags(0b1000_0010))
}

fn password_missing(scene: &Scene) -> Played {
    malformed(scene, &plain(scene).flags(0b1100_0010).then(&string("u")))
}

fn password_alone(scene: &Scene) -> Played {
    malformed(scene, &plain(scene).flags(0b100_0010).then(&string("p")))
}

fn token(scene: &Scene) -> Played {
    let mut peer = scene.dial()?;
    peer.send(&plain(scene).flags(0b100_0010).then(&string("p")).bytes())?;
    let welcome = peer.connack()?;
    if MALFORMED.contains(&welcome.reason) {
        return Err(Fault::failed("a CONNACK that does not call it malformed", welcome.reason.to_string()));
    }
    Ok(())
}

fn trailing(scene: &Scene) -> Played {
    malformed(scene, &plain(scene).then(&[0, 1, b'x']))
}

fn cut(scene: &Scene) -> Played {
    malformed(scene, &RawConnect { payload: vec![0, 20, b'a'], ..plain(scene) })
}

fn empty_payload(scene: &Scene) -> Played {
    malformed(scene, &RawConnect { payload: Vec::new(), ..plain(scene) })
}

fn will_topic_utf8(scene: &Scene) -> Played {
    malformed(scene, &plain(scene).flags(0b110).then(&will(scene, b"\xC3\x28")))
}

fn user_utf8(scene: &Scene) -> Played {
    malformed(scene, &plain(scene).flags(0b1000_0010).then(&string(b"\xED\xA0\x80")))
}

fn will_wildcard(scene: &Scene) -> Played {
    let connect = plain(scene).flags(0b110).then(&will(scene, scene.topic("#").as_bytes()));
    let reasons = [ReasonCode::TopicNameInvalid, ReasonCode::MalformedPacket, ReasonCode::ProtocolError];
    refused(scene, &connect, &reasons)
}

fn receive_maximum_0(scene: &Scene) -> Played {
    refused(scene, &plain(scene).properties(&[0x21, 0, 0]), PROTOCOL_ERROR)
}

fn packet_size_0(scene: &Scene) -> Played {
    refused(scene, &plain(scene).properties(&[0x27, 0, 0, 0, 0]), PROTOCOL_ERROR)
}

fn problem_2(scene: &Scene) -> Played {
    refused(scene, &plain(scene).properties(&[0x17, 2]), PROTOCOL_ERROR)
}

fn repeated(scene: &Scene) -> Played {
    refused(scene, &plain(scene).properties(&[0x21, 0, 9, 0x21, 0, 9]), PROTOCOL_ERROR)
}

fn misplaced(scene: &Scene) -> Played {
    with_properties(scene, &[0x23, 0, 1])
}

fn unknown(scene: &Scene) -> Played {
    with_properties(scene, &[0x7F, 0])
}

fn data_alone(scene: &Scene) -> Played {
    refused(scene, &plain(scene).properties(&[0x16, 0, 1, b'x']), PROTOCOL_ERROR)
}

fn long_properties(scene: &Scene) -> Played {
    malformed(scene, &RawConnect { properties: vec![0x7F], ..plain(scene) })
}

fn pair_utf8(scene: &Scene) -> Played {
    with_properties(scene, &[&[0x26][..], &string("a"), &string(b"\xFF")].concat())
}

fn will_misplaced(scene: &Scene) -> Played {
    let will = [&[3, 0x21, 0, 9][..], &string(scene.topic("w")), &string("x")].concat();
    malformed(scene, &plain(scene).flags(0b110).then(&will))
}

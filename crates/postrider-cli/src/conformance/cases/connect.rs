//! Being let in: CONNECT, CONNACK, and what comes before and behind them.
//!
//! Spec: 3.1, 3.2.

use super::Q0;
use crate::conformance::case::{ALL, Case, ONLY_5, SINCE_3_1_1, case};
use crate::conformance::fault::{Fault, Played, check_eq};
use crate::conformance::refusals::PROTOCOL_ERROR;
use crate::conformance::scene::Scene;
use crate::wire::heard::What;
use crate::wire::message::message;
use crate::wire::raw::{self, PINGREQ, RawConnect};
use postrider_client::{ReasonCode, SubscribeOptions};
use postrider_proto::{PropertiesBuf, Property, PropertyId};
use std::time::Duration;

pub(super) const CASES: &[Case] = &[
    case("a client with a clean start is let in and has no session", ALL, clean_start)
        .v3("7.1.1-1 3.1.4-4 3.2.0-1 3.2.2-1")
        .v5("4.2-1 3.1.4-5 3.2.0-1 3.2.2-1 3.2.2-2"),
    case("a CONNECT that comes byte by byte is understood", ALL, byte_by_byte).v3("3.1.4-4").v5("3.1.4-5"),
    case("packets right behind a CONNECT are answered after the CONNACK", ALL, eager)
        .v3("3.2.0-1")
        .v5("3.2.0-1 3.2.0-2"),
    case("a second CONNECT ends the connection", ALL, second_connect).v3("3.1.0-2").v5("3.1.0-2"),
    case("a PUBLISH before the CONNECT ends the connection", ALL, publish_first).v3("3.1.0-1").v5("3.1.0-1 3.14.0-1"),
    case("a PINGREQ before the CONNECT ends the connection", ALL, ping_first).v3("3.1.0-1").v5("3.1.0-1 3.14.0-1"),
    case("a SUBSCRIBE before the CONNECT ends the connection", ALL, subscribe_first)
        .v3("3.1.0-1")
        .v5("3.1.0-1 3.14.0-1"),
    case("nothing sent behind a refused CONNECT is acted on", SINCE_3_1_1, behind_a_refusal)
        .v3("3.1.4-5")
        .v5("3.1.4-6"),
    case("a CONNECT whose authentication method is unknown is refused", ONLY_5, unknown_method)
        .v5("3.2.2-6 3.2.2-7 3.2.2-8 4.13.2-1 4.12.0-1"),
    case("a CONNACK names no authentication method that the client did not name", ONLY_5, no_method).v5("4.12.0-6"),
    case("an AUTH of a client without a method ends the connection", ONLY_5, auth_out_of_place).v5("4.12.0-7"),
    case("response information comes only if it was asked for", ONLY_5, response_information).v5("3.1.2-28"),
    case("a CONNACK keeps within the client's maximum packet size", ONLY_5, small_connack).v5("3.1.2-24"),
    case("what a CONNACK leaves out has its default value, and nothing is 0 that must not be", ONLY_5, defaults),
    case("a client with user properties in its CONNECT is let in", ONLY_5, user_properties).v5("3.1.4-5"),
];

fn clean_start(scene: &Scene) -> Played {
    let mut peer = scene.client("a")?;
    check_eq("session present", false, peer.welcome()?.session_present)?;
    peer.expect_quiet()
}

fn byte_by_byte(scene: &Scene) -> Played {
    let mut peer = scene.dial()?;
    for byte in scene.hello("a").bytes() {
        peer.send(&[byte])?;
        scene.pass(Duration::from_millis(2));
    }
    check_eq("reason", ReasonCode::Success, peer.connack()?.reason)
}

fn eager(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut peer = scene.dial()?;
    let subscribe = raw::subscribe(scene.version, 1, &[(&topic, SubscribeOptions::of(Q0))], &PropertiesBuf::new());
    let publish = message(&topic, "x").bytes(scene.version);
    peer.send(&[scene.hello("a").bytes(), subscribe, publish, PINGREQ.to_vec()].concat())?;
    check_eq("reason", ReasonCode::Success, peer.connack()?.reason)?;
    let suback = peer.hear("a SUBACK")?;
    if !matches!(suback.what, What::Suback(1, _)) {
        return Err(Fault::wrong("a SUBACK #1", &suback));
    }
    peer.ping()?;
    peer.expect_message(&topic, "x")?;
    Ok(())
}

fn second_connect(scene: &Scene) -> Played {
    let mut peer = scene.client("a")?;
    peer.send(&scene.hello("a").bytes())?;
    peer.expect_closed(PROTOCOL_ERROR)
}

fn publish_first(scene: &Scene) -> Played {
    first(scene, &message(scene.topic("a"), "x").bytes(scene.version))
}

fn ping_first(scene: &Scene) -> Played {
    first(scene, &PINGREQ)
}

fn subscribe_first(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let filters = [(topic.as_str(), SubscribeOptions::of(Q0))];
    first(scene, &raw::subscribe(scene.version, 1, &filters, &PropertiesBuf::new()))
}

/// Nothing may be said to somebody who has not connected. [MQTT-3.14.0-1]
fn first(scene: &Scene, packet: &[u8]) -> Played {
    let mut peer = scene.dial()?;
    peer.send(packet)?;
    peer.expect_connect_malformed(PROTOCOL_ERROR)
}

fn behind_a_refusal(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut observer = scene.client("obs")?;
    observer.subscribe(&topic, Q0)?;
    let mut peer = scene.dial()?;
    let connect = if scene.is_v5() {
        scene.hello("a").with(method()).bytes()
    } else {
        RawConnect::new(scene.version, "").flags(0).bytes()
    };
    peer.send(&[connect, message(&topic, "x").bytes(scene.version)].concat())?;
    let reasons =
        [ReasonCode::ClientIdentifierNotValid, ReasonCode::BadAuthenticationMethod, ReasonCode::NotAuthorized];
    peer.expect_connect_refused(&reasons)?;
    observer.expect_quiet()
}

fn method() -> Property<'static> {
    Property::Text(PropertyId::AuthenticationMethod, "conformance-none".into())
}

fn unknown_method(scene: &Scene) -> Played {
    let mut peer = scene.dial()?;
    peer.send(&scene.hello("a").with(method()).bytes())?;
    peer.expect_connect_refused(&[ReasonCode::BadAuthenticationMethod, ReasonCode::NotAuthorized])
}

fn no_method(scene: &Scene) -> Played {
    let peer = scene.client("a")?;
    let properties = peer.welcome()?.properties.as_properties();
    check_eq("authentication method", None, properties.text(PropertyId::AuthenticationMethod).map(|text| text.as_str()))
}

fn auth_out_of_place(scene: &Scene) -> Played {
    let mut peer = scene.client("a")?;
    peer.send(&raw::packet(0xF0, &[0x19, 0]))?;
    peer.expect_closed(PROTOCOL_ERROR)
}

fn response_information(scene: &Scene) -> Played {
    let silent = Property::Byte(PropertyId::RequestResponseInformation, 0);
    for hello in [scene.hello("a"), scene.hello("a").with(silent)] {
        let peer = scene.enter(&hello)?;
        let properties = peer.welcome()?.properties.as_properties();
        let text = properties.text(PropertyId::ResponseInformation).map(|text| text.as_str());
        check_eq("response information", None, text)?;
    }
    Ok(())
}

fn small_connack(scene: &Scene) -> Played {
    const SIZE: u32 = 64;
    let mut peer = scene.dial()?;
    let hello = scene.hello("a").with(Property::FourBytes(PropertyId::MaximumPacketSize, SIZE));
    peer.send(&hello.bytes())?;
    match peer.ending_or_packet()? {
        Some(heard) if heard.bytes.len() > SIZE as usize => {
            Err(Fault::wrong(format!("a CONNACK of at most {SIZE} bytes"), &heard))
        }
        Some(_) => Ok(()),
        None => {
            scene.note(format!("the broker lets nobody in whose maximum packet size is {SIZE}"));
            Ok(())
        }
    }
}

fn defaults(scene: &Scene) -> Played {
    let peer = scene.client("a")?;
    let properties = peer.welcome()?.properties.as_properties();
    if properties.number(PropertyId::MaximumQos).is_some_and(|qos| qos > 1) {
        return Err(Fault::failed("Maximum QoS 0, 1 or none", "2 or more"));
    }
    if properties.text(PropertyId::AssignedClientIdentifier).is_some() {
        scene.note("a client identifier is assigned to a client that has one");
    }
    Ok(())
}

fn user_properties(scene: &Scene) -> Played {
    let hello = scene.hello("a").with(Property::Pair("a".into(), "1".into()));
    let mut peer = scene.enter(&hello.with(Property::Pair("a".into(), "2".into())))?;
    peer.expect_quiet()
}

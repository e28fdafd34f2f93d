//! Properties of messages in 5.0: passed on unaltered, or refused.
//!
//! Spec: 3.3.2.3.

use super::{Q0, Q1};
use crate::conformance::capability::Capability::{Qos1, Retain};
use crate::conformance::case::{Case, ONLY_5, case};
use crate::conformance::fault::{Fault, Played, check_eq};
use crate::conformance::refusals::{MALFORMED, PROTOCOL_ERROR};
use crate::conformance::scene::Scene;
use crate::wire::message::{Message, message};
use crate::wire::raw::{block, packet, string};
use postrider_client::ReasonCode;
use postrider_proto::{Property, PropertyId};
use std::time::Duration;

pub(super) const CASES: &[Case] = &[
    case("Payload Format Indicator is passed on", ONLY_5, payload_format).v5("3.3.2-4"),
    case("Content Type is passed on", ONLY_5, content_type).v5("3.3.2-20"),
    case("Response Topic is passed on", ONLY_5, response_topic).v5("3.3.2-15"),
    case("Correlation Data is passed on", ONLY_5, correlation_data).v5("3.3.2-16"),
    case("User Properties are passed on in their order, with those that come twice", ONLY_5, user_properties)
        .v5("3.3.2-17 3.3.2-18"),
    case("all properties together are passed on", ONLY_5, all)
        .v5("3.3.2-4 3.3.2-15 3.3.2-16 3.3.2-17 3.3.2-18 3.3.2-20"),
    case("properties of a retained message are kept with it", ONLY_5, retained).v5("3.3.2-17 3.3.1-5").needs(&[Retain]),
    case("a lifetime is passed on", ONLY_5, expiry_forwarded).v5("3.3.2-6"),
    case("a lifetime is passed on less the time that the message waited", ONLY_5, expiry_less)
        .v5("3.3.2-6")
        .needs(&[Qos1]),
    case("a retained message that has expired does not come", ONLY_5, retained_expires).v5("3.3.2-5").needs(&[Retain]),
    case("a Response Topic with a wildcard ends the connection", ONLY_5, response_wildcard).v5("3.3.2-14"),
    case("a Response Topic that is not UTF-8 ends the connection", ONLY_5, response_utf8).v5("3.3.2-13"),
    case("a Content Type that is not UTF-8 ends the connection", ONLY_5, content_utf8).v5("3.3.2-19"),
    case("a User Property that is not UTF-8 ends the connection", ONLY_5, pair_utf8).v5("1.5.7-1"),
    case("a property that comes twice in a PUBLISH ends the connection", ONLY_5, repeated).v5("4.13.1-1"),
    case("a property of another packet in a PUBLISH ends the connection", ONLY_5, misplaced).v5("4.13.1-1"),
    case("a property that does not exist ends the connection", ONLY_5, unknown).v5("4.13.1-1"),
    case("a Payload Format Indicator of 2 is a mistake", ONLY_5, format_2).v5("4.13.1-1"),
    case("a Subscription Identifier from a client ends the connection", ONLY_5, subscription_id).v5("3.3.4-6"),
    case("without problem information there is none in acknowledgements", ONLY_5, no_problems).v5("3.1.2-29"),
];

/// All that a message was published with, and nothing else.
pub(super) fn check_same(sent: &Message, came: &Message) -> Played {
    let shown = |message: &Message| {
        let mut texts: Vec<String> =
            message.properties.as_properties().iter().map(|property| format!("{property:?}")).collect();
        // Only those of a kind have an order.
        texts.sort_by_key(|text| !text.starts_with("Pair"));
        let pairs = texts.iter().filter(|text| text.starts_with("Pair")).count();
        texts[pairs..].sort();
        texts
    };
    check_eq("properties", shown(sent), shown(came))
}

fn passed_on(scene: &Scene, properties: &[Property<'_>]) -> Played {
    let topic = scene.topic("a");
    let mut subscriber = scene.client("sub")?;
    subscriber.subscribe(&topic, Q0)?;
    let sent = properties.iter().fold(message(&topic, "x"), |message, property| message.with(*property));
    scene.client("pub")?.publish(&sent)?;
    check_same(&sent, &subscriber.expect_message(&topic, "x")?)?;
    subscriber.expect_quiet()
}

const FORMAT: Property<'_> = Property::Byte(PropertyId::PayloadFormatIndicator, 1);

fn content() -> Property<'static> {
    Property::Text(PropertyId::ContentType, "text/plain; charset=utf-8".into())
}

fn response() -> Property<'static> {
    Property::Text(PropertyId::ResponseTopic, "conformance/answer".into())
}

const CORRELATION: Property<'_> = Property::Binary(PropertyId::CorrelationData, &[0, 1, 0xFF, 0x80]);

fn pairs() -> Vec<Property<'static>> {
    [("b", "1"), ("a", "2"), ("b", "1"), ("", ""), ("ü", "\u{feff}"), ("b", "0")]
        .map(|(name, value)| Property::Pair(name.into(), value.into()))
        .to_vec()
}

fn payload_format(scene: &Scene) -> Played {
    passed_on(scene, &[FORMAT])
}

fn content_type(scene: &Scene) -> Played {
    passed_on(scene, &[content()])
}

fn response_topic(scene: &Scene) -> Played {
    passed_on(scene, &[response()])
}

fn correlation_data(scene: &Scene) -> Played {
    passed_on(scene, &[CORRELATION])
}

fn user_properties(scene: &Scene) -> Played {
    passed_on(scene, &pairs())
}

fn every_one() -> Vec<Property<'static>> {
    let mut all = pairs();
    all.extend([FORMAT, content(), response(), CORRELATION]);
    all
}

fn all(scene: &Scene) -> Played {
    passed_on(scene, &every_one())
}

fn retained(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let sent = every_one().into_iter().fold(message(&topic, "x").retained(), Message::with);
    scene.client("pub")?.publish(&sent)?;
    let mut subscriber = scene.client("sub")?;
    subscriber.subscribe(&topic, Q0)?;
    check_same(&sent, &subscriber.expect_message(&topic, "x")?)
}

fn lifetime(message: &Message) -> Result<u32, Fault> {
    let found = message.numbers(PropertyId::MessageExpiryInterval);
    found.first().copied().ok_or_else(|| Fault::failed("a Message Expiry Interval", "none"))
}

fn expiry_forwarded(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut subscriber = scene.client("sub")?;
    subscriber.subscribe(&topic, Q0)?;
    scene.client("pub")?.publish(&message(&topic, "x").expiring(100))?;
    let left = lifetime(&subscriber.expect_message(&topic, "x")?)?;
    if (95..=100).contains(&left) { Ok(()) } else { Err(Fault::failed("a lifetime of 100 s", format!("{left} s"))) }
}

fn expiry_less(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut away = scene.enter(&scene.hello("sub").durable())?;
    away.subscribe(&topic, Q1)?;
    away.disconnect()?;
    scene.client("pub")?.publish(&message(&topic, "x").qos1().expiring(100))?;
    scene.pass(Duration::from_millis(2500));
    let left = lifetime(&scene.enter(&scene.hello("sub").durable())?.expect_message(&topic, "x")?)?;
    if (90..=98).contains(&left) { Ok(()) } else { Err(Fault::failed("a lifetime of 97 or 98 s", format!("{left} s"))) }
}

fn retained_expires(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    scene.client("pub")?.publish(&message(&topic, "x").retained().expiring(1))?;
    scene.pass(Duration::from_millis(2500));
    let mut subscriber = scene.client("sub")?;
    subscriber.subscribe(&topic, Q0)?;
    subscriber.expect_quiet()?;
    scene.check_hears(&mut subscriber, &topic)
}

/// A PUBLISH of QoS 0 with these bytes for properties.
fn broken(scene: &Scene, properties: &[u8], reasons: &[ReasonCode]) -> Played {
    let mut peer = scene.client("a")?;
    peer.send(&packet(0x30, &[&string(scene.topic("a"))[..], &block(properties), b"x"].concat()))?;
    peer.expect_closed(reasons)
}

fn response_wildcard(scene: &Scene) -> Played {
    let reasons = [ReasonCode::ProtocolError, ReasonCode::MalformedPacket, ReasonCode::TopicNameInvalid];
    broken(scene, &[&[8][..], &string("a/#")].concat(), &reasons)
}

fn response_utf8(scene: &Scene) -> Played {
    broken(scene, &[&[8][..], &string(b"\xFF")].concat(), MALFORMED)
}

fn content_utf8(scene: &Scene) -> Played {
    broken(scene, &[&[3][..], &string(b"\xFF")].concat(), MALFORMED)
}

fn pair_utf8(scene: &Scene) -> Played {
    broken(scene, &[&[0x26][..], &string("a"), &string(b"\xFF")].concat(), MALFORMED)
}

fn repeated(scene: &Scene) -> Played {
    broken(scene, &[2, 0, 0, 0, 9, 2, 0, 0, 0, 9], PROTOCOL_ERROR)
}

fn misplaced(scene: &Scene) -> Played {
    broken(scene, &[0x11, 0, 0, 0, 9], MALFORMED)
}

fn unknown(scene: &Scene) -> Played {
    broken(scene, &[0x7F, 0], MALFORMED)
}

fn format_2(scene: &Scene) -> Played {
    let mut peer = scene.client("a")?;
    peer.send(&packet(0x30, &[&string(scene.topic("a"))[..], &block(&[1, 2]), b"x"].concat()))?;
    peer.expect_closed_or_note(
        &[PROTOCOL_ERROR, &[ReasonCode::PayloadFormatInvalid, ReasonCode::MalformedPacket]].concat(),
    )
}

fn subscription_id(scene: &Scene) -> Played {
    broken(scene, &[0x0B, 1], PROTOCOL_ERROR)
}

/// Each acknowledgement that the broker may want to explain.
fn no_problems(scene: &Scene) -> Played {
    let silent = Property::Byte(PropertyId::RequestProblemInformation, 0);
    let mut peer = scene.enter(&scene.hello("a").with(silent))?;
    let id = 1u16.to_be_bytes();
    let subscribe = [&id[..], &[0], &string("a/#/b"), &[0]].concat();
    let unsubscribe = [&id[..], &[0], &string(scene.topic("a"))].concat();
    for bytes in [packet(0xA2, &unsubscribe), packet(0x62, &[0, 9]), packet(0x82, &subscribe)] {
        peer.send(&bytes)?;
        let Some(heard) = peer.ending_or_packet()? else { return Ok(()) };
        if heard.has_problem_information() {
            return Err(Fault::wrong("no Reason String and no User Property", &heard));
        }
    }
    Ok(())
}

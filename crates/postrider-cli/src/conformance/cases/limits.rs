//! What a broker says in its CONNACK that it does not offer, asked for nevertheless.
//!
//! Spec: 3.2.2.3 (5.0).

use super::{Q0, Q1, Q2};
use crate::conformance::capability::Capability::{Qos1, Qos2, Retain, Shared, SubscriptionIds, Wildcard};
use crate::conformance::case::{Case, ONLY_5, case};
use crate::conformance::fault::{Fault, Played};
use crate::conformance::refusals::Ending;
use crate::conformance::scene::Scene;
use crate::wire::message::{Message, message};
use crate::wire::raw;
use postrider_client::{Qos, ReasonCode, SubscribeOptions};
use postrider_proto::{PropertiesBuf, Property, PropertyId};

pub(super) const CASES: &[Case] = &[
    case("a PUBLISH above Maximum QoS ends the connection", ONLY_5, publish_qos).v5("3.2.2-11").lacking(&[Qos2]),
    case("a SUBSCRIBE above Maximum QoS is granted what there is", ONLY_5, subscribe_qos)
        .v5("3.2.2-10 3.2.2-9")
        .lacking(&[Qos2]),
    case("a will above Maximum QoS is not let in", ONLY_5, will_qos).v5("3.2.2-12").lacking(&[Qos2]),
    case("a retained PUBLISH ends the connection where nothing is retained", ONLY_5, publish_retained)
        .v5("3.2.2-14")
        .lacking(&[Retain]),
    case("a retained will is not let in where nothing is retained", ONLY_5, will_retained)
        .v5("3.2.2-13")
        .lacking(&[Retain]),
    case("a wildcard is refused where there are none", ONLY_5, wildcard).v5("4.13.1-1").lacking(&[Wildcard]),
    case("a share is refused where there are none", ONLY_5, share).v5("4.13.1-1").lacking(&[Shared]),
    case("a Subscription Identifier is refused where there are none", ONLY_5, identifier)
        .v5("4.13.1-1")
        .lacking(&[SubscriptionIds]),
];

/// The lowest QoS that is too high.
fn excessive(scene: &Scene) -> Qos {
    if scene.lacks(Qos1) { Q1 } else { Q2 }
}

fn refused_publish(scene: &Scene, sent: &Message, reason: ReasonCode) -> Played {
    let mut peer = scene.client("a")?;
    peer.send_message(sent)?;
    peer.expect_closed(&[reason])
}

fn publish_qos(scene: &Scene) -> Played {
    let sent = message(scene.topic("a"), "x").qos(excessive(scene)).numbered(1);
    refused_publish(scene, &sent, ReasonCode::QosNotSupported)
}

fn publish_retained(scene: &Scene) -> Played {
    refused_publish(scene, &message(scene.topic("a"), "x").retained(), ReasonCode::RetainNotSupported)
}

fn subscribe_qos(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut peer = scene.client("a")?;
    let packet = raw::subscribe(scene.version, 1, &[(&topic, SubscribeOptions::of(Q2))], &PropertiesBuf::new());
    match peer.request_subscription(1, &packet)?[..] {
        [0..=2] => {}
        ref codes => return Err(Fault::failed("a SUBACK that grants", format!("SUBACK {codes:02X?}"))),
    }
    peer.publish(&message(&topic, "x"))?;
    peer.expect_message(&topic, "x").map(drop)
}

fn refused_will(scene: &Scene, will: Message, reason: ReasonCode) -> Played {
    let mut peer = scene.dial()?;
    peer.send(&scene.hello("a").will(will).bytes())?;
    peer.expect_connect_refused(&[reason])
}

fn will_qos(scene: &Scene) -> Played {
    let will = message(scene.topic("a"), "x").qos(excessive(scene));
    refused_will(scene, will, ReasonCode::QosNotSupported)
}

fn will_retained(scene: &Scene) -> Played {
    refused_will(scene, message(scene.topic("a"), "x").retained(), ReasonCode::RetainNotSupported)
}

/// An error in the SUBACK, or a DISCONNECT, in both cases with this reason.
fn refused_subscribe(scene: &Scene, filter: &str, with: &PropertiesBuf, reason: ReasonCode) -> Played {
    let mut peer = scene.client("a")?;
    peer.send(&raw::subscribe(scene.version, 1, &[(filter, SubscribeOptions::of(Q0))], with))?;
    match peer.ending()? {
        Ending::Closed(Some(said)) if said == reason => {}
        Ending::Closed(said) => {
            let said = said.map_or_else(|| "no DISCONNECT".to_owned(), |said| format!("DISCONNECT, {said}"));
            scene.note(format!("{said} where {reason} is meant"));
        }
        Ending::StillOpen => return Err(Fault::failed("a SUBACK that refuses", "nothing")),
        Ending::Answered(heard) if !heard.bytes.starts_with(&[0x90]) || heard.bytes.last() < Some(&0x80) => {
            return Err(Fault::wrong("a SUBACK that refuses", &heard));
        }
        Ending::Answered(heard) if heard.bytes.last() != Some(&reason.as_u8()) => {
            scene.note(format!("{} where {reason} is meant", heard.describe()));
        }
        Ending::Answered(_) => {}
    }
    Ok(())
}

fn wildcard(scene: &Scene) -> Played {
    let reason = ReasonCode::WildcardSubscriptionsNotSupported;
    refused_subscribe(scene, &scene.topic("#"), &PropertiesBuf::new(), reason)
}

fn share(scene: &Scene) -> Played {
    let filter = format!("$share/g/{}", scene.topic("a"));
    refused_subscribe(scene, &filter, &PropertiesBuf::new(), ReasonCode::SharedSubscriptionsNotSupported)
}

fn identifier(scene: &Scene) -> Played {
    let mut with = PropertiesBuf::new();
    with.push(Property::Varint(PropertyId::SubscriptionIdentifier, 1));
    refused_subscribe(scene, &scene.topic("a"), &with, ReasonCode::SubscriptionIdentifiersNotSupported)
}

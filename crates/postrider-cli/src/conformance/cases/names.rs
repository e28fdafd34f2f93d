//! Topic names: which there are, which are different, which belong to the broker.
//!
//! Spec: 4.7, 1.5.4 (5.0); 4.7, 1.5.3 (3.1.1).

use super::Q0;
use crate::conformance::capability::Capability::Wildcard;
use crate::conformance::case::{ALL, Case, SINCE_3_1_1, case};
use crate::conformance::fault::{Fault, Played};
use crate::conformance::refusals::MALFORMED;
use crate::conformance::scene::Scene;
use crate::wire::message::message;
use crate::wire::raw::{packet, string};
use postrider_client::ReasonCode;

pub(super) const CASES: &[Case] = &[
    case("topics that differ in case, slashes or spaces are different", ALL, distinct).v3("4.7.3-4").v5("4.7.3-4"),
    case("a topic of other scripts arrives as it was", ALL, scripts).v3("4.7.3-4").v5("4.7.3-4"),
    case("U+FEFF in a topic is kept", SINCE_3_1_1, byte_order_mark).v3("1.5.3-3").v5("1.5.4-3"),
    case("a topic of 65,535 bytes is a topic", ALL, longest).v3("4.7.3-3").v5("4.7.3-3"),
    case("empty levels are levels", ALL, empty_levels).v3("4.7.3-1").v5("4.7.3-1"),
    case("a PUBLISH to a topic with + ends the connection", ALL, plus).v3("3.3.2-2 4.7.1-1").v5("3.3.2-2 4.7.0-1"),
    case("a PUBLISH to a topic with # ends the connection", ALL, hash).v3("3.3.2-2 4.7.1-1").v5("3.3.2-2 4.7.0-1"),
    case("a PUBLISH without a topic ends the connection", SINCE_3_1_1, empty).v3("4.7.3-1").v5("4.7.3-1 4.13.1-1"),
    case("a PUBLISH to a topic that is not UTF-8 ends the connection", SINCE_3_1_1, not_utf8)
        .v3("1.5.3-1 3.3.2-1")
        .v5("1.5.4-1 3.3.2-1"),
    case("a PUBLISH to a topic with a surrogate ends the connection", SINCE_3_1_1, surrogate)
        .v3("1.5.3-1")
        .v5("1.5.4-1"),
    case("a PUBLISH to a topic in an overlong encoding ends the connection", SINCE_3_1_1, overlong)
        .v3("1.5.3-1")
        .v5("1.5.4-1"),
    case("a PUBLISH to a topic with U+0000 ends the connection", SINCE_3_1_1, nul)
        .v3("1.5.3-2 4.7.3-2")
        .v5("1.5.4-2 4.7.3-2"),
    case("# brings no topic that begins with $", ALL, dollar_and_hash)
        .v3("4.7.2-1")
        .v5("4.7.2-1")
        .needs(&[Wildcard])
        .alone(),
    case("+ brings no topic that begins with $", ALL, dollar_and_plus)
        .v3("4.7.2-1")
        .v5("4.7.2-1")
        .needs(&[Wildcard])
        .alone(),
];

/// Each of these topics reaches its own subscriber and no other.
fn keep_apart(scene: &Scene, names: &[&str]) -> Played {
    let mut publisher = scene.client("pub")?;
    let mut subscribers = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let mut subscriber = scene.client(&format!("s{at}"))?;
        subscriber.subscribe(&scene.topic(name), Q0)?;
        subscribers.push(subscriber);
    }
    for name in names {
        publisher.publish(&message(scene.topic(name), name))?;
    }
    for (subscriber, name) in subscribers.iter_mut().zip(names) {
        subscriber.expect_message(&scene.topic(name), name)?;
        subscriber.expect_quiet()?;
    }
    Ok(())
}

fn distinct(scene: &Scene) -> Played {
    keep_apart(scene, &["a", "A", "/a", "a/", "a ", " a", "a//b", "a/b"])
}

fn scripts(scene: &Scene) -> Played {
    keep_apart(scene, &["grüße", "gru\u{308}ße", "主题", "🐎/post"])
}

fn byte_order_mark(scene: &Scene) -> Played {
    keep_apart(scene, &["\u{feff}a", "a"])
}

fn empty_levels(scene: &Scene) -> Played {
    keep_apart(scene, &["/", "//"])
}

/// A broker may set itself a lower limit, but not another one for those who subscribe than for those who publish.
fn longest(scene: &Scene) -> Played {
    let mut topic = scene.topic("");
    topic.push_str(&"x".repeat(usize::from(u16::MAX) - topic.len()));
    let mut peer = scene.client("a")?;
    let subscribed = peer.subscribe(&topic, Q0).and_then(|()| {
        peer.publish(&message(&topic, "x"))?;
        peer.expect_message(&topic, "x")
    });
    match subscribed {
        Err(Fault::Failed(evidence)) => scene.note(format!("not with this broker: {}", evidence.came)),
        Err(fault) => return Err(fault),
        Ok(_) => peer.expect_quiet()?,
    }
    Ok(())
}

/// A PUBLISH of QoS 0 to these bytes, none of which may arrive.
fn to(scene: &Scene, topic: &[u8]) -> Played {
    let mut peer = scene.client("a")?;
    let properties: &[u8] = if scene.is_v5() { &[0] } else { &[] };
    peer.send(&packet(0x30, &[&string(topic)[..], properties, b"x"].concat()))?;
    peer.expect_closed(&[MALFORMED, &[ReasonCode::TopicNameInvalid]].concat())
}

fn plus(scene: &Scene) -> Played {
    to(scene, scene.topic("+/a").as_bytes())
}

fn hash(scene: &Scene) -> Played {
    to(scene, scene.topic("#").as_bytes())
}

fn empty(scene: &Scene) -> Played {
    to(scene, b"")
}

fn not_utf8(scene: &Scene) -> Played {
    to(scene, b"conformance/\xFF")
}

fn surrogate(scene: &Scene) -> Played {
    to(scene, b"conformance/\xED\xA0\x80")
}

fn overlong(scene: &Scene) -> Played {
    to(scene, b"conformance/\xC0\xAF")
}

fn nul(scene: &Scene) -> Played {
    to(scene, b"conformance/\0")
}

fn dollar_and_hash(scene: &Scene) -> Played {
    dollar(scene, "#")
}

fn dollar_and_plus(scene: &Scene) -> Played {
    dollar(scene, "+/conformance")
}

/// Whatever a broker says of itself, and a topic of ours that it may not take.
fn dollar(scene: &Scene, filter: &str) -> Played {
    let mut subscriber = scene.client("sub")?;
    subscriber.subscribe(filter, Q0)?;
    let (hidden, plain) =
        (format!("${}/conformance", scene.client_id("x")), format!("{}/conformance", scene.client_id("x")));
    let mut publisher = scene.client("pub")?;
    publisher.publish(&message(&hidden, "x"))?;
    // A broker may end the connection of whoever publishes there.
    let _ = publisher.ping();
    scene.client("other")?.publish(&message(&plain, "x"))?;
    let came = subscriber.receive_all()?;
    if let Some(message) = came.iter().find(|message| message.topic.starts_with('$')) {
        return Err(Fault::failed(format!("nothing of $ for {filter}"), message.describe()));
    }
    if came.iter().any(|message| message.topic == plain) {
        return Ok(());
    }
    Err(Fault::failed(format!("a PUBLISH to {plain} for {filter}"), format!("{} others", came.len())))
}

//! Subscription Identifiers of 5.0.
//!
//! Spec: 3.8.2.1.2, 3.3.2.3.8.

use super::Q0;
use crate::conformance::capability::Capability::{Retain, SubscriptionIds, Wildcard};
use crate::conformance::case::{Case, ONLY_5, case};
use crate::conformance::fault::{Played, check_eq};
use crate::conformance::peer::Peer;
use crate::conformance::refusals::{MALFORMED, PROTOCOL_ERROR};
use crate::conformance::scene::Scene;
use crate::wire::message::message;
use crate::wire::raw::{head, packet, string};
use postrider_client::SubscribeOptions;
use postrider_proto::{PropertiesBuf, Property, PropertyId, VARINT_MAX};

pub(super) const CASES: &[Case] = &[
    case("a message carries the identifier of its subscription", ONLY_5, one).v5("3.3.4-3").needs(&[SubscriptionIds]),
    case("a message of a subscription without an identifier carries none", ONLY_5, none).v5("3.3.4-3"),
    case("the largest identifier comes back", ONLY_5, largest).v5("3.3.4-3").needs(&[SubscriptionIds]),
    case("overlapping subscriptions all have their identifiers sent along", ONLY_5, several)
        .v5("3.3.4-3 3.3.4-4")
        .needs(&[SubscriptionIds, Wildcard]),
    case("a later SUBSCRIBE replaces the identifier", ONLY_5, replaced).v5("3.8.4-3").needs(&[SubscriptionIds]),
    case("a later SUBSCRIBE without an identifier removes it", ONLY_5, removed).v5("3.8.4-3").needs(&[SubscriptionIds]),
    case("a retained message carries the identifier", ONLY_5, retained).v5("3.3.4-3").needs(&[SubscriptionIds, Retain]),
    case("an identifier outlives the connection with its session", ONLY_5, durable)
        .v5("3.1.2-5 3.3.4-3")
        .needs(&[SubscriptionIds]),
    case("identifiers of two clients are independent", ONLY_5, two_clients).v5("3.3.4-3").needs(&[SubscriptionIds]),
    case("Subscription Identifier 0 ends the connection", ONLY_5, zero).v5("4.13.1-1").needs(&[SubscriptionIds]),
    case("two Subscription Identifiers in a SUBSCRIBE end the connection", ONLY_5, twice)
        .v5("4.13.1-1")
        .needs(&[SubscriptionIds]),
];

fn subscribe(peer: &mut Peer<'_>, filter: &str, identifier: Option<u32>) -> Played {
    let mut properties = PropertiesBuf::new();
    if let Some(identifier) = identifier {
        properties.push(Property::Varint(PropertyId::SubscriptionIdentifier, identifier));
    }
    peer.subscribe_with(filter, SubscribeOptions::of(Q0), &properties)
}

/// The next message carries these.
fn expect(peer: &mut Peer<'_>, topic: &str, identifiers: &[u32]) -> Played {
    let came = peer.expect_message(topic, "x")?;
    check_eq("subscription identifiers", identifiers, &came.numbers(PropertyId::SubscriptionIdentifier))?;
    peer.expect_quiet()
}

fn comes_back(scene: &Scene, identifier: Option<u32>) -> Played {
    let topic = scene.topic("a");
    let mut peer = scene.client("a")?;
    subscribe(&mut peer, &topic, identifier)?;
    peer.publish(&message(&topic, "x"))?;
    expect(&mut peer, &topic, identifier.as_slice())
}

fn one(scene: &Scene) -> Played {
    comes_back(scene, Some(7))
}

fn none(scene: &Scene) -> Played {
    comes_back(scene, None)
}

fn largest(scene: &Scene) -> Played {
    comes_back(scene, Some(VARINT_MAX))
}

fn several(scene: &Scene) -> Played {
    let topic = scene.topic("a/b");
    let mut peer = scene.client("a")?;
    for (filter, identifier) in [("a/b", 1), ("a/+", 200), ("a/#", 70_000), ("a/c", 9)] {
        subscribe(&mut peer, &scene.topic(filter), Some(identifier))?;
    }
    scene.client("pub")?.publish(&message(&topic, "x"))?;
    let mut copies = vec![peer.expect_message(&topic, "x")?];
    copies.extend(peer.receive_all()?);
    let mut found: Vec<u32> = copies.iter().flat_map(|copy| copy.numbers(PropertyId::SubscriptionIdentifier)).collect();
    found.sort_unstable();
    check_eq("subscription identifiers", vec![1, 200, 70_000], found)
}

fn replaced(scene: &Scene) -> Played {
    again(scene, Some(8))
}

fn removed(scene: &Scene) -> Played {
    again(scene, None)
}

fn again(scene: &Scene, identifier: Option<u32>) -> Played {
    let topic = scene.topic("a");
    let mut peer = scene.client("a")?;
    subscribe(&mut peer, &topic, Some(7))?;
    subscribe(&mut peer, &topic, identifier)?;
    peer.publish(&message(&topic, "x"))?;
    expect(&mut peer, &topic, identifier.as_slice())
}

fn retained(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut publisher = scene.client("pub")?;
    publisher.publish(&message(&topic, "x").retained())?;
    publisher.ping()?;
    let mut peer = scene.client("a")?;
    subscribe(&mut peer, &topic, Some(7))?;
    expect(&mut peer, &topic, &[7])
}

fn durable(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut before = scene.enter(&scene.hello("a").durable())?;
    subscribe(&mut before, &topic, Some(7))?;
    before.disconnect()?;
    let mut after = scene.enter(&scene.hello("a").durable())?;
    after.publish(&message(&topic, "x"))?;
    expect(&mut after, &topic, &[7])
}

fn two_clients(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut peers = [(scene.client("a")?, 1), (scene.client("b")?, 2)];
    for (peer, identifier) in &mut peers {
        subscribe(peer, &topic, Some(*identifier))?;
    }
    scene.client("pub")?.publish(&message(&topic, "x"))?;
    peers.iter_mut().try_for_each(|(peer, identifier)| expect(peer, &topic, &[*identifier]))
}

fn broken(scene: &Scene, properties: &[u8]) -> Played {
    let mut peer = scene.client("a")?;
    let body = [&head(scene.version, 1, properties)[..], &string(scene.topic("a")), &[0]].concat();
    peer.send(&packet(0x82, &body))?;
    peer.expect_closed(&[PROTOCOL_ERROR, MALFORMED].concat())
}

fn zero(scene: &Scene) -> Played {
    broken(scene, &[0x0B, 0])
}

fn twice(scene: &Scene) -> Played {
    broken(scene, &[0x0B, 1, 0x0B, 2])
}

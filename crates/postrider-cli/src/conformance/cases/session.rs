//! How long sessions last, and what Session Present says of them.
//!
//! Spec: 3.1.2.4, 3.1.2.11.2, 3.2.2.1.1, 3.14.2.2.2, 4.1 (5.0); 3.1.2.4 (3.1.1).

use super::Q0;
use crate::conformance::case::{ALL, Case, ONLY_5, SINCE_3_1_1, case};
use crate::conformance::fault::{Played, check_eq};
use crate::conformance::peer::Peer;
use crate::conformance::refusals::PROTOCOL_ERROR;
use crate::conformance::scene::Scene;
use crate::wire::hello::Hello;
use crate::wire::message::message;
use postrider_client::ReasonCode;
use postrider_proto::{Disconnect, PropertiesBuf, Property, PropertyId};
use std::time::Duration;

pub(super) const CASES: &[Case] = &[
    case("a session that never was is not present", SINCE_3_1_1, never_was).v3("3.2.2-3 3.1.2-4").v5("3.2.2-3 3.1.2-6"),
    case("a session that was kept is present", SINCE_3_1_1, kept).v3("3.2.2-2 3.1.2-4").v5("3.2.2-3 3.1.2-5 3.1.2-23"),
    case("a session is kept when the connection breaks", SINCE_3_1_1, kept_after_a_break)
        .v3("3.2.2-2 3.1.2-4")
        .v5("3.1.2-23"),
    case("subscriptions of a kept session need not be made again", ALL, subscriptions_stay)
        .v3("3.1.2-4 4.1.0-1")
        .v5("3.1.2-5"),
    case("a clean start drops the session and its subscriptions", ALL, clean_start)
        .v3("3.1.2-6 3.1.4-3 3.2.2-1")
        .v5("3.1.2-4 3.1.4-4 3.2.2-2"),
    case("a session that began clean is not there for the next connection", SINCE_3_1_1, clean_leaves_nothing)
        .v3("3.1.2-6")
        .v5("4.1.0-2"),
    case("a session without an expiry interval ends with its connection", ONLY_5, no_interval).v5("4.1.0-2 3.2.2-3"),
    case("a clean start with an expiry interval makes a session that is kept", ONLY_5, clean_and_kept)
        .v5("3.1.2-23 3.2.2-3"),
    case("a session is gone when its expiry interval has passed", ONLY_5, expires).v5("4.1.0-2"),
    case("a session is there until its expiry interval has passed", ONLY_5, not_yet).v5("3.1.2-23"),
    case("an expiry interval counts from the end of the connection", ONLY_5, counts_from_the_end)
        .v5("3.1.2-23 4.1.0-1"),
    case("an expiry interval of 0xFFFFFFFF keeps the session", ONLY_5, for_ever).v5("3.1.2-23"),
    case("a DISCONNECT can end the session at once", ONLY_5, ended_by_disconnect).v5("4.1.0-2"),
    case("a DISCONNECT can prolong a session", ONLY_5, prolonged_by_disconnect).v5("3.1.2-23"),
    case("a DISCONNECT cannot give an expiry interval to a session that had none", ONLY_5, raised).v5("4.13.1-1"),
    case("sessions of different clients are different", SINCE_3_1_1, others).v3("3.1.3-2").v5("3.1.3-2"),
];

fn is_present(peer: &Peer<'_>, expected: Presence) -> Played {
    let present = if peer.welcome()?.session_present { Presence::There } else { Presence::Gone };
    check_eq("session", expected, present)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    There,
    Gone,
}

fn never_was(scene: &Scene) -> Played {
    is_present(&scene.enter(&scene.hello("a").durable())?, Presence::Gone)
}

fn kept(scene: &Scene) -> Played {
    scene.enter(&scene.hello("a").durable())?.disconnect()?;
    is_present(&scene.enter(&scene.hello("a").durable())?, Presence::There)
}

fn kept_after_a_break(scene: &Scene) -> Played {
    scene.enter(&scene.hello("a").durable())?.cut();
    is_present(&scene.enter(&scene.hello("a").durable())?, Presence::There)
}

fn subscriptions_stay(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut before = scene.enter(&scene.hello("a").durable())?;
    before.subscribe(&topic, Q0)?;
    before.disconnect()?;
    let mut after = scene.enter(&scene.hello("a").durable())?;
    scene.client("pub")?.publish(&message(&topic, "x"))?;
    after.expect_message(&topic, "x")?;
    after.expect_quiet()
}

fn clean_start(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut before = scene.enter(&scene.hello("a").durable())?;
    before.subscribe(&topic, Q0)?;
    before.disconnect()?;
    let mut after = scene.client("a")?;
    is_present(&after, Presence::Gone)?;
    scene.client("pub")?.publish(&message(&topic, "x"))?;
    after.expect_quiet()?;
    after.subscribe(&topic, Q0)?;
    scene.check_hears(&mut after, &topic)
}

fn clean_leaves_nothing(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut before = scene.client("a")?;
    before.subscribe(&topic, Q0)?;
    before.disconnect()?;
    let mut after = scene.enter(&scene.hello("a").durable())?;
    is_present(&after, Presence::Gone)?;
    scene.client("pub")?.publish(&message(&topic, "x"))?;
    after.expect_quiet()?;
    after.subscribe(&topic, Q0)?;
    scene.check_hears(&mut after, &topic)
}

fn no_interval(scene: &Scene) -> Played {
    scene.enter(&scene.hello("a").resume())?.disconnect()?;
    is_present(&scene.enter(&scene.hello("a").resume())?, Presence::Gone)
}

fn clean_and_kept(scene: &Scene) -> Played {
    scene.enter(&scene.hello("a").expiry(60))?.disconnect()?;
    is_present(&scene.enter(&scene.hello("a").durable())?, Presence::There)
}

fn brief(scene: &Scene, seconds: u32) -> Hello {
    scene.hello("a").resume().expiry(seconds)
}

fn expires(scene: &Scene) -> Played {
    scene.enter(&brief(scene, 1))?.disconnect()?;
    // A broker may look once a second only.
    scene.pass(Duration::from_millis(3500));
    is_present(&scene.enter(&brief(scene, 1))?, Presence::Gone)
}

fn not_yet(scene: &Scene) -> Played {
    scene.enter(&brief(scene, 30))?.disconnect()?;
    scene.pass(Duration::from_millis(1500));
    is_present(&scene.enter(&brief(scene, 30))?, Presence::There)
}

fn counts_from_the_end(scene: &Scene) -> Played {
    let mut peer = scene.enter(&brief(scene, 2))?;
    scene.pass(Duration::from_millis(3000));
    peer.disconnect()?;
    is_present(&scene.enter(&brief(scene, 2))?, Presence::There)
}

fn for_ever(scene: &Scene) -> Played {
    scene.enter(&brief(scene, u32::MAX))?.disconnect()?;
    is_present(&scene.enter(&brief(scene, u32::MAX))?, Presence::There)
}

fn part_with(peer: &mut Peer<'_>, expiry_s: u32) -> Played {
    let mut properties = PropertiesBuf::new();
    properties.push(Property::FourBytes(PropertyId::SessionExpiryInterval, expiry_s));
    peer.part(&Disconnect { reason: ReasonCode::Success, properties: properties.as_properties() })
}

fn ended_by_disconnect(scene: &Scene) -> Played {
    part_with(&mut scene.enter(&brief(scene, 60))?, 0)?;
    is_present(&scene.enter(&brief(scene, 60))?, Presence::Gone)
}

fn prolonged_by_disconnect(scene: &Scene) -> Played {
    part_with(&mut scene.enter(&brief(scene, 1))?, 60)?;
    scene.pass(Duration::from_millis(3000));
    is_present(&scene.enter(&brief(scene, 60))?, Presence::There)
}

fn raised(scene: &Scene) -> Played {
    let mut peer = scene.client("a")?;
    let mut properties = PropertiesBuf::new();
    properties.push(Property::FourBytes(PropertyId::SessionExpiryInterval, 60));
    let mut bytes = Vec::new();
    let disconnect = Disconnect { reason: ReasonCode::Success, properties: properties.as_properties() };
    disconnect.encode(scene.version, &mut bytes);
    peer.send(&bytes)?;
    peer.expect_closed(PROTOCOL_ERROR)?;
    is_present(&scene.enter(&scene.hello("a").resume())?, Presence::Gone)
}

fn others(scene: &Scene) -> Played {
    scene.enter(&scene.hello("a").durable())?.disconnect()?;
    is_present(&scene.enter(&scene.hello("A").durable())?, Presence::Gone)?;
    is_present(&scene.enter(&scene.hello("a").durable())?, Presence::There)
}

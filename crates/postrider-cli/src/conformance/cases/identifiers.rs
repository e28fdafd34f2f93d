//! Client identifiers: which are allowed, which are given, and what happens when two clients have the same.
//!
//! Spec: 3.1.3.1, 3.1.4.

use super::Q0;
use crate::conformance::case::{ALL, Case, ONLY_3_1, ONLY_3_1_1, ONLY_5, SINCE_3_1_1, case};
use crate::conformance::fault::{Fault, Played, check_eq};
use crate::conformance::refusals::{Ending, MALFORMED};
use crate::conformance::scene::Scene;
use crate::wire::hello::Hello;
use crate::wire::message::message;
use crate::wire::raw::{RawConnect, string};
use postrider_client::{ReasonCode, Version};
use postrider_proto::PropertyId;

pub(super) const CASES: &[Case] = &[
    case("an identifier of 23 letters and digits is allowed", ALL, twenty_three).v3("3.1.3-5").v5("3.1.3-5"),
    case("a longer identifier with other characters is allowed", SINCE_3_1_1, long).v3("3.1.3-4").v5("3.1.3-4"),
    case("an empty identifier is refused in 3.1", ONLY_3_1, empty_in_3_1),
    case("an empty identifier with a clean session is let in", ONLY_3_1_1, empty_and_clean).v3("3.1.3-6"),
    case("an empty identifier without a clean session is refused", ONLY_3_1_1, empty_and_kept)
        .v3("3.1.3-9 3.1.3-7 3.1.3-8 3.2.2-4 3.2.2-5"),
    case("an empty identifier gets one assigned, which is told", ONLY_5, assigned).v5("3.1.3-6 3.1.3-7 3.2.2-16"),
    case("two empty identifiers get different ones assigned", ONLY_5, assigned_twice).v5("3.2.2-16"),
    case("two clients with empty identifiers do not disturb each other", SINCE_3_1_1, strangers)
        .v3("3.1.3-6")
        .v5("3.1.3-6"),
    case("an identifier that is not UTF-8 is not let in", SINCE_3_1_1, not_utf8)
        .v3("3.1.3-4 1.5.3-1")
        .v5("3.1.3-4 1.5.4-1"),
    case("an identifier with a surrogate is not let in", SINCE_3_1_1, surrogate)
        .v3("3.1.3-4 1.5.3-1")
        .v5("3.1.3-4 1.5.4-1"),
    case("an identifier with U+0000 is not let in", SINCE_3_1_1, nul).v3("1.5.3-2").v5("1.5.4-2"),
    case("a second client with the same identifier ends the first", ALL, take_over)
        .v3("3.1.4-2")
        .v5("3.14.2-2 3.1.4-3"),
    case("a client of another edition with the same identifier ends the first", SINCE_3_1_1, take_over_by_another)
        .v3("3.1.4-2")
        .v5("3.1.4-3"),
    case("a session that is taken over goes on with its subscriptions", ALL, take_over_with_session)
        .v3("3.1.4-2 3.1.2-4")
        .v5("3.1.4-3 3.1.2-5"),
];

fn twenty_three(scene: &Scene) -> Played {
    let mut client_id = scene.client_id("Az9");
    while client_id.len() < 23 {
        client_id.push('z');
    }
    scene.enter(&Hello { client_id, ..scene.hello("a") })?.expect_quiet()
}

fn long(scene: &Scene) -> Played {
    let client_id = format!("{}-{}/ü.{}", scene.client_id("a"), "long", "x".repeat(60));
    let mut peer = scene.dial()?;
    peer.send(&Hello { client_id, ..scene.hello("a") }.bytes())?;
    let welcome = peer.connack()?;
    is_refused(scene, welcome.reason, "identifiers beyond 23 letters and digits are refused").map(drop)
}

fn empty_in_3_1(scene: &Scene) -> Played {
    let mut peer = scene.dial()?;
    peer.send(&anonymous(scene).bytes())?;
    peer.expect_connect_refused(&[ReasonCode::ClientIdentifierNotValid])
}

fn anonymous(scene: &Scene) -> Hello {
    Hello { client_id: String::new(), ..scene.hello("a") }
}

/// A broker may refuse such identifiers; whatever else it says is wrong.
fn is_refused(scene: &Scene, reason: ReasonCode, remark: &str) -> Result<bool, Fault> {
    if reason == ReasonCode::ClientIdentifierNotValid {
        scene.note(remark);
        return Ok(true);
    }
    check_eq("reason", ReasonCode::Success, reason)?;
    Ok(false)
}

const NO_EMPTY: &str = "empty identifiers are refused";

fn empty_and_clean(scene: &Scene) -> Played {
    let mut peer = scene.dial()?;
    peer.send(&anonymous(scene).bytes())?;
    let welcome = peer.connack()?;
    if is_refused(scene, welcome.reason, NO_EMPTY)? {
        return Ok(());
    }
    check_eq("session present", false, welcome.session_present)?;
    peer.expect_quiet()
}

fn empty_and_kept(scene: &Scene) -> Played {
    let mut peer = scene.dial()?;
    peer.send(&anonymous(scene).resume().bytes())?;
    peer.expect_connect_refused(&[ReasonCode::ClientIdentifierNotValid])
}

/// The identifier that an anonymous client was given.
fn given(scene: &Scene) -> Result<Option<String>, Fault> {
    let mut peer = scene.dial()?;
    peer.send(&anonymous(scene).bytes())?;
    let welcome = peer.connack()?;
    if is_refused(scene, welcome.reason, NO_EMPTY)? {
        return Ok(None);
    }
    let name = welcome.properties.as_properties().text(PropertyId::AssignedClientIdentifier);
    let name = name.filter(|name| !name.is_empty()).map(|name| name.as_str().to_owned());
    name.map(Some).ok_or_else(|| Fault::failed("an Assigned Client Identifier in the CONNACK", "none"))
}

fn assigned(scene: &Scene) -> Played {
    given(scene).map(drop)
}

fn assigned_twice(scene: &Scene) -> Played {
    match (given(scene)?, given(scene)?) {
        (Some(one), Some(other)) if one == other => Err(Fault::failed("two identifiers", format!("twice {one}"))),
        _ => Ok(()),
    }
}

fn strangers(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut one = scene.dial()?;
    one.send(&anonymous(scene).bytes())?;
    if is_refused(scene, one.connack()?.reason, NO_EMPTY)? {
        return Ok(());
    }
    one.subscribe(&topic, Q0)?;
    let mut other = scene.enter(&anonymous(scene))?;
    other.publish(&message(&topic, "x"))?;
    one.expect_message(&topic, "x")?;
    other.expect_quiet()
}

fn with_id(scene: &Scene, client_id: &[u8]) -> Played {
    let mut peer = scene.dial()?;
    peer.send(&RawConnect { payload: string(client_id), ..RawConnect::new(scene.version, "") }.bytes())?;
    peer.expect_connect_malformed(MALFORMED)
}

fn not_utf8(scene: &Scene) -> Played {
    with_id(scene, b"conformance\xFF\xFE")
}

fn surrogate(scene: &Scene) -> Played {
    with_id(scene, b"conformance\xED\xA0\x80")
}

fn nul(scene: &Scene) -> Played {
    with_id(scene, b"conform\0ance")
}

fn take_over(scene: &Scene) -> Played {
    take_over_in(scene, scene.version)
}

fn take_over_by_another(scene: &Scene) -> Played {
    let other = if scene.is_v5() { Version::V3_1_1 } else { Version::V5 };
    if !scene.ground().abilities.spoken.contains(&other) {
        return Err(Fault::Skipped(format!("the broker was not asked to speak {other}")));
    }
    take_over_in(scene, other)
}

fn take_over_in(scene: &Scene, version: Version) -> Played {
    let mut old = scene.client("a")?;
    let mut new = scene.enter(&scene.hello("a").in_edition(version))?;
    match old.ending()? {
        Ending::StillOpen => return Err(Fault::failed("the end of the first connection", "it stays open")),
        Ending::Answered(heard) => return Err(Fault::wrong("the end of the first connection", &heard)),
        Ending::Closed(said) if scene.is_v5() => {
            let said = said.map_or_else(|| "no DISCONNECT".to_owned(), |reason| format!("DISCONNECT, {reason}"));
            check_eq("the last word", format!("DISCONNECT, {}", ReasonCode::SessionTakenOver), said)?;
        }
        Ending::Closed(_) => {}
    }
    new.expect_quiet()
}

fn take_over_with_session(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut old = scene.enter(&scene.hello("a").durable())?;
    old.subscribe(&topic, Q0)?;
    let mut new = scene.enter(&scene.hello("a").durable())?;
    if scene.version != Version::V3_1 {
        check_eq("session present", true, new.welcome()?.session_present)?;
    }
    old.ending()?;
    scene.client("pub")?.publish(&message(&topic, "x"))?;
    new.expect_message(&topic, "x")?;
    new.expect_quiet()
}

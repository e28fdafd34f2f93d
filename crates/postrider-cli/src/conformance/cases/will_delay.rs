//! Wills that wait before they are published.
//!
//! Spec: 3.1.3.2.2 (5.0).

use super::Q0;
use crate::conformance::capability::Capability::Will;
use crate::conformance::case::{Case, ONLY_5, case};
use crate::conformance::fault::{Fault, Played, check_eq};
use crate::conformance::peer::Peer;
use crate::conformance::scene::Scene;
use crate::wire::hello::Hello;
use crate::wire::message::message;
use postrider_proto::{Property, PropertyId};
use std::time::{Duration, Instant};

pub(super) const CASES: &[Case] = &[
    case("a will is published when its delay has passed and not before", ONLY_5, delayed).v5("3.1.2-8").needs(&[Will]),
    case("a will is not published if the client returns before its delay has passed", ONLY_5, returned)
        .v5("3.1.3-9 3.1.2-8")
        .needs(&[Will]),
    case("a will whose session ends before its delay is published then", ONLY_5, session_ends)
        .v5("3.1.2-8")
        .needs(&[Will]),
    case("a will with a delay is published at once if the session ends with the connection", ONLY_5, no_session)
        .v5("3.1.2-8")
        .needs(&[Will]),
    case("a will that waits is published when a clean start ends the session", ONLY_5, clean_start)
        .v5("3.1.2-8")
        .needs(&[Will]),
];

fn watch<'s>(scene: &'s Scene) -> Result<Peer<'s>, Fault> {
    let mut watcher = scene.client("watch")?;
    watcher.subscribe(&scene.topic("will"), Q0)?;
    Ok(watcher)
}

fn mortal(scene: &Scene, delay_s: u32) -> Hello {
    let delay = Property::FourBytes(PropertyId::WillDelayInterval, delay_s);
    scene.hello("mortal").will(message(scene.topic("will"), "gone").with(delay))
}

/// Waits a little longer than what must not come is late.
fn expect_will_within(scene: &Scene, watcher: &mut Peer<'_>, time: Duration) -> Played {
    let started = Instant::now();
    while started.elapsed() < time {
        scene.pass(Duration::from_millis(200));
        if let Some(message) = watcher.receive_all()?.into_iter().next() {
            return check_eq("payload", "gone".to_owned(), message.text());
        }
    }
    watcher.expect_message(&scene.topic("will"), "gone").map(drop)
}

fn delayed(scene: &Scene) -> Played {
    let mut watcher = watch(scene)?;
    scene.enter(&mortal(scene, 3).durable())?.cut();
    scene.pass(Duration::from_millis(1200));
    watcher.expect_quiet()?;
    expect_will_within(scene, &mut watcher, Duration::from_secs(4))
}

fn returned(scene: &Scene) -> Played {
    let mut watcher = watch(scene)?;
    scene.enter(&mortal(scene, 2).durable())?.cut();
    let mut back = scene.enter(&scene.hello("mortal").durable())?;
    scene.pass(Duration::from_millis(3500));
    watcher.expect_quiet()?;
    scene.check_hears(&mut watcher, &scene.topic("will"))?;
    back.expect_quiet()
}

fn session_ends(scene: &Scene) -> Played {
    let mut watcher = watch(scene)?;
    scene.enter(&mortal(scene, 60).resume().expiry(1))?.cut();
    expect_will_within(scene, &mut watcher, Duration::from_secs(4))
}

fn no_session(scene: &Scene) -> Played {
    let mut watcher = watch(scene)?;
    scene.enter(&mortal(scene, 60))?.cut();
    expect_will_within(scene, &mut watcher, Duration::from_secs(2))
}

fn clean_start(scene: &Scene) -> Played {
    let mut watcher = watch(scene)?;
    scene.enter(&mortal(scene, 60).durable())?.cut();
    watcher.expect_quiet()?;
    let _new = scene.client("mortal")?;
    expect_will_within(scene, &mut watcher, Duration::from_secs(2))
}

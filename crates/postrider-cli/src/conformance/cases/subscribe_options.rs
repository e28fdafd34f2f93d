//! Subscription options of 5.0: No Local, Retain As Published, Retain Handling.
//!
//! Spec: 3.8.3.1.

use super::Q0;
use crate::conformance::capability::Capability::Retain;
use crate::conformance::case::{Case, ONLY_5, case};
use crate::conformance::fault::{Fault, Played, check_eq};
use crate::conformance::peer::Peer;
use crate::conformance::scene::Scene;
use crate::wire::message::{Message, message};
use postrider_client::SubscribeOptions;
use postrider_proto::{PropertiesBuf, RetainHandling};

pub(super) const CASES: &[Case] = &[
    case("No Local keeps a client's own messages away, and those of others come", ONLY_5, no_local).v5("3.8.3-3"),
    case("No Local keeps a client's own retained messages away", ONLY_5, no_local_retained)
        .v5("3.8.3-3")
        .needs(&[Retain]),
    case("Retain As Published keeps RETAIN as the publisher set it", ONLY_5, as_published)
        .v5("3.3.1-13")
        .needs(&[Retain]),
    case("without Retain As Published RETAIN is 0", ONLY_5, not_as_published).v5("3.3.1-12").needs(&[Retain]),
    case("a retained message to a new subscription has RETAIN 1 either way", ONLY_5, replayed)
        .v5("3.3.1-9")
        .needs(&[Retain]),
    case("Retain Handling 0 brings retained messages with each SUBSCRIBE", ONLY_5, always)
        .v5("3.3.1-9 3.8.4-4")
        .needs(&[Retain]),
    case("Retain Handling 1 brings retained messages only if the subscription is new", ONLY_5, if_new)
        .v5("3.3.1-10")
        .needs(&[Retain]),
    case("Retain Handling 1 counts a subscription as new after it was ended", ONLY_5, new_again)
        .v5("3.3.1-10")
        .needs(&[Retain]),
    case("Retain Handling 1 knows a subscription of a kept session", ONLY_5, known).v5("3.3.1-10").needs(&[Retain]),
    case("Retain Handling 2 brings no retained messages", ONLY_5, never).v5("3.3.1-11").needs(&[Retain]),
    case("options of a later SUBSCRIBE replace those before", ONLY_5, replaced).v5("3.8.4-3"),
];

const PLAIN: SubscribeOptions = SubscribeOptions::of(Q0);
const NO_LOCAL: SubscribeOptions = SubscribeOptions { no_local: true, ..PLAIN };
const AS_PUBLISHED: SubscribeOptions = SubscribeOptions { retain_as_published: true, ..PLAIN };

const fn handling(retain_handling: RetainHandling) -> SubscribeOptions {
    SubscribeOptions { retain_handling, ..PLAIN }
}

fn subscribe(peer: &mut Peer<'_>, filter: &str, options: SubscribeOptions) -> Played {
    peer.subscribe_with(filter, options, &PropertiesBuf::new())
}

fn no_local(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut peer = scene.client("a")?;
    subscribe(&mut peer, &topic, NO_LOCAL)?;
    peer.publish(&message(&topic, "own"))?;
    peer.expect_quiet()?;
    scene.client("other")?.publish(&message(&topic, "other's"))?;
    peer.expect_message(&topic, "other's")?;
    peer.expect_quiet()
}

fn no_local_retained(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut peer = scene.client("a")?;
    peer.publish(&message(&topic, "own").retained())?;
    peer.ping()?;
    subscribe(&mut peer, &topic, NO_LOCAL)?;
    match peer.expect_quiet() {
        Err(Fault::Failed(_)) => scene.note("a client's own retained message comes despite No Local"),
        played => played?,
    }
    scene.check_hears(&mut peer, &topic)
}

/// RETAIN of a message that this one is sent as.
fn live(scene: &Scene, options: SubscribeOptions, sent: &Message) -> Result<bool, Fault> {
    let mut peer = scene.client("sub")?;
    subscribe(&mut peer, &sent.topic, options)?;
    scene.client("pub")?.publish(sent)?;
    Ok(peer.expect_message(&sent.topic, "x")?.retain)
}

fn as_published(scene: &Scene) -> Played {
    let retained = message(scene.topic("a"), "x").retained();
    check_eq("RETAIN of a message sent with RETAIN 1", true, live(scene, AS_PUBLISHED, &retained)?)?;
    let not_retained = message(scene.topic("b"), "x");
    check_eq("RETAIN of a message sent with RETAIN 0", false, live(scene, AS_PUBLISHED, &not_retained)?)
}

fn not_as_published(scene: &Scene) -> Played {
    let retained = message(scene.topic("a"), "x").retained();
    check_eq("RETAIN of a message sent with RETAIN 1", false, live(scene, PLAIN, &retained)?)
}

/// A retained message, and a client that has not subscribed.
fn kept(scene: &Scene) -> Result<(Peer<'_>, String), Fault> {
    let topic = scene.topic("a");
    let mut publisher = scene.client("pub")?;
    publisher.publish(&message(&topic, "kept").retained())?;
    publisher.ping()?;
    Ok((scene.client("sub")?, topic))
}

fn expect_kept(peer: &mut Peer<'_>, topic: &str) -> Played {
    check_eq("RETAIN", true, peer.expect_message(topic, "kept")?.retain)?;
    peer.expect_quiet()
}

fn replayed(scene: &Scene) -> Played {
    let (mut peer, topic) = kept(scene)?;
    for options in [PLAIN, AS_PUBLISHED] {
        subscribe(&mut peer, &topic, options)?;
        expect_kept(&mut peer, &topic)?;
    }
    Ok(())
}

fn always(scene: &Scene) -> Played {
    let (mut peer, topic) = kept(scene)?;
    for _ in 0..2 {
        subscribe(&mut peer, &topic, handling(RetainHandling::Always))?;
        expect_kept(&mut peer, &topic)?;
    }
    Ok(())
}

fn if_new(scene: &Scene) -> Played {
    let (mut peer, topic) = kept(scene)?;
    subscribe(&mut peer, &topic, handling(RetainHandling::IfNew))?;
    expect_kept(&mut peer, &topic)?;
    subscribe(&mut peer, &topic, handling(RetainHandling::IfNew))?;
    peer.expect_quiet()
}

fn new_again(scene: &Scene) -> Played {
    let (mut peer, topic) = kept(scene)?;
    for _ in 0..2 {
        subscribe(&mut peer, &topic, handling(RetainHandling::IfNew))?;
        expect_kept(&mut peer, &topic)?;
        peer.unsubscribe(&[&topic])?;
    }
    Ok(())
}

fn known(scene: &Scene) -> Played {
    let (_, topic) = kept(scene)?;
    let mut before = scene.enter(&scene.hello("durable").durable())?;
    subscribe(&mut before, &topic, handling(RetainHandling::IfNew))?;
    expect_kept(&mut before, &topic)?;
    before.disconnect()?;
    let mut after = scene.enter(&scene.hello("durable").durable())?;
    subscribe(&mut after, &topic, handling(RetainHandling::IfNew))?;
    after.expect_quiet()
}

fn never(scene: &Scene) -> Played {
    let (mut peer, topic) = kept(scene)?;
    subscribe(&mut peer, &topic, handling(RetainHandling::Never))?;
    peer.expect_quiet()?;
    scene.client("live")?.publish(&message(&topic, "live"))?;
    peer.expect_message(&topic, "live").map(drop)
}

fn replaced(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut peer = scene.client("a")?;
    subscribe(&mut peer, &topic, NO_LOCAL)?;
    subscribe(&mut peer, &topic, PLAIN)?;
    peer.publish(&message(&topic, "1"))?;
    peer.expect_message(&topic, "1")?;
    subscribe(&mut peer, &topic, NO_LOCAL)?;
    peer.publish(&message(&topic, "2"))?;
    peer.expect_quiet()
}

//! Wills: published when a client goes without a good-bye, and not otherwise.
//!
//! Spec: 3.1.2.5 to 3.1.2.7, 3.1.3.3, 3.14.4.

use super::{Q0, Q1};
use crate::conformance::capability::Capability::{Qos1, Retain, Will};
use crate::conformance::case::{ALL, Case, ONLY_5, case};
use crate::conformance::fault::{Fault, Played, check_eq, check_qos};
use crate::conformance::peer::Peer;
use crate::conformance::scene::Scene;
use crate::wire::hello::Hello;
use crate::wire::message::{Message, message};
use postrider_client::ReasonCode;
use postrider_proto::{Disconnect, Property, PropertyId};

pub(super) const CASES: &[Case] = &[
    case("a will is published when the connection breaks", ALL, on_a_break)
        .v3("3.1.2-8")
        .v5("3.1.2-7 3.1.2-8")
        .needs(&[Will]),
    case("a will is not published after a DISCONNECT", ALL, good_bye)
        .v3("3.1.2-10 3.14.4-3")
        .v5("3.1.2-10 3.14.4-3")
        .needs(&[Will]),
    case("a will is published once", ALL, once).v3("3.1.2-10").v5("3.1.2-10").needs(&[Will]),
    case("no will is published of a client that has none", ALL, none).v3("3.1.2-12").v5("3.1.2-8"),
    case("a will is published when the client breaks the protocol", ALL, on_a_breach)
        .v3("3.1.2-8")
        .v5("3.1.2-8")
        .needs(&[Will]),
    case("a will is published when the client sends a second CONNECT", ALL, on_a_second_connect)
        .v3("3.1.2-8 3.1.0-2")
        .v5("3.1.2-8 3.1.0-2")
        .needs(&[Will]),
    case("a will is published when another connection takes the session over", ALL, on_a_take_over)
        .v3("3.1.2-8")
        .v5("3.1.2-8")
        .needs(&[Will]),
    case("a will has its own QoS", ALL, qos).v3("3.1.2-9").v5("3.1.2-8").needs(&[Will, Qos1]),
    case("a will that is not to be retained is not", ALL, not_retained)
        .v3("3.1.2-16")
        .v5("3.1.2-14")
        .needs(&[Will, Retain]),
    case("a will that is to be retained is", ALL, retained).v3("3.1.2-17").v5("3.1.2-15").needs(&[Will, Retain]),
    case("a will may be empty", ALL, empty).v3("3.1.2-8").v5("3.1.2-8").needs(&[Will]),
    case("the will of a later connection replaces that of an earlier one", ALL, replaced)
        .v3("3.1.2-8")
        .v5("3.1.2-7")
        .needs(&[Will]),
    case("a DISCONNECT with reason 0x04 has the will published", ONLY_5, with_will).v5("3.1.2-8").needs(&[Will]),
    case("a DISCONNECT with an error has the will published", ONLY_5, with_error).v5("3.1.2-8").needs(&[Will]),
    case("properties of a will are published with it, in their order", ONLY_5, properties)
        .v5("3.1.3-10")
        .needs(&[Will]),
];

/// Somebody who hears the will, and the will.
fn watch(scene: &Scene) -> Result<(Peer<'_>, Message), Fault> {
    let topic = scene.topic("will");
    let mut watcher = scene.client("watch")?;
    watcher.subscribe(&topic, if scene.lacks(Qos1) { Q0 } else { Q1 })?;
    Ok((watcher, message(topic, "gone")))
}

fn mortal(scene: &Scene, will: &Message) -> Hello {
    scene.hello("mortal").will(will.clone())
}

fn on_a_break(scene: &Scene) -> Played {
    let (mut watcher, will) = watch(scene)?;
    let mortal = scene.enter(&mortal(scene, &will))?;
    watcher.expect_quiet()?;
    mortal.cut();
    let came = watcher.expect_message(&will.topic, "gone")?;
    check_eq("RETAIN", false, came.retain)?;
    watcher.expect_quiet()
}

fn good_bye(scene: &Scene) -> Played {
    let (mut watcher, will) = watch(scene)?;
    scene.enter(&mortal(scene, &will))?.disconnect()?;
    watcher.expect_quiet()?;
    scene.check_hears(&mut watcher, &will.topic)
}

fn once(scene: &Scene) -> Played {
    let (mut watcher, will) = watch(scene)?;
    scene.enter(&mortal(scene, &will).durable())?.cut();
    watcher.expect_message(&will.topic, "gone")?;
    // The session goes on without a will.
    scene.enter(&scene.hello("mortal").durable())?.cut();
    watcher.expect_quiet()
}

fn none(scene: &Scene) -> Played {
    let (mut watcher, will) = watch(scene)?;
    scene.client("mortal")?.cut();
    watcher.expect_quiet()?;
    scene.check_hears(&mut watcher, &will.topic)
}

fn breach(scene: &Scene, bytes: &[u8]) -> Played {
    let (mut watcher, will) = watch(scene)?;
    let mut mortal = scene.enter(&mortal(scene, &will))?;
    mortal.send(bytes)?;
    mortal.ending()?;
    watcher.expect_message(&will.topic, "gone").map(drop)
}

/// A PUBLISH of QoS 3.
fn on_a_breach(scene: &Scene) -> Played {
    breach(scene, &[0x36, 5, 0, 1, b'a', 0, 1])
}

fn on_a_second_connect(scene: &Scene) -> Played {
    breach(scene, &scene.hello("mortal").bytes())
}

fn on_a_take_over(scene: &Scene) -> Played {
    let (mut watcher, will) = watch(scene)?;
    let _old = scene.enter(&mortal(scene, &will))?;
    let _new = scene.client("mortal")?;
    watcher.expect_message(&will.topic, "gone").map(drop)
}

fn qos(scene: &Scene) -> Played {
    let (mut watcher, will) = watch(scene)?;
    let will = will.qos1();
    scene.enter(&mortal(scene, &will))?.cut();
    let came = watcher.expect_message(&will.topic, "gone")?;
    check_qos("QoS", Q1, came.qos)
}

fn not_retained(scene: &Scene) -> Played {
    let (mut watcher, will) = watch(scene)?;
    scene.enter(&mortal(scene, &will))?.cut();
    watcher.expect_message(&will.topic, "gone")?;
    let mut late = scene.client("late")?;
    late.subscribe(&will.topic, Q0)?;
    late.expect_quiet()
}

fn retained(scene: &Scene) -> Played {
    let (mut watcher, will) = watch(scene)?;
    let will = will.retained();
    scene.enter(&mortal(scene, &will))?.cut();
    let live = watcher.expect_message(&will.topic, "gone")?;
    check_eq("RETAIN towards an established subscription", false, live.retain)?;
    let mut late = scene.client("late")?;
    late.subscribe(&will.topic, Q0)?;
    let kept = late.expect_message(&will.topic, "gone")?;
    check_eq("RETAIN towards a new subscription", true, kept.retain)
}

fn empty(scene: &Scene) -> Played {
    let (mut watcher, will) = watch(scene)?;
    let will = Message { payload: Vec::new(), ..will };
    scene.enter(&mortal(scene, &will))?.cut();
    watcher.expect_message(&will.topic, "").map(drop)
}

fn replaced(scene: &Scene) -> Played {
    let (mut watcher, will) = watch(scene)?;
    let mut first = scene.enter(&mortal(scene, &will).durable())?;
    first.disconnect()?;
    let later = message(&will.topic, "later");
    scene.enter(&mortal(scene, &later).durable())?.cut();
    watcher.expect_message(&will.topic, "later")?;
    watcher.expect_quiet()
}

fn part_with(scene: &Scene, reason: ReasonCode) -> Played {
    let (mut watcher, will) = watch(scene)?;
    let mut mortal = scene.enter(&mortal(scene, &will))?;
    mortal.part(&Disconnect::new(reason))?;
    watcher.expect_message(&will.topic, "gone").map(drop)
}

fn with_will(scene: &Scene) -> Played {
    part_with(scene, ReasonCode::DisconnectWithWill)
}

fn with_error(scene: &Scene) -> Played {
    part_with(scene, ReasonCode::UnspecifiedError)
}

fn properties(scene: &Scene) -> Played {
    let (mut watcher, will) = watch(scene)?;
    let will = will
        .with(Property::Byte(PropertyId::PayloadFormatIndicator, 1))
        .with(Property::Text(PropertyId::ContentType, "text/plain".into()))
        .with(Property::Text(PropertyId::ResponseTopic, "answer".into()))
        .with(Property::Binary(PropertyId::CorrelationData, &[0, 1, 255]))
        .with(Property::Pair("b".into(), "1".into()))
        .with(Property::Pair("a".into(), "2".into()))
        .with(Property::Pair("b".into(), "3".into()));
    scene.enter(&mortal(scene, &will))?.cut();
    let came = watcher.expect_message(&will.topic, "gone")?;
    super::properties::check_same(&will, &came)
}

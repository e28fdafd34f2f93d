//! Shared subscriptions of 5.0.
//!
//! Spec: 4.8.2, 3.8.3.1.

use super::{Q0, Q1, Q2};
use crate::conformance::capability::Capability::{Qos1, Qos2, Retain, Shared, Wildcard};
use crate::conformance::case::{Case, ONLY_3_1_1, ONLY_5, case};
use crate::conformance::fault::{Fault, Played, check_eq, check_qos};
use crate::conformance::peer::Peer;
use crate::conformance::refusals::PROTOCOL_ERROR;
use crate::conformance::scene::Scene;
use crate::wire::message::message;
use crate::wire::raw::{self, head, packet, string};
use postrider_client::{Qos, SubscribeOptions};
use postrider_proto::PropertiesBuf;

pub(super) const CASES: &[Case] = &[
    case("each message goes to one member of a share, and every member gets some", ONLY_5, balance).needs(&[Shared]),
    case("each of two shares gets every message", ONLY_5, two_shares).needs(&[Shared]),
    case("a share and a plain subscription both get a message", ONLY_5, beside_plain).needs(&[Shared]),
    case("a share with wildcards matches like a filter with wildcards", ONLY_5, wildcard).needs(&[Shared, Wildcard]),
    case("a share brings no retained messages when it is subscribed to", ONLY_5, no_retained)
        .v5("3.3.1-9")
        .needs(&[Shared, Retain]),
    case("a share has the QoS that was granted", ONLY_5, qos).v5("4.8.2-3").needs(&[Shared, Qos2]),
    case("a member that leaves gets nothing, and the others get all", ONLY_5, leaving)
        .v5("3.10.4-1 3.10.4-2")
        .needs(&[Shared]),
    case("a member whose connection is gone does not swallow messages", ONLY_5, gone).needs(&[Shared, Qos1]),
    case("an unsubscribed share is told from one that never was", ONLY_5, codes)
        .v5("3.10.4-1 3.11.3-1")
        .needs(&[Shared]),
    case("No Local on a share ends the connection", ONLY_5, no_local).v5("3.8.3-4").needs(&[Shared]),
    case("a share without a name is refused", ONLY_5, nameless).v5("4.8.2-1"),
    case("a share with a wildcard in its name is refused", ONLY_5, wild_name).v5("4.8.2-2"),
    case("a share without a filter is refused", ONLY_5, filterless).v5("4.8.2-2"),
    case("a share serves clients of 3.1.1 where the broker shares with them", ONLY_3_1_1, before_5).needs(&[Shared]),
];

fn share(scene: &Scene, group: &str, filter: &str) -> String {
    format!("$share/{group}/{}", scene.topic(filter))
}

fn member<'s>(scene: &'s Scene, who: &str, filter: &str, qos: Qos) -> Result<Peer<'s>, Fault> {
    let mut peer = scene.client(who)?;
    peer.subscribe(filter, qos)?;
    Ok(peer)
}

const COUNT: usize = 40;

fn publish_all(scene: &Scene, qos: Qos) -> Played {
    let mut publisher = scene.client("pub")?;
    (0..COUNT).try_for_each(|number| publisher.publish(&message(scene.topic("a"), format!("{number:02}")).qos(qos)))
}

/// Every message exactly once, whoever got it.
fn check_complete(heaps: &[Vec<String>]) -> Played {
    let mut all: Vec<String> = heaps.concat();
    all.sort();
    check_eq("messages of the share", (0..COUNT).map(|number| format!("{number:02}")).collect::<Vec<_>>(), all)
}

fn texts(peer: &mut Peer<'_>) -> Result<Vec<String>, Fault> {
    Ok(peer.receive_all()?.iter().map(|message| message.text()).collect())
}

fn balance(scene: &Scene) -> Played {
    let filter = share(scene, "g", "a");
    let mut members = [member(scene, "a", &filter, Q0)?, member(scene, "b", &filter, Q0)?];
    publish_all(scene, Q0)?;
    let heaps = [texts(&mut members[0])?, texts(&mut members[1])?];
    check_complete(&heaps)?;
    if heaps.iter().any(Vec::is_empty) {
        scene.note("one member of a share gets everything");
    }
    Ok(())
}

fn two_shares(scene: &Scene) -> Played {
    let mut members =
        [member(scene, "a", &share(scene, "g", "a"), Q0)?, member(scene, "b", &share(scene, "h", "a"), Q0)?];
    publish_all(scene, Q0)?;
    members.iter_mut().try_for_each(|peer| check_complete(&[texts(peer)?]))
}

fn beside_plain(scene: &Scene) -> Played {
    let mut sharer = member(scene, "a", &share(scene, "g", "a"), Q0)?;
    let mut plain = member(scene, "b", &scene.topic("a"), Q0)?;
    publish_all(scene, Q0)?;
    check_complete(&[texts(&mut sharer)?])?;
    check_complete(&[texts(&mut plain)?])
}

fn wildcard(scene: &Scene) -> Played {
    let mut peer = member(scene, "a", &share(scene, "g", "+/x"), Q0)?;
    let mut publisher = scene.client("pub")?;
    for name in ["a/x", "a/y", "b/x", "x"] {
        publisher.publish(&message(scene.topic(name), name))?;
    }
    check_eq("topics", vec!["a/x".to_owned(), "b/x".to_owned()], peer.receive_sorted(2)?)?;
    peer.expect_quiet()
}

fn no_retained(scene: &Scene) -> Played {
    let mut publisher = scene.client("pub")?;
    publisher.publish(&message(scene.topic("a"), "kept").retained())?;
    publisher.ping()?;
    let mut peer = member(scene, "a", &share(scene, "g", "a"), Q0)?;
    peer.expect_quiet()?;
    publisher.publish(&message(scene.topic("a"), "live"))?;
    peer.expect_message(&scene.topic("a"), "live").map(drop)
}

fn qos(scene: &Scene) -> Played {
    let mut publisher = scene.client("pub")?;
    for granted in [Q0, Q1, Q2] {
        let name = granted.to_string();
        let mut peer = member(scene, &format!("s{name}"), &share(scene, "g", &name), granted)?;
        publisher.publish(&message(scene.topic(&name), "x").qos2())?;
        check_qos("QoS", granted, peer.expect_message(&scene.topic(&name), "x")?.qos)?;
    }
    Ok(())
}

fn leaving(scene: &Scene) -> Played {
    let filter = share(scene, "g", "a");
    let (mut stays, mut leaves) = (member(scene, "a", &filter, Q0)?, member(scene, "b", &filter, Q0)?);
    leaves.unsubscribe(&[&filter])?;
    publish_all(scene, Q0)?;
    check_complete(&[texts(&mut stays)?])?;
    leaves.expect_quiet()
}

fn gone(scene: &Scene) -> Played {
    let filter = share(scene, "g", "a");
    let (mut stays, leaves) = (member(scene, "a", &filter, Q1)?, member(scene, "b", &filter, Q1)?);
    leaves.cut();
    stays.ping()?;
    scene.pass(std::time::Duration::from_millis(300));
    let mut publisher = scene.client("pub")?;
    for number in 0..COUNT {
        publisher.publish(&message(scene.topic("a"), format!("{number:02}")).qos1())?;
    }
    check_complete(&[texts(&mut stays)?])
}

fn codes(scene: &Scene) -> Played {
    let (filter, other) = (share(scene, "g", "a"), share(scene, "h", "a"));
    let mut peer = member(scene, "a", &filter, Q0)?;
    check_eq("codes", vec![0x11, 0], peer.unsubscribe(&[&other, &filter])?)
}

fn no_local(scene: &Scene) -> Played {
    let mut peer = scene.client("a")?;
    let body = [&head(scene.version, 1, &[])[..], &string(share(scene, "g", "a")), &[0b100]].concat();
    peer.send(&packet(0x82, &body))?;
    peer.expect_closed(PROTOCOL_ERROR)
}

fn nameless(scene: &Scene) -> Played {
    super::wildcards::expect_refused(scene, share(scene, "", "a").as_bytes())
}

fn wild_name(scene: &Scene) -> Played {
    super::wildcards::expect_refused(scene, share(scene, "g+", "a").as_bytes())
}

fn filterless(scene: &Scene) -> Played {
    super::wildcards::expect_refused(scene, format!("$share/{}", scene.client_id("g")).as_bytes())
}

fn before_5(scene: &Scene) -> Played {
    let filter = share(scene, "g", "a");
    let mut members = [scene.client("a")?, scene.client("b")?];
    for peer in &mut members {
        let packet = raw::subscribe(scene.version, 1, &[(&filter, SubscribeOptions::of(Q0))], &PropertiesBuf::new());
        if peer.request_subscription(1, &packet)? != [0] {
            return Err(Fault::Skipped("the broker refuses the filter".to_owned()));
        }
    }
    publish_all(scene, Q0)?;
    let heaps = [texts(&mut members[0])?, texts(&mut members[1])?];
    if heaps.iter().all(Vec::is_empty) {
        return Err(Fault::Skipped("to the broker it is a filter like any other".to_owned()));
    }
    check_complete(&heaps)
}

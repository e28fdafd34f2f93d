//! Signs of life: PINGREQ, and what silence costs.
//!
//! Spec: 3.1.2.10, 3.12, 3.13.

use super::Q0;
use crate::conformance::capability::Capability::Will;
use crate::conformance::case::{ALL, Case, SINCE_3_1_1, case};
use crate::conformance::fault::{Fault, Played};
use crate::conformance::peer::{Peer, Sound};
use crate::conformance::refusals::MALFORMED;
use crate::conformance::scene::Scene;
use crate::wire::heard::{Heard, What};
use crate::wire::message::message;
use crate::wire::raw::packet;
use postrider_client::ReasonCode;
use std::time::{Duration, Instant};

pub(super) const CASES: &[Case] = &[
    case("a PINGREQ is answered with a PINGRESP", ALL, ping).v3("3.12.4-1").v5("3.12.4-1"),
    case("each PINGREQ is answered", ALL, pings).v3("3.12.4-1").v5("3.12.4-1"),
    case("silence for one and a half keep alives ends the connection", ALL, silence)
        .v3("3.1.2-24")
        .v5("3.1.2-22 3.2.2-22"),
    case("a will is published when its client has been silent too long", ALL, silent_will)
        .v3("3.1.2-24 3.1.2-8")
        .v5("3.1.2-22 3.1.2-8")
        .needs(&[Will]),
    case("PINGREQs keep a connection alive", ALL, pinged).v3("3.1.2-24").v5("3.1.2-22"),
    case("messages keep a connection alive", ALL, published).v3("3.1.2-24").v5("3.1.2-22"),
    case("messages towards a client do not keep its connection alive", ALL, deaf).v3("3.1.2-24").v5("3.1.2-22"),
    case("a keep alive of 0 permits silence", ALL, no_keep_alive).v3("3.1.2-24").v5("3.1.2-22"),
    case("a PINGREQ with a body ends the connection", SINCE_3_1_1, body).v3("4.8.0-1").v5("4.13.1-1"),
];

fn ping(scene: &Scene) -> Played {
    scene.client("a")?.expect_quiet()
}

fn pings(scene: &Scene) -> Played {
    let mut peer = scene.client("a")?;
    peer.send(&[0xC0, 0].repeat(3))?;
    for _ in 0..3 {
        let heard = peer.hear("a PINGRESP")?;
        if !matches!(heard.what, What::Pingresp) {
            return Err(Fault::wrong("a PINGRESP", &heard));
        }
    }
    peer.expect_quiet()
}

/// A client with a keep alive of this many seconds, unless the broker puts its own in its place.
fn keep_alive(scene: &Scene, seconds: u16) -> Result<Peer<'_>, Fault> {
    if let Some(other) = scene.ground().abilities.keep_alive_s {
        return Err(Fault::Skipped(format!("the broker sets a keep alive of {other} s itself")));
    }
    scene.enter(&scene.hello("a").keep_alive(seconds))
}

/// Waits for the end of a connection whose keep alive is a second.
fn watch_it_end(scene: &Scene, peer: &mut Peer<'_>, since: Instant) -> Played {
    let mut said = None;
    while since.elapsed() < LATE {
        match peer.listen(LATE.saturating_sub(since.elapsed()))? {
            Sound::End => return judge(scene, since.elapsed(), said),
            Sound::Silence => break,
            Sound::Packet(Heard { what: What::Disconnect(reason), .. }) if scene.is_v5() => said = Some(reason),
            // Of those that are sent to a deaf client.
            Sound::Packet(Heard { what: What::Publish(_), .. }) => {}
            Sound::Packet(heard) => return Err(Fault::wrong("the end of the connection", &heard)),
        }
    }
    Err(Fault::failed(
        "the end of the connection after 1.5 s of silence",
        format!("it is open after {} s", LATE.as_secs()),
    ))
}

fn judge(scene: &Scene, took: Duration, said: Option<ReasonCode>) -> Played {
    if took < Duration::from_millis(1000) {
        return Err(Fault::failed("patience for 1.5 s", format!("the end after {} ms", took.as_millis())));
    }
    if took > Duration::from_millis(3500) {
        scene.note(format!("the connection is ended after {:.1} s instead of 1.5 s", took.as_secs_f32()));
    }
    match said {
        Some(ReasonCode::KeepAliveTimeout) => {}
        Some(reason) => scene.note(format!("DISCONNECT says {reason}")),
        None if scene.is_v5() => scene.note("the broker closes the connection without a DISCONNECT"),
        None => {}
    }
    Ok(())
}

/// Brokers look every few seconds; later than this they do not look.
const LATE: Duration = Duration::from_secs(10);

fn silence(scene: &Scene) -> Played {
    let mut peer = keep_alive(scene, 1)?;
    watch_it_end(scene, &mut peer, Instant::now())
}

fn silent_will(scene: &Scene) -> Played {
    let topic = scene.topic("will");
    let mut watcher = scene.client("watch")?;
    watcher.subscribe(&topic, Q0)?;
    if scene.ground().abilities.keep_alive_s.is_some() {
        return Err(Fault::Skipped("the broker sets the keep alive itself".to_owned()));
    }
    let mut mortal = scene.enter(&scene.hello("a").keep_alive(1).will(message(&topic, "gone")))?;
    watch_it_end(scene, &mut mortal, Instant::now())?;
    watcher.expect_message(&topic, "gone").map(drop)
}

/// Between signs of life, four of which take longer than one and a half keep alives of two seconds; a machine that
/// is busy may make two seconds more of it.
const PAUSE: Duration = Duration::from_millis(1000);

fn pinged(scene: &Scene) -> Played {
    let mut peer = keep_alive(scene, 2)?;
    for _ in 0..4 {
        scene.pass(PAUSE);
        peer.ping()?;
    }
    Ok(())
}

fn published(scene: &Scene) -> Played {
    let mut peer = keep_alive(scene, 2)?;
    for _ in 0..4 {
        scene.pass(PAUSE);
        peer.publish(&message(scene.topic("a"), "x"))?;
    }
    peer.expect_quiet()
}

fn deaf(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut peer = keep_alive(scene, 1)?;
    peer.subscribe(&topic, Q0)?;
    let since = Instant::now();
    let mut publisher = scene.client("pub")?;
    for _ in 0..5 {
        publisher.publish(&message(&topic, "x"))?;
        scene.pass(Duration::from_millis(250));
    }
    watch_it_end(scene, &mut peer, since)
}

fn no_keep_alive(scene: &Scene) -> Played {
    let mut peer = keep_alive(scene, 0)?;
    scene.pass(Duration::from_millis(3000));
    peer.expect_quiet()
}

fn body(scene: &Scene) -> Played {
    let mut peer = scene.client("a")?;
    peer.send(&packet(0xC0, &[0]))?;
    peer.expect_closed(MALFORMED)
}

//! DISCONNECT: the last packet of a client.
//!
//! Spec: 3.14.

use super::Q0;
use crate::conformance::case::{ALL, Case, ONLY_5, SINCE_3_1_1, case};
use crate::conformance::fault::{Fault, Played};
use crate::conformance::peer::{Peer, Sound};
use crate::conformance::refusals::{Ending, MALFORMED};
use crate::conformance::scene::Scene;
use crate::wire::message::message;
use crate::wire::raw::{packet, string};

pub(super) const CASES: &[Case] = &[
    case("a broker closes the connection after a DISCONNECT", ALL, closes).v3("3.14.4-1").v5("3.14.4-2"),
    case("nothing behind a DISCONNECT is acted on", ALL, behind).v3("3.14.4-2").v5("3.14.4-1"),
    case("a DISCONNECT with flags ends the connection with a mistake", SINCE_3_1_1, flags)
        .v3("3.14.1-1 2.2.2-2")
        .v5("3.14.1-1 2.1.3-1"),
    case("a DISCONNECT with properties is understood", ONLY_5, properties).v5("3.14.4-3"),
    case("a DISCONNECT with a reason that clients do not have ends the connection", ONLY_5, bad_reason).v5("3.14.2-1"),
    case("a property of another packet in a DISCONNECT ends the connection", ONLY_5, misplaced).v5("4.13.1-1"),
];

fn closes(scene: &Scene) -> Played {
    let mut peer = scene.client("a")?;
    peer.send(&[0xE0, 0])?;
    ends_in_silence(scene, &mut peer)
}

fn ends_in_silence(scene: &Scene, peer: &mut Peer<'_>) -> Played {
    match peer.listen(scene.ground().timeout)? {
        Sound::End => Ok(()),
        Sound::Packet(heard) => Err(Fault::wrong("nothing after a DISCONNECT", &heard)),
        Sound::Silence => {
            scene.note("the broker leaves it to the client to close the connection");
            Ok(())
        }
    }
}

fn behind(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut subscriber = scene.client("sub")?;
    subscriber.subscribe(&topic, Q0)?;
    let mut peer = scene.client("a")?;
    peer.send(&[vec![0xE0, 0], message(&topic, "x").bytes(scene.version)].concat())?;
    // A reset is an end as well.
    peer.listen(scene.ground().timeout)?;
    match subscriber.expect_quiet() {
        Err(Fault::Failed(_)) => scene.note("a PUBLISH behind a DISCONNECT is passed on"),
        played => return played,
    }
    Ok(())
}

fn flags(scene: &Scene) -> Played {
    broken(scene, &[0xE1, 0])
}

fn broken(scene: &Scene, bytes: &[u8]) -> Played {
    let mut peer = scene.client("a")?;
    peer.send(bytes)?;
    // Whoever says good-bye need not be told why it was a bad one.
    match peer.ending()? {
        Ending::Closed(Some(reason)) if !MALFORMED.contains(&reason) => scene.note(format!("DISCONNECT says {reason}")),
        Ending::Closed(_) => {}
        Ending::StillOpen => return Err(Fault::failed("the end of the connection", "it stays open")),
        Ending::Answered(heard) => return Err(Fault::wrong("the end of the connection", &heard)),
    }
    Ok(())
}

fn properties(scene: &Scene) -> Played {
    let mut peer = scene.client("a")?;
    let pair = [&[0x26][..], &string("a"), &string("b")].concat();
    let reason = [&[0x1F][..], &string("done")].concat();
    let len = u8::try_from(pair.len() + reason.len()).unwrap_or_default();
    peer.send(&packet(0xE0, &[&[0, len][..], &pair, &reason].concat()))?;
    ends_in_silence(scene, &mut peer)
}

fn bad_reason(scene: &Scene) -> Played {
    broken(scene, &[0xE0, 1, 0x01])
}

fn misplaced(scene: &Scene) -> Played {
    broken(scene, &packet(0xE0, &[0, 3, 0x21, 0, 9]))
}

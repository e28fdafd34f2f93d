//! Packets that clients do not send, and bytes that are no packets.
//!
//! Spec: 2.1, 4.13 (5.0); 2.2, 4.8 (3.1.1).

use super::Q0;
use crate::conformance::case::{ALL, BEFORE_5, Case, ONLY_5, SINCE_3_1_1, case};
use crate::conformance::fault::{Fault, Played};
use crate::conformance::peer::Sound;
use crate::conformance::refusals::MALFORMED;
use crate::conformance::scene::Scene;
use crate::wire::message::message;
use crate::wire::raw::{RawConnect, packet};

pub(super) const CASES: &[Case] = &[
    case("a CONNACK from a client ends the connection", ALL, connack).v3("4.8.0-1").v5("4.13.1-1"),
    case("a SUBACK from a client ends the connection", ALL, suback).v3("4.8.0-1").v5("4.13.1-1"),
    case("an UNSUBACK from a client ends the connection", ALL, unsuback).v3("4.8.0-1").v5("4.13.1-1"),
    case("a PINGRESP from a client ends the connection", ALL, pingresp).v3("4.8.0-1").v5("4.13.1-1"),
    case("a packet of type 0 ends the connection", ALL, type_0).v3("4.8.0-1").v5("4.13.1-1"),
    case("a packet of type 15 ends the connection before 5.0", BEFORE_5, type_15).v3("4.8.0-1"),
    case("flags of a PINGREQ end the connection", SINCE_3_1_1, ping_flags).v3("2.2.2-1 2.2.2-2").v5("2.1.3-1"),
    case("flags of a PUBACK end the connection", SINCE_3_1_1, puback_flags).v3("2.2.2-1 2.2.2-2").v5("2.1.3-1"),
    case("a remaining length of five bytes ends the connection", ALL, long_length).v3("4.8.0-1").v5("1.5.5-1 4.13.1-1"),
    case("a remaining length of five bytes is no CONNECT", ALL, long_connect).v3("3.1.4-1").v5("1.5.5-1 3.1.4-1"),
    case("a remaining length that is longer than it need be is a mistake in 5.0", ONLY_5, not_minimal).v5("1.5.5-1"),
    case("a PUBACK without a packet identifier ends the connection", ALL, puback_cut).v3("4.8.0-1").v5("4.13.1-1"),
    case("a PUBACK with packet identifier 0 is a mistake", ALL, puback_0).v3("2.3.1-1").v5("2.2.1-3"),
    case("a PUBACK with a reason that it does not have is a mistake", ONLY_5, puback_reason).v5("3.4.2-1"),
    case("a PUBREL with a reason that it does not have is a mistake", ONLY_5, pubrel_reason).v5("3.6.2-1"),
    case("a property of another packet in a PUBACK ends the connection", ONLY_5, puback_misplaced).v5("4.13.1-1"),
    case("half a packet and the end of the connection disturb nobody", ALL, half),
    case("a mistake of one client disturbs no other", ALL, bystander).v3("4.8.0-1").v5("4.13.1-1"),
    case("another protocol is shown the door", ALL, stranger).v3("3.1.0-1 3.1.4-1").v5("3.1.0-1 3.1.4-1"),
];

fn ends(scene: &Scene, bytes: &[u8]) -> Played {
    let mut peer = scene.client("a")?;
    peer.send(bytes)?;
    peer.expect_closed(MALFORMED)
}

fn noted(scene: &Scene, bytes: &[u8]) -> Played {
    let mut peer = scene.client("a")?;
    peer.send(bytes)?;
    peer.expect_closed_or_note(MALFORMED)
}

fn connack(scene: &Scene) -> Played {
    let body: &[u8] = if scene.is_v5() { &[0, 0, 0] } else { &[0, 0] };
    ends(scene, &packet(0x20, body))
}

fn suback(scene: &Scene) -> Played {
    let body: &[u8] = if scene.is_v5() { &[0, 1, 0, 0] } else { &[0, 1, 0] };
    ends(scene, &packet(0x90, body))
}

fn unsuback(scene: &Scene) -> Played {
    let body: &[u8] = if scene.is_v5() { &[0, 1, 0, 0] } else { &[0, 1] };
    ends(scene, &packet(0xB0, body))
}

fn pingresp(scene: &Scene) -> Played {
    ends(scene, &[0xD0, 0])
}

fn type_0(scene: &Scene) -> Played {
    ends(scene, &[0x00, 0])
}

fn type_15(scene: &Scene) -> Played {
    ends(scene, &[0xF0, 0])
}

fn ping_flags(scene: &Scene) -> Played {
    ends(scene, &[0xC1, 0])
}

fn puback_flags(scene: &Scene) -> Played {
    ends(scene, &[0x42, 2, 0, 1])
}

fn long_length(scene: &Scene) -> Played {
    ends(scene, &[0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x01, 0, 0])
}

fn long_connect(scene: &Scene) -> Played {
    let mut peer = scene.dial()?;
    peer.send(&[0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0x01, 0, 4, b'M', b'Q', b'T', b'T'])?;
    peer.expect_connect_malformed(MALFORMED)
}

fn not_minimal(scene: &Scene) -> Played {
    noted(scene, &[0xC0, 0x80, 0x00])
}

fn puback_cut(scene: &Scene) -> Played {
    ends(scene, &[0x40, 1, 0])
}

fn puback_0(scene: &Scene) -> Played {
    noted(scene, &[0x40, 2, 0, 0])
}

fn puback_reason(scene: &Scene) -> Played {
    noted(scene, &[0x40, 3, 0, 1, 0x04])
}

fn pubrel_reason(scene: &Scene) -> Played {
    noted(scene, &[0x62, 3, 0, 1, 0x10])
}

fn puback_misplaced(scene: &Scene) -> Played {
    noted(scene, &packet(0x40, &[0, 1, 0, 3, 0x21, 0, 9]))
}

/// The connection of somebody else goes on.
fn lives(scene: &Scene, spoil: impl FnOnce(&Scene) -> Played) -> Played {
    let topic = scene.topic("b");
    let mut other = scene.client("other")?;
    other.subscribe(&topic, Q0)?;
    spoil(scene)?;
    other.publish(&message(&topic, "x"))?;
    other.expect_message(&topic, "x")?;
    other.expect_quiet()
}

fn half(scene: &Scene) -> Played {
    lives(scene, |scene| {
        let mut peer = scene.client("a")?;
        let whole = message(scene.topic("b"), "half").bytes(scene.version);
        peer.send(&whole[..whole.len() / 2])?;
        peer.cut();
        let mut stranger = scene.dial()?;
        let connect = RawConnect::new(scene.version, &scene.client_id("c")).bytes();
        stranger.send(&connect[..connect.len() / 2])?;
        stranger.cut();
        Ok(())
    })
}

fn bystander(scene: &Scene) -> Played {
    lives(scene, |scene| ends(scene, &[0x36, 2, 0, 0]))
}

fn stranger(scene: &Scene) -> Played {
    let mut peer = scene.dial()?;
    peer.send(b"GET / HTTP/1.1\r\nHost: conformance\r\n\r\n")?;
    match peer.listen(scene.ground().timeout)? {
        Sound::End => Ok(()),
        Sound::Packet(heard) => Err(Fault::wrong("the end of the connection", &heard)),
        Sound::Silence => {
            scene.note("the connection stays open for a while");
            Ok(())
        }
    }
}

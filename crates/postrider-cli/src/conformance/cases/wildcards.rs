//! Filters with wildcards: what they match, and which are no filters.
//!
//! Spec: 4.7.1, 4.7.2.

use super::Q0;
use crate::conformance::capability::Capability::Wildcard;
use crate::conformance::case::{ALL, Case, case};
use crate::conformance::fault::{Fault, Played, check_eq};
use crate::conformance::scene::Scene;
use crate::wire::heard::{Heard, What};
use crate::wire::message::message;
use crate::wire::raw::{head, packet, string};

pub(super) const CASES: &[Case] = &[
    case("+ matches one level, also an empty one", ALL, plus)
        .v3("4.7.1-3 3.3.2-3")
        .v5("4.7.1-2 3.3.2-3")
        .needs(&[Wildcard]),
    case("+ in the middle matches one level", ALL, plus_inside).v3("4.7.1-3").v5("4.7.1-2").needs(&[Wildcard]),
    case("several + match a level each", ALL, pluses).v3("4.7.1-3").v5("4.7.1-2").needs(&[Wildcard]),
    case("# matches its parent and all below", ALL, hash)
        .v3("4.7.1-2 3.3.2-3")
        .v5("4.7.1-1 3.3.2-3")
        .needs(&[Wildcard]),
    case("+ and # together match at least one level more", ALL, both)
        .v3("4.7.1-2 4.7.1-3")
        .v5("4.7.1-1 4.7.1-2")
        .needs(&[Wildcard]),
    case("wildcards match levels with $ that are not the first", ALL, dollar_below)
        .v3("4.7.2-1")
        .v5("4.7.2-1")
        .needs(&[Wildcard]),
    case("# that is not the last level is refused", ALL, hash_inside).v3("4.7.1-2").v5("4.7.1-1"),
    case("# behind other characters of its level is refused", ALL, hash_behind).v3("4.7.1-2").v5("4.7.1-1"),
    case("# at the beginning with a level behind it is refused", ALL, hash_first).v3("4.7.1-2").v5("4.7.1-1"),
    case("+ behind other characters of its level is refused", ALL, plus_behind).v3("4.7.1-3").v5("4.7.1-2"),
    case("+ before other characters of its level is refused", ALL, plus_before).v3("4.7.1-3").v5("4.7.1-2"),
    case("+ within a level in the middle is refused", ALL, plus_within).v3("4.7.1-3").v5("4.7.1-2"),
];

/// Of these topics the filter brings exactly those marked with `=`.
fn brings(scene: &Scene, filter: &str, topics: &[&str]) -> Played {
    let mut peer = scene.client("sub")?;
    peer.subscribe(&scene.topic(filter), Q0)?;
    let mut publisher = scene.client("pub")?;
    for topic in topics {
        let name = topic.trim_start_matches('=');
        publisher.publish(&message(scene.topic(name), name))?;
    }
    publisher.ping()?;
    let wanted: Vec<&str> = topics.iter().filter_map(|topic| topic.strip_prefix('=')).collect();
    let mut came = Vec::new();
    for _ in &wanted {
        came.push(peer.receive()?.text());
    }
    check_eq(&format!("topics that {filter} brings"), wanted, came.iter().map(String::as_str).collect())?;
    peer.expect_quiet()
}

fn plus(scene: &Scene) -> Played {
    brings(scene, "a/+", &["=a/b", "=a/", "a", "a/b/c", "b/a", "=a/$x", "ab/c"])
}

fn plus_inside(scene: &Scene) -> Played {
    brings(scene, "a/+/c", &["=a/b/c", "=a//c", "a/c", "a/b/c/d", "a/b/d", "a/b/b/c"])
}

fn pluses(scene: &Scene) -> Played {
    brings(scene, "+/x/+", &["=a/x/b", "=/x/", "a/x", "x/x", "a/y/b", "a/x/b/c"])
}

fn hash(scene: &Scene) -> Played {
    brings(scene, "a/#", &["=a", "=a/", "=a/b", "=a/b/c", "=a//", "ab", "b/a", "A/b"])
}

fn both(scene: &Scene) -> Played {
    brings(scene, "a/+/#", &["=a/b", "=a/b/c", "=a/", "=a//b", "a", "b/c"])
}

fn dollar_below(scene: &Scene) -> Played {
    brings(scene, "a/#", &["=a/$b", "=a/$b/c", "=a/b/$SYS"])
}

/// A filter that is none: an error code in the SUBACK, or the end of the connection.
pub(super) fn expect_refused(scene: &Scene, filter: &[u8]) -> Played {
    let mut peer = scene.client("a")?;
    let body = [&head(scene.version, 3, &[])[..], &string(filter), &[0]].concat();
    peer.send(&packet(0x82, &body))?;
    let Some(heard) = peer.ending_or_packet()? else { return Ok(()) };
    match &heard {
        Heard { what: What::Suback(3, codes), .. } if matches!(codes[..], [0x80..=0xFF]) => peer.expect_quiet(),
        Heard { what: What::Disconnect(reason), .. } if scene.is_v5() && reason.is_error() => Ok(()),
        _ => Err(Fault::wrong("a SUBACK that refuses, or the end of the connection", &heard)),
    }
}

fn refused(scene: &Scene, filter: &str) -> Played {
    expect_refused(scene, scene.topic(filter).as_bytes())
}

fn hash_inside(scene: &Scene) -> Played {
    refused(scene, "a/#/b")
}

fn hash_behind(scene: &Scene) -> Played {
    refused(scene, "a/b#")
}

fn hash_first(scene: &Scene) -> Played {
    expect_refused(scene, format!("#/{}", scene.topic("a")).as_bytes())
}

fn plus_behind(scene: &Scene) -> Played {
    refused(scene, "a/b+")
}

fn plus_before(scene: &Scene) -> Played {
    refused(scene, "a/+b")
}

fn plus_within(scene: &Scene) -> Played {
    refused(scene, "a/b+c/d")
}

//! The import law: imports go down only, and only where the table says.
//!
//! Owns: the table of rooms.
//! Never: allows a crate it has not heard of.

use super::Finding;
use crate::graph::{Graph, Import, ImportKind, Member};

/// Floors 1 to 3: no clock, no I/O, no entropy, no async, no threads, no logging.
pub(crate) const PURE_HALF: [&str; 5] =
    ["postrider-proto", "postrider-session", "postrider-router", "postrider-ports", "postrider-engine"];

/// A crate, its floor, and what it may import.
struct Room {
    name: &'static str,
    floor: u8,
    may_import: &'static [&'static str],
}

pub(super) fn check(graph: &Graph) -> Vec<Finding> {
    graph.members.iter().flat_map(check_member).collect()
}

/// Whether a source belongs to the pure half's product, not to its tests.
pub(super) fn is_pure_source(file: &str) -> bool {
    let is_source = |rest: &str| rest.starts_with("/src/") && !rest.ends_with("/tests.rs") && !rest.contains("/tests/");
    let rest_in = |name| file.strip_prefix("crates/").and_then(|rest| rest.strip_prefix(name));
    PURE_HALF.iter().any(|name| rest_in(name).is_some_and(is_source))
}

fn check_member(member: &Member) -> Vec<Finding> {
    let found = |what, remedy| Finding::new(&member.manifest, 1, what, remedy);
    if GARDEN.contains(&member.name.as_str()) {
        return Vec::new();
    }
    match room(&member.name) {
        None => vec![found(format!("{} has no floor", member.name), PLACE_IT)],
        Some(room) => {
            let breaches = member.imports.iter().filter_map(|import| breach(room, import));
            breaches.map(|what| found(what, KEEP_THE_LAW)).collect()
        }
    }
}

fn breach(room: &Room, import: &Import) -> Option<String> {
    let (name, floor, other) = (room.name, room.floor, import.name.as_str());
    let is_garden = GARDEN.contains(&other);
    match import.kind {
        ImportKind::Product if room.may_import.contains(&other) => None,
        ImportKind::Product if is_garden => Some(format!("{name} imports {other}, which is for development only")),
        ImportKind::Product => Some(format!("{name} (floor {floor}) may not import {other}")),
        // Tests may use the garden, their own floor and what is below it.
        ImportKind::Dev => {
            let above = self::room(other).filter(|other| other.floor > floor)?.floor;
            Some(format!("tests of {name} (floor {floor}) may not import {other} (floor {above})"))
        }
    }
}

fn room(name: &str) -> Option<&'static Room> {
    ROOMS.iter().find(|room| room.name == name)
}

const KEEP_THE_LAW: &str = "move the code to a floor that may, or put a port between; the table is in ARCHITECTURE.md";
const PLACE_IT: &str = "give it a line in ROOMS (or GARDEN) of xtask/src/tidy/floors.rs and in ARCHITECTURE.md's table";

/// The table "May import" of ARCHITECTURE.md.
const ROOMS: [Room; 14] = [
    Room { name: "postrider-proto", floor: 1, may_import: &[] },
    Room { name: "postrider-session", floor: 2, may_import: &["postrider-proto"] },
    Room { name: "postrider-router", floor: 2, may_import: &["postrider-proto"] },
    Room { name: "postrider-ports", floor: 2, may_import: &["postrider-proto"] },
    Room {
        name: "postrider-engine",
        floor: 3,
        may_import: &["postrider-proto", "postrider-session", "postrider-router", "postrider-ports"],
    },
    Room { name: "postrider-net", floor: 4, may_import: &[] },
    Room { name: "postrider-journal", floor: 4, may_import: &["postrider-proto", "postrider-ports"] },
    Room { name: "postrider-auth", floor: 4, may_import: &["postrider-proto", "postrider-ports"] },
    Room { name: "postrider-config", floor: 4, may_import: &["postrider-proto", "postrider-ports"] },
    Room { name: "postrider-http", floor: 4, may_import: &["postrider-ports"] },
    Room { name: "postrider-nats", floor: 4, may_import: &["postrider-ports"] },
    Room {
        name: "postrider",
        floor: 5,
        may_import: &[
            "postrider-proto",
            "postrider-session",
            "postrider-router",
            "postrider-ports",
            "postrider-engine",
            "postrider-net",
            "postrider-journal",
            "postrider-auth",
            "postrider-config",
        ],
    },
    Room { name: "postrider-client", floor: 5, may_import: &["postrider-proto", "postrider-session", "postrider-net"] },
    Room {
        name: "postrider-cli",
        floor: 6,
        may_import: &[
            "postrider-proto",
            "postrider-session",
            "postrider-router",
            "postrider-ports",
            "postrider-engine",
            "postrider-net",
            "postrider-journal",
            "postrider-auth",
            "postrider-config",
            "postrider-http",
            "postrider-nats",
            "postrider",
            "postrider-client",
            // The one crate of the garden that users run: a suite for any broker by address.
            "postrider-conformance",
        ],
    },
];

/// For development. These import what they like; nobody imports them but their neighbours and tests.
const GARDEN: [&str; 6] =
    ["postrider-testkit", "postrider-sim", "postrider-faultfs", "postrider-bench", "postrider-conformance", "xtask"];

#[cfg(test)]
mod tests;

//! What floors 1 to 3 stand on, transitively: little, and nothing that reaches for the world.

use super::Finding;
use super::floors::PURE_HALF;
use crate::graph::Graph;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub(super) fn check(graph: &Graph) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut outside = BTreeSet::new();
    for name in PURE_HALF {
        let Some(member) = graph.members.iter().find(|member| member.name == name) else {
            findings.push(Finding::new("Cargo.toml", 1, format!("{name} is not in the workspace"), RENAMED));
            continue;
        };
        for (package, way) in reached_from(name, graph) {
            if is_impure(package) {
                let what = format!("{name} stands on {package} ({way})");
                findings.push(Finding::new(&member.manifest, 1, what, "drop the dependency or the feature of it"));
            }
            if !PURE_HALF.contains(&package) {
                outside.insert(package);
            }
        }
    }
    if outside.len() > OUTSIDE_MAX {
        let names = outside.iter().copied().collect::<Vec<_>>().join(", ");
        let what = format!("floors 1 to 3 need {} crates from outside ({names})", outside.len());
        findings.push(Finding::new("Cargo.toml", 1, what, format!("at most {OUTSIDE_MAX}: do without one")));
    }
    findings
}

/// Every package below `start`, with the way there.
fn reached_from<'a>(start: &'a str, graph: &'a Graph) -> BTreeMap<&'a str, String> {
    let mut ways = BTreeMap::new();
    let mut queue = VecDeque::from([(start, start.to_owned())]);
    while let Some((at, way)) = queue.pop_front() {
        for next in graph.needs.get(at).into_iter().flatten() {
            if next != start && !ways.contains_key(next.as_str()) {
                let way = format!("{way} → {next}");
                ways.insert(next.as_str(), way.clone());
                queue.push_back((next, way));
            }
        }
    }
    ways
}

fn is_impure(package: &str) -> bool {
    IMPURE.contains(&package) || IMPURE_FAMILIES.iter().any(|family| package.starts_with(family))
}

const OUTSIDE_MAX: usize = 9;
const RENAMED: &str = "name the pure half anew in xtask/src/tidy/floors.rs";

/// Clocks, sockets, entropy, threads, runtimes, loggers.
const IMPURE: [&str; 26] = [
    "ahash",
    "chrono",
    "crossbeam",
    "fastrand",
    "futures",
    "getrandom",
    "hyper",
    "jiff",
    "libc",
    "log",
    "mio",
    "nix",
    "once_cell",
    "parking_lot",
    "quanta",
    "rand",
    "rayon",
    "rustix",
    "smol",
    "socket2",
    "time",
    "tokio",
    "tracing",
    "uuid",
    "web-time",
    "winapi",
];
const IMPURE_FAMILIES: [&str; 10] = [
    "async-",
    "crossbeam-",
    "futures-",
    "parking_lot_",
    "rand_",
    "tokio-",
    "tracing-",
    "wasm-bindgen",
    "windows-",
    "windows_",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Member;

    fn graph(edges: &[(&str, &str)]) -> Graph {
        let member = |name: &str| Member {
            name: name.to_owned(),
            manifest: format!("crates/{name}/Cargo.toml"),
            imports: Vec::new(),
            outside: BTreeSet::new(),
        };
        let mut graph = Graph { members: PURE_HALF.iter().map(|name| member(name)).collect(), ..Graph::default() };
        for (from, to) in edges {
            graph.needs.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        graph
    }

    #[test]
    fn a_runtime_deep_below_the_engine_is_seen_with_the_way_to_it() {
        let found = check(&graph(&[("postrider-engine", "innocent"), ("innocent", "deeper"), ("deeper", "tokio")]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].file, "crates/postrider-engine/Cargo.toml");
        assert!(found[0].what.contains("postrider-engine → innocent → deeper → tokio"), "{}", found[0]);
    }

    #[test]
    fn families_are_meant_too() {
        for name in ["getrandom", "rand_core", "tokio-util", "mio", "windows-sys"] {
            assert_eq!(check(&graph(&[("postrider-proto", name)])).len(), 1, "{name}");
        }
        assert!(check(&graph(&[("postrider-proto", "bytes"), ("postrider", "tokio")])).is_empty());
    }

    #[test]
    fn the_tenth_crate_from_outside_is_one_too_many() {
        let names: Vec<String> = (0..10).map(|number| format!("crate-{number}")).collect();
        let edges: Vec<(&str, &str)> = names.iter().map(|name| ("postrider-router", name.as_str())).collect();
        assert!(check(&graph(&edges[..9])).is_empty());
        let found = check(&graph(&edges));
        assert!(found.len() == 1 && found[0].what.contains("need 10 crates"), "{found:?}");
    }

    #[test]
    fn a_pure_crate_that_went_missing_is_a_finding() {
        assert_eq!(check(&Graph::default()).len(), PURE_HALF.len());
    }
}

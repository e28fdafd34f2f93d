//! Every way to break the import law is seen.

use super::*;
use std::collections::{BTreeMap, BTreeSet};

fn graph(name: &str, imports: &[(&str, ImportKind)]) -> Graph {
    let imports = imports.iter().map(|(name, kind)| Import { name: (*name).to_owned(), kind: *kind }).collect();
    let member = Member {
        name: name.to_owned(),
        manifest: format!("crates/{name}/Cargo.toml"),
        imports,
        outside: BTreeSet::new(),
    };
    Graph { members: vec![member], needs: BTreeMap::new() }
}

fn findings(name: &str, imports: &[(&str, ImportKind)]) -> Vec<String> {
    check(&graph(name, imports)).iter().map(ToString::to_string).collect()
}

#[test]
fn an_import_that_the_table_allows_is_no_finding() {
    assert!(findings("postrider-engine", &[("postrider-router", ImportKind::Product)]).is_empty());
    assert!(findings("postrider-cli", &[("postrider-nats", ImportKind::Product)]).is_empty());
    assert!(findings("postrider-sim", &[("postrider-testkit", ImportKind::Product)]).is_empty());
}

#[test]
fn an_import_upwards_or_sideways_is_a_finding() {
    for (from, to) in [
        ("postrider-proto", "postrider-session"),
        ("postrider-session", "postrider-router"),
        ("postrider-router", "postrider-ports"),
        ("postrider-engine", "postrider-net"),
        ("postrider-net", "postrider-proto"),
        ("postrider-http", "postrider-proto"),
        ("postrider-client", "postrider-engine"),
        ("postrider", "postrider-client"),
        ("postrider", "postrider-http"),
    ] {
        let found = findings(from, &[(to, ImportKind::Product)]);
        assert_eq!(found.len(), 1, "{from} imports {to}");
        assert!(found[0].starts_with(&format!("crates/{from}/Cargo.toml:1: {from} (floor ")), "{}", found[0]);
        assert!(found[0].contains(&format!("may not import {to}: move the code")), "{}", found[0]);
    }
}

#[test]
fn the_garden_is_for_tests_only() {
    assert_eq!(findings("postrider-engine", &[("postrider-testkit", ImportKind::Product)]).len(), 1);
    assert!(findings("postrider-engine", &[("postrider-testkit", ImportKind::Dev)]).is_empty());
    assert_eq!(findings("postrider-cli", &[("xtask", ImportKind::Product)]).len(), 1);
    assert!(findings("postrider-cli", &[("postrider-conformance", ImportKind::Product)]).is_empty());
}

#[test]
fn tests_do_not_import_from_above() {
    assert_eq!(findings("postrider-proto", &[("postrider-engine", ImportKind::Dev)]).len(), 1);
    assert!(findings("postrider", &[("postrider-client", ImportKind::Dev)]).is_empty());
}

#[test]
fn a_crate_without_a_floor_is_a_finding_that_says_where_to_put_it() {
    let found = findings("postrider-misc", &[]);
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("postrider-misc has no floor") && found[0].contains("floors.rs"), "{}", found[0]);
}

#[test]
fn sources_of_the_pure_half_are_told_from_their_tests_and_from_other_crates() {
    assert!(is_pure_source("crates/postrider-proto/src/packet/mod.rs"));
    assert!(!is_pure_source("crates/postrider-proto/tests/it/main.rs"));
    assert!(!is_pure_source("crates/postrider-session/src/wheel/tests.rs"));
    assert!(!is_pure_source("crates/postrider/src/lib.rs"));
}

//! Every forbidden thing is seen wherever it may hide, and nothing else is.

use super::*;

fn lines(text: &str) -> Vec<usize> {
    let mut lines: Vec<usize> = check("x.rs", text).iter().map(|finding| finding.line).collect();
    lines.dedup();
    lines
}

#[test]
fn each_forbidden_path_is_seen_in_a_use_and_in_code() {
    for (path, _) in PATHS {
        assert_eq!(lines(&format!("\nuse {path};")), [2], "use {path}");
        assert_eq!(lines(&format!("\n\nfn f() {{ {path}::x(); }}")), [3], "{path} in code");
    }
}

#[test]
fn forbidden_things_are_seen_under_other_spellings() {
    for text in [
        "use std::{collections::BTreeMap, fs};",
        "use std::time::{Duration, Instant as Clock};",
        "use std::time::*;",
        "use std::time;",
        "use std::sync::{self, Arc};",
        "use std as world;",
        "use core::net::IpAddr;",
        "fn f() { ::std::thread::spawn(g); }",
        "fn f(at: std::time::Instant) {}",
        "use tokio::sync::mpsc;",
        "async fn f() {}",
        "fn f() { g().await; }",
        "fn f() { println!(\"x\"); }",
        "fn f() { std::eprintln!(\"x\"); }",
    ] {
        assert_eq!(lines(text), [1], "{text}");
    }
}

#[test]
fn maps_with_a_random_seed_are_seen_and_others_are_not() {
    for text in [
        "struct A { map: HashMap<u8, Vec<u8>> }",
        "struct A { map: std::collections::HashMap<(u8, u8), fn(u8) -> u8,> }",
        "fn f() { let m = HashMap::new(); }",
        "fn f() { let m = HashSet::with_capacity(4); }",
        "fn f() { i.collect::<HashSet<u8>>() }",
        "use std::collections::hash_map::RandomState;",
        "use foldhash::fast::RandomState;",
        "fn f() { HashMap::<u8, u8>::default() }",
    ] {
        assert_eq!(lines(text), [1], "{text}");
    }
    for text in [
        "use std::collections::HashMap;",
        "struct A { map: HashMap<(Box<[u8]>, u8), Access, BuildHasherDefault<Fnv>> }",
        "struct A { set: HashSet<[u8; 4], FixedState> }",
        "fn f() { HashMap::default() }",
        "fn f() { HashMap::with_hasher(state) }",
    ] {
        assert!(lines(text).is_empty(), "{text}: {:?}", check("x.rs", text));
    }
}

#[test]
fn comments_strings_and_tests_may_name_what_they_like() {
    let text =
        "//! Never: tokio.\n// std::fs::read\nconst A: &str = \"println!\";\n#[cfg(test)]\nmod tests { use std::fs; }";
    assert!(lines(text).is_empty(), "{:?}", check("x.rs", text));
}

#[test]
fn what_is_pure_is_no_finding() {
    let text = "use std::sync::Arc;\nuse std::time::Duration;\nuse core::fmt;\nuse super::time::Now;\nfn f() -> u8 { self.log(1) }";
    assert!(lines(text).is_empty(), "{:?}", check("x.rs", text));
}

#[test]
fn a_finding_says_where_what_and_what_to_do() {
    let found = check("crates/postrider-engine/src/a.rs", "//! A.\nuse std::fs;");
    assert_eq!(
        found[0].to_string(),
        "crates/postrider-engine/src/a.rs:2: std::fs in the pure half: make it an input or an effect and let the driver do it"
    );
}

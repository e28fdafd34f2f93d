//! The locks hold: rules in front of the engine, on every path that a message or a subscription can take.
//!
//! Owns: the matrix and its count. What happened is looked for in what subscribers got, what is retained, which
//! subscriptions there are and what was counted, not in replies alone.

mod cases;
mod chance;
mod forms;
mod ground;
mod reading;
mod revoking;
mod writing;

use cases::{Case, EDITIONS, PEOPLE};
use forms::FORMS;
use ground::Ground;
use std::collections::BTreeMap;

/// One path: its name, what happens on it, and whether the protected thing is to happen.
pub(crate) struct Path {
    name: &'static str,
    /// Whether it goes in this edition.
    is_in: fn(&Case) -> bool,
    walk: fn(&mut Ground, &Case) -> bool,
    expected: fn(&Case) -> bool,
}

// A13, A14, A15, A16, A17, A19
#[test]
fn nobody_gets_past_the_rules_on_any_path() {
    let paths: Vec<&Path> = [writing::PATHS, reading::PATHS, revoking::PATHS].concat();
    let (mut count, mut opened, mut faults) = (BTreeMap::<&str, usize>::new(), 0, Vec::new());
    for path in paths {
        for form in FORMS {
            for (who, edition, is_mounted) in everybody() {
                let case = Case { edition, form, who, is_mounted };
                if !(path.is_in)(&case) {
                    continue;
                }
                let happened = (path.walk)(&mut Ground::new(&case), &case);
                *count.entry(path.name).or_default() += 1;
                opened += usize::from(happened);
                if happened != (path.expected)(&case) {
                    let word = if happened { "bypass" } else { "refused" };
                    faults.push(format!("{word}: {} {case:?}", path.name));
                }
            }
        }
    }
    let cases: usize = count.values().sum();
    println!("authorization matrix: {cases} cases on {} paths, {opened} allowed, {} wrong", count.len(), faults.len());
    assert!(faults.is_empty(), "{} of {cases}: {:#?}", faults.len(), &faults[..faults.len().min(20)]);
    assert!(cases >= 1300 && opened > cases / 20, "{cases} cases, {opened} allowed");
}

fn everybody() -> impl Iterator<Item = (&'static cases::Person, postrider_proto::Version, bool)> {
    PEOPLE.iter().flat_map(|who| {
        EDITIONS.into_iter().flat_map(move |edition| [false, true].map(|is_mounted| (who, edition, is_mounted)))
    })
}

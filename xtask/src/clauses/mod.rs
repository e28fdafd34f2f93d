//! `docs/conformance.md`: every normative statement and the tests that show it, from the comments above the tests.
//!
//! Owns: the verb, what `--check` refuses.
//! Never: decides that a test shows a clause; the comment above it says so.

mod lists;
mod name;
mod page;
mod reader;

use crate::command::root;
use anyhow::{Context, Result, ensure};
use lists::Lists;
use reader::Found;
use std::fs;

/// The page.
const FILE: &str = "docs/conformance.md";

/// Writes the page anew.
pub(crate) fn write() -> Result<()> {
    let (lists, found) = (Lists::read()?, reader::read_all()?);
    fs::write(root().join(FILE), page::write(&lists, &found)).with_context(|| FILE)?;
    println!("{}", page::counts(&lists, &found));
    Ok(())
}

/// Fails when the page, a comment or a list is wrong, or a clause has neither a test nor an excuse.
pub(crate) fn check() -> Result<String> {
    let (lists, found) = (Lists::read()?, reader::read_all()?);
    let mut faults = faults(&lists, &found);
    if fs::read_to_string(root().join(FILE)).unwrap_or_default() != page::write(&lists, &found) {
        faults.push(format!("{FILE} is out of date: run `cargo xtask clauses`"));
    }
    ensure!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
    Ok(page::counts(&lists, &found))
}

/// Names of clauses that do not exist, excuses that are not needed, clauses without either.
fn faults(lists: &Lists, found: &Found) -> Vec<String> {
    let unknown = found.names.iter().filter(|(_, clause)| !lists.has(clause));
    let mut faults: Vec<String> = unknown.map(|(place, clause)| format!("{place}: there is no {clause}")).collect();
    for (list, clause) in lists.mentioned().filter(|(_, clause)| !lists.has(clause)) {
        faults.push(format!("{list}.tsv: there is no {clause}"));
    }
    for (word, clause) in lists.excused().filter(|(_, clause)| !lists.shown_by(clause, found).is_empty()) {
        faults.push(format!("{clause} is {word} and shown by a test"));
    }
    let missing = lists.clauses().filter(|clause| lists.standing(clause, found).is_missing());
    faults.extend(missing.map(|clause| format!("{clause} is neither shown by a test nor waived nor open")));
    faults
}

#[cfg(test)]
mod tests;

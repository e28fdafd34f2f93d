//! The lists in `docs/clauses`: what the editions state, what says the same in both, what is waived.
//!
//! Owns: the columns of the four files, when a clause counts as shown.

use super::name::{Clause, Edition};
use super::reader::Found;
use crate::command::root;
use anyhow::{Context, Result, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// One normative statement.
pub(super) struct Statement {
    pub(super) clause: Clause,
    /// `client`, `server` or `both`.
    pub(super) binds: String,
    pub(super) text: String,
}

/// All four files.
#[derive(Default)]
pub(super) struct Lists {
    pub(super) statements: Vec<Statement>,
    /// Clauses of 3.1.1, and those of 5.0 that say the same together, on the same path through the code.
    same: BTreeMap<Clause, Vec<Clause>>,
    /// Why no test shows a clause.
    waivers: BTreeMap<Clause, String>,
}

/// How a clause stands.
pub(super) enum Standing<'a> {
    ShownBy(BTreeSet<&'a str>),
    Waived(&'a str),
    Missing,
}

impl Standing<'_> {
    pub(super) const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }
}

impl Lists {
    pub(super) fn read() -> Result<Self> {
        let read = |name: &str| {
            let file = format!("docs/clauses/{name}.tsv");
            fs::read_to_string(root().join(&file)).with_context(|| file)
        };
        Self::parse(&read("3.1.1")?, &read("5.0")?, &read("same")?, &read("waived")?)
    }

    pub(super) fn parse(old: &str, new: &str, same: &str, waived: &str) -> Result<Self> {
        let mut lists = Self::default();
        for (edition, text) in [(Edition::V3_1_1, old), (Edition::V5, new)] {
            for [id, binds, text] in rows(text)? {
                ensure!(["client", "server", "both"].contains(&binds), "{id} binds {binds}");
                let clause = Clause { edition, id: id.to_owned() };
                lists.statements.push(Statement { clause, binds: binds.to_owned(), text: text.to_owned() });
            }
        }
        for [old, new] in rows(same)? {
            let clause = |edition, id: &str| Clause { edition, id: id.trim().to_owned() };
            let twins = new.split(',').map(|id| clause(Edition::V5, id)).collect();
            let before = lists.same.insert(clause(Edition::V3_1_1, old), twins);
            ensure!(before.is_none(), "{old} is listed twice");
        }
        for [edition, id, reason] in rows(waived)? {
            let edition = Edition::parse(edition).with_context(|| format!("no edition: {edition}"))?;
            ensure!(!reason.trim().is_empty(), "{id} is waived without a reason");
            let before = lists.waivers.insert(Clause { edition, id: id.to_owned() }, reason.to_owned());
            ensure!(before.is_none(), "{id} is waived twice");
        }
        Ok(lists)
    }

    pub(super) fn clauses(&self) -> impl Iterator<Item = &Clause> {
        self.statements.iter().map(|statement| &statement.clause)
    }

    pub(super) fn has(&self, clause: &Clause) -> bool {
        self.clauses().any(|known| known == clause)
    }

    pub(super) fn waived(&self) -> impl Iterator<Item = &Clause> {
        self.waivers.keys()
    }

    /// Every clause that a list names, with the list.
    pub(super) fn mentioned(&self) -> impl Iterator<Item = (&'static str, &Clause)> {
        let same = self.same.iter().flat_map(|(old, new)| std::iter::once(old).chain(new));
        same.map(|clause| ("same.tsv", clause)).chain(self.waived().map(|clause| ("waived.tsv", clause)))
    }

    pub(super) fn standing<'a>(&'a self, clause: &Clause, found: &'a Found) -> Standing<'a> {
        let tests = self.shown_by(clause, found);
        if tests.is_empty() {
            self.waivers.get(clause).map_or(Standing::Missing, |reason| Standing::Waived(reason))
        } else {
            Standing::ShownBy(tests)
        }
    }

    /// The tests that name the clause, and those of its twins once each of them has one.
    pub(super) fn shown_by<'a>(&self, clause: &Clause, found: &'a Found) -> BTreeSet<&'a str> {
        let mut tests = found.tests_of(clause);
        let twins: Vec<BTreeSet<&str>> =
            self.same.get(clause).into_iter().flatten().map(|twin| found.tests_of(twin)).collect();
        if twins.iter().all(|tests| !tests.is_empty()) {
            tests.extend(twins.into_iter().flatten());
        }
        tests
    }
}

/// The rows below the first, which names the columns.
fn rows<const COLUMNS: usize>(text: &str) -> Result<Vec<[&str; COLUMNS]>> {
    let row = |line| {
        let fields: Vec<&str> = str::split(line, '\t').collect();
        fields.try_into().ok().with_context(|| format!("not {COLUMNS} columns: {line}"))
    };
    text.lines().skip(1).map(row).collect()
}

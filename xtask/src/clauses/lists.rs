//! The lists in `docs/clauses`: what the editions state, what says the same in both, what is waived, what is open.
//!
//! Owns: the columns of the five files, when a clause counts as shown.

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

/// All five files.
#[derive(Default)]
pub(super) struct Lists {
    pub(super) statements: Vec<Statement>,
    /// Clauses of 3.1.1, and those of 5.0 that say the same together.
    same: BTreeMap<Clause, Vec<Clause>>,
    /// Why no test can show a clause.
    waivers: BTreeMap<Clause, String>,
    /// Why no test shows a clause yet.
    open: BTreeMap<Clause, String>,
}

/// How a clause stands.
pub(super) enum Standing<'a> {
    ShownBy(BTreeSet<&'a str>),
    Waived(&'a str),
    Open(&'a str),
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
        Self::parse(&read("3.1.1")?, &read("5.0")?, &read("same")?, &read("waived")?, &read("open")?)
    }

    pub(super) fn parse(old: &str, new: &str, same: &str, waived: &str, open: &str) -> Result<Self> {
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
        lists.waivers = reasons(waived)?;
        lists.open = reasons(open)?;
        Ok(lists)
    }

    pub(super) fn clauses(&self) -> impl Iterator<Item = &Clause> {
        self.statements.iter().map(|statement| &statement.clause)
    }

    pub(super) fn has(&self, clause: &Clause) -> bool {
        self.clauses().any(|known| known == clause)
    }

    /// Every excuse for a clause: the word for it and the clause.
    pub(super) fn excused(&self) -> impl Iterator<Item = (&'static str, &Clause)> {
        let waived = self.waivers.keys().map(|clause| ("waived", clause));
        waived.chain(self.open.keys().map(|clause| ("open", clause)))
    }

    /// Every clause that a list names, with the list.
    pub(super) fn mentioned(&self) -> impl Iterator<Item = (&'static str, &Clause)> {
        let same = self.same.iter().flat_map(|(old, new)| std::iter::once(old).chain(new));
        same.map(|clause| ("same", clause)).chain(self.excused())
    }

    pub(super) fn standing<'a>(&'a self, clause: &Clause, found: &'a Found) -> Standing<'a> {
        let tests = self.shown_by(clause, found);
        if tests.is_empty() {
            let open = || self.open.get(clause).map_or(Standing::Missing, |reason| Standing::Open(reason));
            self.waivers.get(clause).map_or_else(open, |reason| Standing::Waived(reason))
        } else {
            Standing::ShownBy(tests)
        }
    }

    /// The tests that name the clause, and those of its twins once each of them has one that runs in 3.1.1.
    pub(super) fn shown_by<'a>(&self, clause: &Clause, found: &'a Found) -> BTreeSet<&'a str> {
        let mut tests = found.tests_of(clause, clause.edition);
        let twins = self.same.get(clause).into_iter().flatten();
        let twins: Vec<BTreeSet<&str>> = twins.map(|twin| found.tests_of(twin, clause.edition)).collect();
        if twins.iter().all(|tests| !tests.is_empty()) {
            tests.extend(twins.into_iter().flatten());
        }
        tests
    }
}

/// Edition, clause, reason.
fn reasons(text: &str) -> Result<BTreeMap<Clause, String>> {
    let mut reasons = BTreeMap::new();
    for [edition, id, reason] in rows(text)? {
        let edition = Edition::parse(edition).with_context(|| format!("no edition: {edition}"))?;
        ensure!(!reason.trim().is_empty(), "{id} is listed without a reason");
        let before = reasons.insert(Clause { edition, id: id.to_owned() }, reason.to_owned());
        ensure!(before.is_none(), "{id} is listed twice");
    }
    Ok(reasons)
}

/// The rows below the first, which names the columns.
fn rows<const COLUMNS: usize>(text: &str) -> Result<Vec<[&str; COLUMNS]>> {
    let row = |line| {
        let fields: Vec<&str> = str::split(line, '\t').collect();
        fields.try_into().ok().with_context(|| format!("not {COLUMNS} columns: {line}"))
    };
    text.lines().skip(1).map(row).collect()
}

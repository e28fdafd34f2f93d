//! The page as people read it.
//!
//! Owns: the words and tables of `docs/conformance.md`.

use super::lists::{Lists, Standing, Statement};
use super::name::Edition;
use super::reader::Found;
use std::fmt::Write;

/// The whole page.
pub(super) fn write(lists: &Lists, found: &Found) -> String {
    let mut page = String::from(INTRODUCTION);
    page.push_str("\n| Edition | Binds | Shown | Waived | Missing | All |\n|---|---|---:|---:|---:|---:|\n");
    for edition in Edition::ALL {
        for binds in ["client", "server", "both", "all"] {
            let count = Count::of(lists, found, edition, binds);
            let Count { shown, waived, missing } = count;
            let row = format!("| {} | {binds} | {shown} | {waived} | {missing} | {} |", edition.as_str(), count.all());
            writeln!(page, "{row}").expect("a string takes it");
        }
    }
    for edition in Edition::ALL {
        write!(page, "\n## MQTT {}\n\n{HEAD}", edition.as_str()).expect("a string takes it");
        for statement in lists.statements.iter().filter(|statement| statement.clause.edition == edition) {
            page.push_str(&row(lists, found, statement));
        }
    }
    page
}

/// One line for the terminal.
pub(super) fn counts(lists: &Lists, found: &Found) -> String {
    let line = |edition: Edition| {
        let Count { shown, waived, missing } = Count::of(lists, found, edition, "all");
        format!("{}: {shown} shown, {waived} waived, {missing} missing", edition.as_str())
    };
    Edition::ALL.map(line).join("; ")
}

#[derive(Default)]
struct Count {
    shown: u32,
    waived: u32,
    missing: u32,
}

impl Count {
    fn of(lists: &Lists, found: &Found, edition: Edition, binds: &str) -> Self {
        let mut count = Self::default();
        let is_wanted = |statement: &&Statement| {
            statement.clause.edition == edition && (binds == "all" || statement.binds == binds)
        };
        for statement in lists.statements.iter().filter(is_wanted) {
            match lists.standing(&statement.clause, found) {
                Standing::ShownBy(_) => count.shown += 1,
                Standing::Waived(_) => count.waived += 1,
                Standing::Missing => count.missing += 1,
            }
        }
        count
    }

    const fn all(&self) -> u32 {
        self.shown + self.waived + self.missing
    }
}

fn row(lists: &Lists, found: &Found, statement: &Statement) -> String {
    let Statement { clause, binds, text } = statement;
    let evidence = match lists.standing(clause, found) {
        Standing::ShownBy(tests) => {
            let first: Vec<String> = tests.iter().take(NAMED_MAX).map(|test| format!("`{test}`")).collect();
            let more = tests.len() - first.len();
            let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{}{rest}", first.join(", "))
        }
        Standing::Waived(reason) => reason.to_owned(),
        Standing::Missing => "**missing**".to_owned(),
    };
    let escape = |text: &str| text.replace('|', "\\|");
    format!("| {} | {binds} | {} | {} |\n", clause.id, escape(text), escape(&evidence))
}

const HEAD: &str = "| Clause | Binds | Statement | Shown by, or why not |\n|---|---|---|---|\n";
const NAMED_MAX: usize = 3;
const INTRODUCTION: &str = "# Conformance

Every normative statement of MQTT 3.1.1 and 5.0, in our words, and the tests that show it.
Written by `cargo xtask clauses` from `docs/clauses` and the comments above the tests; `cargo xtask clauses --check` fails when it is out of date.

A clause is shown when a test names it directly above its attribute.
A clause of 3.1.1 is also shown when `docs/clauses/same.tsv` says that 5.0 states the same and a test shows that: both editions take the same path through the code.
A clause is waived when `docs/clauses/waived.tsv` says why no test shows it.
What binds clients is shown at our client, or at the broker that refuses a client which breaks it.
";

//! The page as people read it.
//!
//! Owns: the words and tables of `docs/conformance.md`.

use super::lists::{Lists, Standing, Statement};
use super::name::Edition;
use super::reader::Found;
use std::fmt::Write;

/// The whole page.
pub(super) fn write(lists: &Lists, found: &Found) -> String {
    let mut page = format!("{INTRODUCTION}{SUMMARY_HEAD}");
    for edition in Edition::ALL {
        let Count { shown, waived, open } = Count::of(lists, found, edition);
        let all = shown + waived + open;
        writeln!(page, "| {} | {all} | {shown} | {waived} | {open} |", edition.as_str()).expect("a string takes it");
    }
    for edition in Edition::ALL {
        let mut last = "";
        for statement in lists.statements.iter().filter(|statement| statement.clause.edition == edition) {
            let chapter = chapter(&statement.clause.id);
            if chapter != last {
                write!(page, "\n## {}, {chapter}\n\n{HEAD}", edition.as_str()).expect("a string takes it");
                last = chapter;
            }
            page.push_str(&row(lists, found, statement));
        }
    }
    page
}

/// One line for the terminal.
pub(super) fn counts(lists: &Lists, found: &Found) -> String {
    let line = |edition: Edition| {
        let Count { shown, waived, open } = Count::of(lists, found, edition);
        format!("{}: {shown} shown, {waived} waived, {open} open", edition.as_str())
    };
    Edition::ALL.map(line).join("; ")
}

#[derive(Default)]
struct Count {
    shown: u32,
    waived: u32,
    open: u32,
}

impl Count {
    fn of(lists: &Lists, found: &Found, edition: Edition) -> Self {
        let mut count = Self::default();
        for statement in lists.statements.iter().filter(|statement| statement.clause.edition == edition) {
            match lists.standing(&statement.clause, found) {
                Standing::ShownBy(_) => count.shown += 1,
                Standing::Waived(_) => count.waived += 1,
                Standing::Open(_) | Standing::Missing => count.open += 1,
            }
        }
        count
    }
}

/// The part of the specification that a clause stands in; both editions number their packets alike.
fn chapter(id: &str) -> &'static str {
    let section = id.trim_start_matches("MQTT-");
    let is_in = |(start, _): &&(&str, &str)| section.starts_with(start);
    CHAPTERS.iter().find(is_in).map_or("elsewhere", |(_, title)| title)
}

const CHAPTERS: [(&str, &str); 20] = [
    ("1.", "1 Data"),
    ("2.", "2 Packets"),
    ("3.1.", "3.1 CONNECT"),
    ("3.2.", "3.2 CONNACK"),
    ("3.3.", "3.3 PUBLISH"),
    ("3.4.", "3.4 PUBACK"),
    ("3.5.", "3.5 PUBREC"),
    ("3.6.", "3.6 PUBREL"),
    ("3.7.", "3.7 PUBCOMP"),
    ("3.8.", "3.8 SUBSCRIBE"),
    ("3.9.", "3.9 SUBACK"),
    ("3.10.", "3.10 UNSUBSCRIBE"),
    ("3.11.", "3.11 UNSUBACK"),
    ("3.12.", "3.12 PINGREQ"),
    ("3.14.", "3.14 DISCONNECT"),
    ("3.15.", "3.15 AUTH"),
    ("4.", "4 Behaviour"),
    ("5.", "5 Security"),
    ("6.", "6 WebSocket"),
    ("7.", "7 Conformance"),
];

fn row(lists: &Lists, found: &Found, statement: &Statement) -> String {
    let Statement { clause, binds, text } = statement;
    let evidence = match lists.standing(clause, found) {
        Standing::ShownBy(tests) => {
            let first: Vec<String> = tests.iter().take(NAMED_MAX).map(|test| format!("`{test}`")).collect();
            let more = tests.len() - first.len();
            let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{}{rest}", first.join(", "))
        }
        Standing::Waived(reason) => format!("waived: {reason}"),
        Standing::Open(reason) => format!("**open**: {reason}"),
        Standing::Missing => "**open**".to_owned(),
    };
    let escape = |text: &str| text.replace('|', "\\|");
    format!("| {} | {binds} | {} | {} |\n", clause.id.trim_start_matches("MQTT-"), escape(text), escape(&evidence))
}

const SUMMARY_HEAD: &str = "\n| Edition | Statements | Shown | Waived | Open |\n|---|---:|---:|---:|---:|\n";
const HEAD: &str = "| Clause | Binds | Statement | Shown by, or why not |\n|---|---|---|---|\n";
const NAMED_MAX: usize = 3;
const INTRODUCTION: &str = "# Conformance

Every normative statement of MQTT 3.1.1 and 5.0, in our words, and the tests that show it.
`cargo xtask clauses` writes this page from `docs/clauses` and the comments above the tests; `cargo xtask test` fails when it is out of date.

- A clause is **shown** when a test names it directly above its attribute.
  A clause of 3.1.1 is also shown when `docs/clauses/same.tsv` says that clauses of 5.0 mean the same, and tests that run in 3.1.1 name all of these.
- It is **waived** when `docs/clauses/waived.tsv` says why no test can show it.
- It is **open** when `docs/clauses/open.tsv` says what is missing.

What binds clients is shown at our client, or at the broker that refuses a client which breaks it.
";

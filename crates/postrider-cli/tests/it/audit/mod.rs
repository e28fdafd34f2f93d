//! What a broker opens and allows that was told nothing, or hardly anything; and what it does when a lock is broken.
//!
//! Owns: the lines of the audit, which are those of the table in `docs/security.md`.

mod house;
mod starts;
mod wrong;

use std::collections::BTreeMap;

/// Lines, and what was found.
#[derive(Default)]
pub(crate) struct Audit(BTreeMap<&'static str, Result<(), String>>);

impl Audit {
    /// One line; `found` is told if it does not hold.
    pub(crate) fn line(&mut self, text: &'static str, holds: bool, found: impl std::fmt::Debug) {
        let result = if holds { Ok(()) } else { Err(format!("{found:?}")) };
        assert!(self.0.insert(text, result).is_none(), "{text:?} is there twice");
    }
}

/// The lines of the table that people read.
fn promised() -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/security.md");
    let text = std::fs::read_to_string(path).expect("the page is there");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | ")).map(|(text, _)| text);
    rows.filter(|text| !text.starts_with("---") && *text != "What holds").map(str::to_owned).collect()
}

// G26, A22, A23
#[test]
fn every_line_of_the_audit_in_the_documentation_holds() {
    let mut audit = Audit::default();
    starts::nothing_said(&mut audit);
    starts::hardly_anything_said(&mut audit);
    starts::another_user(&mut audit);
    wrong::doors(&mut audit);
    wrong::at_the_start(&mut audit);
    wrong::while_it_runs(&mut audit);
    wrong::words(&mut audit);
    let mut promised = promised();
    promised.sort();
    let broken: Vec<_> = audit.0.iter().filter_map(|(text, result)| Some((text, result.as_ref().err()?))).collect();
    println!("audit of the defaults: {} lines, {} hold", audit.0.len(), audit.0.len() - broken.len());
    assert!(broken.is_empty(), "{broken:#?}");
    assert_eq!(
        audit.0.keys().collect::<Vec<_>>(),
        promised.iter().collect::<Vec<_>>(),
        "docs/security.md says other lines"
    );
    assert!(audit.0.len() >= 40);
}

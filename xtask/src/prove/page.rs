//! The part of docs/evidence.md that is written by the proofs.
//!
//! Never: touches a line outside its marks.

use super::tally::Tally;
use super::{Proof, ROUNDS};
use crate::command::root;
use anyhow::{Context, Result};
use std::fs;

const BEGIN: &str = "<!-- counts: written by `cargo xtask prove` -->\n";
const END: &str = "<!-- end of counts -->\n";

pub(super) fn write(proofs: &[Proof], tally: &Tally) -> Result<()> {
    let path = root().join("docs/evidence.md");
    let page = fs::read_to_string(&path).context("reading docs/evidence.md")?;
    let (before, rest) = page.split_once(BEGIN).context("docs/evidence.md has no mark where the counts begin")?;
    let (_, after) = rest.split_once(END).context("docs/evidence.md has no mark where the counts end")?;
    let rows: String = proofs.iter().map(|proof| row(proof, tally)).collect();
    let table = format!("| Promise | Count | Command |\n|---|---|---|\n{rows}");
    fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).context("writing docs/evidence.md")
}

fn row(proof: &Proof, tally: &Tally) -> String {
    let counts = tally.counts(proof.name).iter().filter(|(label, _)| label != ROUNDS);
    let counts: Vec<String> = counts.map(|(label, count)| format!("{} {label}", grouped(*count))).collect();
    let counts = if counts.is_empty() { "not run yet".to_owned() } else { counts.join(", ") };
    format!("| {} | {counts} | {} |\n", proof.promise, proof.words())
}

/// With a comma between thousands.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_are_told_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}

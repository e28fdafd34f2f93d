//! `docs/limits.md`, written from the code: every limit, its default, its reason.
//!
//! Owns: reading `defaults.rs` and the structs it fills. `tidy` fails when the page is not what this writes.

use crate::command::root;
use anyhow::{Context, Result};
use std::fmt::Write;
use std::fs;

/// The page.
pub(crate) const FILE: &str = "docs/limits.md";
const DEFAULTS: &str = "crates/postrider/src/defaults.rs";
const STRUCTS: [&str; 3] = [
    "crates/postrider-session/src/link/server.rs",
    "crates/postrider-engine/src/limits.rs",
    "crates/postrider-session/src/mailbox.rs",
];

/// Writes the page anew.
pub(crate) fn run() -> Result<()> {
    let page = page()?;
    fs::write(root().join(FILE), page).with_context(|| FILE)
}

/// What the page should be.
pub(crate) fn page() -> Result<String> {
    let read = |file: &str| fs::read_to_string(root().join(file)).with_context(|| file.to_owned());
    let structs = STRUCTS.iter().map(|file| read(file)).collect::<Result<Vec<_>>>()?.concat();
    Ok(write_page(&read(DEFAULTS)?, &structs))
}

fn write_page(defaults: &str, structs: &str) -> String {
    let mut page = String::from(
        "# Limits\n\nEvery bound, its default and its reason; written by `cargo xtask limits` from `defaults.rs` and the structs it fills.\n\n\
         | Limit | Default | What it bounds | Why this default |\n|---|---|---|---|\n",
    );
    let (mut reason, mut group) = (String::new(), "");
    for line in defaults.lines().map(str::trim) {
        if let Some(comment) = line.strip_prefix("// ") {
            reason.push_str(comment);
            reason.push(' ');
        } else if let Some((name, "{")) = line.rsplit_once(' ').filter(|(name, _)| name.contains(": ")) {
            group = name.split(':').next().unwrap_or_default();
            // A reason above a group holds for all of it.
        } else if line == "}," {
            (group, reason) = ("", String::new());
        } else if let Some((name, value)) = line.strip_suffix(',').and_then(|line| line.split_once(": ")) {
            let full = if group.is_empty() { name.to_owned() } else { format!("{group}.{name}") };
            let what = about(structs, name);
            writeln!(page, "| `{full}` | {} | {what} | {} |", shown(value), reason.trim()).expect("a string takes it");
            reason.clear();
        }
    }
    page
}

/// The documentation of a field.
fn about(structs: &str, name: &str) -> String {
    let field = format!("pub {name}: ");
    let mut text = String::new();
    for line in structs.lines().map(str::trim) {
        if let Some(comment) = line.strip_prefix("/// ") {
            text.push_str(comment);
            text.push(' ');
        } else if line.starts_with(&field) {
            return text.trim().replace('|', "\\|");
        } else {
            text.clear();
        }
    }
    String::new()
}

/// A value as people read it.
fn shown(value: &str) -> String {
    match value {
        "u32::MAX" | "u64::MAX" => "no limit".to_owned(),
        "None" => "none".to_owned(),
        "true" => "yes".to_owned(),
        "false" => "no".to_owned(),
        value => value
            .replace("Who::", "")
            .replace("Qos::", "")
            .replace("Overflow::", "")
            .replace(" * 1024 * 1024 * 1024", " GiB")
            .replace(" * 1024 * 1024", " MiB")
            .replace(" * 1024", " KiB")
            .replace(".into()", ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_shown_with_its_default_its_meaning_and_its_reason() {
        let defaults = "Limits {\n    link: LinkLimits {\n        // Large\n        // enough.\n        bytes_max: 64 * 1024,\n    },\n    all: u32::MAX,\n}\n";
        let structs = "/// Bytes.\npub bytes_max: u32,\n/// Everything.\npub all: u32,\n";
        let page = write_page(defaults, structs);
        assert!(page.contains("| `link.bytes_max` | 64 KiB | Bytes. | Large enough. |"), "{page}");
        assert!(page.contains("| `all` | no limit | Everything. |  |"), "{page}");
    }

    #[test]
    fn every_default_says_what_it_bounds_and_why() {
        let page = page().expect("the sources are there");
        let unexplained: Vec<&str> = page.lines().filter(|line| line.contains("|  |")).collect();
        assert!(unexplained.is_empty(), "{unexplained:?}");
    }
}

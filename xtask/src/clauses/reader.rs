//! Reads which test names which clauses.
//!
//! Owns: where tests are, what stands directly above a test, the comments of golden packets, which edition a test
//! runs in.
//! Never: takes a comment in a test's body for a claim; it only has to name clauses that exist.

use super::name::{Clause, Edition, clauses_in};
use crate::command::root;
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What all test sources name.
#[derive(Default)]
pub(super) struct Found {
    /// A test, one of its clauses, and an edition in which it runs.
    tests: BTreeSet<(Clause, Edition, String)>,
    /// Every name in a comment, with its place.
    pub(super) names: Vec<(String, Clause)>,
}

impl Found {
    /// The tests that name the clause and run in `edition`.
    pub(super) fn tests_of(&self, clause: &Clause, edition: Edition) -> BTreeSet<&str> {
        let named = self.tests.iter().filter(|(named, runs_in, _)| named == clause && *runs_in == edition);
        named.map(|(_, _, test)| test.as_str()).collect()
    }

    /// A Rust source; `module` is how its tests are called.
    pub(super) fn read_source(&mut self, file: &str, module: &str, text: &str) {
        let lines: Vec<&str> = text.lines().collect();
        let mut above = Above::default();
        for (at, line) in lines.iter().enumerate() {
            let words = line.trim();
            if let Some(comment) = words.strip_prefix("//") {
                let place = format!("{file}:{}", at + 1);
                self.names.extend(clauses_in(comment).into_iter().map(|clause| (place.clone(), clause)));
                above.on_comment(comment);
            } else if words.starts_with("#[") {
                above.on_attribute(words);
            } else {
                if let Some(name) = function(words).filter(|_| above.is_test) {
                    let runs_before_5 = body(&lines[at..]).any(|line| BEFORE_5.iter().any(|word| line.contains(word)));
                    self.claim(&above.comment, &format!("{module}::{name}"), runs_before_5);
                }
                above = Above::default();
            }
        }
    }

    /// A test runs in the edition of each clause it names; whether it runs in the older one too, its body shows.
    fn claim(&mut self, comment: &str, test: &str, runs_before_5: bool) {
        for clause in clauses_in(comment) {
            if runs_before_5 && clause.edition == Edition::V5 {
                self.tests.insert((clause.clone(), Edition::V3_1_1, test.to_owned()));
            }
            self.tests.insert((clause.clone(), clause.edition, test.to_owned()));
        }
    }

    /// Golden packets: `# sentence`, `dialect hex`, `=> outcome`. A case runs in its own dialect alone.
    pub(super) fn read_golden(&mut self, file: &str, module: &str, text: &str) {
        let mut sentence = "";
        for (number, line) in (1..).zip(text.lines()) {
            if let Some(words) = line.strip_prefix("# ") {
                sentence = words;
            } else if let Some((dialect, _)) = line.split_once(' ').filter(|(word, _)| *word != "=>") {
                let words = sentence.rsplit(']').next().unwrap_or_default();
                let words = words.strip_prefix(" of 3.1.1").unwrap_or(words).trim();
                for clause in clauses_in(sentence) {
                    self.names.push((format!("{file}:{number}"), clause.clone()));
                    if let Some(edition) = Edition::parse(dialect) {
                        self.tests.insert((clause, edition, format!("{module}: {words}")));
                    }
                }
            }
        }
    }
}

/// What stands in the body of a test that runs in 3.1.1, alone or as one of several.
const BEFORE_5: [&str; 4] = ["V3_1_1", ".v3()", "VERSIONS", "EDITIONS"];

/// The lines of a function up to the brace that closes it.
fn body<'a>(lines: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    let first = lines.first().copied().unwrap_or_default();
    let indent = first.len() - first.trim_start().len();
    let is_end = move |line: &str| line.trim_end().len() == indent + 1 && line.ends_with('}');
    let rest = if first.ends_with('}') { &[][..] } else { lines };
    rest.iter().copied().take_while(move |line| !is_end(line))
}

/// What stands directly above a line.
#[derive(Default)]
struct Above {
    comment: String,
    has_attribute: bool,
    is_test: bool,
}

impl Above {
    fn on_comment(&mut self, comment: &str) {
        if !self.has_attribute {
            self.comment.push_str(comment);
        }
    }

    fn on_attribute(&mut self, line: &str) {
        self.has_attribute = true;
        let path = line.trim_start_matches("#[").split([']', '(']).next().unwrap_or_default();
        self.is_test |= path == "test" || path.ends_with("::test");
    }
}

fn function(line: &str) -> Option<&str> {
    let (before, behind) = line.split_once("fn ")?;
    let is_function = before.split_whitespace().all(|word| ["pub", "async"].contains(&word));
    behind.split(['(', '<']).next().filter(|_| is_function)
}

/// Every test source of the workspace.
pub(super) fn read_all() -> Result<Found> {
    let mut found = Found::default();
    for folder in children(&root().join("crates"))? {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let short = name.strip_prefix("postrider-").unwrap_or(&name);
        let mut files = Vec::new();
        for part in ["tests", "src", "testdata"] {
            collect(&folder.join(part), &mut files)?;
        }
        for path in files {
            let inside = path.strip_prefix(&folder)?.to_string_lossy().into_owned();
            let read = || fs::read_to_string(&path).with_context(|| inside.clone());
            let file = format!("crates/{name}/{inside}");
            if let Some(stem) = inside.strip_prefix("testdata/").and_then(|inside| inside.strip_suffix(".txt")) {
                // Shapes for the fuzz targets claim nothing.
                if stem != "hostile" {
                    found.read_golden(&file, &format!("{short}::golden::{stem}"), &read()?);
                }
            } else if let Some(module) = module(short, &inside) {
                found.read_source(&file, &module, &read()?);
            }
        }
    }
    Ok(found)
}

/// How the tests of a file are called; nothing if it holds none that are looked at.
fn module(crate_name: &str, inside: &str) -> Option<String> {
    let stem = inside.strip_suffix(".rs")?;
    let path = stem.strip_prefix("tests/it/").or_else(|| stem.strip_prefix("tests/"));
    let path = path.or_else(|| stem.strip_prefix("src/").filter(|path| path.ends_with("/tests")))?;
    Some(format!("{crate_name}::{}", path.replace('/', "::")))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for path in children(folder)? {
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// What is in a folder, in order; nothing if there is no folder.
fn children(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut paths = entries.collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(text: &str) -> Vec<String> {
        let mut found = Found::default();
        found.read_source("x.rs", "engine::x", text);
        found.tests.iter().map(|(clause, _, test)| format!("{clause} {test}")).collect()
    }

    #[test]
    fn a_test_shows_the_clauses_that_stand_directly_above_its_attribute() {
        for attributes in ["#[test]", "#[tokio::test]", "#[tokio::test(start_paused = true)]", "#[cfg(unix)]\n#[test]"]
        {
            let text = format!("// [MQTT-1.1.1-1],\n// [MQTT-1.1.1-2] of 3.1.1\n{attributes}\nasync fn a_b() {{\n");
            assert_eq!(
                claims(&text),
                ["[MQTT-1.1.1-2] of 3.1.1 engine::x::a_b", "[MQTT-1.1.1-1] of 5.0 engine::x::a_b"]
            );
        }
    }

    #[test]
    fn a_comment_elsewhere_shows_nothing() {
        for text in [
            "// [MQTT-1.1.1-1]\n\n#[test]\nfn a() {\n",
            "// [MQTT-1.1.1-1]\nfn not_a_test() {\n",
            "// [MQTT-1.1.1-1]\nconst A: u8 = 1;\n#[test]\nfn a() {\n",
            "#[test]\n// [MQTT-1.1.1-1]\nfn a() {\n",
            "#[test]\nfn a() {\n    // [MQTT-1.1.1-1]\n    let x = || {};\n}\n",
            "#[test]\nfn a() {}\n// [MQTT-1.1.1-1]\n",
        ] {
            assert!(claims(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn every_name_in_a_comment_is_remembered_with_its_place() {
        let mut found = Found::default();
        found.read_source("x.rs", "engine::x", "#[test]\nfn a() {\n    // [MQTT-9.9.9-9]\n}\n");
        let places: Vec<String> = found.names.iter().map(|(place, clause)| format!("{place} {clause}")).collect();
        assert_eq!(places, ["x.rs:3 [MQTT-9.9.9-9] of 5.0"]);
    }

    #[test]
    fn a_golden_packet_shows_clauses_in_its_own_dialect_alone() {
        let mut found = Found::default();
        let text = "# [MQTT-1.1.1-1] a wildcard\n5.0 30 00\n=> error X\n# [MQTT-1.1.1-2] QoS 3\n3.1.1 36 00\n=> error Y\n\
                    # [MQTT-1.1.1-3] of 3.1.1 QoS 3\n3.1.1 36 00\n=> error Y\n# [MQTT-1.1.1-4] old\n3.1 36 00\n";
        found.read_golden("publish.txt", "proto::golden::publish", text);
        assert_eq!(
            editions(&found),
            [
                "[MQTT-1.1.1-3] of 3.1.1 in 3.1.1: proto::golden::publish: QoS 3",
                "[MQTT-1.1.1-1] of 5.0 in 5.0: proto::golden::publish: a wildcard",
                "[MQTT-1.1.1-2] of 5.0 in 3.1.1: proto::golden::publish: QoS 3",
            ]
        );
    }

    fn editions(found: &Found) -> Vec<String> {
        let line =
            |(clause, edition, test): &(Clause, Edition, String)| format!("{clause} in {}: {test}", edition.as_str());
        found.tests.iter().map(line).collect()
    }

    #[test]
    fn a_test_runs_before_5_when_its_own_body_says_so() {
        let both = ["[MQTT-1.1.1-1] of 5.0 in 3.1.1: x::a", "[MQTT-1.1.1-1] of 5.0 in 5.0: x::a"];
        for (text, expected) in [
            ("#[test]\nfn a() {\n    for version in VERSIONS {\n    }\n}\n", &both[..]),
            ("#[test]\nfn a() {\n    x().v3();\n}\n", &both[..]),
            ("#[test]\nfn a() {\n    x();\n}\nfn b() {\n    x().v3();\n}\n", &both[1..]),
            ("#[test]\nfn a() {}\nfn b() {\n    x().v3();\n}\n", &both[1..]),
        ] {
            let mut found = Found::default();
            found.read_source("x.rs", "x", &format!("// [MQTT-1.1.1-1]\n{text}"));
            assert_eq!(editions(&found), expected, "{text}");
        }
    }
}

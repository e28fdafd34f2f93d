//! Reads which test names which clauses.
//!
//! Owns: where tests are, what stands directly above a test, the comments of golden packets.
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
    /// A test and one of its clauses.
    tests: BTreeSet<(Clause, String)>,
    /// Every name in a comment, with its place.
    pub(super) names: Vec<(String, Clause)>,
}

impl Found {
    pub(super) fn tests_of(&self, clause: &Clause) -> BTreeSet<&str> {
        self.tests.iter().filter(|(named, _)| named == clause).map(|(_, test)| test.as_str()).collect()
    }

    /// A Rust source; `module` is how its tests are called.
    pub(super) fn read_source(&mut self, file: &str, module: &str, text: &str) {
        let mut above = Above::default();
        for (number, line) in (1..).zip(text.lines().map(str::trim)) {
            if let Some(comment) = line.strip_prefix("//") {
                let place = format!("{file}:{number}");
                self.names.extend(clauses_in(comment).into_iter().map(|clause| (place.clone(), clause)));
                above.on_comment(comment);
            } else if line.starts_with("#[") {
                above.on_attribute(line);
            } else {
                if let Some(name) = function(line).filter(|_| above.is_test) {
                    let test = format!("{module}::{name}");
                    self.tests.extend(clauses_in(&above.comment).into_iter().map(|clause| (clause, test.clone())));
                }
                above = Above::default();
            }
        }
    }

    /// Golden packets: `# sentence`, `dialect hex`, `=> outcome`. Cases of the older dialects count only where the
    /// sentence says `of 3.1.1`: they cannot show a clause of 5.0.
    pub(super) fn read_golden(&mut self, file: &str, module: &str, text: &str) {
        let mut sentence = "";
        for (number, line) in (1..).zip(text.lines()) {
            if let Some(words) = line.strip_prefix("# ") {
                sentence = words;
            } else if let Some((dialect, _)) = line.split_once(' ').filter(|(word, _)| *word != "=>") {
                let of_dialect = |clause: &Clause| clause.edition == Edition::V3_1_1 || dialect == "5.0";
                for clause in clauses_in(sentence).into_iter().filter(of_dialect) {
                    let words = sentence.rsplit(']').next().unwrap_or_default();
                    let words = words.strip_prefix(" of 3.1.1").unwrap_or(words).trim();
                    self.names.push((format!("{file}:{number}"), clause.clone()));
                    self.tests.insert((clause, format!("{module}: {words}")));
                }
            }
        }
    }
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
        found.tests.iter().map(|(clause, test)| format!("{clause} {test}")).collect()
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
    fn a_golden_packet_shows_clauses_of_its_own_dialect() {
        let mut found = Found::default();
        let text = "# [MQTT-1.1.1-1] a wildcard\n5.0 30 00\n=> error X\n# [MQTT-1.1.1-2] QoS 3\n3.1.1 36 00\n=> error Y\n\
                    # [MQTT-1.1.1-3] of 3.1.1 QoS 3\n3.1.1 36 00\n=> error Y\n";
        found.read_golden("publish.txt", "proto::golden::publish", text);
        let shown: Vec<String> = found.tests.iter().map(|(clause, test)| format!("{clause} {test}")).collect();
        assert_eq!(
            shown,
            [
                "[MQTT-1.1.1-3] of 3.1.1 proto::golden::publish: QoS 3",
                "[MQTT-1.1.1-1] of 5.0 proto::golden::publish: a wildcard"
            ]
        );
    }
}

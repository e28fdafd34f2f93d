//! The walls of the house: which crate may import which, what the pure half must not touch, sizes and plates.
//!
//! Owns: the rules of ARCHITECTURE.md's table in a form a machine checks.
//! Never: looks at style that a person should judge.

mod closure;
pub(crate) mod floors;
mod pages;
mod paths;
mod purity;
mod register;
mod shape;
mod source;

use crate::command::root;
use crate::graph::Graph;
use crate::limits;
use anyhow::{Context, Result, bail};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// One thing that is wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    file: String,
    line: usize,
    what: String,
    remedy: String,
}

impl Finding {
    fn new(file: &str, line: usize, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, what: what.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.file, self.line, self.what, self.remedy)
    }
}

/// Prints every finding; an error if there is one.
pub(crate) fn run() -> Result<String> {
    let graph = Graph::of_workspace()?;
    let sources = read_sources(&graph)?;
    if sources.is_empty() {
        bail!("no source file was found, which cannot be right");
    }
    let mut findings = floors::check(&graph);
    findings.extend(closure::check(&graph));
    findings.extend(pages::check(root()));
    let register = fs::read_to_string(root().join(register::FILE)).with_context(|| register::FILE)?;
    findings.extend(register::check(&graph, &register));
    for (file, text) in &sources {
        findings.extend(shape::check(file, text));
        if floors::is_pure_source(file) {
            findings.extend(purity::check(file, text));
        }
    }
    if fs::read_to_string(root().join(limits::FILE)).ok() != Some(limits::page()?) {
        findings.push(Finding::new(limits::FILE, 1, "not what the code says", "run `cargo xtask limits`"));
    }
    findings.sort();
    findings.dedup();
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings", findings.len());
    }
    Ok(format!("{} crates, {} source files", graph.members.len(), sources.len()))
}

/// All Rust sources of our crates, named relative to the root.
fn read_sources(graph: &Graph) -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for member in &graph.members {
        let folder = root().join(&member.manifest);
        let folder = folder.parent().with_context(|| format!("{} has no folder", member.manifest))?;
        collect_rust(folder, &mut files)?;
    }
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        Ok((path.strip_prefix(root()).unwrap_or(&path).to_string_lossy().into_owned(), text))
    };
    files.into_iter().map(read).collect()
}

fn collect_rust(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            collect_rust(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

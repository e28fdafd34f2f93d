//! Every crate from outside that a manifest names has its line in `docs/dependencies.md`, and none has one in vain.

use super::Finding;
use crate::graph::Graph;
use std::collections::BTreeSet;

pub(super) fn check(graph: &Graph, register: &str) -> Vec<Finding> {
    let listed: Vec<(usize, &str)> =
        register.lines().enumerate().filter_map(|(at, line)| Some((at + 1, name_in(line)?))).collect();
    let named: BTreeSet<&str> = graph.members.iter().flat_map(|member| &member.outside).map(String::as_str).collect();
    let mut findings = Vec::new();
    for member in &graph.members {
        for name in member.outside.iter().filter(|name| !listed.iter().any(|(_, other)| other == name)) {
            let what = format!("{name} is not in {FILE}");
            findings.push(Finding::new(
                &member.manifest,
                1,
                what,
                "say there what for, instead of what, and how to leave it",
            ));
        }
    }
    for (line, name) in listed.iter().filter(|(_, name)| !named.contains(name)) {
        findings.push(Finding::new(FILE, *line, format!("no manifest names {name}"), "delete the line"));
    }
    findings
}

/// The crate a line of a table is about: the first cell, without the features behind it.
fn name_in(line: &str) -> Option<&str> {
    let name = line.strip_prefix("| ")?.split([' ', '|']).next()?;
    (name != "Crate").then_some(name)
}

pub(super) const FILE: &str = "docs/dependencies.md";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Member;

    fn findings(outside: &[&str]) -> Vec<String> {
        let outside = outside.iter().map(|name| (*name).to_owned()).collect();
        let member =
            Member { name: "a".to_owned(), manifest: "crates/a/Cargo.toml".to_owned(), imports: Vec::new(), outside };
        let graph = Graph { members: vec![member], ..Graph::default() };
        let register = "# Title\n\n| Crate | Where |\n|---|---|\n| bytes | here |\n| tokio (`macros`) | there |\n";
        check(&graph, register).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_dependency_without_a_line_is_a_finding() {
        assert!(findings(&["bytes", "tokio"]).is_empty());
        let found = findings(&["bytes", "tokio", "left-pad"]);
        assert!(found.len() == 1 && found[0].contains("left-pad is not in docs/dependencies.md"), "{found:?}");
    }

    #[test]
    fn a_line_without_a_dependency_is_a_finding() {
        let found = findings(&["bytes"]);
        assert!(
            found.len() == 1 && found[0].starts_with("docs/dependencies.md:6: no manifest names tokio"),
            "{found:?}"
        );
    }
}

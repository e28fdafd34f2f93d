//! Who depends on whom, as `cargo metadata` tells it.
//!
//! Owns: our crates with what their manifests import, and the resolved graph behind them.
//! Never: decides whether an edge is allowed.

use crate::command::{cargo, listen, root};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The workspace's crates and everything they stand on.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) members: Vec<Member>,
    /// Package → the packages it needs to run, all platforms and all features of our crates.
    pub(crate) needs: BTreeMap<String, BTreeSet<String>>,
}

/// One crate of ours.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// Relative to the root of the workspace, as are all paths in findings.
    pub(crate) manifest: String,
    /// Crates of ours that the manifest names, optional ones too.
    pub(crate) imports: Vec<Import>,
    /// Crates from outside that the manifest names, for whatever purpose.
    pub(crate) outside: BTreeSet<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Import {
    pub(crate) name: String,
    pub(crate) kind: ImportKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ImportKind {
    /// For the product, build scripts included.
    Product,
    Dev,
}

impl Graph {
    pub(crate) fn of_workspace() -> Result<Self> {
        let output = listen(&mut cargo("metadata --format-version 1 --all-features"))?;
        if !output.status.success() {
            bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let metadata = serde_json::from_slice(&output.stdout).context("cargo metadata is not json")?;
        Self::read(&metadata).context("cargo metadata has another form than expected")
    }

    fn read(metadata: &Value) -> Option<Self> {
        let ours: BTreeSet<&str> = metadata["workspace_members"].as_array()?.iter().filter_map(Value::as_str).collect();
        let packages = metadata["packages"].as_array()?;
        let mut names = BTreeMap::new();
        let mut members = Vec::new();
        for package in packages {
            names.insert(package["id"].as_str()?, package["name"].as_str()?);
            if ours.contains(package["id"].as_str()?) {
                members.push(read_member(package)?);
            }
        }
        let known: BTreeSet<String> = members.iter().map(|member| member.name.clone()).collect();
        for member in &mut members {
            let (ours, outside) = member.imports.drain(..).partition(|import| known.contains(&import.name));
            member.imports = ours;
            member.outside = Vec::into_iter(outside).map(|import| import.name).collect();
        }
        let mut needs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for node in metadata["resolve"]["nodes"].as_array()? {
            let from = names.get(node["id"].as_str()?)?;
            let to = node["deps"].as_array()?.iter().filter(|dep| is_needed_to_run(dep));
            let to = to.filter_map(|dep| names.get(dep["pkg"].as_str()?)).map(|name| (*name).to_owned());
            needs.entry((*from).to_owned()).or_default().extend(to);
        }
        Some(Self { members, needs })
    }
}

fn read_member(package: &Value) -> Option<Member> {
    let manifest = package["manifest_path"].as_str()?;
    let imports = package["dependencies"].as_array()?.iter().map(|dependency| {
        let kind = if dependency["kind"].as_str() == Some("dev") { ImportKind::Dev } else { ImportKind::Product };
        Some(Import { name: dependency["name"].as_str()?.to_owned(), kind })
    });
    Some(Member {
        name: package["name"].as_str()?.to_owned(),
        manifest: std::path::Path::new(manifest).strip_prefix(root()).ok()?.to_str()?.to_owned(),
        imports: imports.collect::<Option<_>>()?,
        outside: BTreeSet::new(),
    })
}

/// A dependency has several kinds if it is named several times; `null` is the ordinary one.
fn is_needed_to_run(dep: &Value) -> bool {
    dep["dep_kinds"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn metadata_becomes_members_with_imports_and_needs_without_dev_edges() {
        let manifest = root().join("crates/a/Cargo.toml");
        let metadata = json!({
            "workspace_members": ["id-a", "id-b"],
            "packages": [
                { "id": "id-a", "name": "a", "manifest_path": manifest, "dependencies": [
                    { "name": "b", "kind": null }, { "name": "b", "kind": "dev" }, { "name": "outside", "kind": null }] },
                { "id": "id-b", "name": "b", "manifest_path": manifest, "dependencies": [] },
                { "id": "id-o", "name": "outside", "manifest_path": "/elsewhere/Cargo.toml", "dependencies": [] },
            ],
            "resolve": { "nodes": [
                { "id": "id-a", "deps": [
                    { "pkg": "id-b", "dep_kinds": [{ "kind": "dev" }] },
                    { "pkg": "id-o", "dep_kinds": [{ "kind": "dev" }, { "kind": null }] }] },
            ] },
        });
        let graph = Graph::read(&metadata).expect("well formed");
        assert_eq!(graph.members[0].manifest, "crates/a/Cargo.toml");
        let imports: Vec<_> =
            graph.members[0].imports.iter().map(|import| (import.name.as_str(), import.kind)).collect();
        assert_eq!(imports, [("b", ImportKind::Product), ("b", ImportKind::Dev)]);
        assert_eq!(graph.members[0].outside, BTreeSet::from(["outside".to_owned()]));
        assert_eq!(graph.needs["a"], BTreeSet::from(["outside".to_owned()]));
    }

    #[test]
    fn the_workspace_itself_can_be_read() {
        let graph = Graph::of_workspace().expect("cargo metadata");
        assert!(graph.members.iter().any(|member| member.name == "postrider-proto"));
        assert!(graph.needs["postrider-engine"].contains("postrider-proto"));
    }
}

//! Cargo's own tools, built from source into `target/tools`.

use crate::command::{cargo, command, first_line, run, tools};
use anyhow::Result;

/// A tool and the version we install. Any version found on PATH will do.
#[derive(Clone, Copy)]
pub(super) struct Tool {
    name: &'static str,
    version: &'static str,
}

pub(super) fn find(tool: Tool) -> Option<String> {
    first_line(&mut command(tool.name, "--version"))
}

pub(super) fn install(tool: Tool) -> Result<()> {
    let Tool { name, version } = tool;
    run(cargo(&format!("install --locked --quiet --version {version} {name} --root")).arg(tools()))
}

pub(super) const NEXTEST: Tool = Tool { name: "cargo-nextest", version: "0.9.143" };
pub(super) const DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2" };

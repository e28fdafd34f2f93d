//! JavaScript clients, and what they are driven in a browser with, under `target/npm`.

use super::{answers, apt};
use crate::command::{command, first_line, root, run};
use anyhow::Result;
use std::path::PathBuf;

/// A package of npm.
#[derive(Clone, Copy)]
pub(super) struct Package {
    name: &'static str,
    version: &'static str,
}

pub(super) fn find(package: Package) -> Option<String> {
    let Package { name, version } = package;
    let node = first_line(&mut command("node", "--version"))?;
    let code = format!("console.log(require('{name}/package.json').version)");
    let found = first_line(command("node", "-e").arg(code).env("NODE_PATH", modules()))?;
    (found == version).then(|| format!("{name} {version} on node {node}"))
}

/// All of them: npm takes away what it is not asked for.
pub(super) fn install() -> Result<()> {
    if !answers("node", "--version") {
        apt::install(&["nodejs", "npm"])?;
    } else if !answers("npm", "--version") {
        apt::install(&["npm"])?;
    }
    let flags = "install --no-audit --no-fund --no-save --loglevel=error";
    let packages = [MQTT_JS, PUPPETEER].map(|Package { name, version }| format!("{name}@{version}"));
    run(command("npm", flags).arg("--prefix").arg(root().join("target/npm")).args(packages))
}

pub(super) fn modules() -> PathBuf {
    root().join("target/npm/node_modules")
}

pub(super) const MQTT_JS: Package = Package { name: "mqtt", version: "5.16.0" };
/// The last generation for node 18 and 20. It brings no browser.
pub(super) const PUPPETEER: Package = Package { name: "puppeteer-core", version: "24.43.1" };

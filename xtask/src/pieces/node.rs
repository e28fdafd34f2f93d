//! JavaScript clients, under `target/npm`.

use super::{answers, apt};
use crate::command::{command, first_line, root, run};
use anyhow::Result;
use std::path::PathBuf;

pub(super) fn find() -> Option<String> {
    let node = first_line(&mut command("node", "--version"))?;
    let code = "console.log(require('mqtt/package.json').version)";
    let version = first_line(command("node", "-e").arg(code).env("NODE_PATH", modules()))?;
    (version == MQTT_JS).then(|| format!("mqtt.js {version} on node {node}"))
}

pub(super) fn install() -> Result<()> {
    if !answers("node", "--version") {
        apt::install(&["nodejs", "npm"])?;
    } else if !answers("npm", "--version") {
        apt::install(&["npm"])?;
    }
    let flags = "install --no-audit --no-fund --no-save --loglevel=error";
    run(command("npm", flags).arg("--prefix").arg(root().join("target/npm")).arg(format!("mqtt@{MQTT_JS}")))
}

pub(super) fn modules() -> PathBuf {
    root().join("target/npm/node_modules")
}

const MQTT_JS: &str = "5.16.0";

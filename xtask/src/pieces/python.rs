//! Python clients, each version in an environment of its own under `target/venv`.

use super::apt;
use crate::command::{command, first_line, root, run};
use anyhow::{Result, bail};
use std::path::PathBuf;

/// A folder and the package in it. The two generations of paho differ in their callbacks.
#[derive(Clone, Copy)]
pub(super) struct Client {
    folder: &'static str,
    version: &'static str,
}

pub(super) fn find(client: Client) -> Option<String> {
    let code = "import paho.mqtt.client, importlib.metadata as m; print(m.version('paho-mqtt'))";
    let version = first_line(command(interpreter(client).to_str()?, "-c").arg(code))?;
    (version == client.version).then(|| format!("paho-mqtt {version}"))
}

pub(super) fn install(client: Client) -> Result<()> {
    if !has_venv() {
        apt::install(&["python3", "python3-venv"])?;
        if !has_venv() {
            bail!("python3 has no module `venv`: install the package python3-venv");
        }
    }
    // `--clear`: what an interrupted installation left is not to be trusted.
    run(command("python3", "-m venv --clear").arg(folder(client)))?;
    let pip = "-m pip --disable-pip-version-check install --quiet";
    let python = interpreter(client);
    run(command(&python.to_string_lossy(), pip).arg(format!("paho-mqtt=={}", client.version)))
}

pub(super) fn interpreter(client: Client) -> PathBuf {
    folder(client).join("bin/python")
}

fn folder(client: Client) -> PathBuf {
    root().join("target/venv").join(client.folder)
}

/// Debian ships `venv` without `ensurepip`, which it needs.
fn has_venv() -> bool {
    first_line(command("python3", "-c").arg("import venv, ensurepip")).is_some()
}

pub(super) const PAHO_1: Client = Client { folder: "paho-1", version: "1.6.1" };
pub(super) const PAHO_2: Client = Client { folder: "paho-2", version: "2.2.0" };

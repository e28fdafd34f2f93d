//! Where the clients of others are.

use crate::broker::POSTRIDER;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program, by the name under which it is on PATH, or ours.
pub(crate) fn command(name: &str) -> Command {
    let mut command = bare(name);
    // Nobody's own settings change a test.
    command.env("XDG_CONFIG_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/no-settings"));
    command
}

fn bare(name: &str) -> Command {
    match name.strip_prefix("postrider ") {
        Some(word) => {
            let mut command = Command::new(POSTRIDER);
            command.arg(word);
            command
        }
        None => Command::new(name),
    }
}

/// The script that does what it is told, in a Python that has the generation of paho.
pub(crate) fn paho(generation: u8) -> Command {
    paho_with(generation, "with_paho.py")
}

/// A script of `tests/clients` in a Python that has the generation of paho.
pub(crate) fn paho_with(generation: u8, name: &str) -> Command {
    let variable = format!("POSTRIDER_PAHO_{generation}");
    let python = place(&variable, &format!("venv/paho-{generation}/bin/python"));
    let mut command = Command::new(present(python, &format!("paho {generation}")));
    command.arg(script(name));
    command
}

/// A script of `tests/clients` for node, told where mqtt.js is.
pub(crate) fn mqtt_js() -> Command {
    mqtt_js_with("with_mqtt_js.mjs")
}

/// Another script of `tests/clients` for node.
pub(crate) fn mqtt_js_with(name: &str) -> Command {
    let modules = place("POSTRIDER_NODE_MODULES", "npm/node_modules");
    let mut command = Command::new("node");
    command.arg(script(name)).arg(present(modules.join("mqtt"), "mqtt.js"));
    command
}

/// The script for node that opens pages in a browser, told where its modules are.
pub(crate) fn in_chromium() -> Command {
    let modules = place("POSTRIDER_NODE_MODULES", "npm/node_modules");
    for name in ["mqtt", "puppeteer-core"] {
        present(modules.join(name), name);
    }
    let mut command = Command::new("node");
    command.arg(script("in_chromium.mjs")).arg(modules);
    command
}

/// The browser, by its place.
pub(crate) fn chromium() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("chromium")).find(|file| file.is_file());
    found.unwrap_or_else(|| missing("chromium"))
}

/// The one line that a test ends with when a tool is not there.
pub(crate) fn missing(name: &str) -> ! {
    panic!("{name} is missing: run `cargo xtask test --install`")
}

fn present(path: PathBuf, name: &str) -> PathBuf {
    if path.exists() { path } else { missing(name) }
}

fn place(variable: &str, below_target: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in the target folder");
    std::env::var_os(variable).map_or_else(|| target.join(below_target), PathBuf::from)
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

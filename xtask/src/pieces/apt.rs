//! Packages of the system. Their versions are the distribution's.

use super::answers;
use crate::command::{command, first_line, listen, run};
use anyhow::{Context, Result, bail};
use std::process::Command;

/// `mosquitto_pub` and `mosquitto_sub`, which come together.
pub(super) fn find_clients() -> Option<String> {
    // Asked for help they end with an error, but not before saying who they are.
    listen(&mut command("mosquitto_sub", "--help")).ok()?;
    let help = listen(&mut command("mosquitto_pub", "--help")).ok()?;
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    Some(help.lines().find(|line| line.contains(" version ")).unwrap_or("of an unknown version").to_owned())
}

/// mosquitto itself, whose configuration and log ours are compared with. It is not in the path of everybody.
pub(super) fn find_broker() -> Option<String> {
    let help = |program| listen(&mut command(program, "-h")).ok();
    let help = help("mosquitto").or_else(|| help("/usr/sbin/mosquitto"))?;
    String::from_utf8_lossy(&help.stdout).lines().next().map(str::to_owned)
}

/// `mosquitto_passwd`, which comes with the broker.
pub(super) fn find_passwd() -> Option<String> {
    // It does not say its version.
    listen(&mut command("mosquitto_passwd", "--help")).ok().map(|_| "here".to_owned())
}

/// A browser that pages with mqtt.js are opened in.
pub(super) fn find_browser() -> Option<String> {
    first_line(&mut command("chromium", "--version"))
}

/// Installs with the lists of packages that are here; where those are too old or absent, with new ones.
pub(super) fn install(packages: &[&str]) -> Result<()> {
    let install = || run(apt("install -y --no-install-recommends").args(packages));
    let names = packages.join(" ");
    if !answers("apt-get", "--version") {
        bail!("there is no apt-get here; install {names} with your own package manager");
    }
    install().or_else(|_| run(&mut apt("update")).and_then(|()| install())).with_context(|| format!("no {names}"))
}

fn apt(args: &str) -> Command {
    let is_root = first_line(&mut command("id", "-u")).is_some_and(|id| id == "0");
    let mut apt = if is_root { command("apt-get", args) } else { command("sudo", &format!("apt-get {args}")) };
    apt.env("DEBIAN_FRONTEND", "noninteractive");
    apt
}

//! How the broker is started: its command line and its settings with the placeholders replaced, and a place to write to.
//!
//! Owns: the fresh directory, which is gone at the end unless it is to be kept; the choice of a port.

use super::options::Torture;
use super::random::{Random, fresh_seed};
use anyhow::{Context, bail};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Weak};

#[derive(Debug)]
pub(super) struct Recipe {
    words: Vec<String>,
    port: u16,
    scratch: Arc<Scratch>,
}

/// A directory of this run: `data` for the broker, and its settings.
#[derive(Debug)]
pub(super) struct Scratch {
    root: PathBuf,
    is_kept: bool,
}

impl Recipe {
    pub(super) fn prepare(args: &Torture) -> anyhow::Result<Self> {
        args.check()?;
        let port = args.port.map_or_else(free_port, Ok)?;
        if TcpStream::connect(address(port)).is_ok() {
            bail!("something listens on {} already: stop it or choose another port with --port", address(port));
        }
        let folder = args.scratch.clone().unwrap_or_else(std::env::temp_dir);
        let scratch = Arc::new(Scratch::create(&folder, args.keep)?);
        let replaced = |text: &str| replace(text, port, &scratch);
        if let Some(template) = &args.template {
            let text = std::fs::read_to_string(template).with_context(|| template.display().to_string())?;
            std::fs::write(scratch.config(), replaced(&text)).context("writing the settings")?;
        }
        Ok(Self { words: args.command.iter().map(|word| replaced(word)).collect(), port, scratch })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        address(self.port)
    }

    pub(super) fn scratch(&self) -> Weak<Scratch> {
        Arc::downgrade(&self.scratch)
    }

    pub(super) fn command(&self) -> Command {
        // There is a first word: an empty command line is refused before.
        let mut command = Command::new(self.words.first().map_or("", String::as_str));
        command.args(self.words.iter().skip(1));
        command
    }

    /// The command line as it is started.
    pub(super) fn shown(&self) -> String {
        self.words.join(" ")
    }
}

impl Scratch {
    fn create(folder: &Path, is_kept: bool) -> anyhow::Result<Self> {
        let root = folder.join(format!("postrider-torture-{}-{}", std::process::id(), fresh_seed()));
        std::fs::create_dir(&root).with_context(|| root.display().to_string())?;
        // A command line that is started elsewhere finds it all the same.
        let root = root.canonicalize().with_context(|| root.display().to_string())?;
        let scratch = Self { root, is_kept };
        std::fs::create_dir(scratch.data()).with_context(|| scratch.root.display().to_string())?;
        Ok(scratch)
    }

    fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    fn config(&self) -> PathBuf {
        self.root.join("config")
    }

    pub(super) fn clear(&self) {
        if !self.is_kept {
            // What cannot be removed stays.
            let _ = std::fs::remove_dir_all(&self.root);
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.clear();
    }
}

fn replace(text: &str, port: u16, scratch: &Scratch) -> String {
    let path = |path: PathBuf| path.display().to_string();
    let text = text.replace("{port}", &port.to_string());
    text.replace("{dir}", &path(scratch.data())).replace("{config}", &path(scratch.config()))
}

const fn address(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// One that is free now. Those that systems choose from for connections are left out: while the broker is away, a client
/// that tries again and again would some time be given the broker's port, and be connected to itself.
fn free_port() -> std::io::Result<u16> {
    let mut random = Random::new(fresh_seed());
    let mut candidates = std::iter::repeat_with(|| random.within(&PORTS)).take(TRIES);
    let is_free = |port: &u16| TcpListener::bind(address(*port)).is_ok();
    let free = candidates.by_ref().filter_map(|port| u16::try_from(port).ok()).find(is_free);
    free.ok_or_else(|| std::io::Error::other("no port is free: choose one with --port"))
}

const PORTS: RangeInclusive<u64> = 10_240..=32_000;
const TRIES: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_replaced_and_the_directory_is_gone_with_its_owner() {
        let scratch = Scratch::create(&std::env::temp_dir(), false).expect("a directory");
        let root = scratch.root.clone();
        let text = replace("-p {port} {dir}/a {config} {other}", 7, &scratch);
        assert_eq!(text, format!("-p 7 {0}/data/a {0}/config {{other}}", root.display()));
        assert!(root.join("data").is_dir());
        drop(scratch);
        assert!(!root.exists());
    }
}

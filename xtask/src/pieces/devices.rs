//! Devices of the system that the proofs on a disk mount. Only root may.

use super::apt;
use crate::command::{command, first_line, listen, run};
use anyhow::{Context, Result};
use std::fs::OpenOptions;

/// Where a file system of a process of ours is mounted from.
pub(super) fn find_fuse() -> Option<String> {
    OpenOptions::new().read(true).write(true).open(FUSE).ok()?;
    is_root().then(|| FUSE.to_owned())
}

pub(super) fn install_fuse() -> Result<()> {
    run(&mut command("modprobe", "fuse")).context("no /dev/fuse; and only root may mount, so run this as root")
}

/// A file as a device, with ext4 on it.
pub(super) fn find_loop() -> Option<String> {
    listen(&mut command("mkfs.ext4", "-V")).ok()?;
    let device = first_line(&mut command("losetup", "--find"))?;
    is_root().then(|| format!("ext4 on {device}"))
}

pub(super) fn install_loop() -> Result<()> {
    apt::install(&["e2fsprogs", "mount"]).context("only root may mount, so run this as root")
}

fn is_root() -> bool {
    first_line(&mut command("id", "-u")).is_some_and(|id| id == "0")
}

const FUSE: &str = "/dev/fuse";

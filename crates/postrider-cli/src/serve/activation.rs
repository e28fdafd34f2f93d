//! Sockets that systemd has opened for us.

use anyhow::{Context, bail};
use postrider_net::Inherited;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

/// Those that nobody has taken yet. The environment that tells of them is read once.
static PASSED: Mutex<Option<Vec<Inherited>>> = Mutex::new(None);

/// The socket with this name.
///
/// # Errors
/// Which names there are.
pub(super) fn take(name: &str) -> anyhow::Result<OwnedFd> {
    let mut passed = PASSED.lock().unwrap_or_else(PoisonError::into_inner);
    if passed.is_none() {
        *passed = Some(postrider_net::inherited().context("the sockets that systemd passes cannot be had")?);
    }
    let passed = passed.get_or_insert_default();
    let Some(at) = passed.iter().position(|socket| socket.name == name) else {
        let names: Vec<&str> = passed.iter().map(|socket| socket.name.as_str()).collect();
        bail!("systemd has passed no socket {name}; those that it has passed: {}", names.join(", "));
    };
    Ok(passed.remove(at).socket)
}

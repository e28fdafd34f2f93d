//! `docs/configuration.md`: every key, from the table that reads, prints and explains them.
//!
//! Owns: the verb, what `--check` refuses.

use crate::command::root;
use anyhow::{Context, Result, bail};
use std::fs;

const FILE: &str = "docs/configuration.md";

/// Writes the page anew.
pub(crate) fn write() -> Result<()> {
    fs::write(root().join(FILE), postrider_config::explain::page()).with_context(|| FILE)
}

/// Whether the page is what it would be.
pub(crate) fn check() -> Result<String> {
    let page = fs::read_to_string(root().join(FILE)).with_context(|| FILE)?;
    if page != postrider_config::explain::page() {
        bail!("{FILE} is not what the keys say; run `cargo xtask configuration`");
    }
    Ok(format!("{} keys", postrider_config::keys::all().count()))
}

//! `docs/configuration.md` and `docs/mosquitto.md`: every key and every option of mosquitto.conf, from the tables that
//! read them.
//!
//! Owns: the verb, what `--check` refuses.

use crate::command::root;
use anyhow::{Context, Result, bail};
use std::fs;

/// Writes the pages anew.
pub(crate) fn write() -> Result<()> {
    for (file, page) in pages() {
        fs::write(root().join(file), page).with_context(|| file)?;
    }
    Ok(())
}

/// Whether the pages are what they would be.
pub(crate) fn check() -> Result<String> {
    for (file, page) in pages() {
        let written = fs::read_to_string(root().join(file)).with_context(|| file)?;
        if written != page {
            bail!("{file} is not what the tables say; run `cargo xtask configuration`");
        }
    }
    Ok(format!("{} keys", postrider_config::keys::all().count()))
}

fn pages() -> [(&'static str, String); 2] {
    [
        ("docs/configuration.md", postrider_config::explain::page()),
        ("docs/mosquitto.md", postrider_config::mosquitto::page()),
    ]
}

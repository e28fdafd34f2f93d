//! A file of any of the formats, as the tree.
//!
//! Owns: which reader reads it.

use crate::fault::Fault;
use crate::format::Format;
use crate::native::Beside;
use crate::{Config, Files, moat, model::Origin, mosquitto, native, sol};
use std::path::Path;

/// Reads a configuration. The environment and the command line are for our own format: another broker's file says
/// what it says.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn load(
    path: &Path,
    format: Option<Format>,
    files: &dyn Files,
    beside: Beside<'_>,
) -> Result<(Config, Format), Vec<Fault>> {
    let name = path.display().to_string();
    let unread = |error: std::io::Error| {
        let origin = Origin::File { file: name.clone(), line: 0 };
        vec![Fault { origin, column: 0, key: String::new(), what: format!("it cannot be read: {error}") }]
    };
    let text = files.read(path).map_err(unread)?;
    let format = format.unwrap_or_else(|| Format::of(path, &text));
    let config = match format {
        Format::Toml => native::read(&name, &text, beside),
        Format::Mosquitto => mosquitto::read(&name, files),
        Format::Sol => sol::read(&name, &text),
        Format::Moat => moat::read(&name, &text),
    };
    Ok((config?, format))
}

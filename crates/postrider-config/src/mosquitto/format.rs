//! Which of the two forms a configuration has.
//!
//! Owns: the guess.

/// The form of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// TOML.
    Native,
    /// mosquitto.conf.
    Mosquitto,
}

/// By its name where that says it (`.toml`), else by its first line: a table or `key = value` is TOML.
#[must_use]
pub fn format_of(name: &str, text: &str) -> Format {
    if name.to_ascii_lowercase().ends_with(".toml") {
        return Format::Native;
    }
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let is_toml = lines.next().is_some_and(|line| {
        let (before, after) = line.split_once('=').unwrap_or((line, ""));
        line.starts_with('[') || (!after.is_empty() && !before.trim_end().contains(char::is_whitespace))
    });
    if is_toml { Format::Native } else { Format::Mosquitto }
}

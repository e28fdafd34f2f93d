//! Which broker's configuration a file is.
//!
//! Owns: the guess, which a person can overrule by saying it.

use std::path::Path;

/// Formats of configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Our own.
    Toml,
    /// `mosquitto.conf`.
    Mosquitto,
    /// `sol.conf`.
    Sol,
    /// YAML of the Python system.
    Moat,
}

impl Format {
    /// By the name's end, and for `.conf` by what only one of the two has.
    #[must_use]
    pub fn of(path: &Path, text: &str) -> Self {
        let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default().to_ascii_lowercase();
        match end.as_str() {
            "toml" => Self::Toml,
            "yaml" | "yml" => Self::Moat,
            _ if path.file_name().is_some_and(|name| name == "sol.conf") || is_sol(text) => Self::Sol,
            "conf" => Self::Mosquitto,
            _ => Self::by_lines(text),
        }
    }

    /// A file with any other name.
    fn by_lines(text: &str) -> Self {
        let said = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
        let Some(first) = text.lines().find(said).map(str::trim) else { return Self::Toml };
        let name_ends = first.find([' ', '=', ':', '[']).unwrap_or(first.len());
        match first[name_ends..].trim_start().chars().next() {
            Some('=' | '[') => Self::Toml,
            Some(':') => Self::Moat,
            Some(_) | None => Self::Mosquitto,
        }
    }
}

/// Keys that Sol has and mosquitto has not.
fn is_sol(text: &str) -> bool {
    let names = ["ip_address", "ip_port", "unix_socket", "log_level", "log_path", "max_request_size"];
    let name_of = |line: &str| line.split_whitespace().next().unwrap_or_default().to_owned();
    text.lines().any(|line| names.contains(&name_of(line).as_str()))
        && !text.lines().any(|line| ["listener", "port", "connection"].contains(&name_of(line).as_str()))
}

//! Options that stand in a file, one a line, as if typed before all others.
//!
//! Owns: where the file is: `postrider_pub`, `postrider_sub` or `postrider_rr` in the folder of the user's settings.

use anyhow::Context;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The words of the named file, or of the tool's own if there is one.
pub(super) fn read(tool: &str, named: Option<&Path>) -> anyhow::Result<Vec<OsString>> {
    let Some(path) = named.map(Path::to_owned).or_else(|| usual_place(tool)) else { return Ok(Vec::new()) };
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(words(&text)),
        Err(error) if named.is_none() && error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

fn usual_place(tool: &str) -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")))?;
    Some(folder.join(format!("postrider_{tool}")))
}

/// A line is an option and its value, which may contain spaces; one that begins with # is for people.
fn words(text: &str) -> Vec<OsString> {
    let mut words = Vec::new();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        let (option, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        words.push(option.into());
        match option {
            "-D" | "--property" => words.extend(value.split_whitespace().map(OsString::from)),
            _ if value.is_empty() => {}
            _ => words.push(value.trim_start().into()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_if_it_were_typed() {
        let text =
            "# at home\n-h broker.example\n\n  -m two words \n-r\n-D publish user-property a b\n--will-payload  x";
        let expected = "-h|broker.example|-m|two words|-r|-D|publish|user-property|a|b|--will-payload|x";
        assert_eq!(words(text), expected.split('|').map(OsString::from).collect::<Vec<_>>());
    }
}

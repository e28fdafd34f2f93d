//! The configuration of our own: TOML, environment, command line.
//!
//! Owns: what overrules what: default, file, environment, command line; and that every fault is told, not only the
//! first.

mod entries;
mod sections;

use crate::check;
use crate::fault::{Fault, Lines};
use crate::keys::{self, Key, nearest};
use crate::model::{Config, Origin};
use crate::raw::Raw;
use std::collections::BTreeMap;
use toml::de::DeTable;

/// What is said beside the file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'a> {
    /// Environment variables, all of them; those that do not begin with `POSTRIDER_` are passed over.
    pub environment: &'a [(String, String)],
    /// Keys and values of the command line.
    pub command_line: &'a [(String, String)],
}

/// Reads a configuration of our own.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn read(file: &str, text: &str, beside: Beside<'_>) -> Result<Config, Vec<Fault>> {
    let mut reader = Reader::new(file, text);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let (origin, column) = reader.lines.place(error.span().map_or(0, |span| span.start));
        let what = error.message().trim().replace('\n', ", ");
        reader.faults.push(Fault { origin, column, key: String::new(), what });
    }
    if reader.faults.is_empty() {
        reader.file(table.get_ref(), beside);
    }
    reader.finish()
}

struct Reader<'a> {
    lines: Lines<'a>,
    config: Config,
    faults: Vec<Fault>,
    /// Columns of what was read, by the keys of the origins.
    columns: BTreeMap<String, u32>,
}

impl<'a> Reader<'a> {
    fn new(file: &'a str, text: &'a str) -> Self {
        let (lines, config) = (Lines::of(file, text), crate::defaults::bare());
        Self { lines, config, faults: Vec::new(), columns: BTreeMap::new() }
    }

    fn fault(&mut self, at: usize, key: &str, what: String) {
        let (origin, column) = self.lines.place(at);
        self.faults.push(Fault { origin, column, key: key.to_owned(), what });
    }

    fn note(&mut self, at: usize, key: String) {
        let (origin, column) = self.lines.place(at);
        self.columns.insert(key.clone(), column);
        self.config.origins.note(key, origin);
    }

    fn environment(&mut self, variables: &[(String, String)]) {
        for (name, value) in variables.iter().filter(|(name, _)| name.starts_with("POSTRIDER_")) {
            let origin = Origin::Environment { name: name.clone() };
            match keys::of_file().find(|key| key.variable().as_ref() == Some(name)) {
                Some(key) => self.overrule(key, value, origin),
                None if is_ours(name) => {
                    let variables: Vec<String> = keys::of_file().filter_map(Key::variable).collect();
                    let what = unknown("variable", nearest(name, variables.iter().map(String::as_str)));
                    self.faults.push(Fault { origin, column: 0, key: String::new(), what });
                }
                None => {}
            }
        }
    }

    fn command_line(&mut self, typed: &[(String, String)]) {
        for (name, value) in typed {
            if let Some(key) = keys::of_file().find(|key| key.name == name) {
                self.overrule(key, value, Origin::CommandLine);
            } else {
                let what = unknown("key", nearest(name, keys::of_file().map(|key| key.name)));
                let fault = Fault { origin: Origin::CommandLine, column: 0, key: name.clone(), what };
                self.faults.push(fault);
            }
        }
    }

    fn overrule(&mut self, key: &Key, value: &str, origin: Origin) {
        let taken = key.kind.read(&Raw::Loose(value.to_owned())).and_then(|value| key.set(&mut self.config, value));
        self.columns.remove(key.name);
        match taken {
            Ok(()) => self.config.origins.note(key.name, origin),
            Err(what) => self.faults.push(Fault { origin, column: 0, key: key.name.to_owned(), what }),
        }
    }

    fn finish(mut self) -> Result<Config, Vec<Fault>> {
        if self.faults.is_empty() {
            self.config.settle();
            self.faults = check::faults(&self.config);
            for fault in &mut self.faults {
                fault.column = self.columns.get(&fault.key).copied().unwrap_or_default();
            }
        }
        if self.faults.is_empty() { Ok(self.config) } else { Err(self.faults) }
    }
}

/// Whether a variable looks like one of a section of ours, so that nobody meant something else.
fn is_ours(name: &str) -> bool {
    let rest = name.strip_prefix("POSTRIDER_").unwrap_or_default().to_ascii_lowercase();
    keys::of_file().any(|key| {
        let section = key.name.split('.').next().unwrap_or_default();
        rest.strip_prefix(section).is_some_and(|rest| rest.starts_with('_'))
    })
}

fn unknown(what: &str, nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!("there is no such {what}; did you mean {nearest}?"),
        None => format!("there is no such {what}; docs/configuration.md lists them all"),
    }
}

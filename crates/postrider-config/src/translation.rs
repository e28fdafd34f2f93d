//! A file of another broker on its way into the tree.
//!
//! Owns: the notes of what was said where, what has no effect, what is wrong.

use crate::defaults;
use crate::fault::Fault;
use crate::keys::{self, Key, Scope};
use crate::model::{Config, Listener, Notice, Origin};
use crate::raw::Raw;

pub(crate) struct Translation<'a> {
    file: &'a str,
    pub(crate) config: Config,
    faults: Vec<Fault>,
}

/// Something that was said: where, under which name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said<'a> {
    pub(crate) line: u32,
    pub(crate) column: u32,
    /// Their name for it.
    pub(crate) name: &'a str,
}

impl<'a> Translation<'a> {
    pub(crate) fn of(file: &'a str) -> Self {
        Self { file, config: defaults::bare(), faults: Vec::new() }
    }

    /// It was read and does nothing, or something else.
    pub(crate) fn notice(&mut self, said: Said<'_>, reason: impl Into<String>) {
        let (file, what) = (self.file.to_owned(), said.name.to_owned());
        self.config.notices.push(Notice { file, line: said.line, what, reason: reason.into() });
    }

    pub(crate) fn fault(&mut self, said: Said<'_>, what: impl Into<String>) {
        let origin = Origin::File { file: self.file.to_owned(), line: said.line };
        self.faults.push(Fault { origin, column: said.column, key: said.name.to_owned(), what: what.into() });
    }

    /// What a key of ours says, in our units, for the whole broker.
    pub(crate) fn set(&mut self, said: Said<'_>, name: &str, text: &str) {
        let Some(key) = keys::of_file().find(|key| key.name == name) else {
            return self.fault(said, format!("there is no key {name} to put it into"));
        };
        match key.kind.read(&Raw::Loose(text.to_owned())).and_then(|value| key.set(&mut self.config, value)) {
            Ok(()) => self.note(said, name.to_owned()),
            Err(what) => self.fault(said, what),
        }
    }

    /// The same for one listener.
    pub(crate) fn set_in(&mut self, said: Said<'_>, listener: &mut Listener, name: &str, text: &str) {
        let is_it = |key: &&&Key| key.name == name && matches!(key.scope(), Scope::Listener | Scope::Shared);
        let Some(key) = keys::of_listener().collect::<Vec<_>>().iter().find(is_it).copied() else {
            return self.fault(said, format!("there is no key {name} to put it into"));
        };
        match key.kind.read(&Raw::Loose(text.to_owned())).and_then(|value| key.set_in(listener, value)) {
            Ok(()) => self.note(said, format!("listener.{}.{name}", listener.name)),
            Err(what) => self.fault(said, what),
        }
    }

    pub(crate) fn note(&mut self, said: Said<'_>, key: String) {
        let origin = Origin::File { file: self.file.to_owned(), line: said.line };
        self.config.origins.note(key, origin);
    }

    /// The tree, or everything that is wrong.
    pub(crate) fn finish(mut self) -> Result<Config, Vec<Fault>> {
        if self.faults.is_empty() {
            self.config.settle();
            self.faults = crate::check::faults(&self.config);
        }
        if self.faults.is_empty() { Ok(self.config) } else { Err(self.faults) }
    }
}

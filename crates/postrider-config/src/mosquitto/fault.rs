//! What is wrong with a file of mosquitto's: all of it, each with its place.
//!
//! Owns: the list, in the order in which it was found.

use super::lines::At;
use crate::Fault;
use crate::model::Origin;

/// Everything that is wrong.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, at: &At, what: impl Into<String>) {
        self.0.push(Fault { origin: at.origin(), column: 0, key: String::new(), what: what.into() });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value, if nothing is wrong.
    pub(super) fn or<T>(self, value: T) -> Result<T, Vec<Fault>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }

    /// The value, if nothing is wrong with the tree either.
    pub(super) fn or_of_tree(self, config: crate::Config) -> Result<crate::Config, Vec<Fault>> {
        if !self.is_empty() {
            return Err(self.0);
        }
        let faults = crate::check::faults(&config);
        if faults.is_empty() { Ok(config) } else { Err(faults) }
    }
}

impl At {
    pub(super) fn origin(&self) -> Origin {
        Origin::File { file: self.file.to_string(), line: self.line }
    }
}

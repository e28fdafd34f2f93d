//! What a configuration may not be, whoever wrote it: contradictions, and doors that are open by mistake.
//!
//! Owns: the rule that nobody serves other machines without having said who may come in.

mod bridges;
mod doors;
mod listeners;

use crate::fault::Fault;
use crate::model::{Config, Durability, Place};

/// Everything that is wrong with a tree. Faults have the origin of their key.
#[must_use]
pub fn faults(config: &Config) -> Vec<Fault> {
    let mut finder = Finder { config, faults: Vec::new() };
    finder.data();
    for at in 0..config.listeners.len() {
        finder.listener(at);
    }
    for bridge in &config.bridges {
        finder.bridge(bridge);
    }
    finder.faults
}

struct Finder<'a> {
    config: &'a Config,
    faults: Vec<Fault>,
}

impl Finder<'_> {
    /// At the key, or at what it stands in where the key was not said.
    fn found(&mut self, key: String, what: impl Into<String>) {
        let origins = &self.config.origins;
        let mut said = key.as_str();
        while origins.of(said) == crate::model::Origin::Default
            && let Some((above, _)) = said.rsplit_once('.')
        {
            said = above;
        }
        let fault = Fault { origin: origins.of(said), column: 0, key, what: what.into() };
        self.faults.push(fault);
    }

    fn data(&mut self) {
        let data = &self.config.data;
        if data.must_exist && data.place == Place::Memory {
            self.found("data.must_exist".to_owned(), "there is no directory: `data.directory` is memory");
        }
        if data.durability == Durability::Memory && matches!(data.place, Place::Directory(_)) {
            let what = "nothing would be written to `data.directory`; take one of the two away";
            self.found("data.durability".to_owned(), what);
        }
        let max = self.config.limits.session_expiry_s_max;
        if self.config.limits.session_expiry_v3_s > max && self.config.limits.session_expiry_v3_s != u32::MAX {
            let what = format!("it is more than `limits.max_session_expiry`, {max} s");
            self.found("limits.session_expiry_v3".to_owned(), what);
        }
    }
}

pub use doors::nobody_is_asked;

//! A case: a sentence about a broker, and how to find out whether it holds.
//!
//! Owns: what a case says of itself. Cases are data; the tables are in `cases`.

use super::capability::Capability;
use super::fault::Played;
use super::scene::Scene;
use postrider_client::Version;

/// One thing that is looked at, in every edition that has it.
#[derive(Debug)]
pub(crate) struct Case {
    /// A sentence that holds of a broker that conforms.
    pub(crate) name: &'static str,
    pub(crate) editions: &'static [Version],
    /// Numbers of the statements of 3.1.1, without `MQTT-`, between spaces.
    old: &'static str,
    /// Those of 5.0.
    new: &'static str,
    pub(crate) needs: &'static [Capability],
    /// What the broker has to be without.
    pub(crate) lacks: &'static [Capability],
    pub(crate) company: Company,
    pub(crate) play: fn(&Scene) -> Played,
}

/// Whether other cases may be played meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Company {
    Welcome,
    /// It hears everything that is published.
    Alone,
}

pub(crate) const ALL: &[Version] = &[Version::V3_1, Version::V3_1_1, Version::V5];
pub(crate) const SINCE_3_1_1: &[Version] = &[Version::V3_1_1, Version::V5];
pub(crate) const ONLY_3_1: &[Version] = &[Version::V3_1];
pub(crate) const ONLY_3_1_1: &[Version] = &[Version::V3_1_1];
pub(crate) const BEFORE_5: &[Version] = &[Version::V3_1, Version::V3_1_1];
pub(crate) const ONLY_5: &[Version] = &[Version::V5];

pub(crate) const fn case(name: &'static str, editions: &'static [Version], play: fn(&Scene) -> Played) -> Case {
    Case { name, editions, old: "", new: "", needs: &[], lacks: &[], company: Company::Welcome, play }
}

impl Case {
    /// Statements of 3.1.1 that it shows.
    pub(crate) const fn v3(mut self, clauses: &'static str) -> Self {
        self.old = clauses;
        self
    }

    /// Statements of 5.0 that it shows.
    pub(crate) const fn v5(mut self, clauses: &'static str) -> Self {
        self.new = clauses;
        self
    }

    pub(crate) const fn needs(mut self, capabilities: &'static [Capability]) -> Self {
        self.needs = capabilities;
        self
    }

    /// Plays it only where the broker says that it is without these.
    pub(crate) const fn lacking(mut self, capabilities: &'static [Capability]) -> Self {
        self.lacks = capabilities;
        self
    }

    /// Plays it when nothing else is.
    pub(crate) const fn alone(mut self) -> Self {
        self.company = Company::Alone;
        self
    }

    /// The names of the statements; 3.1 did not number its own.
    pub(crate) fn clauses(&self, version: Version) -> Vec<String> {
        let numbers = match version {
            Version::V3_1 => "",
            Version::V3_1_1 => self.old,
            Version::V5 => self.new,
        };
        numbers.split_whitespace().map(|number| format!("MQTT-{number}")).collect()
    }

    /// Whether `text` is part of the name or of a statement's name.
    pub(crate) fn mentions(&self, text: &str) -> bool {
        let text = text.trim_start_matches('[').trim_end_matches(']');
        let clauses = self.editions.iter().flat_map(|version| self.clauses(*version));
        self.name.contains(text) || clauses.into_iter().any(|clause| clause.contains(text))
    }
}

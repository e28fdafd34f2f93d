//! All rules of a file, arranged for the question who may do what.
//!
//! Owns: the order they are looked at: those of the user, those of the client identifier, those of everybody.

use super::error::AclError;
use super::rule::{Effect, Rule, Users};
use super::tree::Tree;
use super::{lines, tables};
use std::collections::HashMap;
use std::path::Path;

/// The rules of one file. They do not change: another file is another value.
#[derive(Clone, Debug)]
pub struct Rules {
    file: Box<str>,
    pub(super) rules: Vec<Rule>,
    users: HashMap<Box<str>, Section>,
    anonymous: Section,
    clients: HashMap<Box<str>, Section>,
    everybody: Section,
    pub(super) asks_for_addresses: bool,
}

/// Rules that are looked at together.
#[derive(Clone, Debug)]
pub(super) struct Section {
    pub(super) allow: Tree,
    pub(super) deny: Tree,
}

impl Default for Section {
    fn default() -> Self {
        Self { allow: Tree::new(Effect::Allow), deny: Tree::new(Effect::Deny) }
    }
}

/// Larger than any list of rules that somebody wrote.
const BYTES_MAX: u64 = 64 << 20;

impl Rules {
    /// Reads a file: TOML if its name ends in `.toml`, otherwise mosquitto's `acl_file`.
    ///
    /// # Errors
    /// Where it cannot be read or what is wrong in it.
    pub fn read(path: &Path) -> Result<Self, AclError> {
        let file = path.display().to_string();
        let fault = |what: String| AclError::new(&file, None, what);
        let size = std::fs::metadata(path).map_err(|error| fault(error.to_string()))?.len();
        if size > BYTES_MAX {
            return Err(fault(format!("{size} bytes are more than the {BYTES_MAX} of the largest list of rules")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| fault(error.to_string()))?;
        if path.extension().is_some_and(|extension| extension == "toml") {
            Self::from_toml(&text, &file)
        } else {
            Self::from_lines(&text, &file)
        }
    }

    /// Takes the text of a mosquitto `acl_file`; `file` is what people call it.
    ///
    /// # Errors
    /// What is wrong in it, and where.
    pub fn from_lines(text: &str, file: &str) -> Result<Self, AclError> {
        Ok(Self::new(lines::parse(text, file)?, file))
    }

    /// Takes `[[rule]]` tables.
    ///
    /// # Errors
    /// What is wrong in them, and where.
    pub fn from_toml(text: &str, file: &str) -> Result<Self, AclError> {
        Ok(Self::new(tables::parse(text, file)?, file))
    }

    fn new(rules: Vec<Rule>, file: &str) -> Self {
        let mut all = Self {
            file: file.into(),
            asks_for_addresses: rules.iter().any(|rule| !rule.addresses.is_empty()),
            rules,
            users: HashMap::new(),
            anonymous: Section::default(),
            clients: HashMap::new(),
            everybody: Section::default(),
        };
        for (number, rule) in (0u32..).zip(&all.rules) {
            let section = match (&rule.users, &rule.client) {
                (Users::Named(name), _) => all.users.entry(name.clone()).or_default(),
                (Users::Anonymous, _) => &mut all.anonymous,
                (Users::All, Some(client)) => all.clients.entry(client.clone()).or_default(),
                (Users::All, None) => &mut all.everybody,
            };
            let tree = match rule.effect {
                Effect::Allow => &mut section.allow,
                Effect::Deny => &mut section.deny,
            };
            tree.insert(&rule.pattern, number);
        }
        all
    }

    /// The sections that hold for a client.
    pub(super) fn sections(&self, user: Option<&str>, client: &str) -> impl Iterator<Item = &Section> {
        let own = match user {
            Some(name) => self.users.get(name),
            None => Some(&self.anonymous),
        };
        own.into_iter().chain(self.clients.get(client)).chain([&self.everybody])
    }

    pub(super) fn rule(&self, number: u32) -> Option<&Rule> {
        self.rules.get(usize::try_from(number).ok()?)
    }

    /// What people call the file.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// How many rules there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rules.len()
    }

    /// Without rules everything is denied.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rules, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }
}

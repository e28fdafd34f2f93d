//! Files of passwords and rules: each is read once, however many listeners name it.
//!
//! Owns: reading all of them again, all or none.

use super::secrecy;
use anyhow::{Context, anyhow};
use postrider::Principal;
use postrider_auth::acl::{Acl, Rules};
use postrider_auth::dynamic::{self, Dynamic};
use postrider_auth::people::{FreshPeople, People};
use postrider_auth::{FreshUsers, PasswordFile, Passwords, Settings};
use postrider_config::model::{Config, Security};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Everything that was read.
#[derive(Clone, Default)]
pub(crate) struct Files {
    passwords: BTreeMap<PathBuf, Passwords>,
    people: BTreeMap<PathBuf, People>,
    acls: BTreeMap<PathBuf, Acl>,
    /// Rules that stand in the configuration itself, by their text.
    inline: BTreeMap<String, Acl>,
    /// Read once, as it is changed by commands and not by hand.
    pub(crate) dynamic: Option<Dynamic>,
}

/// What reading them again has found.
pub(crate) struct Again {
    pub(crate) files: Files,
    rules: Vec<(Acl, Rules)>,
    users: Vec<(Passwords, FreshUsers)>,
    people: Vec<(People, FreshPeople)>,
}

/// What became of those who are in.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    /// Users that are gone or have another password.
    pub(crate) revoked: Vec<Principal>,
    /// Client identifiers that may come in no more.
    pub(crate) kept_out: Vec<Box<str>>,
    pub(crate) users: usize,
    pub(crate) rules: usize,
}

impl Files {
    pub(crate) fn read(config: &Config) -> anyhow::Result<Self> {
        let mut files = Self::default().read_again(config)?.files;
        if let Some(path) = &config.sys.dynamic_security {
            files.dynamic = Some(Dynamic::open(path, dynamic::Settings::default())?);
        }
        Ok(files)
    }

    /// Reads every file that the configuration names. Nothing holds before [`Again::apply`].
    pub(crate) fn read_again(&self, config: &Config) -> anyhow::Result<Again> {
        secrecy::refuse_links(config)?;
        let mut files = Self { dynamic: self.dynamic.clone(), ..Self::default() };
        let (mut rules, mut users, mut people) = (Vec::new(), Vec::new(), Vec::new());
        for security in config.listeners.iter().map(|listener| &listener.security) {
            if let Some(path) = &security.password_file
                && !files.passwords.contains_key(path)
            {
                let passwords = match self.passwords.get(path) {
                    Some(passwords) => {
                        users.push((passwords.clone(), passwords.file().read_again()?));
                        passwords.clone()
                    }
                    None => Passwords::start(PasswordFile::open(path)?, Settings::default())?,
                };
                files.passwords.insert(path.clone(), passwords);
            }
            if let Some(path) = &security.user_store
                && !files.people.contains_key(path)
            {
                let store = match self.people.get(path) {
                    Some(store) => {
                        people.push((store.clone(), store.read_again()?));
                        store.clone()
                    }
                    None => People::open(path, Settings::default())?,
                };
                files.people.insert(path.clone(), store);
            }
            if let Some(path) = &security.acl_file
                && !files.acls.contains_key(path)
            {
                let read = Rules::read(path).map_err(|error| anyhow!("{error}; `postrider acl check` reads it too"))?;
                let acl = self.acls.get(path).cloned();
                if let Some(acl) = &acl {
                    rules.push((acl.clone(), read));
                    files.acls.insert(path.clone(), acl.clone());
                } else {
                    files.acls.insert(path.clone(), Acl::new(read));
                }
            }
            for text in [false, true].into_iter().filter_map(|is_exempt| inline(security, is_exempt)) {
                let read = Rules::from_toml(&text, "the configuration").context("rules in the configuration")?;
                let known = self.inline.get(&text).cloned();
                files.inline.entry(text).or_insert_with(|| known.unwrap_or_else(|| Acl::new(read)));
            }
        }
        Ok(Again { files, rules, users, people })
    }

    pub(crate) fn passwords(&self, path: &Path) -> Option<Passwords> {
        self.passwords.get(path).cloned()
    }

    pub(crate) fn people(&self, path: &Path) -> Option<People> {
        self.people.get(path).cloned()
    }

    pub(crate) fn acl(&self, security: &Security) -> Option<Acl> {
        match &security.acl_file {
            Some(path) => self.acls.get(path).cloned(),
            None => self.inline.get(&inline(security, false)?).cloned(),
        }
    }

    /// The rules of those who may use what is forbidden to others.
    pub(crate) fn acl_of_exempt(&self, security: &Security) -> Option<Acl> {
        self.inline.get(&inline(security, true)?).cloned()
    }

    /// One line for people about each file.
    pub(crate) fn describe(&self) -> Vec<String> {
        let passwords = self.passwords.iter().map(|(path, passwords)| {
            format!("password file: {}; users {}; SIGHUP has it read again", path.display(), passwords.file().len())
        });
        let people = self.people.iter().map(|(path, people)| {
            let (users, clients) = (people.users().len(), people.clients().len());
            format!(
                "user store: {}; users {users}, client identifiers {clients}; SIGHUP has it read again",
                path.display()
            )
        });
        let rules = self.acls.iter().map(|(path, acl)| {
            format!("rules: {} of {}; SIGHUP reads them again", crate::acl::count(&acl.rules()), path.display())
        });
        let dynamic = self.dynamic.iter();
        let dynamic = dynamic.map(|dynamic| format!("dynamic security: {}", dynamic.path().display()));
        passwords.chain(people).chain(rules).chain(dynamic).collect()
    }
}

impl Again {
    /// From now on what was read holds.
    pub(crate) fn apply(self) -> Changed {
        let mut changed = Changed::default();
        for (passwords, fresh) in self.users {
            let reloaded = passwords.file().replace(fresh);
            changed.users += reloaded.users;
            changed.revoked.extend(reloaded.revoked.iter().map(|user| Principal::from(&**user)));
        }
        for (people, fresh) in self.people {
            let replaced = people.replace(fresh);
            changed.users += replaced.users;
            changed.revoked.extend(replaced.revoked_users.iter().map(|user| Principal::from(&**user)));
            changed.kept_out.extend(replaced.revoked_clients);
        }
        for (acl, rules) in self.rules {
            changed.rules += rules.len();
            acl.replace(rules);
        }
        changed
    }
}

/// The short form of rules, as a file of rules; nothing where there is none. Those who are exempt may use what is
/// forbidden to others.
fn inline(security: &Security, is_exempt: bool) -> Option<String> {
    if security.topics.is_none() && security.forbidden_topics.is_empty() {
        return None;
    }
    let mut text = String::new();
    if !is_exempt && !security.forbidden_topics.is_empty() {
        text.push_str(&rule("deny", "", &security.forbidden_topics));
    }
    match &security.topics {
        None => text.push_str(&rule("allow", "", &["#".to_owned(), "$SYS/#".to_owned()])),
        Some(topics) => {
            for (user, filters) in topics.iter().filter(|(_, filters)| !filters.is_empty()) {
                let who =
                    if user.is_empty() { "anonymous = true".to_owned() } else { format!("user = {}", quoted(user)) };
                text.push_str(&rule("allow", &who, filters));
            }
        }
    }
    Some(text)
}

fn rule(effect: &str, who: &str, filters: &[String]) -> String {
    let filters: Vec<String> = filters.iter().map(|filter| quoted(filter)).collect();
    format!("[[rule]]\n{effect} = [\"readwrite\"]\n{who}\ntopics = [{}]\n", filters.join(", "))
}

/// A text as TOML and JSON write it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

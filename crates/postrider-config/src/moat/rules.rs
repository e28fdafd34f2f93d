//! Its authentication and its rules of topics.
//!
//! Owns: what its plugins do.

use super::Reader;
use crate::moat::yaml::{Map, Node, Spot};
use crate::translation::Said;
use std::collections::BTreeMap;

impl Reader<'_> {
    pub(super) fn auth(&mut self, said: Said<'_>, spot: &Spot) {
        let Some(map) = self.section(said, spot) else { return };
        let plugins = map.find("plugins").map(|spot| self.texts(spot.said("auth.plugins"), spot));
        let has = |name: &str| {
            let is_it = |plugin: &String| plugin.replace('.', "_") == name;
            plugins.as_ref().is_none_or(|plugins| plugins.iter().any(is_it))
        };
        for (name, spot) in map.entries() {
            let said = spot.said(name);
            match name {
                "plugins" => self.unknown_plugins(said, plugins.as_deref(), &["auth_anonymous", "auth_file"]),
                "allow-anonymous" => self.value(said, spot, "auth.allow_anonymous"),
                "password-file" if has("auth_file") => self.value(said, spot, "auth.password_file"),
                "password-file" => self.to.notice(said, "auth_file is not among the plugins, so it does nothing"),
                _ => self.to.notice(said, "there is nothing of that name here"),
            }
        }
        let security = &self.to.config.security;
        if security.allow_anonymous == Some(false) && security.password_file.is_none() {
            let reason = "any user name comes in there without a password, and nobody comes in here; set \
                          auth.password_file, or auth.allow_anonymous = true";
            self.to.notice(said, reason);
        }
    }

    pub(super) fn topic_check(&mut self, said: Said<'_>, spot: &Spot) {
        let Some(map) = self.section(said, spot) else { return };
        let enabled = map.find("enabled").and_then(|spot| self.text(spot.said("topic-check.enabled"), spot));
        if enabled.as_deref() != Some("true") {
            return self.to.notice(said, "it is not enabled, so its rules do nothing");
        }
        let plugins = map.find("plugins").map(|spot| self.texts(spot.said("topic-check.plugins"), spot));
        let has = |name: &str| plugins.as_ref().is_none_or(|plugins| plugins.iter().any(|plugin| plugin == name));
        if has("topic_taboo") && plugins.is_some() {
            self.to.config.security.forbidden_topics = TABOO.map(str::to_owned).to_vec();
            self.to.config.security.forbidden_exempt = vec!["admin".to_owned()];
        }
        for (name, spot) in map.entries() {
            let said = spot.said(name);
            match name {
                "enabled" => {}
                "plugins" => self.unknown_plugins(said, plugins.as_deref(), &["topic_acl", "topic_taboo"]),
                "acl" if has("topic_acl") => self.acl(said, spot),
                "acl" => self.to.notice(said, "topic_acl is not among the plugins, so it does nothing"),
                _ => self.to.notice(said, "it is for a plugin of Python, and none runs here"),
            }
        }
    }

    /// Filters by user name; `anonymous` is for clients without one.
    fn acl(&mut self, said: Said<'_>, spot: &Spot) {
        let empty = Map::default();
        let map = if matches!(spot.node, Node::Nothing) { Some(&empty) } else { self.section(said, spot) };
        let Some(map) = map else { return };
        let mut users = BTreeMap::new();
        for (user, spot) in map.entries() {
            let filters = self.texts(spot.said("topic-check.acl"), spot);
            let user = if user == "anonymous" { "" } else { user };
            users.insert(user.to_owned(), filters);
        }
        self.to.config.security.topics = Some(users);
        self.to.note(said, "acl.users".to_owned());
    }

    fn unknown_plugins(&mut self, said: Said<'_>, plugins: Option<&[String]>, known: &[&str]) {
        for plugin in plugins.unwrap_or_default() {
            if !known.contains(&plugin.replace('.', "_").as_str()) {
                self.to.notice(said, format!("{plugin} is a plugin of Python, and none runs here"));
            }
        }
    }
}

/// What that system's demonstration forbids.
const TABOO: [&str; 3] = ["prohibited", "top-secret", "data/classified"];

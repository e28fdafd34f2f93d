//! Plugins by their names: what here does the same, and what is refused.
//!
//! Owns: the table of known plugins and of their options.
//! Never: loads anything.

use super::{notice, path};
use crate::model::Security;
use crate::mosquitto::draft::{Draft, PluginDraft};
use crate::mosquitto::fault::Faults;
use std::path::Path;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mosquitto) enum Part {
    DynamicSecurity,
    PasswordFile,
    AclFile,
    PersistSqlite,
    SparkplugAware,
    GoAuth,
}

/// A plugin that people have.
pub(in crate::mosquitto) struct Known {
    /// In the name of the file, with `-` for `_` and without `lib` and `.so`.
    pub(in crate::mosquitto) name: &'static str,
    part: Part,
    /// Options that it has for mosquitto.
    pub(in crate::mosquitto) options: &'static [&'static str],
    pub(in crate::mosquitto) says: &'static str,
}

pub(in crate::mosquitto) const KNOWN: &[Known] = &[
    Known {
        name: "dynamic-security",
        part: Part::DynamicSecurity,
        options: &["config_file", "password_init_file"],
        says: "Its file is `sys.dynamic_security`: the same JSON.",
    },
    Known {
        name: "password-file",
        part: Part::PasswordFile,
        options: &["password_file"],
        says: "Its file is `password_file`.",
    },
    Known { name: "acl-file", part: Part::AclFile, options: &["acl_file"], says: "Its file is `acl_file`." },
    Known {
        name: "persist-sqlite",
        part: Part::PersistSqlite,
        options: &["db_file", "sync", "flush_period", "page_size"],
        says: "The log here takes its place, as with `persistence true`; what was acknowledged survives a loss of \
               power, which its default does not promise. Its file is not read.",
    },
    Known {
        name: "sparkplug-aware",
        part: Part::SparkplugAware,
        options: &[],
        says: "Birth certificates are kept as retained messages below `$sparkplug/certificates`.",
    },
    Known {
        name: "go-auth",
        part: Part::GoAuth,
        options: &[],
        says: "Refused: `password_file` and `acl_file` do what its files backend does.",
    },
];

/// Gives the options of plugins to what does the same here.
pub(super) fn translate(draft: &mut Draft, faults: &mut Faults) {
    for plugin in std::mem::take(&mut draft.plugins) {
        match known(&plugin.path) {
            Some(known) => apply(draft, &plugin, known, faults),
            None => faults.add(&plugin.at, format!("plugin {}: {UNKNOWN}", plugin.path)),
        }
    }
}

fn known(file: &str) -> Option<&'static Known> {
    let name = Path::new(file).file_name()?.to_str()?.replace('_', "-");
    KNOWN.iter().find(|known| name.contains(known.name))
}

fn apply(draft: &mut Draft, plugin: &PluginDraft, known: &Known, faults: &mut Faults) {
    if known.part != Part::GoAuth {
        options(draft, plugin, known);
    }
    let option =
        |name| plugin.options.iter().rev().find(|(_, known, _)| known == name).map(|(.., value)| value.as_str());
    let mut missing = |name: &str| {
        faults.add(&plugin.at, format!("plugin {}: it has no file; say `plugin_opt_{name} FILE`", plugin.path));
    };
    match known.part {
        Part::DynamicSecurity => match option("config_file") {
            Some(file) => draft.global.config.sys.dynamic_security = path(file),
            None => missing("config_file"),
        },
        Part::PasswordFile => match option("password_file") {
            Some(file) => each_security(draft, plugin, |security| security.password_file = path(file)),
            None => missing("password_file"),
        },
        Part::AclFile => match option("acl_file") {
            Some(file) => each_security(draft, plugin, |security| security.acl_file = path(file)),
            None => missing("acl_file"),
        },
        Part::PersistSqlite => {
            draft.global.persistence = true;
            // What it has is in tables, and a `mosquitto.db` beside it is older.
            draft.global.file = None;
            notice(&mut draft.global.config, &plugin.at, "plugin", known.says);
        }
        Part::SparkplugAware => draft.global.config.compat.sparkplug_aware = true,
        Part::GoAuth => faults.add(&plugin.at, format!("plugin {}: {GO_AUTH}", plugin.path)),
    }
}

/// Options that have no effect are named; those that nobody knows too.
fn options(draft: &mut Draft, plugin: &PluginDraft, known: &Known) {
    for (at, name, _) in &plugin.options {
        let what = format!("plugin_opt_{name}");
        if !known.options.contains(&name.as_str()) {
            notice(&mut draft.global.config, at, &what, format!("{} has no such option", known.name));
        } else if known.part == Part::PersistSqlite || name == "password_init_file" {
            notice(&mut draft.global.config, at, &what, "has no effect here");
        }
    }
}

/// The listeners that a plugin is for.
fn each_security(draft: &mut Draft, plugin: &PluginDraft, set: impl Fn(&mut Security)) {
    if !draft.is_per_listener {
        set(&mut draft.global.config.security);
        return;
    }
    for (index, listener) in draft.listeners.iter_mut().enumerate() {
        if plugin.is_global || plugin.listeners.contains(&index) {
            set(&mut listener.listener.security);
        }
    }
}

const UNKNOWN: &str = "a shared object of mosquitto cannot be loaded here, and this one is not known by name; \
                       `password_file` and `acl_file` do without one, and the page on mosquitto.conf lists the known ones";
const GO_AUTH: &str = "mosquitto-go-auth is not here; its files backend is `password_file` and `acl_file` in the \
                       formats of mosquitto. For http, jwt, SQL and redis see the page on authentication";

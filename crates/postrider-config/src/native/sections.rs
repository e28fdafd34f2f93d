//! The file as a whole, its listeners and its bridges.
//!
//! Owns: names of listeners and bridges.

use super::entries::{Entry, Known};
use super::{Beside, Reader};
use crate::defaults;
use crate::keys::{self, Key};
use crate::model::{Bind, Listener, Origin};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

impl Reader<'_> {
    pub(super) fn file(&mut self, table: &DeTable<'_>, beside: Beside<'_>) {
        let keys: Vec<&Key> = keys::of_file().collect();
        let known = Known { keys: &keys, apart: &["listener", "bridge"], prefix: "" };
        for entry in self.entries(table, &known) {
            let taken = entry.key.kind.read(&entry.raw).and_then(|value| entry.key.set(&mut self.config, value));
            self.note(entry.at, entry.key.name.to_owned());
            if let Err(what) = taken {
                self.fault(entry.at, entry.key.name, what);
            }
        }
        self.environment(beside.environment);
        self.command_line(beside.command_line);
        for (at, table) in self.tables(table, "listener") {
            self.listener(at, table);
        }
        for (at, table) in self.tables(table, "bridge") {
            self.bridge(at, table);
        }
    }

    /// `[[name]]`, each with the byte where it begins.
    fn tables<'t>(&mut self, table: &'t DeTable<'_>, name: &str) -> Vec<(usize, &'t DeTable<'t>)> {
        let Some(value) = table.get(name) else { return Vec::new() };
        let DeValue::Array(list) = value.get_ref() else {
            self.fault(value.span().start, name, format!("there may be several: write [[{name}]]"));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for one in list.iter() {
            if let DeValue::Table(table) = one.get_ref() {
                tables.push((one.span().start, table));
            } else {
                self.fault(one.span().start, name, format!("it is a table: [[{name}]]"));
            }
        }
        tables
    }

    fn listener(&mut self, at: usize, table: &DeTable<'_>) {
        let bind = table.get("bind").and_then(text_of);
        let Some(name) = self.name(table, "listener", bind) else {
            return self.fault(at, "listener.bind", "it is missing; say where, such as `127.0.0.1:1883`".to_owned());
        };
        if self.config.listeners.iter().any(|listener| listener.name == name) {
            return self.fault(at, &format!("listener.{name}"), "there is a listener of that name already".to_owned());
        }
        let nowhere = Bind::Tcp { host: String::new(), port: 0 };
        let mut listener = defaults::listener(&name, nowhere, &self.config);
        let prefix = format!("listener.{name}.");
        let keys: Vec<&Key> = keys::of_listener().collect();
        let entries = self.entries(table, &Known { keys: &keys, apart: &["name"], prefix: &prefix });
        if bind.is_none() {
            self.fault(at, &format!("{prefix}bind"), "it is missing; say where, such as `127.0.0.1:1883`".to_owned());
        }
        self.note(at, prefix.trim_end_matches('.').to_owned());
        for entry in entries {
            self.take(&prefix, &entry, |key, value| key.set_in(&mut listener, value));
        }
        self.inherit(&prefix, &listener);
        self.config.listeners.push(listener);
    }

    fn bridge(&mut self, at: usize, table: &DeTable<'_>) {
        let Some(name) = self.name(table, "bridge", None) else {
            return self.fault(at, "bridge.name", "it is missing; topics and logs need one".to_owned());
        };
        if self.config.bridges.iter().any(|bridge| bridge.name == name) {
            return self.fault(at, &format!("bridge.{name}"), "there is a bridge of that name already".to_owned());
        }
        let mut bridge = defaults::bridge(name.clone(), Vec::new());
        let prefix = format!("bridge.{name}.");
        let keys: Vec<&Key> = keys::of_bridge().collect();
        let entries = self.entries(table, &Known { keys: &keys, apart: &["name"], prefix: &prefix });
        self.note(at, prefix.trim_end_matches('.').to_owned());
        for entry in entries {
            self.take(&prefix, &entry, |key, value| key.set_of(&mut bridge, value));
        }
        self.config.bridges.push(bridge);
    }

    fn take(&mut self, prefix: &str, entry: &Entry, set: impl FnOnce(&Key, crate::Value) -> Result<(), String>) {
        let path = format!("{prefix}{}", entry.key.name);
        if let Err(what) = entry.key.kind.read(&entry.raw).and_then(|value| set(entry.key, value)) {
            self.fault(entry.at, &path, what);
        }
        self.note(entry.at, path);
    }

    /// What a listener has from the broker has the broker's origin.
    fn inherit(&mut self, prefix: &str, listener: &Listener) {
        for key in keys::of_file().filter(|key| key.scope() == keys::Scope::Shared) {
            let path = format!("{prefix}{}", key.name);
            let origin = self.config.origins.of(key.name);
            let is_own = self.columns.contains_key(&path) || key.value_in(listener) != key.value(&self.config);
            if !is_own && origin != Origin::Default {
                self.config.origins.note(path, origin);
            }
        }
    }

    /// The name that a table has, or the one it gets.
    fn name(&mut self, table: &DeTable<'_>, section: &str, otherwise: Option<&str>) -> Option<String> {
        let Some(value) = table.get("name") else { return otherwise.map(str::to_owned) };
        let name = text_of(value).filter(|name| !name.is_empty() && !name.contains(char::is_control));
        if name.is_none() {
            self.fault(value.span().start, &format!("{section}.name"), "it is a text that is not empty".to_owned());
        }
        Some(name.or(otherwise).unwrap_or_default().to_owned())
    }
}

fn text_of<'t>(value: &'t Spanned<DeValue<'_>>) -> Option<&'t str> {
    match value.get_ref() {
        DeValue::String(text) => Some(text),
        DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => None,
    }
}

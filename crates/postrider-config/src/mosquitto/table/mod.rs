//! Every option of mosquitto.conf from 1.6 to 2.1: one list for reading, for errors, for notices and for the page.
//!
//! Owns: names, forms, defaults, and what becomes of each option here.
//! Never: lets an option be read that is not on the list.

mod bridge;
mod entry;
mod global;
mod listener;
mod log;
mod plugin;
mod security;
mod tls;

use crate::keys;

pub(super) use entry::{Entry, Here, Opens, Repeat, Set, Since};

/// All options, by groups.
pub(super) fn groups() -> [(&'static str, &'static [Entry]); 8] {
    [
        ("Who is let in", security::OPTIONS),
        ("The broker", global::OPTIONS),
        ("The log", log::OPTIONS),
        ("Plugins", plugin::OPTIONS),
        ("Listeners", listener::OPTIONS),
        ("TLS of a listener", tls::OPTIONS),
        ("Bridges", bridge::OPTIONS),
        ("TLS of a bridge", bridge::TLS_OPTIONS),
    ]
}

/// The option of that name or alias.
pub(super) fn find(name: &str) -> Option<&'static Entry> {
    all().find(|entry| entry.answers_to(name))
}

/// The option that was probably meant.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let names = all().flat_map(|entry| std::iter::once(&entry.name).chain(entry.aliases));
    keys::nearest(name, names.copied())
}

fn all() -> impl Iterator<Item = &'static Entry> {
    groups().into_iter().flat_map(|(_, entries)| entries)
}

/// Keys of the tree that stand for the option.
pub(super) fn keys_of(option: &'static str) -> impl Iterator<Item = &'static keys::Key> {
    keys::all().filter(move |key| key.mosquitto.split(", ").any(|name| name == option))
}

#[cfg(test)]
mod tests;

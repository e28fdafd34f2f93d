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

/// The option whose name is most like it, unless it is like none.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let names = all().flat_map(|entry| std::iter::once(&entry.name).chain(entry.aliases));
    let near = names.map(|known| (distance(name, known), *known)).min();
    near.filter(|(distance, known)| *distance <= 1 + known.len() / 4).map(|(_, known)| known)
}

fn all() -> impl Iterator<Item = &'static Entry> {
    groups().into_iter().flat_map(|(_, entries)| entries)
}

/// How many letters must be put in, taken away or changed. Names that are far longer than any option are far away.
fn distance(left: &str, right: &str) -> usize {
    if left.len() > NAME_BYTES_MAX {
        return usize::MAX;
    }
    let right = right.as_bytes();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, letter) in left.bytes().enumerate() {
        let mut corner = index;
        row[0] = index + 1;
        for (column, other) in right.iter().enumerate() {
            let change = corner + usize::from(letter.to_ascii_lowercase() != *other);
            corner = row[column + 1];
            row[column + 1] = change.min(corner + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

const NAME_BYTES_MAX: usize = 64;

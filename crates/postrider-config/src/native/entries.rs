//! The entries of one table of TOML, as keys and what is written for them.
//!
//! Owns: which entries are known.

use super::{Reader, unknown};
use crate::keys::{Key, Kind, nearest};
use crate::raw::Raw;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A key and what is written for it.
pub(super) struct Entry {
    pub(super) key: &'static Key,
    pub(super) raw: Raw,
    /// The byte where the value begins.
    pub(super) at: usize,
}

/// Which keys a table may have, and what stands before them in messages.
pub(super) struct Known<'a> {
    pub(super) keys: &'a [&'static Key],
    /// Names that the caller reads itself.
    pub(super) apart: &'a [&'a str],
    /// `listener.NAME.`, or nothing.
    pub(super) prefix: &'a str,
}

impl Reader<'_> {
    /// What is in a table and below it, in the order of the keys, so that an address is known before its mode.
    pub(super) fn entries(&mut self, table: &DeTable<'_>, known: &Known<'_>) -> Vec<Entry> {
        let mut entries = Vec::new();
        self.gather(table, "", known, &mut entries);
        let order = |entry: &Entry| known.keys.iter().position(|key| key.name == entry.key.name);
        entries.sort_by_key(order);
        entries
    }

    fn gather(&mut self, table: &DeTable<'_>, above: &str, known: &Known<'_>, entries: &mut Vec<Entry>) {
        for (name, value) in table {
            let path =
                if above.is_empty() { name.get_ref().to_string() } else { format!("{above}.{}", name.get_ref()) };
            if above.is_empty() && known.apart.contains(&path.as_str()) {
                continue;
            }
            if let Some(key) = known.keys.iter().find(|key| key.name == path) {
                entries.push(Entry { key, raw: raw(value, key.kind), at: value.span().start });
            } else if known.keys.iter().any(|key| is_below(key.name, &path)) {
                match value.get_ref() {
                    DeValue::Table(inner) => self.gather(inner, &path, known, entries),
                    DeValue::String(_)
                    | DeValue::Integer(_)
                    | DeValue::Float(_)
                    | DeValue::Boolean(_)
                    | DeValue::Datetime(_)
                    | DeValue::Array(_) => {
                        let what = format!("it is a table: [{}{path}]", known.prefix);
                        self.fault(value.span().start, &format!("{}{path}", known.prefix), what);
                    }
                }
            } else {
                let names = known.keys.iter().map(|key| key.name).chain(known.apart.iter().copied());
                let what = unknown("key", nearest(&path, names));
                self.fault(name.span().start, &format!("{}{path}", known.prefix), what);
            }
        }
    }
}

fn is_below(name: &str, path: &str) -> bool {
    name.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'))
}

/// Numbers of other bases are written out, so that a unit sees digits.
fn raw(value: &Spanned<DeValue<'_>>, kind: Kind) -> Raw {
    match value.get_ref() {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(integer) => {
            let number = u64::from_str_radix(integer.as_str(), integer.radix());
            Raw::Integer(number.map_or_else(|_| integer.to_string(), |number| number.to_string()))
        }
        DeValue::Float(_) => Raw::Other("a number with a point"),
        DeValue::Boolean(flag) => Raw::Flag(*flag),
        DeValue::Datetime(_) => Raw::Other("a date"),
        DeValue::Array(list) => Raw::List(list.iter().map(|one| raw(one, kind)).collect()),
        DeValue::Table(table) => {
            Raw::Table(table.iter().map(|(name, value)| (name.get_ref().to_string(), raw(value, kind))).collect())
        }
    }
}

//! The tree as TOML.
//!
//! Owns: the order, the quoting, what is left out; the other direction of `native`.
//! Never: writes a secret.

use crate::keys::{self, Key, Kind};
use crate::model::{Bridge, Config, HIDDEN, Listener, Origin};
use crate::raw::ANONYMOUS;
use crate::value::Value;
use crate::{defaults, model::Secret};
use std::fmt::Write;

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Every value that holds.
    All,
    /// The same, each with where it comes from.
    AllWithOrigins,
    /// What differs from the defaults; a secret becomes an environment variable to set. For a file that replaces one
    /// of another broker.
    Changed,
}

/// The tree as TOML. What [`crate::native::read`] makes of it is the same, but for secrets that stand in the tree
/// themselves, which no text of this function has.
#[must_use]
pub fn toml(config: &Config, what: What) -> String {
    let mut page = Page { what, text: String::new(), config };
    let default = defaults::config();
    let mut section = "";
    for key in keys::of_file() {
        let value = key.value(config);
        if what == What::Changed && value == key.value(&default) {
            continue;
        }
        let (table, rest) = key.name.split_once('.').unwrap_or(("", key.name));
        if table != section {
            page.open(&format!("[{table}]"));
            section = table;
        }
        page.line(rest, key, &value, key.name);
    }
    for listener in &config.listeners {
        page.listener(listener);
    }
    for bridge in &config.bridges {
        page.bridge(bridge);
    }
    page.text
}

struct Page<'a> {
    what: What,
    text: String,
    config: &'a Config,
}

impl Page<'_> {
    fn open(&mut self, header: &str) {
        let gap = if self.text.is_empty() { "" } else { "\n" };
        let _ = writeln!(self.text, "{gap}{header}");
    }

    fn listener(&mut self, listener: &Listener) {
        if self.what == What::Changed && self.is_usual(listener) {
            return;
        }
        self.open("[[listener]]");
        let _ = writeln!(self.text, "name = {}", quote(&listener.name));
        let plain = defaults::listener("", defaults::loopback().bind, self.config);
        for key in keys::of_listener() {
            let value = key.value_in(listener);
            if self.what != What::Changed || key.name == "bind" || value != key.value_in(&plain) {
                self.line(key.name, key, &value, &format!("listener.{}.{}", listener.name, key.name));
            }
        }
    }

    /// The listener that is there when a file has none.
    fn is_usual(&self, listener: &Listener) -> bool {
        let usual = defaults::listener("default", defaults::loopback().bind, self.config);
        self.config.listeners.len() == 1 && *listener == usual
    }

    fn bridge(&mut self, bridge: &Bridge) {
        self.open("[[bridge]]");
        let _ = writeln!(self.text, "name = {}", quote(&bridge.name));
        let plain = defaults::bridge(String::new(), Vec::new());
        for key in keys::of_bridge() {
            let value = key.value_of(bridge);
            if self.what != What::Changed || value != key.value_of(&plain) {
                self.line(key.name, key, &value, &format!("bridge.{}.{}", bridge.name, key.name));
            }
        }
    }

    fn line(&mut self, name: &str, key: &Key, value: &Value, path: &str) {
        let Some(text) = show(value, key, self.what, path) else { return };
        let _ = write!(self.text, "{name} = {text}");
        if self.what == What::AllWithOrigins {
            let origin = self.config.origins.of(path);
            let note = if origin == Origin::Default {
                String::new()
            } else {
                format!("  # {}", one_line(&origin.to_string()))
            };
            self.text.push_str(&note);
        }
        self.text.push('\n');
    }
}

/// A comment has one line.
fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// A value as it is written, or `None` for what is not there.
fn show(value: &Value, key: &Key, what: What, path: &str) -> Option<String> {
    Some(match value {
        Value::Absent => return None,
        Value::Auto if matches!(key.kind, Kind::Map) => quote("off"),
        Value::Auto => quote("auto"),
        Value::Flag(flag) => flag.to_string(),
        Value::Number(number) => show_number(*number, key.kind),
        Value::Text(text) => quote(text),
        Value::List(list) => show_list(list),
        Value::Map(map) => {
            let name = |name: &str| quote(if name.is_empty() { ANONYMOUS } else { name });
            let entries = map.iter().map(|(user, list)| format!("{} = {}", name(user), show_list(list)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        Value::Hidden(secret) => quote(&show_secret(secret, what, path)),
    })
}

/// A value as it is written, wherever it stands.
pub(crate) fn plain(value: &Value, key: &Key) -> String {
    show(value, key, What::All, key.name).unwrap_or_else(|| "none".to_owned())
}

fn show_number(number: u64, kind: Kind) -> String {
    let Kind::Number(range) = kind else { return number.to_string() };
    if let Some((word, _)) = range.word.filter(|(_, of)| *of == number) {
        return quote(word);
    }
    let text = range.unit.print(number);
    let is_bare = text.bytes().all(|digit| digit.is_ascii_digit());
    if is_bare && i64::try_from(number).is_ok() { text } else { quote(&text) }
}

fn show_list(list: &[String]) -> String {
    format!("[{}]", list.iter().map(|one| quote(one)).collect::<Vec<_>>().join(", "))
}

fn show_secret(secret: &Secret, what: What, path: &str) -> String {
    secret
        .reference()
        .unwrap_or_else(|| if what == What::Changed { format!("env:{}", variable(path)) } else { HIDDEN.to_owned() })
}

/// Secrets that stand in the tree themselves: the key and the environment variable that [`What::Changed`] has for it.
#[must_use]
pub fn secrets(config: &Config) -> Vec<(String, String)> {
    let is_bare = |value: &Value| matches!(value, Value::Hidden(secret) if secret.reference().is_none());
    let mut paths = Vec::new();
    for listener in &config.listeners {
        let bare = keys::of_listener().filter(|key| is_bare(&key.value_in(listener)));
        paths.extend(bare.map(|key| format!("listener.{}.{}", listener.name, key.name)));
    }
    for bridge in &config.bridges {
        let bare = keys::of_bridge().filter(|key| is_bare(&key.value_of(bridge)));
        paths.extend(bare.map(|key| format!("bridge.{}.{}", bridge.name, key.name)));
    }
    paths.into_iter().map(|path| (path.clone(), variable(&path))).collect()
}

/// The environment variable that a secret of this key is to be put into.
fn variable(path: &str) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' };
    format!("POSTRIDER_SECRET_{}", path.chars().map(letter).collect::<String>())
}

/// A basic string of TOML.
fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            control if control.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

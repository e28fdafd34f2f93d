//! A value as it was written, before it is known which key it is for.
//!
//! Owns: the way from what was written to what a key takes.

use crate::keys::{Kind, Range};
use crate::model::{HIDDEN, Secret};
use crate::value::Value;
use std::collections::BTreeMap;

/// What was written.
#[derive(Clone, Debug)]
pub(crate) enum Raw {
    Flag(bool),
    /// Its digits.
    Integer(String),
    Text(String),
    List(Vec<Self>),
    Table(Vec<(String, Self)>),
    /// Text of an environment variable or of the command line, where everything is text.
    Loose(String),
    /// What no key takes, by name.
    Other(&'static str),
}

impl Kind {
    /// What was written as a value, or what may be written.
    pub(crate) fn read(&self, raw: &Raw) -> Result<Value, String> {
        let found = match self {
            Self::Flag => flag(raw),
            Self::FlagOrAuto => auto(raw).or_else(|| flag(raw)),
            Self::Number(range) => range.read(raw),
            Self::Word(words) => word(raw, words),
            Self::WordOrAuto(words) => auto(raw).or_else(|| word(raw, words)),
            Self::Words(words) => {
                list(raw).filter(|list| list.iter().all(|one| words.contains(&one.as_str()))).map(Value::List)
            }
            Self::Text | Self::Path | Self::Form(_) => text(raw).map(|text| Value::Text(text.to_owned())),
            Self::Texts | Self::Forms(_) => list(raw).map(Value::List),
            Self::Secret => secret(raw)?,
            Self::Map => map(raw),
        };
        found.ok_or_else(|| format!("{} is not {}", raw.show(self), self.allowed()))
    }
}

impl Range {
    fn read(&self, raw: &Raw) -> Option<Value> {
        let written = match raw {
            Raw::Integer(text) | Raw::Text(text) | Raw::Loose(text) => text.as_str(),
            Raw::Flag(_) | Raw::List(_) | Raw::Table(_) | Raw::Other(_) => return None,
        };
        if self.has_auto && written == "auto" {
            return Some(Value::Auto);
        }
        if let Some((_, number)) = self.word.filter(|(word, _)| *word == written) {
            return Some(Value::Number(number));
        }
        let number = self.unit.parse(written)?;
        (self.min..=self.max).contains(&number).then_some(Value::Number(number))
    }
}

fn flag(raw: &Raw) -> Option<Value> {
    match raw {
        Raw::Flag(flag) => Some(Value::Flag(*flag)),
        Raw::Loose(text) => text.parse().ok().map(Value::Flag),
        Raw::Integer(_) | Raw::Text(_) | Raw::List(_) | Raw::Table(_) | Raw::Other(_) => None,
    }
}

fn auto(raw: &Raw) -> Option<Value> {
    text(raw).filter(|text| *text == "auto").map(|_| Value::Auto)
}

fn word(raw: &Raw, words: &[&str]) -> Option<Value> {
    text(raw).filter(|text| words.contains(text)).map(|word| Value::Text(word.to_owned()))
}

fn text(raw: &Raw) -> Option<&str> {
    match raw {
        Raw::Text(text) | Raw::Loose(text) => Some(text).filter(|text| !text.contains('\0')).map(String::as_str),
        Raw::Flag(_) | Raw::Integer(_) | Raw::List(_) | Raw::Table(_) | Raw::Other(_) => None,
    }
}

fn list(raw: &Raw) -> Option<Vec<String>> {
    match raw {
        Raw::List(list) => list.iter().map(|one| text(one).map(str::to_owned)).collect(),
        Raw::Loose(_) => {
            Some(text(raw)?.split(',').map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect())
        }
        Raw::Flag(_) | Raw::Integer(_) | Raw::Text(_) | Raw::Table(_) | Raw::Other(_) => None,
    }
}

fn secret(raw: &Raw) -> Result<Option<Value>, String> {
    match text(raw) {
        None => Ok(None),
        Some("") => Ok(Some(Value::Text(String::new()))),
        Some(HIDDEN) => {
            Err("a printed configuration has no secrets; say `file:/path`, `env:NAME` or `credential:NAME`".to_owned())
        }
        Some(text) => Ok(Some(Value::Hidden(Secret::parse(text)))),
    }
}

/// Clients without a name are `anonymous` in a file and the empty name in the tree.
fn map(raw: &Raw) -> Option<Value> {
    let Raw::Table(entries) = raw else { return text(raw).filter(|text| *text == "off").map(|_| Value::Auto) };
    let lists = entries.iter().map(|(name, raw)| {
        let name = if name == ANONYMOUS { String::new() } else { name.clone() };
        list(raw).map(|list| (name, list))
    });
    lists.collect::<Option<BTreeMap<_, _>>>().map(Value::Map)
}

pub(crate) const ANONYMOUS: &str = "anonymous";

impl Raw {
    /// What was written, as far as it may be shown.
    fn show(&self, kind: &Kind) -> String {
        let short = |text: &str| text.chars().take(SHOWN_MAX).collect::<String>();
        match (kind, self) {
            (Kind::Secret, _) => "this".to_owned(),
            (_, Self::Flag(flag)) => flag.to_string(),
            (_, Self::Integer(text)) => short(text),
            (_, Self::Text(text) | Self::Loose(text)) => format!("{:?}", short(text)),
            (_, Self::List(list)) => {
                let shown = list.iter().take(LISTED_MAX).map(|one| one.show(kind));
                format!("[{}]", shown.collect::<Vec<_>>().join(", "))
            }
            (_, Self::Table(_)) => "a table".to_owned(),
            (_, Self::Other(name)) => (*name).to_owned(),
        }
    }
}

const SHOWN_MAX: usize = 40;
const LISTED_MAX: usize = 8;

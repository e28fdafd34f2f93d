//! Values of mosquitto.conf: what forms there are, and how their text is read.
//!
//! Owns: ranges and what becomes of a number beyond them.
//! Never: knows which option it reads.

use super::{address, rule};
use crate::model::{BridgeAddress, BridgeRestart, BridgeRule};

/// The form of an option's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `true` or `false`; 1 and 0 are taken too, as mosquitto does.
    Flag,
    /// A whole number between two bounds.
    Number(i64, i64),
    /// The same, where a lower one becomes the lower bound.
    AtLeast(i64, i64),
    /// The rest of the line.
    Text,
    /// The same, of at most 50 bytes.
    Short,
    /// The same, without wildcards.
    Prefix,
    /// One word of these.
    Word(&'static [&'static str]),
    /// A number and a unit.
    Span,
    /// A port, and a host or a path.
    Place,
    /// A port alone.
    Port,
    /// `host[:port]`, several.
    Addresses,
    /// Pattern, direction, QoS, prefixes.
    Rule,
    /// One to three numbers.
    Restart,
    /// Three numbers.
    Probes,
    /// 3, 4 and 5, with commas between.
    Versions,
}

/// A value that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Flag(bool),
    Number(i64),
    Text(String),
    Place(u16, String),
    Addresses(Vec<BridgeAddress>),
    Rule(BridgeRule),
    Restart(BridgeRestart),
    Probes(u32, u32, u32),
}

/// A value, and what its writer may not have meant.
pub(super) struct Read {
    pub(super) value: Value,
    pub(super) notice: Option<String>,
}

impl Kind {
    /// What the text says.
    pub(super) fn read(self, text: &str) -> Result<Read, String> {
        if text.is_empty() {
            return Err("has no value".to_owned());
        }
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let alone = |value| Ok(Read { value, notice: superfluous(word, rest) });
        match self {
            Self::Flag => alone(Value::Flag(flag(word)?)),
            Self::Number(min, max) => alone(Value::Number(number(word, min, max)?)),
            Self::AtLeast(min, max) => at_least(word, min, max),
            Self::Word(words) => alone(Value::Text(one_of(word, words)?)),
            Self::Span => alone(Value::Number(span(word)?)),
            Self::Port => alone(Value::Place(port(word, 1)?, String::new())),
            Self::Short if text.len() > SHORT_BYTES_MAX => Err(format!("has at most {SHORT_BYTES_MAX} bytes")),
            Self::Prefix if text.contains(['+', '#']) => Err(format!("has no wildcards, unlike `{text}`")),
            Self::Text | Self::Short | Self::Prefix => {
                Ok(Read { value: Value::Text(text.to_owned()), notice: looks_like_comment(text) })
            }
            Self::Versions => plain(Value::Text(versions(text)?)),
            Self::Place => {
                let (port, host) = address::place(text)?;
                plain(Value::Place(port, host))
            }
            Self::Addresses => plain(Value::Addresses(address::list(text)?)),
            Self::Rule => plain(Value::Rule(rule::read(text)?)),
            Self::Restart => restart(text),
            Self::Probes => probes(text),
        }
    }
}

impl Value {
    pub(super) fn flag(&self) -> bool {
        matches!(self, Self::Flag(true))
    }

    pub(super) fn number(&self) -> i64 {
        if let Self::Number(number) = self { *number } else { 0 }
    }

    pub(super) fn text(&self) -> &str {
        if let Self::Text(text) = self { text } else { "" }
    }

    /// Its number where it fits, else the most that does.
    pub(super) fn u32(&self) -> u32 {
        u32::try_from(self.number().max(0)).unwrap_or(u32::MAX)
    }

    pub(super) fn u16(&self) -> u16 {
        u16::try_from(self.number().max(0)).unwrap_or(u16::MAX)
    }

    /// Where 0 stands for no limit.
    pub(super) fn limit_u64(&self) -> u64 {
        u64::try_from(self.number()).ok().filter(|number| *number > 0).unwrap_or(u64::MAX)
    }

    /// Where 0 stands for no limit.
    pub(super) fn limit_u32(&self) -> u32 {
        u32::try_from(self.number()).ok().filter(|number| *number > 0).unwrap_or(u32::MAX)
    }

    /// Where -1 stands for no limit.
    pub(super) fn cap(&self) -> u32 {
        u32::try_from(self.number()).unwrap_or(u32::MAX)
    }
}

fn plain(value: Value) -> Result<Read, String> {
    Ok(Read { value, notice: None })
}

/// A trailing comment is no comment to mosquitto; what stands behind a single word is just not looked at.
fn superfluous(word: &str, rest: &str) -> Option<String> {
    let rest = rest.trim();
    (!rest.is_empty() && !rest.starts_with('#')).then(|| format!("only `{word}` counts, not `{rest}`"))
}

fn looks_like_comment(text: &str) -> Option<String> {
    text.contains(" #").then(|| format!("`#` is no comment here: the value is `{text}`"))
}

fn flag(word: &str) -> Result<bool, String> {
    match word {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(format!("is `true` or `false`, not `{word}`")),
    }
}

fn number(word: &str, min: i64, max: i64) -> Result<i64, String> {
    let number = word.parse::<i64>().map_err(|_| format!("is a whole number, not `{word}`"))?;
    if (min..=max).contains(&number) {
        return Ok(number);
    }
    Err(if max == i64::MAX { format!("is at least {min}, not {number}") } else { between(min, max, number) })
}

fn between(min: i64, max: i64, number: i64) -> String {
    format!("is between {min} and {max}, not {number}")
}

fn at_least(word: &str, min: i64, max: i64) -> Result<Read, String> {
    let number = number(word, i64::MIN, max).map_err(|what| match word.parse::<i64>() {
        Ok(number) => between(min, max, number),
        Err(_) => what,
    })?;
    let notice = (number < min).then(|| format!("{number} is too low; {min} holds"));
    Ok(Read { value: Value::Number(number.max(min)), notice })
}

fn one_of(word: &str, words: &[&str]) -> Result<String, String> {
    if words.contains(&word) {
        return Ok(word.to_owned());
    }
    Err(format!("is one of {}, not `{word}`", words.join(", ")))
}

/// Seconds. A month has 30 days and a year 365, as mosquitto counts.
fn span(word: &str) -> Result<i64, String> {
    let what = || format!("is a number from 1 and one of s, h, d, w, m, y, as in `2d`, not `{word}`");
    let end = word.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(what)?;
    let (digits, unit) = word.split_at(end);
    let number = digits.parse::<i64>().ok().filter(|number| *number > 0).ok_or_else(what)?;
    let seconds = match unit {
        "s" => 1,
        "h" => 3600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        "m" => 30 * 86_400,
        "y" => 365 * 86_400,
        _ => return Err(what()),
    };
    number.checked_mul(seconds).ok_or_else(|| format!("`{word}` is longer than anybody waits"))
}

/// A port that is not below `min`.
pub(super) fn port(word: &str, min: u16) -> Result<u16, String> {
    let what = || format!("has a port between {min} and 65535, not `{word}`");
    word.parse::<u16>().ok().filter(|port| *port >= min).ok_or_else(what)
}

fn versions(text: &str) -> Result<String, String> {
    let words: Vec<&str> = text.split([',', ' ']).filter(|word| !word.is_empty()).collect();
    match words.iter().find(|word| !["3", "4", "5"].contains(word)) {
        Some(word) => Err(format!("lists 3 (3.1), 4 (3.1.1) and 5, with commas between; not `{word}`")),
        None if words.is_empty() => Err("lists at least one of 3, 4 and 5".to_owned()),
        None => Ok(words.join(",")),
    }
}

/// `base`, or `base cap`, or `base cap stable`; with one number the wait is always the same.
fn restart(text: &str) -> Result<Read, String> {
    let mut words = text.split_whitespace();
    let mut notice = None;
    let mut next = |max: i64| -> Result<Option<u32>, String> {
        let Some(word) = words.next() else { return Ok(None) };
        let read = at_least(word, 1, max)?;
        notice = read.notice.or(notice.take());
        Ok(Some(read.value.u32()))
    };
    let base_s = next(RESTART_S_MAX)?.unwrap_or(5);
    let cap_s = next(2 * RESTART_S_MAX)?.unwrap_or(base_s);
    let stable_s = next(RESTART_S_MAX)?.unwrap_or(0);
    if cap_s < base_s {
        return Err(format!("has a longest wait of {cap_s}, below the first one of {base_s}"));
    }
    Ok(Read { value: Value::Restart(BridgeRestart { base_s, cap_s, stable_s }), notice })
}

fn probes(text: &str) -> Result<Read, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [idle, interval, count] = words[..] else {
        return Err("has three numbers: idle seconds, seconds between probes, probes".to_owned());
    };
    let positive = |word| number(word, 1, 65_535).map(|number| u32::try_from(number).unwrap_or(u32::MAX));
    plain(Value::Probes(positive(idle)?, positive(interval)?, positive(count)?))
}

const SHORT_BYTES_MAX: usize = 50;
const RESTART_S_MAX: i64 = 3600;

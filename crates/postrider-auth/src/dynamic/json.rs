//! Looks into JSON objects as the plugin does.
//!
//! Owns: what counts as missing. Names of fields are compared without regard to case.

use serde_json::{Map, Value};

/// A field that is there and is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoText;

/// A field.
pub(super) fn get<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    let alike = || object.iter().find(|(other, _)| other.eq_ignore_ascii_case(key)).map(|(_, value)| value);
    object.get(key).or_else(alike)
}

/// A text that may be missing.
pub(super) fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>, NoText> {
    get(object, key).map(|value| value.as_str().ok_or(NoText)).transpose()
}

/// A text; nothing if it is missing or none.
pub(super) fn some_text<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    get(object, key)?.as_str()
}

/// A whole number; fractions are cut off, and what is none counts as missing.
#[expect(clippy::cast_possible_truncation, reason = "a cast of a float stops at the ends")]
pub(super) fn number(object: &Map<String, Value>, key: &str, otherwise: i32) -> i32 {
    get(object, key).and_then(Value::as_f64).map_or(otherwise, |number| number as i32)
}

pub(super) fn flag(object: &Map<String, Value>, key: &str, otherwise: bool) -> bool {
    get(object, key).and_then(Value::as_bool).unwrap_or(otherwise)
}

/// The objects of a list that may be missing.
pub(super) fn list<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a Vec<Value>> {
    get(object, key)?.as_array()
}

/// The fields that nobody here knows.
pub(super) fn rest(object: &Map<String, Value>, known: &[&str]) -> Map<String, Value> {
    let is_known = |key: &str| known.iter().any(|known| known.eq_ignore_ascii_case(key));
    object.iter().filter(|(key, _)| !is_known(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

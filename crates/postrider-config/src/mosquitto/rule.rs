//! `topic` lines of a bridge.
//!
//! Owns: quotes, directions, prefixes, trailing comments.

use crate::model::{BridgeRule, Direction};

/// `pattern [direction [qos [local prefix [remote prefix]]]]`; `""` is an empty pattern or prefix.
pub(super) fn read(text: &str) -> Result<BridgeRule, String> {
    let words = words(text)?;
    let mut words = words.into_iter();
    let filter = words.next().ok_or("has no pattern")?;
    let direction = words.next().map_or(Ok(Direction::Out), |word| direction(&word))?;
    let qos = words.next().map_or(Ok(0), |word| qos(&word))?;
    let local_prefix = words.next().unwrap_or_default();
    let remote_prefix = words.next().unwrap_or_default();
    for prefix in [&local_prefix, &remote_prefix] {
        if prefix.contains(['+', '#']) {
            return Err(format!("has a prefix with a wildcard: `{prefix}`"));
        }
    }
    if filter.is_empty() && (local_prefix.is_empty() || remote_prefix.is_empty()) {
        return Err("has no pattern; then both prefixes are the topics, and one is empty".to_owned());
    }
    if !is_filter(&filter) {
        return Err(format!("has a pattern that matches nothing: `{filter}`"));
    }
    Ok(BridgeRule { filter, direction, qos, local_prefix, remote_prefix })
}

/// Wildcards are whole levels, and `#` is the last.
fn is_filter(filter: &str) -> bool {
    let before = filter.strip_suffix('#').filter(|before| before.is_empty() || before.ends_with('/')).unwrap_or(filter);
    before.split('/').all(|level| level == "+" || !level.contains(['+', '#']))
}

fn direction(word: &str) -> Result<Direction, String> {
    match word {
        "out" => Ok(Direction::Out),
        "in" => Ok(Direction::In),
        "both" => Ok(Direction::Both),
        _ => Err(format!("goes `out`, `in` or `both`, not `{word}`")),
    }
}

fn qos(word: &str) -> Result<u8, String> {
    word.parse::<u8>().ok().filter(|qos| *qos <= 2).ok_or_else(|| format!("has QoS 0, 1 or 2, not `{word}`"))
}

/// Words between blanks; quotes keep blanks in a word, and `""` is an empty one. `#` where a direction, a QoS or
/// what follows is expected begins a comment.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if !words.is_empty() && rest.starts_with('#') {
            break;
        }
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or("has a quote that does not end")?,
            None => rest.split_once([' ', '\t']).unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    Ok(words)
}

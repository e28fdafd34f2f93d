//! What sources of floors 1 to 3 must not say: no clock, no I/O, no entropy, no async, no threads, no logging.
//!
//! Owns: the list of forbidden paths and words.
//! Never: looks at tests, which may do as they like.

use super::Finding;
use super::paths::{CodePath, Place, Word, paths_of, words_of};
use super::source::{code_of, product_of};

pub(super) fn check(file: &str, text: &str) -> Vec<Finding> {
    let code = product_of(&code_of(text));
    let words = words_of(&code);
    let paths = paths_of(&words);
    let mut findings: Vec<Finding> = paths.iter().filter_map(|path| check_path(file, path)).collect();
    findings.extend((0..words.len()).filter_map(|at| check_word(file, &words, at)));
    findings
}

fn check_path(file: &str, path: &CodePath<'_>) -> Option<Finding> {
    let segments: Vec<&str> = path.segments.iter().copied().filter(|segment| *segment != "*").collect();
    let found = |what: String, remedy: &str| Some(Finding::new(file, path.line, what, remedy));
    for (forbidden, remedy) in PATHS {
        let forbidden_segments: Vec<&str> = forbidden.split("::").collect();
        // A word alone in code, such as `log`, is a variable.
        let is_path = path.place == Place::Use || segments.len() > 1;
        if is_path && is_prefix(&forbidden_segments, &segments) {
            return found(format!("{forbidden} in the pure half"), remedy);
        }
        // `use std::time;` or `use std::sync::*;` would let the forbidden name in under another path.
        if path.place == Place::Use && !segments.is_empty() && is_prefix(&segments, &forbidden_segments) {
            return found(format!("{} imported whole", segments.join("::")), "import the item you need");
        }
    }
    match segments[..] {
        [.., map @ ("HashMap" | "HashSet"), "new" | "with_capacity" | "from"] => {
            found(format!("{map} with a random seed"), SEED_IT)
        }
        _ => None,
    }
}

/// `core` and `alloc` are parts of `std`.
fn is_prefix(short: &[&str], long: &[&str]) -> bool {
    let root =
        |segment: &&str| if matches!(*segment, "core" | "alloc") { "std".to_owned() } else { (*segment).to_owned() };
    short.len() <= long.len()
        && short.first().map(root) == long.first().map(root)
        && short.iter().skip(1).eq(long.iter().take(short.len()).skip(1))
}

fn check_word(file: &str, words: &[Word<'_>], at: usize) -> Option<Finding> {
    let word = words[at];
    let next = words.get(at + 1).map_or("", |word| word.text);
    let found = |what: &str, remedy: &str| Some(Finding::new(file, word.line, what, remedy));
    match word.text {
        "println" | "print" | "eprintln" | "eprint" | "dbg" if next == "!" => {
            found("printing in the pure half", "make it an effect or an event")
        }
        "async" | "await" => found("async in the pure half", "take the answer as an input"),
        "RandomState" => found("a random seed in the pure half", SEED_IT),
        "HashMap" if arguments(words, at + 1) == Some(2) => found("HashMap with a random seed", SEED_IT),
        "HashSet" if arguments(words, at + 1) == Some(1) => found("HashSet with a random seed", SEED_IT),
        _ => None,
    }
}

/// How many generic arguments stand behind a name, if any do: `<A, B>` or `::<A, B>`.
fn arguments(words: &[Word<'_>], start: usize) -> Option<usize> {
    let start = if words.get(start)?.text == "::" { start + 1 } else { start };
    if words.get(start)?.text != "<" {
        return None;
    }
    let mut depth = 0_usize;
    let mut count = 1;
    for (index, word) in words.iter().enumerate().skip(start) {
        match word.text {
            "<" | "(" | "[" => depth += 1,
            // The second half of `->` closes nothing.
            ">" if words[index - 1].text == "-" => {}
            ">" | ")" | "]" if depth == 1 => {
                let is_trailing = words[index - 1].text == ",";
                return Some(if is_trailing { count - 1 } else { count });
            }
            ">" | ")" | "]" => depth -= 1,
            "," if depth == 1 => count += 1,
            _ => {}
        }
    }
    None
}

const SEED_IT: &str = "give the map a hasher with a fixed or given seed, or take a BTreeMap";
const ASK_THE_DRIVER: &str = "make it an input or an effect and let the driver do it";
const TAKE_NOW: &str = "take the time as an argument";
const ONE_OWNER: &str = "an engine has one owner; leave sharing to the driver";
const OBSERVE: &str = "emit an event";

const PATHS: [(&str, &str); 30] = [
    ("tokio", ASK_THE_DRIVER),
    ("mio", ASK_THE_DRIVER),
    ("socket2", ASK_THE_DRIVER),
    ("rustix", ASK_THE_DRIVER),
    ("libc", ASK_THE_DRIVER),
    ("futures", ASK_THE_DRIVER),
    ("rand", "take a seed as an argument"),
    ("getrandom", "take a seed as an argument"),
    ("log", OBSERVE),
    ("tracing", OBSERVE),
    ("parking_lot", ONE_OWNER),
    ("crossbeam", ONE_OWNER),
    ("std::net", ASK_THE_DRIVER),
    ("std::fs", ASK_THE_DRIVER),
    ("std::io", ASK_THE_DRIVER),
    ("std::env", ASK_THE_DRIVER),
    ("std::process", ASK_THE_DRIVER),
    ("std::os", ASK_THE_DRIVER),
    ("std::thread", ASK_THE_DRIVER),
    ("std::future", ASK_THE_DRIVER),
    ("std::time::Instant", TAKE_NOW),
    ("std::time::SystemTime", TAKE_NOW),
    ("std::sync::Mutex", ONE_OWNER),
    ("std::sync::RwLock", ONE_OWNER),
    ("std::sync::Condvar", ONE_OWNER),
    ("std::sync::mpsc", ONE_OWNER),
    ("std::sync::atomic", ONE_OWNER),
    ("std::hash::RandomState", SEED_IT),
    ("foldhash::HashMap", SEED_IT),
    ("foldhash::HashSet", SEED_IT),
];

#[cfg(test)]
mod tests;

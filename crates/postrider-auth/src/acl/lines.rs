//! Mosquitto's `acl_file`.
//!
//! Owns: its words. Lines before the first `user` are for anonymous clients, `pattern` is for everybody.

use super::error::AclError;
use super::pattern::{Pattern, Placeholders};
use super::rule::{Effect, Powers, Rule, Users};

pub(super) fn parse(text: &str, file: &str) -> Result<Vec<Rule>, AclError> {
    let (mut rules, mut users) = (Vec::new(), Users::Anonymous);
    // Editors of another system put a mark in front.
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    for (number, line) in (1u32..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match read(line, &users) {
            Ok(Line::User(name)) => users = Users::Named(name),
            Ok(Line::Rule(rule)) => rules.push(Rule { line: number, ..*rule }),
            Err(what) => return Err(AclError::new(file, Some(number), what)),
        }
    }
    Ok(rules)
}

enum Line {
    User(Box<str>),
    Rule(Box<Rule>),
}

fn read(line: &str, users: &Users) -> Result<Line, String> {
    let (word, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let rest = rest.trim();
    match word {
        "user" if rest.is_empty() => Err("user needs a name: user NAME".to_owned()),
        "user" => Ok(Line::User(rest.into())),
        "topic" => {
            let rule = rule(line, word, rest, Placeholders::Literal)?;
            Ok(Line::Rule(Box::new(Rule { users: users.clone(), ..rule })))
        }
        "pattern" => Ok(Line::Rule(Box::new(rule(line, word, rest, Placeholders::Meant)?))),
        _ => Err(format!("a line begins with topic, user, pattern or #, not with {word:?}")),
    }
}

fn rule(line: &str, word: &str, rest: &str, placeholders: Placeholders) -> Result<Rule, String> {
    if rest.is_empty() {
        return Err(format!("{word} needs a topic filter: {word} [read|write|readwrite|deny] FILTER"));
    }
    // A filter may have spaces in it if a word of access stands before it.
    let (access, filter) = match rest.split_once([' ', '\t']) {
        Some((access, filter)) => (access, filter.trim()),
        None => ("readwrite", rest),
    };
    let (effect, powers) = match access {
        "read" => (Effect::Allow, Powers::READ),
        "write" => (Effect::Allow, Powers::PUBLISH),
        "readwrite" => (Effect::Allow, Powers::ALL),
        "deny" => (Effect::Deny, Powers::ALL),
        _ => return Err(format!("{access:?} is no access; it is read, write, readwrite or deny")),
    };
    let pattern = Pattern::parse(filter, placeholders)?;
    Ok(Rule::new(0, line, effect, powers, pattern))
}

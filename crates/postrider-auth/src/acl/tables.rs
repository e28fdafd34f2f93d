//! Rules as `[[rule]]` tables of TOML.
//!
//! Owns: their keys.
//! Never: takes a key that it does not know.

use super::error::AclError;
use super::network::Network;
use super::pattern::{Pattern, Placeholders};
use super::rule::{Effect, Powers, Rule, Users};
use postrider_proto::Qos;
use serde::Deserialize;
use std::ops::Range;
use toml::Spanned;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    rule: Vec<Spanned<Table>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    allow: Option<Vec<Spanned<String>>>,
    deny: Option<Vec<Spanned<String>>>,
    topics: Vec<Spanned<String>>,
    user: Option<Spanned<String>>,
    anonymous: Option<Spanned<bool>>,
    client: Option<Spanned<String>>,
    #[serde(default)]
    address: Vec<Spanned<String>>,
    listener: Option<u16>,
    #[serde(default)]
    qos: Vec<Spanned<u8>>,
    retain: Option<Spanned<bool>>,
}

/// What is wrong, and the bytes it is about.
type Fault = (Range<usize>, String);

pub(super) fn parse(text: &str, file: &str) -> Result<Vec<Rule>, AclError> {
    let lines = Lines::of(text);
    let at = |(span, what): Fault| AclError::new(file, Some(lines.line_at(span.start)), what);
    let parsed: File = toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| lines.line_at(span.start));
        AclError::new(file, line, error.message().replace('\n', "; "))
    })?;
    let mut rules = Vec::new();
    for table in &parsed.rule {
        let rule = common(table).map_err(at)?;
        for topic in &table.get_ref().topics {
            let pattern = Pattern::parse(topic.get_ref(), Placeholders::Meant);
            let pattern = pattern.map_err(|what| at((topic.span(), what)))?;
            let line = lines.line_at(topic.span().start);
            let text = format!("{} {}", rule.text, topic.get_ref()).into();
            rules.push(Rule { line, text, pattern, ..rule.clone() });
        }
    }
    Ok(rules)
}

/// All of a table but its topics.
fn common(table: &Spanned<Table>) -> Result<Rule, Fault> {
    let (span, table) = (table.span(), table.get_ref());
    if table.topics.is_empty() {
        return Err((span, "topics needs one filter at least".to_owned()));
    }
    let (effect, words) = match (&table.allow, &table.deny) {
        (Some(words), None) => (Effect::Allow, words),
        (None, Some(words)) => (Effect::Deny, words),
        (Some(_), Some(_)) | (None, None) => {
            return Err((span, "a rule has either allow or deny, such as allow = [\"publish\"]".to_owned()));
        }
    };
    let powers = powers(words, span)?;
    if let Some(retain) = table.retain.as_ref().filter(|_| powers.meets(Powers::READ)) {
        return Err((retain.span(), "retain goes with publish alone".to_owned()));
    }
    let mut rule = Rule::new(0, "", effect, powers, Pattern { levels: Vec::new(), is_open: false });
    rule.users = users(table)?;
    rule.client = table.client.as_ref().map(|client| client.get_ref().as_str().into());
    rule.addresses = table.address.iter().map(address).collect::<Result<_, _>>()?;
    rule.listener = table.listener;
    rule.qos = table.qos.iter().map(qos).collect::<Result<_, _>>()?;
    rule.retain = table.retain.as_ref().map(|retain| *retain.get_ref());
    rule.text = describe(&rule).into();
    Ok(rule)
}

fn powers(words: &[Spanned<String>], span: Range<usize>) -> Result<Powers, Fault> {
    let power = |word: &Spanned<String>| match word.get_ref().as_str() {
        "publish" | "write" => Ok(Powers::PUBLISH),
        "subscribe" => Ok(Powers::SUBSCRIBE),
        "receive" => Ok(Powers::RECEIVE),
        "read" => Ok(Powers::READ),
        "readwrite" => Ok(Powers::ALL),
        other => {
            let allowed = "publish (or write), subscribe, receive, read (both), readwrite (all)";
            Err((word.span(), format!("{other:?} is nothing to allow or deny; it is {allowed}")))
        }
    };
    let powers = words.iter().map(power).collect::<Result<Vec<_>, _>>()?;
    let all = powers.into_iter().reduce(Powers::or);
    all.ok_or_else(|| (span, "allow and deny need one of publish, subscribe, receive, read, readwrite".to_owned()))
}

fn users(table: &Table) -> Result<Users, Fault> {
    match (&table.user, &table.anonymous) {
        (None, None) => Ok(Users::All),
        (Some(name), None) if name.get_ref().is_empty() => Err((name.span(), "a user has a name".to_owned())),
        (Some(name), None) => Ok(Users::Named(name.get_ref().as_str().into())),
        (None, Some(anonymous)) if *anonymous.get_ref() => Ok(Users::Anonymous),
        (None, Some(anonymous)) => Err((anonymous.span(), "anonymous is true or left out".to_owned())),
        (Some(_), Some(anonymous)) => Err((anonymous.span(), "a user with a name is not anonymous".to_owned())),
    }
}

fn address(text: &Spanned<String>) -> Result<Network, Fault> {
    text.get_ref().parse().map_err(|wanted: &str| (text.span(), format!("{:?}: {wanted}", text.get_ref())))
}

fn qos(number: &Spanned<u8>) -> Result<Qos, Fault> {
    let qos = Qos::from_u8(*number.get_ref());
    qos.ok_or_else(|| (number.span(), format!("there is no QoS {}; it is 0, 1 or 2", number.get_ref())))
}

/// What a rule says, in one line and without its topics.
fn describe(rule: &Rule) -> String {
    let effect = match rule.effect {
        Effect::Allow => "allow",
        Effect::Deny => "deny",
    };
    let mut text = format!("{effect} {}", rule.powers);
    match &rule.users {
        Users::All => {}
        Users::Anonymous => text.push_str(", anonymous"),
        Users::Named(name) => text.push_str(&format!(", user {name:?}")),
    }
    if let Some(client) = &rule.client {
        text.push_str(&format!(", client {client:?}"));
    }
    for network in &rule.addresses {
        text.push_str(&format!(", from {network}"));
    }
    if let Some(listener) = rule.listener {
        text.push_str(&format!(", listener {listener}"));
    }
    for qos in &rule.qos {
        text.push_str(&format!(", QoS {qos}"));
    }
    if let Some(retain) = rule.retain {
        text.push_str(if retain { ", retained" } else { ", not retained" });
    }
    text.push(':');
    text
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(breaks).collect())
    }

    /// Counted from 1.
    fn line_at(&self, byte: usize) -> u32 {
        u32::try_from(self.0.partition_point(|begin| *begin <= byte)).unwrap_or(u32::MAX)
    }
}

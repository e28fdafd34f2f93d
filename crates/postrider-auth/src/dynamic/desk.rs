//! The state while commands change it, and what is common to them.
//!
//! Owns: who has to come anew because of a change.

use super::json::{self, get, list, number, some_text, text};
use super::state::{Held, NO_PRIORITY, State, Texts, hold};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// What a command says, and what went wrong.
pub(super) struct Failure(pub(super) String);

/// The data of a response, if it has any.
pub(super) struct Done(pub(super) Option<Value>);

impl From<&str> for Failure {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// Where commands are carried out, one after the other.
pub(super) struct Desk {
    pub(super) state: State,
    pub(super) has_changed: bool,
    /// Whose connections end; nothing stands for anonymous clients.
    pub(super) gone: BTreeSet<Option<Box<str>>>,
    /// Of the hash of new passwords.
    pub(super) iterations: u32,
}

impl Desk {
    pub(super) fn new(state: State, iterations: u32) -> Self {
        Self { state, has_changed: false, gone: BTreeSet::new(), iterations }
    }

    /// Something has changed.
    pub(super) const fn done(&mut self) -> Result<Done, Failure> {
        self.has_changed = true;
        Ok(Done(None))
    }

    pub(super) fn end(&mut self, user: &str) {
        self.gone.insert(Some(user.into()));
    }

    /// Everybody in a group, which for that of the anonymous is all of them.
    pub(super) fn end_group(&mut self, group: &str) {
        let members = self.state.members(group).map(|user| Some(Box::from(user)));
        self.gone.extend(members);
        if self.state.anonymous_group.as_deref() == Some(group) {
            self.gone.insert(None);
        }
    }

    /// Everybody who has a role, through a group too.
    pub(super) fn end_role(&mut self, role: &str) {
        let has = |list: &[Held]| list.iter().any(|held| *held.name == *role);
        let clients = self.state.clients.iter().filter(|(_, client)| has(&client.roles));
        self.gone.extend(clients.map(|(name, _)| Some(name.clone())));
        let groups = self.state.groups.iter().filter(|(_, group)| has(&group.roles));
        let groups: Vec<Box<str>> = groups.map(|(name, _)| name.clone()).collect();
        groups.iter().for_each(|group| self.end_group(group));
    }

    /// The roles that a command lists; nothing if it has no such list.
    pub(super) fn roles(&self, command: &Map<String, Value>, faulty: &str) -> Result<Option<Vec<Held>>, Failure> {
        let Some(value) = get(command, "roles") else { return Ok(None) };
        let roles = value.as_array().ok_or(faulty)?;
        let mut held = Vec::new();
        for role in roles {
            let object = role.as_object().ok_or(faulty)?;
            let name = some_text(object, "rolename").ok_or(faulty)?;
            if !self.state.roles.contains_key(name) {
                return Err("Role not found".into());
            }
            hold(&mut held, name, number(object, "priority", NO_PRIORITY));
        }
        Ok(Some(held))
    }
}

/// A name that has to be there.
pub(super) fn name<'a>(command: &'a Map<String, Value>, key: &str) -> Result<&'a str, Failure> {
    let name = some_text(command, key).ok_or_else(|| Failure(format!("Invalid/missing {key}")))?;
    if is_plain(name) { Ok(name) } else { Err(Failure(format!("{} not valid UTF-8", title(key)))) }
}

fn title(key: &str) -> &str {
    match key {
        "username" => "Username",
        "groupname" => "Group name",
        "rolename" => "Role name",
        other => other,
    }
}

/// What MQTT takes as a text; mosquitto calls everything else no UTF-8.
pub(super) fn is_plain(text: &str) -> bool {
    text.len() <= usize::from(u16::MAX) && !text.chars().any(char::is_control)
}

/// Names for people that may be missing, but are texts.
pub(super) fn texts(command: &Map<String, Value>) -> Result<Texts, Failure> {
    let text = |key: &str| match text(command, key) {
        Ok(text) => Ok(text.map(Box::from)),
        Err(json::NoText) => Err(Failure(format!("Invalid/missing {key}"))),
    };
    Ok(Texts { name: text("textname")?, description: text("textdescription")? })
}

/// The same of a change: what is no text changes nothing.
pub(super) fn change_texts(command: &Map<String, Value>, texts: &mut Texts) {
    if let Some(name) = some_text(command, "textname") {
        texts.name = Some(name.into());
    }
    if let Some(description) = some_text(command, "textdescription") {
        texts.description = Some(description.into());
    }
}

/// The names in a list of a command, and their priorities; nothing if there is no such list.
pub(super) fn members<'a>(
    command: &'a Map<String, Value>,
    key: &str,
    name: &str,
) -> Result<Option<Vec<(&'a str, i32)>>, Failure> {
    let Some(entries) = list(command, key) else { return Ok(None) };
    let faulty = || Failure(format!("'{key}' contains an object with an invalid '{name}'"));
    let member = |object: &'a Map<String, Value>| {
        let name = some_text(object, name).ok_or_else(faulty)?;
        Ok((name, number(object, "priority", NO_PRIORITY)))
    };
    entries.iter().filter_map(Value::as_object).map(member).collect::<Result<_, _>>().map(Some)
}

/// A part of all names, or all that is shown of each.
pub(super) fn listed<'a, T: 'a>(
    command: &Map<String, Value>,
    all: impl ExactSizeIterator<Item = (&'a Box<str>, &'a T)>,
    key: &str,
    show: impl Fn(&str, &T) -> Value,
) -> Done {
    let is_verbose = json::flag(command, "verbose", false);
    let (count, offset) = (number(command, "count", -1), number(command, "offset", 0));
    let total = all.len();
    // None means one, as with the plugin.
    let count = usize::try_from(count).map_or(usize::MAX, |count| count.max(1));
    let some = all.skip(usize::try_from(offset).unwrap_or(0)).take(count);
    let shown: Value =
        some.map(|(name, one)| if is_verbose { show(name, one) } else { Value::from(&**name) }).collect();
    Done(Some(serde_json::json!({ "totalCount": total, key: shown })))
}

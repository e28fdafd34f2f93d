//! Reads the file of the plugin, as 2.0 and 2.1 write it and `mosquitto_ctrl dynsec init` does.
//!
//! Never: passes over somebody whom it does not understand: what was cut off must not count as complete.

use super::json::{flag, get, list, number, rest, some_text};
use super::state::{
    Acl, AclType, Client, Defaults, Form, Group, Held, NO_PRIORITY, Password, Role, State, Texts, hold,
};
use crate::password::Entry;
use serde_json::{Map, Value};
use std::sync::Arc;

/// All of a file, or what is wrong with it.
pub(super) fn load(bytes: &[u8]) -> Result<State, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| format!("it is no JSON: {error}"))?;
    let Value::Object(tree) = value else { return Err("it is no JSON object".to_owned()) };
    let mut state = State { extra: rest(&tree, &KNOWN), ..State::default() };
    let defaults = get(&tree, "defaultACLAccess").and_then(Value::as_object);
    if let Some(defaults) = defaults {
        state.defaults = Defaults(Defaults::NAMES.map(|name| flag(defaults, name, false)));
    }
    for (at, name, object) in named(&tree, "roles", "rolename")? {
        let role = Arc::new(role(object));
        once(state.roles.insert(name.into(), role).is_none(), "roles", at, name)?;
    }
    for (at, name, object) in named(&tree, "clients", "username")? {
        let client = client(&state, object).map_err(|error| format!("clients, number {at} ({name:?}): {error}"))?;
        once(state.clients.insert(name.into(), Arc::new(client)).is_none(), "clients", at, name)?;
    }
    for (at, name, object) in named(&tree, "groups", "groupname")? {
        let group = Group {
            texts: texts(object),
            roles: roles(&state, object),
            extra: rest(object, &["groupname", "textname", "textdescription", "roles", "clients"]),
            ..Group::default()
        };
        once(state.groups.insert(name.into(), Arc::new(group)).is_none(), "groups", at, name)?;
        for client in list(object, "clients").into_iter().flatten().filter_map(Value::as_object) {
            if let Some(user) = some_text(client, "username") {
                // One who is not there is left out, as the plugin does.
                state.join(user, name, number(client, "priority", NO_PRIORITY));
            }
        }
    }
    let anonymous = some_text(&tree, "anonymousGroup").filter(|name| state.groups.contains_key(*name));
    state.anonymous_group = anonymous.map(Box::from);
    Ok(state)
}

const KNOWN: [&str; 5] = ["clients", "groups", "roles", "defaultACLAccess", "anonymousGroup"];

fn once(is_first: bool, what: &str, at: usize, name: &str) -> Result<(), String> {
    if is_first { Ok(()) } else { Err(format!("{what}, number {at}: {name:?} is there twice")) }
}

/// An entry of a list: its number, from 1, its name and itself.
type Named<'a> = (usize, &'a str, &'a Map<String, Value>);

/// The entries of a list with their number and name.
fn named<'a>(tree: &'a Map<String, Value>, what: &str, key: &str) -> Result<Vec<Named<'a>>, String> {
    let Some(value) = get(tree, what) else { return Ok(Vec::new()) };
    let entries = value.as_array().ok_or_else(|| format!("{what} is no list"))?;
    let entry = |(at, entry): (usize, &'a Value)| {
        let object = entry.as_object().ok_or_else(|| format!("{what}, number {at}: it is no object"))?;
        let name = some_text(object, key).ok_or_else(|| format!("{what}, number {at}: there is no {key}"))?;
        Ok((at, name, object))
    };
    (1..).zip(entries).map(entry).collect()
}

pub(super) fn texts(object: &Map<String, Value>) -> Texts {
    let text = |key| some_text(object, key).map(Box::from);
    Texts { name: text("textname"), description: text("textdescription") }
}

/// Those that are there.
fn roles(state: &State, object: &Map<String, Value>) -> Vec<Held> {
    let mut held = Vec::new();
    for role in list(object, "roles").into_iter().flatten().filter_map(Value::as_object) {
        if let Some(name) = some_text(role, "rolename").filter(|name| state.roles.contains_key(*name)) {
            hold(&mut held, name, number(role, "priority", NO_PRIORITY));
        }
    }
    held
}

fn client(state: &State, object: &Map<String, Value>) -> Result<Client, String> {
    const KNOWN: [&str; 10] = [
        "username",
        "clientid",
        "textname",
        "textdescription",
        "disabled",
        "roles",
        "password",
        "salt",
        "iterations",
        "encoded_password",
    ];
    Ok(Client {
        texts: texts(object),
        client_id: some_text(object, "clientid").filter(|id| !id.is_empty()).map(Box::from),
        is_disabled: flag(object, "disabled", false),
        password: password(object)?,
        roles: roles(state, object),
        groups: Vec::new(),
        extra: rest(object, &KNOWN),
    })
}

/// In three fields, or in one that is written as in a password file.
fn password(object: &Map<String, Value>) -> Result<Option<Password>, String> {
    let parse = |text: &str, form| {
        let entry = Entry::parse(text).map_err(|error| format!("the password: {error}"))?;
        Ok(Some(Password { entry: Arc::new(entry), form }))
    };
    for field in ["encoded_password", "password"] {
        if let Some(text) = some_text(object, field).filter(|text| text.starts_with('$')) {
            return parse(text, Form::Whole(field));
        }
    }
    let (Some(hash), Some(salt)) = (some_text(object, "password"), some_text(object, "salt")) else {
        return Ok(None);
    };
    match get(object, "iterations").map(|_| number(object, "iterations", 0)) {
        Some(iterations) => parse(&format!("$7${iterations}${salt}${hash}"), Form::Split),
        None => Ok(None),
    }
}

fn role(object: &Map<String, Value>) -> Role {
    let mut role = Role {
        texts: texts(object),
        denies_wildcards: !flag(object, "allowwildcardsubs", true),
        extra: rest(object, &["rolename", "textname", "textdescription", "acls", "allowwildcardsubs"]),
        ..Role::default()
    };
    acls(object, &mut role);
    role
}

/// Adds what is understood of the list of a role's rules; the plugin leaves the rest out, too.
pub(super) fn acls(object: &Map<String, Value>, role: &mut Role) {
    for object in list(object, "acls").into_iter().flatten().filter_map(Value::as_object) {
        let kind = some_text(object, "acltype").and_then(AclType::from_name);
        if let (Some(kind), Some(topic)) = (kind, some_text(object, "topic")) {
            let acl = Acl::new(topic, number(object, "priority", 0), flag(object, "allow", false));
            let extra = rest(object, &["acltype", "topic", "priority", "allow"]);
            role.add(kind, Acl { extra, ..acl });
        }
    }
}

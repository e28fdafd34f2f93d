//! Commands about clients.

use super::desk::{Desk, Done, Failure, change_texts, is_plain, listed, members, name, texts};
use super::json::{number, some_text, text};
use super::show;
use super::state::{Client, Form, NO_PRIORITY, Password, hold};
use crate::password::{Entry, NewHash, PASSWORD_BYTES_MAX};
use serde_json::{Map, Value, json};
use std::sync::Arc;

const FAULTY_ROLES: &str = "'roles' not an array or missing/invalid rolename";
const NOT_FOUND: &str = "Client not found";

pub(super) fn create(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    let user = name(command, "username")?;
    if user.is_empty() {
        return Err("Empty username".into());
    }
    let password = text(command, "password").map_err(|_| "Invalid/missing password")?;
    let client_id = text(command, "clientid").map_err(|_| "Invalid/missing client id")?;
    let client_id = client_id_of(client_id)?;
    let texts = texts(command)?;
    if desk.state.clients.contains_key(user) {
        return Err("Client already exists".into());
    }
    let roles = desk.roles(command, FAULTY_ROLES)?.unwrap_or_default();
    let groups = known_groups(desk, command)?;
    let password = hash(desk, password)?;
    let client = Client { texts, client_id, password, roles, ..Client::default() };
    desk.state.clients.insert(user.into(), Arc::new(client));
    for (group, priority) in groups {
        desk.state.join(user, group, priority);
    }
    desk.done()
}

/// What is no name of a group is passed over here, and only here.
fn known_groups<'a>(desk: &Desk, command: &'a Map<String, Value>) -> Result<Vec<(&'a str, i32)>, Failure> {
    let entries = super::json::list(command, "groups").into_iter().flatten().filter_map(Value::as_object);
    let named =
        entries.filter_map(|entry| Some((some_text(entry, "groupname")?, number(entry, "priority", NO_PRIORITY))));
    let groups: Vec<_> = named.collect();
    let are_known = groups.iter().all(|(group, _)| desk.state.groups.contains_key(*group));
    if are_known { Ok(groups) } else { Err("Group not found".into()) }
}

fn client_id_of(text: Option<&str>) -> Result<Option<Box<str>>, Failure> {
    if !text.is_none_or(is_plain) {
        return Err("Client ID not valid UTF-8".into());
    }
    Ok(text.filter(|text| !text.is_empty()).map(Box::from))
}

/// An empty password is none.
fn hash(desk: &Desk, password: Option<&str>) -> Result<Option<Password>, Failure> {
    let Some(password) = password.filter(|password| !password.is_empty()) else { return Ok(None) };
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(Failure(format!("Password longer than {PASSWORD_BYTES_MAX} bytes")));
    }
    let text = NewHash::Sha512Pbkdf2(desk.iterations).make(password.as_bytes()).map_err(|_| "Internal error")?;
    let entry = Entry::parse(&text).map_err(|_| "Internal error")?;
    Ok(Some(Password { entry: Arc::new(entry), form: Form::Split }))
}

/// Changes a client, who has to come anew.
fn change(desk: &mut Desk, user: &str, change: impl FnOnce(&mut Client)) -> Result<Done, Failure> {
    change(desk.state.client_mut(user).ok_or(NOT_FOUND)?);
    desk.end(user);
    desk.done()
}

pub(super) fn delete(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    // Whatever it is called, it can be deleted.
    let user = some_text(command, "username").ok_or("Invalid/missing username")?;
    if !desk.state.clients.contains_key(user) {
        return Err(NOT_FOUND.into());
    }
    desk.state.leave_all(user);
    desk.state.clients.remove(user);
    desk.end(user);
    desk.done()
}

pub(super) fn disable(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    change(desk, name(command, "username")?, |client| client.is_disabled = true)
}

pub(super) fn enable(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    let user = name(command, "username")?;
    desk.state.client_mut(user).ok_or(NOT_FOUND)?.is_disabled = false;
    desk.done()
}

pub(super) fn set_id(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    let user = name(command, "username")?;
    let client_id = text(command, "clientid").map_err(|_| "Invalid/missing client ID")?;
    let client_id = client_id_of(client_id)?;
    change(desk, user, |client| client.client_id = client_id)
}

pub(super) fn set_password(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    let user = name(command, "username")?;
    let password = some_text(command, "password").ok_or("Invalid/missing password")?;
    if password.is_empty() {
        return Err("Empty password is not allowed".into());
    }
    if !desk.state.clients.contains_key(user) {
        return Err(NOT_FOUND.into());
    }
    let password = hash(desk, Some(password))?;
    change(desk, user, |client| client.password = password)
}

/// Either all of it or nothing.
pub(super) fn modify(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    let user = name(command, "username")?;
    if !desk.state.clients.contains_key(user) {
        return Err(NOT_FOUND.into());
    }
    let client_id = some_text(command, "clientid").map(|id| client_id_of(Some(id))).transpose()?;
    let roles = desk.roles(command, FAULTY_ROLES)?;
    let groups = members(command, "groups", "groupname")?;
    let mut named = groups.iter().flatten();
    if !named.all(|(group, _)| desk.state.groups.contains_key(*group)) {
        return Err("'groups' contains an object with a 'groupname' that does not exist".into());
    }
    let password = hash(desk, some_text(command, "password"))?;
    if let Some(groups) = groups {
        desk.state.leave_all(user);
        for (group, priority) in groups {
            desk.state.join(user, group, priority);
        }
    }
    change(desk, user, |client| {
        change_texts(command, &mut client.texts);
        client.client_id = client_id.unwrap_or_else(|| client.client_id.take());
        client.roles = roles.unwrap_or_else(|| std::mem::take(&mut client.roles));
        client.password = password.or_else(|| client.password.take());
    })
}

pub(super) fn get(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    let user = name(command, "username")?;
    let client = desk.state.clients.get(user).ok_or(NOT_FOUND)?;
    Ok(Done(Some(json!({ "client": show::client(user, client) }))))
}

pub(super) fn list(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    Ok(listed(command, desk.state.clients.iter(), "clients", |user, client| show::client(user, client).into()))
}

pub(super) fn add_role(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    let (user, role) = (name(command, "username")?, name(command, "rolename")?);
    let has_role = desk.state.roles.contains_key(role);
    let client = desk.state.client_mut(user).ok_or(NOT_FOUND)?;
    if !has_role {
        return Err("Role not found".into());
    }
    if !hold(&mut client.roles, role, number(command, "priority", NO_PRIORITY)) {
        return Err("Internal error".into());
    }
    desk.end(user);
    desk.done()
}

pub(super) fn remove_role(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    let (user, role) = (name(command, "username")?, name(command, "rolename")?);
    if !desk.state.clients.contains_key(user) {
        return Err(NOT_FOUND.into());
    }
    if !desk.state.roles.contains_key(role) {
        return Err("Role not found".into());
    }
    change(desk, user, |client| client.roles.retain(|held| *held.name != *role))
}

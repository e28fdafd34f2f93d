//! Commands about groups.

use super::desk::{Desk, Done, Failure, change_texts, listed, members, name, texts};
use super::json::number;
use super::show;
use super::state::{Group, NO_PRIORITY, hold};
use serde_json::{Map, Value, json};
use std::sync::Arc;

const NOT_FOUND: &str = "Group not found";

pub(super) fn create(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    let group = name(command, "groupname")?;
    let texts = texts(command)?;
    if desk.state.groups.contains_key(group) {
        return Err("Group already exists".into());
    }
    let roles = desk.roles(command, "Internal error")?.unwrap_or_default();
    desk.state.groups.insert(group.into(), Arc::new(Group { texts, roles, ..Group::default() }));
    desk.done()
}

pub(super) fn delete(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    let group = known(desk, command)?;
    if desk.state.anonymous_group.as_deref() == Some(group) {
        return Err("Deleting the anonymous group is forbidden".into());
    }
    desk.end_group(group);
    desk.state.empty_group(group);
    desk.state.groups.remove(group);
    desk.done()
}

/// The name of a group that is there.
fn known<'a>(desk: &Desk, command: &'a Map<String, Value>) -> Result<&'a str, Failure> {
    let group = name(command, "groupname")?;
    if desk.state.groups.contains_key(group) { Ok(group) } else { Err(NOT_FOUND.into()) }
}

/// Either all of it or nothing.
pub(super) fn modify(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    let group = known(desk, command)?;
    let roles = desk.roles(command, "'roles' not an array or missing/invalid rolename")?;
    let clients = members(command, "clients", "username")?;
    let mut named = clients.iter().flatten();
    if !named.all(|(client, _)| desk.state.clients.contains_key(*client)) {
        return Err("'clients' contains an object with a 'username' that does not exist".into());
    }
    desk.end_group(group);
    if let Some(clients) = clients {
        desk.state.empty_group(group);
        for (client, priority) in clients {
            desk.state.join(client, group, priority);
        }
        desk.end_group(group);
    }
    let found = desk.state.group_mut(group).ok_or(NOT_FOUND)?;
    change_texts(command, &mut found.texts);
    found.roles = roles.unwrap_or_else(|| std::mem::take(&mut found.roles));
    desk.done()
}

pub(super) fn get(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    let group = name(command, "groupname")?;
    let found = desk.state.groups.get(group).ok_or(NOT_FOUND)?;
    Ok(Done(Some(json!({ "group": show::group(group, found) }))))
}

pub(super) fn list(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    Ok(listed(command, desk.state.groups.iter(), "groups", |name, group| show::group(name, group).into()))
}

pub(super) fn add_client(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    let (user, group) = both(desk, command)?;
    if !desk.state.join(user, group, number(command, "priority", NO_PRIORITY)) {
        return Err("Client is already in this group".into());
    }
    desk.end(user);
    desk.done()
}

pub(super) fn remove_client(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    let (user, group) = both(desk, command)?;
    desk.state.leave(user, group);
    desk.end(user);
    desk.done()
}

/// The names of a client and of a group that are there.
fn both<'a>(desk: &Desk, command: &'a Map<String, Value>) -> Result<(&'a str, &'a str), Failure> {
    let (user, group) = (name(command, "username")?, name(command, "groupname")?);
    if !desk.state.clients.contains_key(user) {
        return Err("Client not found".into());
    }
    if desk.state.groups.contains_key(group) { Ok((user, group)) } else { Err(NOT_FOUND.into()) }
}

pub(super) fn add_role(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    let (group, role) = with_role(desk, command)?;
    let found = desk.state.group_mut(group).ok_or(NOT_FOUND)?;
    if !hold(&mut found.roles, role, number(command, "priority", NO_PRIORITY)) {
        return Err("Group is already in this role".into());
    }
    desk.end_group(group);
    desk.done()
}

pub(super) fn remove_role(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    let (group, role) = with_role(desk, command)?;
    desk.state.group_mut(group).ok_or(NOT_FOUND)?.roles.retain(|held| *held.name != *role);
    desk.end_group(group);
    desk.done()
}

/// The names of a group and of a role that are there.
fn with_role<'a>(desk: &Desk, command: &'a Map<String, Value>) -> Result<(&'a str, &'a str), Failure> {
    let (group, role) = (name(command, "groupname")?, name(command, "rolename")?);
    if !desk.state.groups.contains_key(group) {
        return Err(NOT_FOUND.into());
    }
    if desk.state.roles.contains_key(role) { Ok((group, role)) } else { Err("Role not found".into()) }
}

pub(super) fn set_anonymous(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    let group = known(desk, command)?;
    desk.state.anonymous_group = Some(group.into());
    desk.gone.insert(None);
    desk.done()
}

pub(super) fn get_anonymous(desk: &mut Desk, _: &Map<String, Value>) -> Result<Done, Failure> {
    let group = desk.state.anonymous_group.as_deref().unwrap_or("");
    Ok(Done(Some(json!({ "group": { "groupname": group } }))))
}

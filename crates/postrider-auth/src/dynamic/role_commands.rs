//! Commands about roles and their rules.

use super::desk::{Desk, Done, Failure, change_texts, is_plain, listed, name, texts};
use super::json::{self, flag, get as field, number, some_text};
use super::load;
use super::show;
use super::state::{Acl, AclType, Role};
use postrider_proto::Filter;
use serde_json::{Map, Value, json};
use std::sync::Arc;

const NOT_FOUND: &str = "Role not found";

pub(super) fn create(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    let role = name(command, "rolename")?;
    let texts = texts(command)?;
    if desk.state.roles.contains_key(role) {
        return Err("Role already exists".into());
    }
    let denies_wildcards = !flag(command, "allowwildcardsubs", true);
    let mut new = Role { texts, denies_wildcards, ..Role::default() };
    load::acls(command, &mut new);
    desk.state.roles.insert(role.into(), Arc::new(new));
    desk.done()
}

pub(super) fn delete(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    let role = known(desk, command)?;
    desk.end_role(role);
    desk.state.remove_role(role);
    desk.done()
}

/// The name of a role that is there.
fn known<'a>(desk: &Desk, command: &'a Map<String, Value>) -> Result<&'a str, Failure> {
    let role = name(command, "rolename")?;
    if desk.state.roles.contains_key(role) { Ok(role) } else { Err(NOT_FOUND.into()) }
}

pub(super) fn modify(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    let role = name(command, "rolename")?;
    let found = desk.state.role_mut(role).ok_or("Role does not exist")?;
    change_texts(command, &mut found.texts);
    found.denies_wildcards = !flag(command, "allowwildcardsubs", !found.denies_wildcards);
    if json::list(command, "acls").is_some() {
        found.acls = <[Vec<Acl>; AclType::ALL.len()]>::default();
        load::acls(command, found);
    }
    desk.end_role(role);
    desk.done()
}

pub(super) fn get(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    let role = name(command, "rolename")?;
    let found = desk.state.roles.get(role).ok_or(NOT_FOUND)?;
    Ok(Done(Some(json!({ "role": show::role(role, found, &Map::new()) }))))
}

pub(super) fn list(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    let show = |name: &str, role: &Arc<Role>| show::role(name, role, &Map::new()).into();
    Ok(listed(command, desk.state.roles.iter(), "roles", show))
}

pub(super) fn add_acl(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    let role = known(desk, command)?;
    let (kind, topic) = which(command)?;
    let found = desk.state.role_mut(role).ok_or(NOT_FOUND)?;
    if found.of(kind).iter().any(|acl| *acl.topic == *topic) {
        return Err("ACL with this topic already exists".into());
    }
    found.add(kind, Acl::new(topic, number(command, "priority", 0), flag(command, "allow", false)));
    desk.end_role(role);
    desk.done()
}

pub(super) fn remove_acl(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    let role = known(desk, command)?;
    let (kind, topic) = which(command)?;
    let acls = &mut desk.state.role_mut(role).ok_or(NOT_FOUND)?.acls[kind as usize];
    let at = acls.iter().position(|acl| *acl.topic == *topic).ok_or("ACL not found")?;
    acls.remove(at);
    desk.end_role(role);
    desk.done()
}

/// What a command about one rule is about.
fn which(command: &Map<String, Value>) -> Result<(AclType, &str), Failure> {
    let kind = field(command, "acltype").and_then(Value::as_str).ok_or("Invalid/missing acltype")?;
    let kind = AclType::from_name(kind).ok_or("Unknown acltype")?;
    let topic = some_text(command, "topic").ok_or("Invalid/missing topic")?;
    if !is_plain(topic) {
        return Err("Topic not valid UTF-8".into());
    }
    // The plugin takes an empty one, which matches nothing.
    if !topic.is_empty() && Filter::parse(topic.as_bytes()).is_err() {
        return Err("Invalid ACL topic".into());
    }
    Ok((kind, topic))
}

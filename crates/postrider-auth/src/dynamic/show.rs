//! Shows clients, groups and roles as JSON, as responses and the file have it.

use super::state::{Acl, AclType, Client, Group, Held, NO_PRIORITY, Role, Texts};
use serde_json::{Map, Value, json};

/// The fields that nobody here knows, and the name.
pub(super) fn named(key: &str, name: &str, texts: &Texts, extra: &Map<String, Value>) -> Map<String, Value> {
    let mut object = extra.clone();
    object.insert(key.to_owned(), name.into());
    for (key, text) in [("textname", &texts.name), ("textdescription", &texts.description)] {
        if let Some(text) = text {
            object.insert(key.to_owned(), (&**text).into());
        }
    }
    object
}

pub(super) fn held(key: &str, list: &[Held]) -> Value {
    list.iter().map(|held| entry(key, &held.name, held.priority)).collect()
}

/// Something in a list; a priority that was not given is not shown.
pub(super) fn entry(key: &str, name: &str, priority: i32) -> Value {
    if priority == NO_PRIORITY { json!({ key: name }) } else { json!({ key: name, "priority": priority }) }
}

pub(super) fn client(name: &str, client: &Client) -> Map<String, Value> {
    let mut object = named("username", name, &client.texts, &Map::new());
    if let Some(id) = &client.client_id {
        object.insert("clientid".to_owned(), (&**id).into());
    }
    if client.is_disabled {
        object.insert("disabled".to_owned(), true.into());
    }
    object.insert("roles".to_owned(), held("rolename", &client.roles));
    object.insert("groups".to_owned(), held("groupname", &client.groups));
    object
}

pub(super) fn group(name: &str, group: &Group) -> Map<String, Value> {
    let mut object = named("groupname", name, &group.texts, &Map::new());
    let clients = group.clients.keys().map(|client| json!({ "username": &**client }));
    object.insert("clients".to_owned(), clients.collect());
    object.insert("roles".to_owned(), held("rolename", &group.roles));
    object
}

pub(super) fn role(name: &str, role: &Role, extra: &Map<String, Value>) -> Map<String, Value> {
    let mut object = named("rolename", name, &role.texts, extra);
    if role.denies_wildcards {
        object.insert("allowwildcardsubs".to_owned(), false.into());
    }
    let shown = |kind: AclType| role.of(kind).iter().map(move |one| acl(kind, one));
    object.insert("acls".to_owned(), AclType::ALL.into_iter().flat_map(shown).collect());
    object
}

fn acl(kind: AclType, acl: &Acl) -> Value {
    let mut object = acl.extra.clone();
    object.insert("acltype".to_owned(), kind.name().into());
    object.insert("topic".to_owned(), (&*acl.topic).into());
    object.insert("priority".to_owned(), acl.priority.into());
    object.insert("allow".to_owned(), acl.allow.into());
    Value::Object(object)
}

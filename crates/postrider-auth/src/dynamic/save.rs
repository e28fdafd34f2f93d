//! Writes the file of the plugin.

use super::show;
use super::state::{Client, Defaults, Form, Group, Password, State};
use serde_json::{Map, Value};

/// The bytes of the file.
pub(super) fn save(state: &State) -> Vec<u8> {
    let mut tree = state.extra.clone();
    let defaults = Defaults::NAMES.iter().zip(state.defaults.0).map(|(name, allow)| ((*name).to_owned(), allow.into()));
    tree.insert("defaultACLAccess".to_owned(), Value::Object(defaults.collect()));
    let clients = state.clients.iter().map(|(name, one)| client(name, one));
    tree.insert("clients".to_owned(), clients.collect());
    tree.insert("groups".to_owned(), state.groups.iter().map(|(name, one)| group(name, one)).collect());
    if let Some(group) = &state.anonymous_group {
        tree.insert("anonymousGroup".to_owned(), (&**group).into());
    }
    let roles = state.roles.iter().map(|(name, one)| Value::Object(show::role(name, one, &one.extra)));
    tree.insert("roles".to_owned(), roles.collect());
    let mut bytes = serde_json::to_vec_pretty(&tree).expect("text, numbers and lists can be written");
    bytes.push(b'\n');
    bytes
}

fn client(name: &str, client: &Client) -> Value {
    let mut object = show::client(name, client);
    // They stand with the groups.
    object.remove("groups");
    object.extend(client.extra.iter().map(|(key, value)| (key.clone(), value.clone())));
    if let Some(password) = &client.password {
        object.extend(fields(password));
    }
    Value::Object(object)
}

fn fields(password: &Password) -> Map<String, Value> {
    let mut fields = Map::new();
    let text = password.entry.text();
    let parts = text.strip_prefix("$7$").map(|rest| rest.splitn(3, '$').collect::<Vec<_>>());
    match (password.form, parts.as_deref()) {
        (Form::Split, Some([iterations, salt, hash])) => {
            fields.insert("password".to_owned(), (*hash).into());
            fields.insert("salt".to_owned(), (*salt).into());
            let iterations: u32 = iterations.parse().expect("it was a number when it was read or made");
            fields.insert("iterations".to_owned(), iterations.into());
        }
        (Form::Split, _) => _ = fields.insert("encoded_password".to_owned(), text.into()),
        (Form::Whole(field), _) => _ = fields.insert(field.to_owned(), text.into()),
    }
    fields
}

fn group(name: &str, group: &Group) -> Value {
    let mut object = show::group(name, group);
    let clients = group.clients.iter().map(|(client, priority)| show::entry("username", client, *priority));
    object.insert("clients".to_owned(), clients.collect());
    object.extend(group.extra.iter().map(|(key, value)| (key.clone(), value.clone())));
    Value::Object(object)
}

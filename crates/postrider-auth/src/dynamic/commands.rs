//! Commands and responses of `$CONTROL/dynamic-security/v1`.
//!
//! Owns: the frame around commands, and their names.

use super::desk::{Desk, Done, Failure};
use super::json::{self, get, some_text};
use super::state::Defaults;
use super::{client_commands as clients, group_commands as groups, role_commands as roles};
use serde_json::{Map, Value, json};

/// Carries out all commands of a payload; the responses, and for each whether it changed something.
pub(super) fn run(desk: &mut Desk, payload: &[u8]) -> Vec<(Value, bool)> {
    let fault = |text: &str| vec![(json!({ "command": UNKNOWN, "error": text }), false)];
    // An empty payload is no JSON either.
    let Ok(tree) = serde_json::from_slice::<Value>(payload) else { return fault("Payload not valid JSON") };
    let commands = tree.as_object().and_then(|tree| get(tree, "commands")).and_then(Value::as_array);
    let Some(commands) = commands else { return fault("Invalid/missing commands") };
    commands.iter().map(|command| respond(desk, command)).collect()
}

/// What the responses are sent as.
pub(super) fn payload(responses: Vec<Value>) -> Box<[u8]> {
    json!({ "responses": responses }).to_string().into_bytes().into()
}

/// The response of a command whose change could not be kept.
pub(super) fn undone(response: &Value, why: &str) -> Value {
    let mut response = response.clone();
    if let Some(object) = response.as_object_mut() {
        object.remove("data");
        object.insert("error".to_owned(), format!("Internal error: {why}").into());
    }
    response
}

const UNKNOWN: &str = "Unknown command";

fn respond(desk: &mut Desk, command: &Value) -> (Value, bool) {
    let fault = |text: &str| (json!({ "command": UNKNOWN, "error": text }), false);
    let Some(command) = command.as_object() else { return fault("Command not an object") };
    let Some(name) = some_text(command, "command") else { return fault("Missing command") };
    let Ok(correlation) = json::text(command, "correlationData") else {
        return (json!({ "command": name, "error": "Invalid correlationData data type." }), false);
    };
    let known = COMMANDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let before = std::mem::take(&mut desk.has_changed);
    let outcome = known.map_or_else(|| Err(UNKNOWN.into()), |(_, act)| act(desk, command));
    let mut response = Map::new();
    response.insert("command".to_owned(), known.map_or(name, |(known, _)| *known).into());
    match outcome {
        Ok(Done(None)) => {}
        Ok(Done(Some(data))) => _ = response.insert("data".to_owned(), data),
        Err(Failure(text)) => _ = response.insert("error".to_owned(), text.into()),
    }
    if let Some(correlation) = correlation {
        response.insert("correlationData".to_owned(), correlation.into());
    }
    let has_changed = std::mem::replace(&mut desk.has_changed, before);
    desk.has_changed |= has_changed;
    (Value::Object(response), has_changed)
}

type Act = fn(&mut Desk, &Map<String, Value>) -> Result<Done, Failure>;

const COMMANDS: [(&str, Act); 31] = [
    ("addClientRole", clients::add_role),
    ("addGroupClient", groups::add_client),
    ("addGroupRole", groups::add_role),
    ("addRoleACL", roles::add_acl),
    ("createClient", clients::create),
    ("createGroup", groups::create),
    ("createRole", roles::create),
    ("deleteClient", clients::delete),
    ("deleteGroup", groups::delete),
    ("deleteRole", roles::delete),
    ("disableClient", clients::disable),
    ("enableClient", clients::enable),
    ("getAnonymousGroup", groups::get_anonymous),
    ("getClient", clients::get),
    ("getDefaultACLAccess", get_defaults),
    ("getGroup", groups::get),
    ("getRole", roles::get),
    ("listClients", clients::list),
    ("listGroups", groups::list),
    ("listRoles", roles::list),
    ("modifyClient", clients::modify),
    ("modifyGroup", groups::modify),
    ("modifyRole", roles::modify),
    ("removeClientRole", clients::remove_role),
    ("removeGroupClient", groups::remove_client),
    ("removeGroupRole", groups::remove_role),
    ("removeRoleACL", roles::remove_acl),
    ("setAnonymousGroup", groups::set_anonymous),
    ("setClientId", clients::set_id),
    ("setClientPassword", clients::set_password),
    ("setDefaultACLAccess", set_defaults),
];

fn set_defaults(desk: &mut Desk, command: &Map<String, Value>) -> Result<Done, Failure> {
    let acls = json::list(command, "acls").ok_or("Missing/invalid actions array")?;
    for acl in acls.iter().filter_map(Value::as_object) {
        let kind = some_text(acl, "acltype");
        let at = Defaults::NAMES.iter().position(|name| kind.is_some_and(|kind| kind.eq_ignore_ascii_case(name)));
        let allow = get(acl, "allow").and_then(Value::as_bool);
        if let (Some(at), Some(allow)) = (at, allow) {
            desk.state.defaults.0[at] = allow;
        }
    }
    desk.done()
}

fn get_defaults(desk: &mut Desk, _: &Map<String, Value>) -> Result<Done, Failure> {
    let shown = Defaults::NAMES.iter().zip(desk.state.defaults.0);
    let acls: Value = shown.map(|(name, allow)| json!({ "acltype": name, "allow": allow })).collect();
    Ok(Done(Some(json!({ "acls": acls }))))
}

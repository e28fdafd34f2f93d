//! `$CONTROL/broker/v1`: which listeners and plugins there are, in the words of mosquitto 2.1.
//!
//! Owns: its two commands and their responses.
//! Never: changes anything.

use super::roster::{Roster, Seat};
use postrider::{Control, ControlRequest, Reply};
use postrider_auth::dynamic::Dynamic;
use postrider_config::model::Protocol;
use serde_json::{Value, json};

/// Lists things.
pub(crate) struct ListCommands {
    roster: Roster,
    has_dynamic_security: bool,
}

impl ListCommands {
    /// The name in `$CONTROL/NAME/v1`.
    pub(crate) const NAME: &str = "broker";

    pub(crate) const fn new(roster: Roster, has_dynamic_security: bool) -> Self {
        Self { roster, has_dynamic_security }
    }

    fn respond(&self, payload: &[u8]) -> Vec<Value> {
        let fault = |text: &str| vec![json!({ "command": UNKNOWN, "error": text })];
        let Ok(tree) = serde_json::from_slice::<Value>(payload) else { return fault("Payload not valid JSON") };
        match tree.get("commands").and_then(Value::as_array) {
            None => fault("Invalid/missing commands"),
            Some(commands) => commands.iter().map(|command| self.respond_to(command)).collect(),
        }
    }

    fn respond_to(&self, command: &Value) -> Value {
        let fault = |text: &str| json!({ "command": UNKNOWN, "error": text });
        let Some(command) = command.as_object() else { return fault("Command not an object") };
        let Some(name) = command.get("command").and_then(Value::as_str) else { return fault("Missing command") };
        let correlation = command.get("correlationData");
        if correlation.is_some_and(|data| !data.is_string()) {
            return json!({ "command": name, "error": "Invalid correlationData data type." });
        }
        let mut response = if name.eq_ignore_ascii_case("listListeners") {
            json!({ "command": "listListeners", "data": { "listeners": self.listeners() } })
        } else if name.eq_ignore_ascii_case("listPlugins") {
            json!({ "command": "listPlugins", "data": { "plugins": self.plugins() } })
        } else {
            json!({ "command": name, "error": UNKNOWN })
        };
        if let Some(data) = correlation {
            response["correlationData"] = data.clone();
        }
        response
    }

    fn listeners(&self) -> Value {
        self.roster.seats().iter().map(shown).collect()
    }

    /// What is a plugin with mosquitto.
    fn plugins(&self) -> Value {
        let endpoint = format!("$CONTROL/{}/v1", Dynamic::NAME);
        let dynamic = json!({
            "name": Dynamic::NAME, "version": env!("CARGO_PKG_VERSION"), "control-endpoints": [endpoint]
        });
        self.has_dynamic_security.then_some(dynamic).into_iter().collect()
    }
}

const UNKNOWN: &str = "Unknown command";

fn shown(seat: &Seat) -> Value {
    let protocol = match seat.protocol {
        Protocol::Mqtt => "mqtt",
        Protocol::Websockets => "mqtt+websockets",
        Protocol::HttpApi => "httpapi",
    };
    let mut shown = json!({ "port": seat.port, "protocol": protocol, "tls": seat.has_tls });
    if let Some(path) = &seat.path {
        shown["socket-path"] = path.as_str().into();
    }
    shown
}

impl Control for ListCommands {
    fn begin(&self, request: ControlRequest, reply: Reply<Option<Box<[u8]>>>) {
        let responses = json!({ "responses": self.respond(&request.payload) });
        reply.send(Some(responses.to_string().into_bytes().into()));
    }
}

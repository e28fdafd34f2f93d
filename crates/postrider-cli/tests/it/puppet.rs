//! A client of somebody else's, whatever it is written in, that does what it is told.
//!
//! Owns: the orders and events all of them share, as JSON objects; payloads are texts whose characters are the bytes.

use crate::broker::Broker;
use crate::program::{Lines, Program};
use crate::rumqtt_v4::RumqttV4;
use crate::rumqtt_v5::RumqttV5;
use crate::tools;
use serde_json::{Value, json};
use std::collections::VecDeque;

/// Which client, speaking which edition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Paho1(&'static str),
    Paho2(&'static str),
    MqttJs(&'static str),
    Rumqttc(&'static str),
}

/// How orders reach a client, and how it is heard.
pub(crate) trait Strings {
    fn tell(&mut self, order: &Value);
    /// The next event; none when there will be no more.
    fn hear(&mut self) -> Option<Value>;
}

pub(crate) struct Puppet {
    strings: Box<dyn Strings>,
    kind: Kind,
    heard: VecDeque<Value>,
}

/// A client in a process of its own, which ends without a good-bye when it is dropped.
struct Script {
    program: Program,
    lines: Lines,
}

impl Strings for Script {
    fn tell(&mut self, order: &Value) {
        self.program.tell(format!("{order}\n").as_bytes());
    }

    fn hear(&mut self) -> Option<Value> {
        self.lines.next().map(|line| serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}")))
    }
}

impl Kind {
    pub(crate) const fn edition(self) -> &'static str {
        let (Self::Paho1(edition) | Self::Paho2(edition) | Self::MqttJs(edition) | Self::Rumqttc(edition)) = self;
        edition
    }

    pub(crate) fn is_v5(self) -> bool {
        self.edition() == "5.0"
    }

    /// The client, not connected yet.
    pub(crate) fn start(self) -> Puppet {
        let script = |mut command| {
            let (program, lines) = Program::start_and_hear(&mut command);
            Box::new(Script { program, lines })
        };
        let strings: Box<dyn Strings> = match self {
            Self::Paho1(_) => script(tools::paho(1)),
            Self::Paho2(_) => script(tools::paho(2)),
            Self::MqttJs(_) => script(tools::mqtt_js()),
            Self::Rumqttc("5.0") => Box::new(RumqttV5::default()),
            Self::Rumqttc(_) => Box::new(RumqttV4::default()),
        };
        Puppet { strings, kind: self, heard: VecDeque::new() }
    }

    /// The client, connected with a clean session.
    pub(crate) fn connected(self, broker: &Broker, id: &str) -> Puppet {
        let mut puppet = self.start();
        assert!(!puppet.connect(broker, id, json!({})), "a session was there");
        puppet
    }
}

impl Puppet {
    /// Connects; says whether a session was there.
    pub(crate) fn connect(&mut self, broker: &Broker, id: &str, more: Value) -> bool {
        let order = json!({"port": broker.port(), "id": id, "version": self.kind.edition(), "clean": true});
        self.tell("connect", order, more);
        let event = self.hear("connected");
        event["present"].as_bool().unwrap_or_else(|| panic!("{event}"))
    }

    pub(crate) fn subscribe(&mut self, filter: &str, qos: u8, more: Value) {
        self.tell("subscribe", json!({"filter": filter, "qos": qos}), more);
        assert_eq!(self.hear("subscribed")["granted"], json!([qos]));
    }

    pub(crate) fn unsubscribe(&mut self, filter: &str) {
        self.tell("unsubscribe", json!({"filter": filter}), json!({}));
        self.hear("unsubscribed");
    }

    /// Publishes and waits until it is done.
    pub(crate) fn publish(&mut self, topic: &str, payload: &str, qos: u8, more: Value) {
        let order = json!({"topic": topic, "payload": payload, "qos": qos, "retain": false});
        self.tell("publish", order, more);
        self.hear("published");
    }

    pub(crate) fn disconnect(&mut self) {
        self.tell("disconnect", json!({}), json!({}));
        self.hear("disconnected");
    }

    /// Breaks the connection without a good-bye.
    pub(crate) fn cut(self) {
        drop(self.strings);
    }

    /// The next message as a line, without what is usual.
    pub(crate) fn message(&mut self) -> String {
        let message = self.hear("message");
        let mut line = format!("{} q{}", message["topic"].as_str().unwrap_or_default(), message["qos"]);
        if message["retain"] == json!(true) {
            line.push_str(" retain");
        }
        line.push(' ');
        line.push_str(message["payload"].as_str().unwrap_or_default());
        match &message["properties"] {
            Value::Object(properties) if !properties.is_empty() => format!("{line} {}", message["properties"]),
            _ => line,
        }
    }

    fn tell(&mut self, what: &str, mut order: Value, mut more: Value) {
        order["do"] = json!(what);
        if let (Value::Object(order), Value::Object(more)) = (&mut order, &mut more) {
            order.append(more);
        }
        self.strings.tell(&order);
    }

    /// The next event of a name; others are kept for whoever asks for them.
    fn hear(&mut self, name: &str) -> Value {
        if let Some(at) = self.heard.iter().position(|event| event["event"] == name) {
            return self.heard.remove(at).expect("just found");
        }
        loop {
            let Some(event) = self.strings.hear() else { panic!("{:?} ended before it was {name}", self.kind) };
            assert!(!matches!(event["event"].as_str(), Some("refused" | "failed")), "{event}");
            if event["event"] == name {
                return event;
            }
            self.heard.push_back(event);
        }
    }
}

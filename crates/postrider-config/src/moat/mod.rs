//! The YAML configuration of the Python system.
//!
//! Owns: its sections and what they are here.

mod listeners;
mod rules;
mod yaml;

use crate::fault::Fault;
use crate::model::{Bind, Config, Place, Profile};
use crate::translation::{Said, Translation};
use yaml::{Map, Node, Spot};

/// Reads such a file.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn read(file: &str, text: &str) -> Result<Config, Vec<Fault>> {
    let mut reader = Reader { to: Translation::of(file), socket: Vec::new() };
    match yaml::parse(text) {
        Err((said, what)) => reader.to.fault(said, what),
        Ok(root) => match root.node {
            Node::Map(map) => reader.root(&map),
            Node::Nothing => reader.root(&Map::default()),
            Node::Text(_) | Node::List(_) => {
                reader.to.fault(root.said("yaml"), "it is a table: sections and their keys")
            }
        },
    }
    reader.to.finish()
}

struct Reader<'a> {
    to: Translation<'a>,
    /// Keys of ours and values for each listener that is no Unix socket.
    socket: Vec<(&'static str, String)>,
}

impl Reader<'_> {
    /// With the defaults of that system; a section that is there replaces the whole one.
    fn root(&mut self, map: &Map) {
        self.usual();
        for (name, spot) in map.entries() {
            let said = spot.said(name);
            match name {
                "listeners" => {}
                "sys_interval" => self.value(said, spot, "sys.interval"),
                "retain" => self.value(said, spot, "limits.retain"),
                "max-qos" => self.value(said, spot, "limits.max_granted_qos"),
                "timeout-disconnect-delay" => self.value(said, spot, "limits.keepalive_grace"),
                "tcp-keepalive" => self.on_each(said, spot, "tcp.keepalive"),
                "tcp-keepalive-count" => self.on_each(said, spot, "tcp.keepalive_count"),
                "auth" => self.auth(said, spot),
                "topic-check" => self.topic_check(said, spot),
                "persistence" => {
                    self.to.notice(said, "what must survive is in `data.directory`; set it to a directory of its own");
                }
                "kv" => self.to.notice(said, "brokers share messages by bridges or by a cluster here"),
                "plugins" => {
                    self.to.notice(said, "no plugin of Python runs here; what those of that system do is built in")
                }
                _ => self.to.notice(said, "there is nothing of that name here"),
            }
        }
        self.listeners(map);
    }

    fn usual(&mut self) {
        self.to.config.compat.profile = Profile::Moat;
        self.to.config.data.place = Place::Memory;
        self.to.config.sys.interval_s = Some(20);
        self.to.config.listener_limits.keep_alive_grace_ms = 2_000;
        self.to.config.security.allow_anonymous = Some(true);
        self.socket = vec![("tcp.keepalive", "600".to_owned()), ("tcp.keepalive_count", "3".to_owned())];
    }

    /// One value for one key of ours.
    fn value(&mut self, said: Said<'_>, spot: &Spot, key: &str) {
        if let Some(text) = self.text(said, spot) {
            self.to.set(said, key, &text);
        }
    }

    fn on_each(&mut self, said: Said<'_>, spot: &Spot, key: &'static str) {
        let Some(text) = self.text(said, spot) else { return };
        self.socket.retain(|(other, _)| *other != key);
        self.socket.push((key, text));
    }

    /// The text of a value; the words of YAML for yes and no are true and false.
    fn text(&mut self, said: Said<'_>, spot: &Spot) -> Option<String> {
        match &spot.node {
            Node::Text(text) => Some(
                match text.as_str() {
                    "on" | "On" | "ON" | "yes" | "Yes" | "YES" | "True" | "TRUE" => "true",
                    "off" | "Off" | "OFF" | "no" | "No" | "NO" | "False" | "FALSE" => "false",
                    other => other,
                }
                .to_owned(),
            ),
            Node::Nothing | Node::List(_) | Node::Map(_) => {
                self.to.fault(said, "it is one value");
                None
            }
        }
    }

    /// The texts of a list, or of one value.
    fn texts(&mut self, said: Said<'_>, spot: &Spot) -> Vec<String> {
        match &spot.node {
            Node::List(list) => list.iter().filter_map(|one| self.text(said, one)).collect(),
            Node::Nothing => Vec::new(),
            Node::Text(text) => vec![text.clone()],
            Node::Map(_) => {
                self.to.fault(said, "it is a list of texts");
                Vec::new()
            }
        }
    }

    fn section<'s>(&mut self, said: Said<'_>, spot: &'s Spot) -> Option<&'s Map> {
        match &spot.node {
            Node::Map(map) => Some(map),
            Node::Nothing => None,
            Node::Text(_) | Node::List(_) => {
                self.to.fault(said, "it is a table of keys");
                None
            }
        }
    }
}

/// Every address, the usual port.
fn everywhere() -> Bind {
    Bind::Tcp { host: "0.0.0.0".to_owned(), port: 1883 }
}

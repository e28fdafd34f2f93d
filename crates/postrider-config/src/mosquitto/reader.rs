//! From lines to a draft: each line is looked up in the list and put where its context says.
//!
//! Owns: contexts, what may stand twice, where an error stands.
//! Never: knows an option that the list does not have, stops at the first error.

use super::draft::{BridgeDraft, Draft, ListenerDraft, PluginDraft};
use super::fault::Faults;
use super::lines::{At, Line};
use super::table::{self, Entry, Here, Opens, Repeat, Set};
use super::value::{Kind, Read, Value};
use crate::model::{Bind, Notice, Security};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Reads all lines.
pub(super) struct Reader<'a> {
    pub(super) draft: Draft,
    pub(super) faults: &'a mut Faults,
    /// The context of the main file while an included one is read.
    main: Context,
    context: Context,
    part: usize,
    /// What was said, by scope and context, for options that stand once.
    said: BTreeSet<(Spot, &'static str)>,
    is_security_said: bool,
}

/// What the lines fill.
#[derive(Clone, Copy, Debug, Default)]
struct Context {
    /// 0 is the unnamed one.
    listener: usize,
    bridge: Option<usize>,
    plugin: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Spot {
    Broker,
    Listener(usize),
    Bridge(usize),
    Plugin(usize),
}

impl<'a> Reader<'a> {
    pub(super) fn new(at: At, faults: &'a mut Faults) -> Self {
        let (main, context) = (Context::default(), Context::default());
        let draft = Draft::new(at);
        Self { draft, faults, main, context, part: 0, said: BTreeSet::new(), is_security_said: false }
    }

    pub(super) fn take(&mut self, line: &Line) {
        self.enter(line.part);
        let Some(entry) = table::find(&line.name) else {
            let like = table::nearest(&line.name).map(|name| format!("; did you mean `{name}`?"));
            self.faults.add(&line.at, format!("there is no option `{}`{}", line.name, like.unwrap_or_default()));
            return;
        };
        match entry.kind.read(&line.value).and_then(|read| beyond_kind(entry, read)) {
            Ok(read) => {
                if let Some(notice) = read.notice {
                    self.notice(line, notice);
                }
                self.put(line, entry, &read.value);
            }
            Err(what) => self.faults.add(&line.at, format!("{} {what}", line.name)),
        }
    }

    /// Included files begin without a context, and the main one goes on with its own.
    fn enter(&mut self, part: usize) {
        if part == self.part {
            return;
        }
        if self.part == 0 {
            self.main = self.context;
        }
        self.context = if part == 0 { self.main } else { Context::default() };
        self.part = part;
    }

    fn put(&mut self, line: &Line, entry: &'static Entry, value: &Value) {
        if let Here::Refused(advice) = entry.here {
            self.faults.add(&line.at, format!("{} is not done here: {advice}", line.name));
            return;
        }
        if let Here::NoEffect(why) = entry.here {
            self.notice(line, format!("has no effect here. {why}"));
        }
        let Some(spot) = self.spot(entry) else {
            self.faults.add(&line.at, format!("{} stands below a `connection`, and there is none above", line.name));
            return;
        };
        if !self.said.insert((spot, entry.name)) && entry.repeat == Repeat::Error {
            self.faults.add(&line.at, format!("{} stands here twice; take one away", line.name));
            return;
        }
        let origin = (entry.name, line.at.clone());
        match entry.set {
            Set::Global(set) => {
                self.draft.global.origins.push(origin);
                set(&mut self.draft.global, value);
            }
            Set::Security(set) => self.put_security(set, value, origin),
            Set::Listener(set) => {
                let listener = &mut self.draft.listeners[self.context.listener];
                listener.said.push(entry.name);
                listener.origins.push(origin);
                set(listener, value);
            }
            Set::Bridge(set) => {
                if let Some(bridge) = self.context.bridge.and_then(|index| self.draft.bridges.get_mut(index)) {
                    bridge.said.push(entry.name);
                    bridge.origins.push(origin);
                    set(bridge, value);
                }
            }
            Set::Opens(opens) => self.open(line, opens, value),
            Set::Nothing => {}
        }
    }

    fn spot(&self, entry: &Entry) -> Option<Spot> {
        match entry.set {
            Set::Global(_) | Set::Nothing => Some(Spot::Broker),
            Set::Security(_) if !self.draft.is_per_listener => Some(Spot::Broker),
            Set::Security(_) | Set::Listener(_) => Some(Spot::Listener(self.context.listener)),
            Set::Bridge(_) => self.context.bridge.map(Spot::Bridge),
            Set::Opens(_) => Some(self.context.plugin.map_or(Spot::Broker, Spot::Plugin)),
        }
    }

    fn put_security(&mut self, set: fn(&mut Security, &Value), value: &Value, origin: (&'static str, At)) {
        self.is_security_said = true;
        if self.draft.is_per_listener {
            let listener = &mut self.draft.listeners[self.context.listener];
            listener.origins.push(origin);
            set(&mut listener.listener.security, value);
        } else {
            self.draft.global.origins.push(origin);
            set(&mut self.draft.global.config.security, value);
        }
    }

    fn open(&mut self, line: &Line, opens: Opens, value: &Value) {
        match opens {
            Opens::Include if line.part > 0 => {
                self.notice(
                    line,
                    "has no effect in a file that was itself included; name it in the main file".to_owned(),
                );
            }
            Opens::Include => {}
            Opens::PerListener => self.per_listener(line, value.flag()),
            Opens::Listener => self.listener(line, value),
            Opens::Port => self.place(line, value),
            Opens::BindAddress => self.bind_address(line, value),
            Opens::Connection => self.connection(line, value.text()),
            Opens::Plugin => self.plugin(line, value.text(), None),
            Opens::GlobalPlugin => {
                self.plugin(line, value.text(), None);
                self.draft.plugins.iter_mut().last().into_iter().for_each(|plugin| plugin.is_global = true);
            }
            Opens::PluginLoad => self.plugin_load(line, value.text()),
            Opens::PluginUse => self.plugin_use(line, value.text()),
            Opens::PluginOption => self.plugin_option(line, value.text()),
            Opens::DenySpecialChars => self.deny_special_chars(line, value.flag()),
        }
    }

    fn per_listener(&mut self, line: &Line, is_on: bool) {
        if self.is_security_said {
            let what = "per_listener_settings stands before all that it holds for; put it at the top of the file";
            self.faults.add(&line.at, what);
        }
        self.draft.is_per_listener = is_on;
    }

    fn listener(&mut self, line: &Line, value: &Value) {
        let Value::Place(port, host) = value else { return };
        let bind = match port {
            0 => Bind::Unix { path: PathBuf::from(host), mode: None },
            port => Bind::Tcp { host: host.clone(), port: *port },
        };
        self.draft.has_place = true;
        self.context.listener = self.draft.listeners.len();
        self.draft.listeners.push(ListenerDraft::new(line.at.clone(), bind));
    }

    /// The unnamed listener, whatever context there is.
    fn place(&mut self, line: &Line, value: &Value) {
        let Value::Place(port, _) = value else { return };
        self.say_unnamed(line, "port");
        if let Bind::Tcp { port: known, .. } = &mut self.draft.listeners[0].listener.bind {
            *known = *port;
        }
    }

    fn bind_address(&mut self, line: &Line, value: &Value) {
        self.say_unnamed(line, "bind_address");
        if let Bind::Tcp { host, .. } = &mut self.draft.listeners[0].listener.bind {
            value.text().clone_into(host);
        }
    }

    fn say_unnamed(&mut self, line: &Line, name: &'static str) {
        self.notice(line, "is an old form, and works; `listener PORT HOST` is the new one".to_owned());
        self.draft.has_place = true;
        let unnamed = &mut self.draft.listeners[0];
        unnamed.at = line.at.clone();
        unnamed.said.push(name);
    }

    fn connection(&mut self, line: &Line, name: &str) {
        if self.draft.bridges.iter().any(|bridge| bridge.bridge.name == name) {
            self.faults.add(&line.at, format!("there is a connection `{name}` already; give this one another name"));
        }
        self.context.bridge = Some(self.draft.bridges.len());
        self.draft.bridges.push(BridgeDraft::new(line.at.clone(), name));
    }

    fn plugin(&mut self, line: &Line, path: &str, name: Option<String>) {
        self.context.plugin = Some(self.draft.plugins.len());
        let listeners = if name.is_some() { Vec::new() } else { vec![self.context.listener] };
        let (at, path) = (line.at.clone(), path.to_owned());
        self.draft.plugins.push(PluginDraft { at, path, name, listeners, is_global: false, options: Vec::new() });
    }

    fn plugin_load(&mut self, line: &Line, text: &str) {
        match text.split_once(' ') {
            Some((name, path)) => self.plugin(line, path.trim(), Some(name.to_owned())),
            None => self.faults.add(&line.at, "plugin_load has a name and a path"),
        }
    }

    fn plugin_use(&mut self, line: &Line, name: &str) {
        let listener = self.context.listener;
        match self.draft.plugins.iter_mut().find(|plugin| plugin.name.as_deref() == Some(name)) {
            Some(plugin) => plugin.listeners.push(listener),
            None => self.faults.add(&line.at, format!("plugin_use: no plugin_load above has the name `{name}`")),
        }
    }

    fn plugin_option(&mut self, line: &Line, value: &str) {
        let name = line.name.strip_prefix("plugin_opt_").or_else(|| line.name.strip_prefix("auth_opt_")).unwrap_or("");
        if name.is_empty() {
            self.faults.add(&line.at, format!("{} has no name behind it, as in `{}file`", line.name, line.name));
        }
        match self.context.plugin.and_then(|index| self.draft.plugins.get_mut(index)) {
            Some(plugin) => plugin.options.push((line.at.clone(), name.to_owned(), value.to_owned())),
            None => {
                self.faults.add(&line.at, format!("{} stands below a `plugin`, and there is none above", line.name))
            }
        }
    }

    fn deny_special_chars(&mut self, line: &Line, is_on: bool) {
        if self.context.plugin.is_none() {
            let what = format!("{} stands below a `plugin`, and there is none above", line.name);
            self.faults.add(&line.at, what);
        }
        self.draft.global.config.security.denies_special_chars = is_on;
    }

    fn notice(&mut self, line: &Line, reason: String) {
        let (file, what) = (line.at.file.to_string(), line.name.clone());
        self.draft.global.config.notices.push(Notice { file, line: line.at.line, what, reason });
    }
}

/// What the form of a value does not say.
fn beyond_kind(entry: &Entry, mut read: Read) -> Result<Read, String> {
    let text = read.value.text();
    match entry.name {
        "log_dest" => {
            let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
            if !LOG_DESTS.contains(&word) {
                return Err(format!("is one of {}, not `{word}`", LOG_DESTS.join(", ")));
            }
            if word == "file" && rest.trim().is_empty() {
                return Err("file has no path".to_owned());
            }
            if ["dlt", "android"].contains(&word) {
                read.notice = Some(format!("`{word}` is not there; it goes to the standard error"));
            }
        }
        "tls_version" | "bridge_tls_version" if entry.kind != Kind::Text && !["tlsv1.2", "tlsv1.3"].contains(&text) => {
            read.notice = Some(format!("`{text}` is broken; 1.2 is the oldest that is spoken"));
        }
        "tls_keyform" if text == "engine" => return Err("engine is not done here; give the key as a file".to_owned()),
        _ => {}
    }
    Ok(read)
}

const LOG_DESTS: [&str; 8] = ["stdout", "stderr", "syslog", "topic", "file", "dlt", "android", "none"];

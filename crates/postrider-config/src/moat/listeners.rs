//! Its listeners.
//!
//! Owns: `default`, which the others inherit from, and which is one itself only where there is no other.

use super::{Reader, everywhere};
use crate::defaults;
use crate::moat::yaml::{Map, Spot};
use crate::model::{ClientCertificate, Listener};
use crate::translation::Said;

impl Reader<'_> {
    pub(super) fn listeners(&mut self, root: &Map) {
        let Some(spot) = root.find("listeners") else { return self.usual_listener() };
        let Some(map) = self.section(spot.said("listeners"), spot) else { return self.usual_listener() };
        let default = map.find("default").and_then(|spot| self.section(spot.said("default"), spot));
        let is_alone = map.entries().count() == 1;
        for (name, spot) in map.entries().filter(|(name, _)| is_alone || *name != "default") {
            let empty = Map::default();
            let own = self.section(spot.said(name), spot).unwrap_or(&empty);
            let inherited = default.into_iter().flat_map(Map::entries);
            let inherited = inherited.filter(|(key, _)| own.find(key).is_none());
            let all: Vec<(&str, &Spot)> = own.entries().chain(inherited).collect();
            self.listener(spot.said(name), &all);
        }
    }

    fn usual_listener(&mut self) {
        let mut listener = defaults::listener("default", everywhere(), &self.to.config);
        self.socket_options(Said { line: 1, column: 1, name: "default" }, &mut listener);
        self.to.config.listeners.push(listener);
    }

    fn listener(&mut self, said: Said<'_>, entries: &[(&str, &Spot)]) {
        let find = |name: &str| entries.iter().find(|(key, _)| *key == name).copied();
        let Some((_, bind)) = find("bind") else {
            return self.to.notice(said, "it has no `bind`, so there is no such listener");
        };
        let mut listener = defaults::listener(said.name, everywhere(), &self.to.config);
        self.socket_options(said, &mut listener);
        let Some(text) = self.text(bind.said("bind"), bind) else { return };
        let text = if text.contains(':') { text } else { format!("{text}:1883") };
        self.to.set_in(bind.said("bind"), &mut listener, "bind", &text);
        if !self.protocol(find("type"), &mut listener) {
            return;
        }
        let is_tls = find("ssl").and_then(|(_, spot)| self.text(spot.said("ssl"), spot));
        let is_tls = self.is_on(find("ssl").map_or(said, |(name, spot)| spot.said(name)), is_tls);
        for (name, spot) in entries {
            self.option(spot.said(name), spot, is_tls, &mut listener);
        }
        self.trust(said, is_tls, &mut listener);
        self.to.note(said, format!("listener.{}", said.name));
        self.to.config.listeners.push(listener);
    }

    fn is_on(&mut self, said: Said<'_>, text: Option<String>) -> bool {
        match text.as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(other) => {
                self.to.fault(said, format!("{other:?} is not on or off"));
                false
            }
        }
    }

    /// Whether there is such a listener.
    fn protocol(&mut self, found: Option<(&str, &Spot)>, listener: &mut Listener) -> bool {
        let Some((name, spot)) = found else { return true };
        let said = spot.said(name);
        match self.text(said, spot).as_deref() {
            Some("tcp") => {}
            Some("ws") => self.to.set_in(said, listener, "protocol", "websockets"),
            Some(other) => {
                let reason = format!("{other:?} is not tcp or ws, so there is no listener {}", listener.name);
                self.to.notice(said, reason);
                return false;
            }
            None => return false,
        }
        true
    }

    fn socket_options(&mut self, said: Said<'_>, listener: &mut Listener) {
        for (key, text) in self.socket.clone() {
            self.to.set_in(said, listener, key, &text);
        }
    }

    fn option(&mut self, said: Said<'_>, spot: &Spot, is_tls: bool, listener: &mut Listener) {
        let key = match said.name {
            "bind" | "type" | "ssl" => return,
            "max-connections" => "limits.max_listener_connections",
            "certfile" => "tls.certificate",
            "keyfile" => "tls.key",
            "cafile" => "tls.client_ca_file",
            "capath" => "tls.client_ca_directory",
            "cadata" => "tls.client_ca",
            _ => return self.to.notice(said, "there is nothing of that name here"),
        };
        let Some(text) = self.text(said, spot) else { return };
        if key.starts_with("tls.") && !is_tls {
            return self.to.notice(said, "`ssl` is off, so it does nothing");
        }
        let text = if said.name == "max-connections" && text == "0" { "unlimited".to_owned() } else { text };
        self.to.set_in(said, listener, key, &text);
    }

    /// Client certificates are looked at where there are authorities, and nobody has to have one.
    fn trust(&mut self, said: Said<'_>, is_tls: bool, listener: &mut Listener) {
        if !is_tls {
            return;
        }
        let tls = listener.tls.get_or_insert_with(|| defaults::tls("".into(), "".into()));
        for (path, key) in [(&tls.certificate, "certfile"), (&tls.key, "keyfile")] {
            if path.as_os_str().is_empty() {
                self.to.fault(said, format!("`ssl` is on and {key} is missing"));
            }
        }
        if tls.client_ca_file.is_some() || tls.client_ca_directory.is_some() || tls.client_ca_inline.is_some() {
            tls.client_certificate = ClientCertificate::Optional;
        }
    }
}

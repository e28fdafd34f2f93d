//! Listeners: which are opened, what they inherit, who is let in.
//!
//! Owns: the unnamed listener, names.

use super::{note, notice, tls};
use crate::model::{Bind, Config, Listener, Protocol, Security};
use crate::mosquitto::draft::{Draft, ListenerDraft};
use crate::mosquitto::fault::Faults;

/// Puts into the tree what is opened.
pub(super) fn translate(draft: &mut Draft, faults: &mut Faults) {
    let mut drafts = std::mem::take(&mut draft.listeners);
    let unnamed = drafts.remove(0);
    let at = unnamed.at.clone();
    let is_single = drafts.is_empty();
    if !draft.has_place {
        drafts.push(loopback(draft, unnamed));
    } else if is_meant(&unnamed, is_single) {
        if !unnamed.has("port") && !unnamed.has("bind_address") {
            let reason =
                "above the first `listener` this is the unnamed listener's, and opens port 1883, as mosquitto does";
            let options = unnamed.said.join(", ");
            notice(&mut draft.global.config, &at, &options, reason);
        }
        drafts.insert(0, unnamed);
    }
    let count = drafts.len();
    for listener in drafts {
        let listener = settle(draft, listener, faults);
        let psk = listener.as_ref().is_some_and(tls::is_psk);
        match listener {
            Some(_) if psk && count == 1 => faults.add(&at, PSK_ALONE),
            Some(listener) if psk => {
                notice(&mut draft.global.config, &at, "psk_hint", format!("{} {PSK_LATER}", listener.name));
            }
            Some(listener) => draft.global.config.listeners.push(listener),
            None => {}
        }
    }
    if count > 1 && draft.global.config.listeners.is_empty() {
        faults.add(&at, PSK_ALONE);
    }
}

/// Nobody said where to listen: this machine only.
fn loopback(draft: &mut Draft, mut unnamed: ListenerDraft) -> ListenerDraft {
    if !unnamed.said.is_empty() {
        let reason = "without `listener` only this machine comes in; mosquitto 2.0 opens port 1883 on all addresses, \
                      for everybody. Say `listener 1883` and who may come in, if others should";
        let options = unnamed.said.join(", ");
        notice(&mut draft.global.config, &unnamed.at, &options, reason);
    }
    unnamed.listener.bind = crate::defaults::loopback().bind;
    unnamed
}

/// mosquitto opens the unnamed listener too when an option above the others gives it something of its own.
fn is_meant(unnamed: &ListenerDraft, is_single: bool) -> bool {
    let is_bare = ListenerDraft::new(unnamed.at.clone(), unnamed.listener.bind.clone()).is_like(unnamed);
    is_single || unnamed.has("port") || unnamed.has("bind_address") || !is_bare
}

fn settle(draft: &mut Draft, from: ListenerDraft, faults: &mut Faults) -> Option<Listener> {
    let global = &draft.global.config;
    let mut listener = from.listener.clone();
    let limits = &mut listener.limits;
    limits.packet_bytes_max = global.listener_limits.packet_bytes_max;
    limits.keep_alive_s_max = global.listener_limits.keep_alive_s_max;
    limits.receive_maximum = global.listener_limits.receive_maximum;
    limits.in_flight_max = global.listener_limits.in_flight_max;
    limits.in_flight_bytes_max = global.listener_limits.in_flight_bytes_max;
    listener.tcp.nodelay = draft.global.nodelay;
    listener.security = security(draft, &from);
    if let Some(proxy) = &mut listener.proxy {
        proxy.requires_tls = from.proxy_requires_tls;
    }
    if from.proxy_requires_tls && listener.proxy.is_none() {
        faults.add(&from.at, "proxy_protocol_v2_require_tls needs `enable_proxy_protocol 2`");
    }
    if draft.has_place {
        listener.name = name(&draft.global.config, &from);
    }
    let above = format!("listener.{}.", listener.name);
    let config = &mut draft.global.config;
    if draft.has_place {
        config.origins.note(format!("{above}bind"), from.at.origin());
    }
    note(config, &above, &from.origins);
    tls::settle(config, &mut listener, from, faults).then_some(listener)
}

fn security(draft: &Draft, from: &ListenerDraft) -> Security {
    let global = &draft.global.config.security;
    let mut security = if draft.is_per_listener { from.listener.security.clone() } else { global.clone() };
    let is_open = from.own.allow_anonymous.or(security.allow_anonymous);
    security.allow_anonymous = Some(is_open.unwrap_or(!draft.has_place));
    security.client_id_prefixes.clone_from(&global.client_id_prefixes);
    security.denies_special_chars = global.denies_special_chars;
    security.username_as_client_id = from.own.username_as_client_id;
    security.username_from = tls::username_from(from);
    if let Some(prefix) = &from.own.auto_id_prefix {
        security.auto_id_prefix.clone_from(prefix);
    }
    security
}

/// `tcp-1883`, `tls-8883`, `ws-8080`, `unix-1`; a second one of that name gets a number.
fn name(config: &Config, from: &ListenerDraft) -> String {
    let kind = match (from.listener.protocol, tls::is_asked(from)) {
        (Protocol::Mqtt, false) => "tcp",
        (Protocol::Mqtt, true) => "tls",
        (Protocol::Websockets, false) => "ws",
        (Protocol::Websockets, true) => "wss",
        (Protocol::HttpApi, _) => "http",
    };
    let name = match &from.listener.bind {
        Bind::Tcp { port, .. } => format!("{kind}-{port}"),
        Bind::Unix { .. } | Bind::Systemd { .. } => "unix-1".to_owned(),
    };
    let is_free = |name: &String| config.listeners.iter().all(|known| known.name != *name);
    let others = (2..).map(|number| format!("{}-{number}", name.trim_end_matches("-1")));
    std::iter::once(name.clone()).chain(others).find(is_free).unwrap_or(name)
}

const PSK_ALONE: &str =
    "listeners with PSK come later, and there is no other; give it `certfile` and `keyfile` instead";
const PSK_LATER: &str = "IS NOT OPENED: listeners with PSK come later. Give it `certfile` and `keyfile` instead";

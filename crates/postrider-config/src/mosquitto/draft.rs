//! What a file has said so far: the broker, its listeners, bridges and plugins, before anything is inherited.
//!
//! Owns: the values of mosquitto that hold where the file says nothing.
//! Never: decides what follows from two options together; `finish` does.

use super::lines::At;
use crate::defaults;
use crate::model::{
    Bind, Bridge, BridgeTls, Config, Durability, Listener, LogDestination, LogType, Overflow, Place, Profile, Proxy,
    ProxyVersion, ReceiveMaximum, Secret, TimestampFormat, Tls, TlsVersion,
};
use std::path::PathBuf;

/// Everything.
pub(super) struct Draft {
    pub(super) global: Global,
    /// The unnamed listener first; it is opened only when `is_said`.
    pub(super) listeners: Vec<ListenerDraft>,
    pub(super) bridges: Vec<BridgeDraft>,
    pub(super) plugins: Vec<PluginDraft>,
    pub(super) is_per_listener: bool,
    /// Whether a line says where to listen.
    pub(super) has_place: bool,
}

/// The whole broker.
pub(super) struct Global {
    pub(super) config: Config,
    pub(super) persistence: bool,
    pub(super) location: PathBuf,
    /// What an empty directory begins with.
    pub(super) file: Option<PathBuf>,
    pub(super) nodelay: bool,
    pub(super) has_timestamp: bool,
    pub(super) packet_size_said: bool,
    /// Where values come from, by option.
    pub(super) origins: Vec<(&'static str, At)>,
    log_types_said: bool,
    log_dests_said: bool,
}

/// One listener.
pub(super) struct ListenerDraft {
    pub(super) at: At,
    pub(super) listener: Listener,
    pub(super) tls: Tls,
    pub(super) requires_certificate: bool,
    pub(super) proxy_requires_tls: bool,
    pub(super) own: Own,
    /// Names of the options that it has.
    pub(super) said: Vec<&'static str>,
    /// Where values come from, by option.
    pub(super) origins: Vec<(&'static str, At)>,
}

/// What holds for one listener only, whoever says the rest of who is let in.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Own {
    pub(super) allow_anonymous: Option<bool>,
    pub(super) auto_id_prefix: Option<String>,
    pub(super) username_as_client_id: bool,
    pub(super) identity: bool,
    pub(super) subject: bool,
}

/// One bridge.
pub(super) struct BridgeDraft {
    pub(super) at: At,
    pub(super) bridge: Bridge,
    pub(super) tls: BridgeTls,
    pub(super) identity: Option<String>,
    pub(super) psk: Option<Secret>,
    pub(super) is_psk_hex: bool,
    pub(super) said: Vec<&'static str>,
    /// Where values come from, by option.
    pub(super) origins: Vec<(&'static str, At)>,
}

/// One plugin.
pub(super) struct PluginDraft {
    pub(super) at: At,
    pub(super) path: String,
    /// Given by `plugin_load`.
    pub(super) name: Option<String>,
    /// Listeners it was given to; the unnamed one stands for all without `per_listener_settings`.
    pub(super) listeners: Vec<usize>,
    pub(super) is_global: bool,
    pub(super) options: Vec<(At, String, String)>,
}

impl Draft {
    pub(super) fn new(at: At) -> Self {
        let global = Global::new();
        let unnamed = Bind::Tcp { host: String::new(), port: 1883 };
        let listeners = vec![ListenerDraft::new(at, unnamed)];
        let (bridges, plugins) = (Vec::new(), Vec::new());
        Self { global, listeners, bridges, plugins, is_per_listener: false, has_place: false }
    }
}

impl Global {
    fn new() -> Self {
        let mut config = defaults::bare();
        config.data.place = Place::Memory;
        config.data.durability = Durability::Memory;
        config.process.user = Some("mosquitto".to_owned());
        config.log.timestamp = TimestampFormat::Epoch;
        config.sys.interval_s = Some(10);
        config.limits.queued_messages_max = Some(1000);
        config.limits.queued_bytes_max = Some(u64::MAX);
        config.limits.overflow = Overflow::DropNewest;
        config.compat.profile = Profile::Mosquitto;
        config.compat.duplicate_messages = true;
        config.compat.receive_maximum = ReceiveMaximum::Warn;
        config.listener_limits.receive_maximum = 20;
        config.listener_limits.in_flight_max = 20;
        config.listener_limits.topic_alias_in_max = 10;
        config.listener_limits.topic_alias_out_max = 10;
        Self {
            config,
            persistence: false,
            location: PathBuf::new(),
            file: Some(PathBuf::from("mosquitto.db")),
            nodelay: true,
            has_timestamp: true,
            packet_size_said: false,
            origins: Vec::new(),
            log_types_said: false,
            log_dests_said: false,
        }
    }

    /// The first line takes the place of the default; `none` takes all away.
    pub(super) fn log_type(&mut self, word: &str) {
        let types = &mut self.config.log.types;
        if !std::mem::replace(&mut self.log_types_said, true) || word == "none" {
            types.clear();
        }
        types
            .extend(LOG_TYPES.iter().filter(|(name, _)| word == "all" || word == *name).map(|(_, log_type)| *log_type));
        types.sort_unstable();
        types.dedup();
    }

    /// The first line takes the place of the default; `none` takes all away.
    pub(super) fn log_dest(&mut self, text: &str) {
        let destinations = &mut self.config.log.destinations;
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        if !std::mem::replace(&mut self.log_dests_said, true) || word == "none" {
            destinations.clear();
        }
        let destination = match word {
            "none" => return,
            "stdout" => LogDestination::Stdout,
            "syslog" => LogDestination::Syslog,
            "topic" => LogDestination::Topic,
            "file" => LogDestination::File(PathBuf::from(rest.trim())),
            _ => LogDestination::Stderr,
        };
        if !destinations.contains(&destination) {
            destinations.push(destination);
        }
    }
}

impl ListenerDraft {
    /// With the defaults of mosquitto; what holds for the whole broker comes at the end.
    pub(super) fn new(at: At, bind: Bind) -> Self {
        Self {
            at,
            listener: defaults::listener("default", bind, &Global::new().config),
            tls: defaults::tls(PathBuf::new(), PathBuf::new()),
            requires_certificate: false,
            proxy_requires_tls: false,
            own: Own::default(),
            said: Vec::new(),
            origins: Vec::new(),
        }
    }

    pub(super) fn proxy_version(&mut self, version: ProxyVersion) {
        self.listener.proxy = Some(Proxy { version, trusted: Vec::new(), requires_tls: false });
    }

    /// Whether the same was said of both, wherever they listen.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let is_own_same = self.own == other.own && self.requires_certificate == other.requires_certificate;
        let is_proxy_same = self.proxy_requires_tls == other.proxy_requires_tls;
        // Who is let in is said by other options, for all listeners or for one.
        let security = other.listener.security.clone();
        let mine = Listener { security, ..self.listener.clone() };
        mine == other.listener && self.tls == other.tls && is_own_same && is_proxy_same
    }

    pub(super) fn tls_version(&mut self, word: &str) {
        self.tls.version_min = oldest(word);
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.said.contains(&name)
    }
}

impl BridgeDraft {
    pub(super) fn new(at: At, name: &str) -> Self {
        let bridge = defaults::bridge(name.to_owned(), Vec::new());
        Self {
            at,
            bridge,
            tls: defaults::bridge_tls(),
            identity: None,
            psk: None,
            is_psk_hex: true,
            said: Vec::new(),
            origins: Vec::new(),
        }
    }

    pub(super) fn tls_version(&mut self, word: &str) {
        self.tls.version_min = oldest(word);
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.said.contains(&name)
    }
}

/// Nothing older than 1.2 is spoken, whatever the file says.
fn oldest(word: &str) -> TlsVersion {
    if word == "tlsv1.3" { TlsVersion::V1_3 } else { TlsVersion::V1_2 }
}

const LOG_TYPES: [(&str, LogType); 9] = [
    ("error", LogType::Error),
    ("warning", LogType::Warning),
    ("notice", LogType::Notice),
    ("information", LogType::Information),
    ("debug", LogType::Debug),
    ("subscribe", LogType::Subscribe),
    ("unsubscribe", LogType::Unsubscribe),
    ("websockets", LogType::Websockets),
    ("internal", LogType::Internal),
];

impl BridgeDraft {
    /// The key of PSK.
    pub(super) fn psk(&mut self, text: &str) {
        self.is_psk_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        self.psk = Some(Secret::new(text.to_owned()));
    }
}

//! `sol.conf`, the configuration of Sol.
//!
//! Owns: its keys and what they are here. A line is `key value`; `#` in the first column is a comment.

use crate::defaults;
use crate::fault::Fault;
use crate::model::{Bind, ClientCertificate, Config, Listener, LogDestination, LogType, Place, Profile, TlsVersion};
use crate::translation::{Said, Translation};
use crate::value::is_host;

/// Reads a `sol.conf`.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn read(file: &str, text: &str) -> Result<Config, Vec<Fault>> {
    let mut reader = Reader::new(file);
    let lines = text.trim_start_matches('\u{feff}').lines();
    for (line, content) in (1..).zip(lines) {
        if content.starts_with('#') || content.trim().is_empty() {
            continue;
        }
        let content = content.trim();
        let (name, value) = content.split_once(char::is_whitespace).unwrap_or((content, ""));
        reader.line(Said { line, column: 1, name }, value.trim());
    }
    reader.finish()
}

struct Reader<'a> {
    to: Translation<'a>,
    listener: Listener,
    host: String,
    port: u16,
    /// The socket's path, where its key came last.
    unix: Option<String>,
}

/// Keys that are the same here, but for the name.
const SAME: [(&str, &str); 4] = [
    ("max_memory", "limits.memory"),
    ("stats_publish_interval", "sys.interval"),
    ("password_file", "auth.password_file"),
    ("allow_anonymous", "auth.allow_anonymous"),
];

const SAME_IN_LISTENER: [(&str, &str); 4] = [
    ("tcp_backlog", "tcp.backlog"),
    ("certfile", "tls.certificate"),
    ("keyfile", "tls.key"),
    ("cafile", "tls.client_ca_file"),
];

impl<'a> Reader<'a> {
    /// With Sol's own defaults.
    fn new(file: &'a str) -> Self {
        let mut to = Translation::of(file);
        to.config.compat.profile = Profile::Sol;
        to.config.compat.sol_topics = true;
        to.config.compat.retransmit_s = 20;
        to.config.data.place = Place::Memory;
        to.config.sys.interval_s = Some(10);
        to.config.limits.memory_bytes_max = Some(2 << 30);
        to.config.listener_limits.packet_bytes_max = 2 << 20;
        to.config.security.allow_anonymous = Some(true);
        to.config.log.types = vec![LogType::Error, LogType::Warning];
        let listener = defaults::listener("sol", defaults::loopback().bind, &to.config);
        Self { to, listener, host: "127.0.0.1".to_owned(), port: 1883, unix: None }
    }

    fn line(&mut self, said: Said<'_>, value: &str) {
        if value.is_empty() {
            return self.to.fault(said, "it has no value; write `key value`");
        }
        if let Some((_, key)) = SAME.iter().find(|(name, _)| *name == said.name) {
            return self.to.set(said, key, value);
        }
        if let Some((_, key)) = SAME_IN_LISTENER.iter().find(|(name, _)| *name == said.name) {
            return self.to.set_in(said, &mut self.listener, key, value);
        }
        match said.name {
            "ip_address" if !is_host(value) => {
                self.to.fault(said, format!("{value:?} is no name and no address"));
            }
            "ip_address" => self.host = self.take_tcp(said, value),
            "ip_port" => match value.parse() {
                Ok(port) => {
                    self.port = port;
                    let _ = self.take_tcp(said, value);
                }
                Err(_) => self.to.fault(said, format!("{value:?} is not a port, 0 to 65535")),
            },
            "unix_socket" => {
                self.unix = Some(value.to_owned());
                self.to.note(said, "listener.sol.bind".to_owned());
            }
            "max_request_size" => self.to.set(said, "limits.max_packet_size", value),
            "log_level" => self.log_level(said, value),
            "log_path" => {
                self.to.config.log.destinations = vec![LogDestination::File(value.into())];
                self.to.note(said, "log.destinations".to_owned());
            }
            "keepalive" => self.keepalive(said, value),
            "tls_protocols" => self.tls_protocols(said, value),
            _ => self.to.notice(said, "Sol has no such key and passes over it"),
        }
    }

    /// TCP after a socket's path: the last key wins.
    fn take_tcp(&mut self, said: Said<'_>, value: &str) -> String {
        if self.unix.take().is_some() {
            self.to
                .notice(said, "it comes after unix_socket, and the last of the two wins; both could be listeners here");
        }
        self.to.note(said, "listener.sol.bind".to_owned());
        value.to_owned()
    }

    fn log_level(&mut self, said: Said<'_>, value: &str) {
        let all = [LogType::Error, LogType::Warning, LogType::Notice, LogType::Information, LogType::Debug];
        let count = match value {
            "ERROR" => 1,
            "WARNING" => 2,
            "INFO" | "INFORMATION" => 4,
            "DEBUG" => 5,
            _ => return self.to.fault(said, format!("{value:?} is not one of DEBUG, INFO, WARNING, ERROR")),
        };
        self.to.config.log.types = all.into_iter().take(count).collect();
        self.to.note(said, "log.types".to_owned());
    }

    fn keepalive(&mut self, said: Said<'_>, value: &str) {
        self.to.set_in(said, &mut self.listener, "tcp.keepalive", value);
        self.to.notice(said, "clients' own keep alive decides when they are gone; TCP asks after this time of silence");
    }

    fn tls_protocols(&mut self, said: Said<'_>, value: &str) {
        let mut versions = Vec::new();
        for word in value.split(',').map(str::trim) {
            match word {
                "tlsv1_2" => versions.push(TlsVersion::V1_2),
                "tlsv1_3" => versions.push(TlsVersion::V1_3),
                "tlsv1" | "tlsv1_1" => self.to.notice(said, format!("{word} is broken and is not spoken here")),
                _ => return self.to.fault(said, format!("{word:?} is not one of tlsv1, tlsv1_1, tlsv1_2, tlsv1_3")),
            }
        }
        let (Some(min), Some(max)) = (versions.iter().min(), versions.iter().max()) else {
            return self.to.fault(said, "no version is left; name tlsv1_2 or tlsv1_3");
        };
        let tls = self.listener.tls.get_or_insert_with(|| defaults::tls("".into(), "".into()));
        (tls.version_min, tls.version_max) = (*min, *max);
        self.to.note(said, "listener.sol.tls.min_version".to_owned());
        self.to.note(said, "listener.sol.tls.max_version".to_owned());
    }

    fn finish(mut self) -> Result<Config, Vec<Fault>> {
        self.listener.limits = self.to.config.listener_limits.clone();
        self.listener.security = self.to.config.security.clone();
        self.listener.bind = match self.unix.take() {
            Some(path) => Bind::Unix { path: path.into(), mode: None },
            None => Bind::Tcp { host: self.host, port: self.port },
        };
        // Versions alone switch nothing on.
        let is_tls = |tls: &crate::model::Tls| {
            [&tls.certificate, &tls.key].iter().any(|path| !path.as_os_str().is_empty()) || tls.client_ca_file.is_some()
        };
        self.listener.tls = self.listener.tls.filter(is_tls);
        if let Some(tls) = self.listener.tls.as_mut().filter(|tls| tls.client_ca_file.is_some()) {
            tls.client_certificate = ClientCertificate::Optional;
        }
        self.to.config.listeners.push(self.listener);
        self.to.finish()
    }
}

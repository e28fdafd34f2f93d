//! Where a server is, as people write it.
//!
//! Owns: `host:port`, and URLs with one of five schemes.

use std::io;
use std::path::PathBuf;

/// What a server is reached by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A host's name or address, and a port.
    Tcp {
        /// A name, or an address without brackets.
        host: Box<str>,
        /// Its port.
        port: u16,
    },
    /// The path of a socket on this machine.
    Unix(PathBuf),
}

/// What a URL says about the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `mqtt://`, or none at all.
    Mqtt,
    /// `mqtts://`: TLS.
    Mqtts,
    /// `ws://`: WebSocket.
    Ws,
    /// `wss://`: WebSocket within TLS.
    Wss,
    /// `unix://`: a socket on this machine.
    Unix,
}

impl Scheme {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Mqtt, Self::Mqtts, Self::Ws, Self::Wss, Self::Unix];

    /// What stands before `://`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mqtt => "mqtt",
            Self::Mqtts => "mqtts",
            Self::Ws => "ws",
            Self::Wss => "wss",
            Self::Unix => "unix",
        }
    }

    /// The scheme of that name; `tcp` and `ssl` are other people's words for the first two.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "tcp" => Some(Self::Mqtt),
            "ssl" | "tls" => Some(Self::Mqtts),
            _ => Self::ALL.into_iter().find(|scheme| scheme.name() == name),
        }
    }

    /// That of an address; the first if it has none or one that nobody knows.
    #[must_use]
    pub fn of(address: &str) -> Self {
        address.split_once("://").and_then(|(name, _)| Self::named(name)).unwrap_or(Self::Mqtt)
    }

    /// Whether it is TLS.
    #[must_use]
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::Mqtts | Self::Wss)
    }

    /// Whether it is WebSocket.
    #[must_use]
    pub const fn is_web(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }

    /// The port when none is said: MQTT's own, or that of the web.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::Mqtt | Self::Unix => 1883,
            Self::Mqtts => 8883,
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }
}

/// The parts of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) scheme: Scheme,
    pub(super) place: Place,
    /// With its slash; of WebSocket URLs only.
    pub(super) path: Option<String>,
}

impl Parts {
    /// Reads `host`, `host:port`, `[v6]:port`, or a URL.
    pub(super) fn parse(text: &str) -> io::Result<Self> {
        let (scheme, rest) = match text.split_once("://") {
            Some((name, rest)) => (Scheme::named(name).ok_or_else(|| wrong(text, SCHEMES))?, rest),
            None => (Scheme::Mqtt, text),
        };
        if scheme == Scheme::Unix {
            return match rest {
                "" => Err(wrong(text, "it names no path, as in unix:///run/broker.sock")),
                path => Ok(Self { scheme, place: Place::Unix(path.into()), path: None }),
            };
        }
        let (place, path) = match rest.find('/') {
            Some(at) => (&rest[..at], Some(rest[at..].to_owned())),
            None => (rest, None),
        };
        if place.contains('@') {
            return Err(wrong(text, "user and password are said apart from the address"));
        }
        if !scheme.is_web() && path.as_deref().is_some_and(|path| path != "/") {
            return Err(wrong(text, "only ws:// and wss:// have a path"));
        }
        let place = Place::parse(place, scheme.port()).map_err(|why| wrong(text, why))?;
        Ok(Self { scheme, place, path: path.filter(|_| scheme.is_web()) })
    }
}

impl Place {
    /// `host`, `host:port`, `[v6]`, `[v6]:port`, or a bare v6 address.
    fn parse(text: &str, default: u16) -> Result<Self, &'static str> {
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':').ok_or(NO_PORT)?)),
            None if text.matches(':').count() > 1 => (text, None),
            None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
        };
        if host.is_empty() {
            return Err("it names no host");
        }
        let port = port.map_or(Ok(default), |port| port.parse().map_err(|_| NO_PORT))?;
        Ok(Self::Tcp { host: host.into(), port })
    }
}

const SCHEMES: &str = "an address begins with mqtt://, mqtts://, ws://, wss:// or unix://, or is host:port";
const NO_PORT: &str = "the port is a number from 1 to 65535";

fn wrong(text: &str, why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{text:?} is no address of a server: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> String {
        match Parts::parse(text) {
            Ok(Parts { scheme, place: Place::Tcp { host, port }, path }) => {
                format!("{} {host} {port} {}", scheme.name(), path.unwrap_or_default())
            }
            Ok(Parts { scheme, place: Place::Unix(path), .. }) => format!("{} {}", scheme.name(), path.display()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn an_address_is_a_host_with_or_without_port_and_scheme() {
        assert_eq!(parts("h"), "mqtt h 1883 ");
        assert_eq!(parts("h:99"), "mqtt h 99 ");
        assert_eq!(parts("::1"), "mqtt ::1 1883 ");
        assert_eq!(parts("[::1]:99"), "mqtt ::1 99 ");
        assert_eq!(parts("mqtts://h"), "mqtts h 8883 ");
        assert_eq!(parts("mqtts://h:1/"), "mqtts h 1 ");
        assert_eq!(parts("ws://h/a/b"), "ws h 80 /a/b");
        assert_eq!(parts("wss://[::1]:9001"), "wss ::1 9001 ");
        assert_eq!(parts("unix:///run/b.sock"), "unix /run/b.sock");
    }

    #[test]
    fn an_address_that_leads_nowhere_says_why() {
        for (text, why) in [
            ("http://h", "begins with"),
            ("", "no host"),
            ("h:x", "a number"),
            ("[::1]99", "a number"),
            ("mqtt://u@h", "apart"),
            ("mqtt://h/t", "path"),
            ("unix://", "no path"),
        ] {
            assert!(parts(text).contains(why), "{text}: {}", parts(text));
        }
    }
}

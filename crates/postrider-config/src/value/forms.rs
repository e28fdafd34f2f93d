//! Values with a little grammar of their own.
//!
//! Owns: addresses, destinations of logs, rates, rules of bridges, each as one text.

use super::{Plain, Value};
use crate::model::{
    Bind, BridgeAddress, BridgeRule, Direction, Facility, LogDestination, Place, Rate, TimestampFormat,
};
use crate::units::Unit;
use std::path::PathBuf;

/// A type that one text stands for.
trait Form: Sized {
    const ALLOWED: &'static str;

    fn parse(text: &str) -> Option<Self>;

    fn print(&self) -> String;
}

fn take_form<T: Form>(value: Value) -> Result<T, String> {
    let found = if let Value::Text(text) = &value { T::parse(text) } else { None };
    found.ok_or_else(|| format!("it is {}", T::ALLOWED))
}

macro_rules! forms {
    ($($one:ty),*; $($many:ty),*) => {
        $(impl Plain for $one {
            fn value(&self) -> Value {
                Value::Text(self.print())
            }

            fn take(&mut self, value: Value) -> Result<(), String> {
                *self = take_form(value)?;
                Ok(())
            }
        })*
        $(impl Plain for Vec<$many> {
            fn value(&self) -> Value {
                Value::List(self.iter().map(Form::print).collect())
            }

            fn take(&mut self, value: Value) -> Result<(), String> {
                let Value::List(texts) = value else { return Err("it is a list of texts".to_owned()) };
                *self = texts.into_iter().map(|text| take_form(Value::Text(text))).collect::<Result<_, _>>()?;
                Ok(())
            }
        })*
    };
}

forms!(Bind, Place, Rate, TimestampFormat, Facility; LogDestination, BridgeAddress, BridgeRule);

/// At the last colon, so that an address of IPv6 needs no brackets, and may have them.
fn host_and_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let is_host = host.chars().all(|letter| letter.is_ascii_graphic() && !"[]/\"".contains(letter));
    (is_host && port.bytes().all(|digit| digit.is_ascii_digit())).then_some((host.to_owned(), port.parse().ok()?))
}

fn print_address(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

impl Form for Bind {
    const ALLOWED: &'static str = "`host:port`, `:port` for every address, `unix:/path` or `systemd:name`";

    fn parse(text: &str) -> Option<Self> {
        if let Some(path) = text.strip_prefix("unix:") {
            return (!path.is_empty()).then(|| Self::Unix { path: PathBuf::from(path), mode: None });
        }
        if let Some(name) = text.strip_prefix("systemd:") {
            return (!name.is_empty()).then(|| Self::Systemd { name: name.to_owned() });
        }
        let (host, port) = host_and_port(text.strip_prefix("*").unwrap_or(text))?;
        Some(Self::Tcp { host, port })
    }

    fn print(&self) -> String {
        match self {
            Self::Tcp { host, port } => print_address(host, *port),
            Self::Unix { path, .. } => format!("unix:{}", path.display()),
            Self::Systemd { name } => format!("systemd:{name}"),
        }
    }
}

impl Form for Place {
    const ALLOWED: &'static str = "`usual`, `memory` or the path of a directory";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "" => None,
            "usual" => Some(Self::Usual),
            "memory" => Some(Self::Memory),
            path => Some(Self::Directory(path.into())),
        }
    }

    fn print(&self) -> String {
        match self {
            Self::Usual => "usual".to_owned(),
            Self::Memory => "memory".to_owned(),
            Self::Directory(path) => path.display().to_string(),
        }
    }
}

impl Form for BridgeAddress {
    const ALLOWED: &'static str = "`host:port`, or `host` for port 1883";

    fn parse(text: &str) -> Option<Self> {
        let whole = if text.contains(':') { text.to_owned() } else { format!("{text}:1883") };
        let (host, port) = host_and_port(&whole)?;
        (!host.is_empty() && port > 0).then_some(Self { host, port })
    }

    fn print(&self) -> String {
        print_address(&self.host, self.port)
    }
}

impl Form for LogDestination {
    const ALLOWED: &'static str = "stdout, stderr, syslog, topic or `file:/path`";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "stdout" => Some(Self::Stdout),
            "stderr" => Some(Self::Stderr),
            "syslog" => Some(Self::Syslog),
            "topic" => Some(Self::Topic),
            _ => text.strip_prefix("file:").filter(|path| !path.is_empty()).map(|path| Self::File(path.into())),
        }
    }

    fn print(&self) -> String {
        match self {
            Self::Stdout => "stdout".to_owned(),
            Self::Stderr => "stderr".to_owned(),
            Self::Syslog => "syslog".to_owned(),
            Self::Topic => "topic".to_owned(),
            Self::File(path) => format!("file:{}", path.display()),
        }
    }
}

impl Form for TimestampFormat {
    const ALLOWED: &'static str = "`off`, `epoch` or a pattern of strftime with a %";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "off" => Some(Self::Off),
            "epoch" => Some(Self::Epoch),
            _ => text.contains('%').then(|| Self::Pattern(text.to_owned())),
        }
    }

    fn print(&self) -> String {
        match self {
            Self::Off => "off".to_owned(),
            Self::Epoch => "epoch".to_owned(),
            Self::Pattern(pattern) => pattern.clone(),
        }
    }
}

impl Form for Facility {
    const ALLOWED: &'static str = "daemon or local0 to local7";

    fn parse(text: &str) -> Option<Self> {
        let local = || text.strip_prefix("local")?.parse().ok().filter(|number: &u8| *number < 8);
        if text == "daemon" { Some(Self::Daemon) } else { local().map(Self::Local) }
    }

    fn print(&self) -> String {
        match self {
            Self::Daemon => "daemon".to_owned(),
            Self::Local(number) => format!("local{number}"),
        }
    }
}

impl Form for Rate {
    const ALLOWED: &'static str = "`off`, `N/s` or `N/s burst M`; k, m and g are powers of 1024";

    fn parse(text: &str) -> Option<Self> {
        if text == "off" {
            return Some(Self::default());
        }
        let number = |text: &str| u32::try_from(Unit::Bytes.parse(text)?).ok().filter(|number| *number > 0);
        let (per_s, rest) = text.split_once("/s")?;
        let burst = match rest.trim() {
            "" => 0,
            rest => number(rest.strip_prefix("burst ")?)?,
        };
        Some(Self { per_s: number(per_s)?, burst })
    }

    fn print(&self) -> String {
        match (self.per_s, self.burst) {
            (0, _) => "off".to_owned(),
            (per_s, 0) => format!("{per_s}/s"),
            (per_s, burst) => format!("{per_s}/s burst {burst}"),
        }
    }
}

impl Form for BridgeRule {
    const ALLOWED: &'static str =
        "`FILTER [out|in|both] [QOS] [LOCAL_PREFIX] [REMOTE_PREFIX]`, with \"\" around what is empty or has blanks";

    fn parse(text: &str) -> Option<Self> {
        let mut parts = parts(text)?.into_iter();
        let filter = parts.next()?;
        let direction = match parts.next().as_deref() {
            None | Some("out") => Direction::Out,
            Some("in") => Direction::In,
            Some("both") => Direction::Both,
            Some(_) => return None,
        };
        let qos = parts.next().map_or(Some(0), |qos| qos.parse().ok().filter(|qos: &u8| *qos <= 2))?;
        let (local_prefix, remote_prefix) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        parts.next().is_none().then_some(Self { filter, direction, qos, local_prefix, remote_prefix })
    }

    fn print(&self) -> String {
        let direction = match self.direction {
            Direction::Out => "out",
            Direction::In => "in",
            Direction::Both => "both",
        };
        let (filter, qos) = (quoted(&self.filter), self.qos);
        match (self.local_prefix.as_str(), self.remote_prefix.as_str()) {
            ("", "") => format!("{filter} {direction} {qos}"),
            (local, remote) => format!("{filter} {direction} {qos} {} {}", quoted(local), quoted(remote)),
        }
    }
}

/// Words between blanks; `"` around one keeps its blanks.
fn parts(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (part, after) = match rest.strip_prefix('"') {
            Some(inner) => inner.split_once('"')?,
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        parts.push(part.to_owned());
        rest = after.trim_start();
    }
    Some(parts)
}

fn quoted(text: &str) -> String {
    if text.is_empty() || text.contains(char::is_whitespace) { format!("\"{text}\"") } else { text.to_owned() }
}

//! The table of keys: what a configuration can say, in one place for reading, printing and explaining.
//!
//! Owns: names, ranges, words, and which field each key stands for.
//! Never: has a key that is read and not printed, or printed and not explained.

mod bridge;
mod broker;
mod kind;
mod limits;
mod listener;
mod nearest;
mod shared;

use crate::model::{Bridge, Config, Listener, ListenerLimits, Security};
use crate::value::Value;

pub use kind::{Kind, Range, Unit};
pub(crate) use nearest::nearest;

/// One thing that a configuration can say.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// As it is written, with the tables it is in.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What it means.
    pub doc: &'static str,
    /// Why its default is what it is.
    pub reason: &'static str,
    /// What mosquitto calls it; empty where it has no such thing.
    pub mosquitto: &'static str,
    /// When a change holds.
    pub reload: Reload,
    pub(crate) at: At,
}

/// When a change of a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// With the next reading.
    Live,
    /// With the next start.
    Restart,
}

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Once in a file.
    Broker,
    /// Once for all listeners, and in each that has another value.
    Shared,
    /// In a listener.
    Listener,
    /// In a bridge.
    Bridge,
}

/// The field that a key stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum At {
    Broker(Access<Config>),
    Limits(Access<ListenerLimits>),
    Security(Access<Security>),
    Listener(Access<Listener>),
    Bridge(Access<Bridge>),
}

/// How a field is read and written.
#[derive(Debug)]
pub(crate) struct Access<T> {
    pub(crate) value: fn(&T) -> Value,
    pub(crate) take: fn(&mut T, Value) -> Result<(), String>,
}

impl<T> Clone for Access<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Access<T> {}

impl Key {
    /// Where it stands.
    #[must_use]
    pub const fn scope(&self) -> Scope {
        match self.at {
            At::Broker(_) => Scope::Broker,
            At::Limits(_) | At::Security(_) => Scope::Shared,
            At::Listener(_) => Scope::Listener,
            At::Bridge(_) => Scope::Bridge,
        }
    }

    /// As people say it: `listener.tls.key` for what stands in a listener.
    #[must_use]
    pub fn path(&self) -> String {
        match self.scope() {
            Scope::Broker | Scope::Shared => self.name.to_owned(),
            Scope::Listener => format!("listener.{}", self.name),
            Scope::Bridge => format!("bridge.{}", self.name),
        }
    }

    /// The environment variable that sets it; none for what there may be several of.
    #[must_use]
    pub fn variable(&self) -> Option<String> {
        let is_once = matches!(self.scope(), Scope::Broker | Scope::Shared) && !matches!(self.kind, Kind::Map);
        is_once.then(|| format!("POSTRIDER_{}", self.name.to_ascii_uppercase().replace('.', "_")))
    }

    /// Its value for the whole broker; `Absent` for what is in a listener or a bridge.
    #[must_use]
    pub fn value(&self, config: &Config) -> Value {
        match self.at {
            At::Broker(access) => (access.value)(config),
            At::Limits(access) => (access.value)(&config.listener_limits),
            At::Security(access) => (access.value)(&config.security),
            At::Listener(_) | At::Bridge(_) => Value::Absent,
        }
    }

    /// Its value in a listener; `Absent` for what is not in one.
    #[must_use]
    pub fn value_in(&self, listener: &Listener) -> Value {
        match self.at {
            At::Limits(access) => (access.value)(&listener.limits),
            At::Security(access) => (access.value)(&listener.security),
            At::Listener(access) => (access.value)(listener),
            At::Broker(_) | At::Bridge(_) => Value::Absent,
        }
    }

    /// Its value in a bridge; `Absent` for what is not in one.
    #[must_use]
    pub fn value_of(&self, bridge: &Bridge) -> Value {
        match self.at {
            At::Bridge(access) => (access.value)(bridge),
            At::Broker(_) | At::Limits(_) | At::Security(_) | At::Listener(_) => Value::Absent,
        }
    }

    pub(crate) fn set(&self, config: &mut Config, value: Value) -> Result<(), String> {
        match self.at {
            At::Broker(access) => (access.take)(config, value),
            At::Limits(access) => (access.take)(&mut config.listener_limits, value),
            At::Security(access) => (access.take)(&mut config.security, value),
            At::Listener(_) | At::Bridge(_) => Err("it belongs into a listener or a bridge".to_owned()),
        }
    }

    pub(crate) fn set_in(&self, listener: &mut Listener, value: Value) -> Result<(), String> {
        match self.at {
            At::Limits(access) => (access.take)(&mut listener.limits, value),
            At::Security(access) => (access.take)(&mut listener.security, value),
            At::Listener(access) => (access.take)(listener, value),
            At::Broker(_) | At::Bridge(_) => Err("it does not belong into a listener".to_owned()),
        }
    }

    pub(crate) fn set_of(&self, bridge: &mut Bridge, value: Value) -> Result<(), String> {
        match self.at {
            At::Bridge(access) => (access.take)(bridge, value),
            At::Broker(_) | At::Limits(_) | At::Security(_) | At::Listener(_) => {
                Err("it does not belong into a bridge".to_owned())
            }
        }
    }
}

/// All keys, in the order in which they are printed.
pub fn all() -> impl Iterator<Item = &'static Key> {
    let broker = broker::DATA.iter().chain(broker::PROCESS).chain(broker::LOG).chain(broker::SYS);
    let broker = broker.chain(limits::LIMITS).chain(shared::LIMITS).chain(shared::AUTH).chain(broker::COMPAT);
    broker.chain(listener::LISTENER).chain(listener::TLS).chain(bridge::BRIDGE).chain(bridge::TLS)
}

/// Those that stand once in a file, for the broker or for all listeners.
pub(crate) fn of_file() -> impl Iterator<Item = &'static Key> {
    all().filter(|key| matches!(key.scope(), Scope::Broker | Scope::Shared))
}

/// Those of a listener: its own first, because the name is among them.
pub(crate) fn of_listener() -> impl Iterator<Item = &'static Key> {
    let own = all().filter(|key| key.scope() == Scope::Listener);
    own.chain(all().filter(|key| key.scope() == Scope::Shared))
}

/// Those of a bridge.
pub(crate) fn of_bridge() -> impl Iterator<Item = &'static Key> {
    all().filter(|key| key.scope() == Scope::Bridge)
}

/// The reason of a field, of a list in `defaults.rs`.
const fn reason(reasons: &'static [(&'static str, &'static str)], field: &str) -> &'static str {
    let mut at = 0;
    while at < reasons.len() {
        if is_same(reasons[at].0.as_bytes(), field.as_bytes()) {
            return reasons[at].1;
        }
        at += 1;
    }
    panic!("a key stands for a field that has no default")
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// A key and its field: `key!(At, "name", [base] field.rest, DEFAULTS, kind, reload, "mosquitto", "doc")`.
macro_rules! key {
    (
        $at:ident, $name:literal, [$($base:tt)*] $first:ident $(. $rest:tt)*, $why:ident,
        $kind:expr, $reload:ident, $mosquitto:literal, $doc:literal
    ) => {
        $crate::keys::Key {
            name: $name,
            kind: $kind,
            doc: $doc,
            reason: $crate::keys::reason($crate::defaults::$why, stringify!($first)),
            mosquitto: $mosquitto,
            reload: $crate::keys::Reload::$reload,
            at: $crate::keys::At::$at($crate::keys::Access {
                value: |it| $crate::value::Plain::value(&it. $($base)* $first $(. $rest)*),
                take: |it, value| $crate::value::Plain::take(&mut it. $($base)* $first $(. $rest)*, value),
            }),
        }
    };
    // In a section that need not be there: `[section or make]`.
    (
        $at:ident, $name:literal, $section:ident ($make:expr) $first:ident $(. $rest:tt)*, $why:ident,
        $kind:expr, $reload:ident, $mosquitto:literal, $doc:literal
    ) => {
        $crate::keys::Key {
            name: $name,
            kind: $kind,
            doc: $doc,
            reason: $crate::keys::reason($crate::defaults::$why, stringify!($first)),
            mosquitto: $mosquitto,
            reload: $crate::keys::Reload::$reload,
            at: $crate::keys::At::$at($crate::keys::Access {
                value: |it| it.$section.as_ref().map_or($crate::value::Value::Absent, |section| {
                    $crate::value::Plain::value(&section.$first $(. $rest)*)
                }),
                take: |it, value| {
                    let section = it.$section.get_or_insert_with(|| $make);
                    $crate::value::Plain::take(&mut section.$first $(. $rest)*, value)
                },
            }),
        }
    };
}
use key;

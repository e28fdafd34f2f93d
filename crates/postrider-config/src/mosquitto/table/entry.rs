//! One option of the list.
//!
//! Owns: the shape of a row.

use super::super::draft::{BridgeDraft, Global, ListenerDraft};
use super::super::value::{Kind, Value};
use crate::model::Security;

/// One option.
#[derive(Clone, Copy, Debug)]
pub(in crate::mosquitto) struct Entry {
    pub(in crate::mosquitto) name: &'static str,
    pub(in crate::mosquitto) aliases: &'static [&'static str],
    pub(in crate::mosquitto) kind: Kind,
    /// As mosquitto has it.
    pub(in crate::mosquitto) default: &'static str,
    pub(in crate::mosquitto) set: Set,
    pub(in crate::mosquitto) repeat: Repeat,
    /// Whether mosquitto reads it again at SIGHUP.
    pub(in crate::mosquitto) is_reread: bool,
    pub(in crate::mosquitto) since: Since,
    pub(in crate::mosquitto) here: Here,
    /// One sentence for the page.
    pub(in crate::mosquitto) says: &'static str,
}

/// Where the value goes, and with it the scope.
#[derive(Clone, Copy, Debug)]
pub(in crate::mosquitto) enum Set {
    /// The whole broker.
    Global(fn(&mut Global, &Value)),
    /// The whole broker, or one listener with `per_listener_settings true`.
    Security(fn(&mut Security, &Value)),
    /// The listener above, or the unnamed one.
    Listener(fn(&mut ListenerDraft, &Value)),
    /// The bridge above.
    Bridge(fn(&mut BridgeDraft, &Value)),
    /// It opens or fills something that the reader knows about.
    Opens(Opens),
    /// Nothing.
    Nothing,
}

/// What lines do besides setting a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mosquitto) enum Opens {
    Include,
    PerListener,
    Listener,
    Port,
    BindAddress,
    Connection,
    Plugin,
    GlobalPlugin,
    PluginLoad,
    PluginUse,
    PluginOption,
    DenySpecialChars,
}

/// What becomes of an option that stands twice in one context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mosquitto) enum Repeat {
    /// The last one holds.
    Last,
    /// It is an error.
    Error,
    /// They add up.
    Many,
}

/// The first version that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mosquitto) enum Since {
    V2_0,
    V2_1,
}

/// What becomes of an option here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mosquitto) enum Here {
    /// It means what it means to mosquitto.
    Same,
    /// It works, with a difference.
    Differs(&'static str),
    /// It is taken and does nothing, because.
    NoEffect(&'static str),
    /// It is an error, with what to do instead.
    Refused(&'static str),
}

impl Entry {
    /// A row; what is not said is what most options have.
    pub(super) const fn new(name: &'static str, kind: Kind, default: &'static str, set: Set) -> Self {
        let repeat = if matches!(kind, Kind::Text | Kind::Short | Kind::Prefix) { Repeat::Error } else { Repeat::Last };
        let is_reread = matches!(set, Set::Global(_) | Set::Security(_) | Set::Nothing);
        let (since, here) = (Since::V2_0, Here::Same);
        Self { name, aliases: &[], kind, default, set, repeat, is_reread, since, here, says: "" }
    }

    pub(super) const fn says(mut self, says: &'static str) -> Self {
        self.says = says;
        self
    }

    pub(super) const fn alias(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    pub(super) const fn many(mut self) -> Self {
        self.repeat = Repeat::Many;
        self
    }

    pub(super) const fn once(mut self) -> Self {
        self.repeat = Repeat::Error;
        self
    }

    pub(super) const fn reread(mut self) -> Self {
        self.is_reread = true;
        self
    }

    pub(super) const fn stays(mut self) -> Self {
        self.is_reread = false;
        self
    }

    pub(super) const fn since_2_1(mut self) -> Self {
        self.since = Since::V2_1;
        self
    }

    pub(super) const fn differs(mut self, how: &'static str) -> Self {
        self.here = Here::Differs(how);
        self
    }

    pub(super) const fn no_effect(mut self, why: &'static str) -> Self {
        self.here = Here::NoEffect(why);
        self
    }

    pub(super) const fn refused(mut self, advice: &'static str) -> Self {
        self.here = Here::Refused(advice);
        self
    }

    /// Whether a line with that name is this option's. `plugin_opt_` stands for all that begin so.
    pub(in crate::mosquitto) fn answers_to(&self, name: &str) -> bool {
        let is = |known: &str| if known.ends_with('_') { name.starts_with(known) } else { name == known };
        is(self.name) || self.aliases.iter().any(|alias| is(alias))
    }

    /// G, S, L, B or P, as the page explains.
    pub(in crate::mosquitto) const fn scope(&self) -> &'static str {
        match self.set {
            Set::Global(_) | Set::Nothing => "G",
            Set::Security(_) => "S",
            Set::Listener(_) => "L",
            Set::Bridge(_) => "B",
            Set::Opens(opens) => opens.scope(),
        }
    }
}

impl Opens {
    const fn scope(self) -> &'static str {
        match self {
            Self::Include | Self::PerListener => "G",
            Self::Listener | Self::Port | Self::BindAddress => "L",
            Self::Connection => "B",
            Self::Plugin
            | Self::GlobalPlugin
            | Self::PluginLoad
            | Self::PluginUse
            | Self::PluginOption
            | Self::DenySpecialChars => "P",
        }
    }
}

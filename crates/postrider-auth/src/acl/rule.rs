//! One rule, and whom and what it is about.

use super::network::Network;
use super::pattern::Pattern;
use postrider_proto::Qos;
use std::fmt;

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Allows, unless another rule denies.
    Allow,
    /// Denies, whatever other rules allow.
    Deny,
}

/// Which of the three things a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Powers(u8);

impl Powers {
    /// To publish, by PUBLISH or by a will.
    pub const PUBLISH: Self = Self(1);
    /// To make a subscription.
    pub const SUBSCRIBE: Self = Self(2);
    /// To get what is published.
    pub const RECEIVE: Self = Self(4);
    /// Mosquitto's `read`.
    pub const READ: Self = Self(2 | 4);
    /// Mosquitto's `readwrite`.
    pub const ALL: Self = Self(7);

    /// One of either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether they have something in common.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl fmt::Display for Powers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [(Self::PUBLISH, "publish"), (Self::SUBSCRIBE, "subscribe"), (Self::RECEIVE, "receive")];
        let mut separator = "";
        for (_, name) in names.iter().filter(|(power, _)| self.meets(*power)) {
            write!(f, "{separator}{name}")?;
            separator = ", ";
        }
        Ok(())
    }
}

/// Whose rule it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Users {
    /// Everybody's, with a name or without.
    All,
    /// Of clients without a user name.
    Anonymous,
    /// Of one user.
    Named(Box<str>),
}

/// One line of a file, or one topic of a `[[rule]]`.
#[derive(Clone, Debug)]
pub struct Rule {
    pub(super) line: u32,
    pub(super) text: Box<str>,
    pub(super) effect: Effect,
    pub(super) powers: Powers,
    pub(super) users: Users,
    pub(super) client: Option<Box<str>>,
    /// Empty: from everywhere.
    pub(super) addresses: Vec<Network>,
    pub(super) listener: Option<u16>,
    /// Empty: every QoS.
    pub(super) qos: Vec<Qos>,
    pub(super) retain: Option<bool>,
    pub(super) pattern: Pattern,
}

impl Rule {
    pub(super) fn new(line: u32, text: &str, effect: Effect, powers: Powers, pattern: Pattern) -> Self {
        Self {
            line,
            text: text.into(),
            effect,
            powers,
            users: Users::All,
            client: None,
            addresses: Vec::new(),
            listener: None,
            qos: Vec::new(),
            retain: None,
            pattern,
        }
    }

    /// Its line in the file, counted from 1.
    #[must_use]
    pub const fn line(&self) -> u32 {
        self.line
    }

    /// What stands there.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it allows or denies.
    #[must_use]
    pub const fn effect(&self) -> Effect {
        self.effect
    }

    /// Whose it is.
    #[must_use]
    pub const fn users(&self) -> &Users {
        &self.users
    }
}

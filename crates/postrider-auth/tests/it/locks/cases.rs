//! Who asks for what, under which rules.

use super::forms::Form;
use postrider_proto::Version;

pub(crate) const EDITIONS: [Version; 3] = [Version::V3_1, Version::V3_1_1, Version::V5];

/// Somebody, and the door used.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) user: Option<&'static str>,
    pub(crate) client: &'static str,
    pub(crate) host: &'static str,
    pub(crate) listener: u16,
}

const fn stranger(user: Option<&'static str>, client: &'static str) -> Person {
    Person { user, client, host: "192.0.2.7", listener: 2 }
}

/// The first is the one that most rules are about; then others, one of whom has its client identifier.
pub(crate) const PEOPLE: [Person; 9] = [
    Person { user: Some("ann"), client: "lamp", host: "10.1.2.3", listener: 1 },
    stranger(Some("ann"), "fan"),
    stranger(Some("bob"), "fan"),
    stranger(Some("bob"), "lamp"),
    stranger(None, "fan"),
    stranger(None, "lamp"),
    stranger(Some("+"), "+"),
    stranger(Some("#"), "#"),
    stranger(Some("ann/lamp"), "ann/lamp"),
];

pub(crate) const ANN: &Person = &PEOPLE[0];

#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) edition: Version,
    pub(crate) form: &'static Form,
    pub(crate) who: &'static Person,
    pub(crate) is_mounted: bool,
}

/// What is protected, as a client below the mount point calls it.
pub(crate) const SECRET: &str = "own/ann/lamp/x";
/// What everybody may do everything with.
pub(crate) const PUBLIC: &str = "public";

impl Case {
    pub(crate) const fn mount(&self) -> &'static str {
        if self.is_mounted { "site/" } else { "" }
    }

    /// What is protected, as rules and other listeners call it.
    pub(crate) fn secret(&self) -> String {
        format!("{}{SECRET}", self.mount())
    }

    /// Whether the rules give this person what is protected.
    pub(crate) fn is_right(&self) -> bool {
        (self.form.admits)(self.who)
    }

    pub(crate) const fn is_v5(&self) -> bool {
        matches!(self.edition, Version::V5)
    }
}

pub(crate) const fn always(_: &Case) -> bool {
    true
}

pub(crate) const fn never(_: &Case) -> bool {
    false
}

pub(crate) fn right(case: &Case) -> bool {
    case.is_right()
}

pub(crate) const fn v5(case: &Case) -> bool {
    case.is_v5()
}

pub(crate) const fn v3(case: &Case) -> bool {
    !case.is_v5()
}

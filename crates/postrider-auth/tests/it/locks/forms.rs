//! Rules in all their forms. Each protects one topic and says by itself, not through the code that is tested, whom it
//! admits.

use super::cases::Person;
use postrider_auth::acl::Rules;
use std::fmt;

pub(crate) struct Form {
    name: &'static str,
    is_toml: bool,
    /// `@` stands for the mount point.
    text: &'static str,
    pub(crate) admits: fn(&Person) -> bool,
    /// Whether whoever it admits may have `own/#` with it.
    pub(crate) is_wide: bool,
}

impl fmt::Debug for Form {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.name)
    }
}

/// What holds in every case: one may everything, and everybody may something.
const LINES: &str = "user boss\ntopic readwrite #\npattern readwrite @public/#\n";
const TABLES: &str = r##"
[[rule]]
allow = ["readwrite"]
topics = ["#"]
user = "boss"
[[rule]]
allow = ["readwrite"]
topics = ["@public/#"]
"##;

impl Form {
    pub(crate) fn rules(&self, mount: &str) -> Rules {
        self.read(self.text, mount)
    }

    /// The rules after the right was taken away.
    pub(crate) fn without(&self, mount: &str) -> Rules {
        self.read("", mount)
    }

    fn read(&self, text: &str, mount: &str) -> Rules {
        let common = if self.is_toml { TABLES } else { LINES };
        let text = format!("{text}\n{common}").replace('@', mount);
        let read = if self.is_toml { Rules::from_toml(&text, "acl") } else { Rules::from_lines(&text, "acl") };
        read.unwrap_or_else(|error| panic!("{self:?}: {error}"))
    }
}

const fn lines(name: &'static str, text: &'static str, admits: fn(&Person) -> bool) -> Form {
    Form { name, is_toml: false, text, admits, is_wide: false }
}

const fn tables(name: &'static str, text: &'static str, admits: fn(&Person) -> bool) -> Form {
    Form { name, is_toml: true, text, admits, is_wide: false }
}

const fn wide(form: Form) -> Form {
    Form { is_wide: true, ..form }
}

fn is_ann(who: &Person) -> bool {
    who.user == Some("ann")
}

fn is_lamp(who: &Person) -> bool {
    who.client == "lamp"
}

fn is_both(who: &Person) -> bool {
    is_ann(who) && is_lamp(who)
}

fn is_nobody(who: &Person) -> bool {
    who.user.is_none()
}

fn is_at_home(who: &Person) -> bool {
    who.host == "10.1.2.3"
}

pub(crate) static FORMS: &[Form] = &[
    lines("lines: user", "user ann\ntopic readwrite @own/ann/lamp/#", is_ann),
    lines("lines: two powers", "user ann\ntopic read @own/ann/lamp/#\ntopic write @own/+/lamp/#", is_ann),
    lines("lines: %u", "pattern readwrite @own/%u/lamp/#", is_ann),
    lines("lines: %c", "pattern readwrite @own/ann/%c/#", is_lamp),
    lines("lines: %u and %c", "pattern readwrite @own/%u/%c/#", is_both),
    lines("lines: anonymous", "topic readwrite @own/ann/lamp/#", is_nobody),
    wide(lines(
        "lines: deny",
        "topic readwrite @own/#\ntopic deny @own/ann/#\nuser bob\ntopic deny @own/ann/lamp/#\ntopic readwrite \
         @own/#\nuser ann\ntopic readwrite @own/#",
        is_ann,
    )),
    wide(lines("lines: deny by pattern", "pattern readwrite @own/#\npattern deny @own/ann/%c/#", |who| {
        who.client == "fan"
    })),
    tables("tables: user", "[[rule]]\nallow = ['readwrite']\ntopics = ['@own/ann/lamp/#']\nuser = 'ann'", is_ann),
    tables("tables: client", "[[rule]]\nallow = ['readwrite']\ntopics = ['@own/ann/lamp/#']\nclient = 'lamp'", is_lamp),
    tables("tables: %u and %c", "[[rule]]\nallow = ['readwrite']\ntopics = ['@own/%u/%c/#']", is_both),
    tables(
        "tables: anonymous",
        "[[rule]]\nallow = ['readwrite']\ntopics = ['@own/ann/lamp/#']\nanonymous = true",
        is_nobody,
    ),
    tables(
        "tables: address",
        "[[rule]]\nallow = ['readwrite']\ntopics = ['@own/ann/lamp/#']\naddress = ['10.0.0.0/8']",
        is_at_home,
    ),
    tables(
        "tables: listener",
        "[[rule]]\nallow = ['readwrite']\ntopics = ['@own/ann/lamp/#']\nlistener = 1",
        is_at_home,
    ),
    tables(
        "tables: user, client, address and listener",
        "[[rule]]\nallow = ['readwrite']\ntopics = ['@own/ann/lamp/#']\nuser = 'ann'\nclient = 'lamp'\naddress = \
         ['10.1.2.3']\nlistener = 1",
        is_at_home,
    ),
    wide(tables(
        "tables: deny by address",
        "[[rule]]\nallow = ['readwrite']\ntopics = ['@own/#']\n[[rule]]\ndeny = ['readwrite']\ntopics = \
         ['@own/ann/lamp/#']\naddress = ['192.0.2.0/24']",
        is_at_home,
    )),
    wide(tables(
        "tables: deny by listener and name",
        "[[rule]]\nallow = ['readwrite']\ntopics = ['@own/#']\n[[rule]]\ndeny = ['publish', 'receive']\ntopics = \
         ['@own/ann/lamp/#']\nlistener = 2",
        is_at_home,
    )),
];

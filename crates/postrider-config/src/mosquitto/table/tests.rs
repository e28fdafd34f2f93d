//! Every option by its row: its default, its effect, a bad value.

use super::{Entry, Here, Repeat, Set, find, groups, keys_of};
use crate::model::Config;
use crate::mosquitto::read;
use crate::mosquitto::value::Kind;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

#[test]
fn a_default_that_is_written_down_changes_nothing() {
    let mut seen = 0;
    for entry in all().filter(|entry| is_literal(entry)) {
        let default = entry.default.split(" (").next().unwrap_or_default();
        let (with, without) = (tree(entry, default), tree(entry, ""));
        assert!(with.is_same(&without), "{} {default}", entry.name);
        seen += 1;
    }
    assert!(seen > 50, "{seen} defaults were looked at");
}

#[test]
fn another_value_changes_the_tree_unless_the_row_says_that_it_has_no_effect() {
    for entry in all().filter(|entry| !matches!(entry.set, Set::Opens(_)) && !matches!(entry.here, Here::Refused(_))) {
        let value = another(entry);
        let (with, without) = (tree(entry, &value), tree(entry, ""));
        let has_effect = !matches!(entry.here, Here::NoEffect(_));
        assert_eq!(!with.is_same(&without), has_effect, "{} {value}", entry.name);
        let is_said = with.notices.iter().any(|notice| notice.what == entry.name && notice.line > 0);
        assert!(has_effect || is_said, "{}: nobody is told that it has no effect", entry.name);
    }
}

#[test]
fn a_bad_value_is_told_with_its_file_and_line() {
    for entry in all() {
        for bad in bad(entry) {
            let text = format!("{}{} {bad}\n", before(entry), entry.name);
            let line = text.lines().count();
            let faults = read("m.conf", &files(&text)).expect_err(&format!("{} {bad}", entry.name));
            let place = format!("m.conf:{line}: {}", entry.name);
            let is_told = faults.iter().any(|fault| fault.to_string().starts_with(&place));
            assert!(is_told, "{} {bad}: {faults:?}", entry.name);
        }
    }
}

#[test]
fn every_alias_does_what_its_option_does() {
    for entry in all().filter(|entry| !matches!(entry.set, Set::Opens(_))) {
        for alias in entry.aliases {
            let value = another(entry);
            let text = format!("{}{alias} {value}\n{}", before(entry), after(entry));
            let config = read("m.conf", &files(&text)).expect(alias);
            assert!(config.is_same(&tree(entry, &value)), "{alias}");
        }
    }
}

#[test]
fn what_may_stand_once_is_an_error_when_it_stands_twice_and_of_the_rest_the_last_holds() {
    for entry in all().filter(|entry| !matches!(entry.set, Set::Opens(_)) && !matches!(entry.here, Here::Refused(_))) {
        let value = another(entry);
        let line = format!("{} {value}\n", entry.name);
        let text = format!("{}{line}{line}{}", before(entry), after(entry));
        let is_good = read("m.conf", &files(&text)).is_ok();
        assert_eq!(is_good, entry.repeat != Repeat::Error, "{}", entry.name);
    }
}

#[test]
fn names_are_there_once_and_lead_to_their_row() {
    let mut names = BTreeSet::new();
    for entry in all() {
        for name in std::iter::once(&entry.name).chain(entry.aliases) {
            assert!(names.insert(*name), "{name} is there twice");
            assert_eq!(find(name).map(|found| found.name), Some(entry.name));
        }
        let is_explained = !entry.says.is_empty() || matches!(entry.here, Here::NoEffect(_) | Here::Refused(_));
        assert!(is_explained, "{} has no sentence", entry.name);
    }
}

#[test]
fn an_option_that_is_set_says_where_its_value_comes_from() {
    let with_keys = all().filter(|entry| keys_of(entry.name).next().is_some());
    let set = with_keys.filter(|entry| matches!(entry.set, Set::Global(_) | Set::Listener(_) | Set::Bridge(_)));
    let mut seen = 0;
    // Its listener is not opened yet.
    for entry in set.filter(|entry| entry.name != "psk_hint") {
        let config = tree(entry, &another(entry));
        let line = before(entry).lines().count() + 1;
        let key = keys_of(entry.name).next().expect("it has one").name;
        let above = match entry.set {
            Set::Listener(_) => format!("listener.{}.", config.listeners[0].name),
            Set::Bridge(_) => "bridge.b.".to_owned(),
            Set::Global(_) | Set::Security(_) | Set::Opens(_) | Set::Nothing => String::new(),
        };
        let origin = config.origins.of(&format!("{above}{key}")).to_string();
        assert_eq!(origin, format!("m.conf:{line}"), "{}", entry.name);
        seen += 1;
    }
    assert!(seen > 60, "{seen} options were looked at");
}

fn all() -> impl Iterator<Item = &'static Entry> {
    groups().into_iter().flat_map(|(_, entries)| entries)
}

fn files(text: &str) -> BTreeMap<PathBuf, String> {
    BTreeMap::from([(PathBuf::from("m.conf"), text.to_owned())])
}

/// What the option says, or nothing where the value is empty.
fn tree(entry: &Entry, value: &str) -> Config {
    let line = if value.is_empty() { String::new() } else { format!("{} {value}\n", entry.name) };
    let text = match (line.as_str(), entry.name) {
        ("", "address" | "topic") => "connection b\naddress h\ntopic x\n".to_owned(),
        ("", "certfile" | "keyfile" | "bridge_certfile" | "bridge_keyfile" | "bridge_identity" | "bridge_psk") => {
            before(entry).to_owned()
        }
        _ => format!("{}{line}{}", before(entry), after(entry)),
    };
    read("m.conf", &files(&text)).unwrap_or_else(|faults| panic!("{} {value}: {faults:?}", entry.name))
}

/// Lines that the option needs above it.
fn before(entry: &Entry) -> &'static str {
    match (entry.set, entry.name) {
        (Set::Bridge(_), "address" | "topic") => "connection b\n",
        (Set::Bridge(_), _) => "connection b\naddress h\ntopic x\n",
        (Set::Listener(_) | Set::Security(_), _) => "listener 1884\n",
        (Set::Global(_) | Set::Opens(_) | Set::Nothing, _) => "",
    }
}

/// Lines that make a whole of it.
fn after(entry: &Entry) -> &'static str {
    match entry.name {
        "certfile" => "keyfile k\n",
        "keyfile" => "certfile c\n",
        "topic" => "address h\n",
        "address" => "topic x\n",
        "psk_hint" => "listener 1885\n",
        "bridge_certfile" => "bridge_keyfile k\n",
        "bridge_keyfile" => "bridge_certfile c\n",
        "bridge_identity" => "bridge_psk ab\n",
        "bridge_psk" => "bridge_identity i\n",
        "require_certificate" => "certfile c\nkeyfile k\ncafile a\n",
        "use_identity_as_username" | "use_subject_as_username" => {
            "certfile c\nkeyfile k\ncafile a\nrequire_certificate true\n"
        }
        "cafile" | "capath" | "crlfile" | "ciphers" | "ciphers_tls1.3" | "disable_client_cert_date_checks" => {
            "certfile c\nkeyfile k\n"
        }
        "tls_version" => "certfile c\nkeyfile k\n",
        "proxy_protocol_v2_require_tls" => "enable_proxy_protocol 2\n",
        "local_password" => "local_username u\n",
        "remote_password" => "remote_username u\n",
        "persistence_location" | "persistence_file" => "persistence true\n",
        "bridge_insecure"
        | "bridge_require_ocsp"
        | "bridge_alpn"
        | "bridge_ciphers"
        | "bridge_ciphers_tls1.3"
        | "bridge_tls_version" => "bridge_cafile a\n",
        _ => "",
    }
}

/// Whether the default is a value that could stand in a file.
fn is_literal(entry: &Entry) -> bool {
    let default = entry.default.split(" (").next().unwrap_or_default();
    let is_word = !["none", "off", "never", "any", "all", "both", "daemon"].contains(&default);
    // Ours is another, and the row says so.
    let is_same = entry.name != "set_tcp_nodelay";
    let is_plain = !default.contains([';', ',']) && !default.starts_with(['`', 'a'].as_slice());
    let reads = entry.kind.read(default).is_ok();
    is_word
        && is_same
        && is_plain
        && reads
        && !matches!(entry.set, Set::Opens(_))
        && default != "the library's"
        && !default.contains(" name")
        && !default.contains("since")
        && !default.contains("directory")
}

/// A good value that is not the default.
fn another(entry: &Entry) -> String {
    match (entry.name, entry.kind) {
        ("set_tcp_nodelay", _) => "false".to_owned(),
        ("log_dest", _) => "stdout".to_owned(),
        ("log_timestamp_format", _) => "%H".to_owned(),
        ("bridge_psk", _) => "0aff".to_owned(),
        ("tls_version" | "bridge_tls_version", _) => "tlsv1.3".to_owned(),
        ("tls_keyform", _) => "pem".to_owned(),
        ("log_type", _) => "debug".to_owned(),
        ("max_packet_size", _) => "100".to_owned(),
        (_, Kind::Flag) => (!entry.default.starts_with("true")).to_string(),
        (_, Kind::Number(min, max)) => (min + 1).min(max).to_string(),
        (_, Kind::AtLeast(min, _)) => (min + 7).to_string(),
        (_, Kind::Text | Kind::Short | Kind::Prefix) => "some/thing".to_owned(),
        (_, Kind::Word(words)) => words.iter().find(|word| **word != entry.default).expect("there are two").to_string(),
        (_, Kind::Span) => "3d".to_owned(),
        (_, Kind::Place) => "1999 ::1".to_owned(),
        (_, Kind::Port) => "1999".to_owned(),
        (_, Kind::Addresses) => "a:1 b".to_owned(),
        (_, Kind::Rule) => "a/# both 2 l/ r/".to_owned(),
        (_, Kind::Restart) => "7 9 11".to_owned(),
        (_, Kind::Probes) => "1 2 3".to_owned(),
        (_, Kind::Versions) => "4,5".to_owned(),
    }
}

/// Values that cannot be meant.
fn bad(entry: &Entry) -> Vec<String> {
    let texts: &[&str] = match entry.kind {
        Kind::Flag => &["", "yes", "True", "2"],
        Kind::Number(..) | Kind::AtLeast(..) => &["", "abc", "10M", "0x10", "99999999999999999999"],
        Kind::Text => &[""],
        Kind::Short => &["", "012345678901234567890123456789012345678901234567890"],
        Kind::Prefix => &["", "a/+/", "#"],
        Kind::Word(_) => &["", "neither"],
        Kind::Span => &["", "5", "d", "0d", "-5d", "5 d", "9999999999999999999y"],
        Kind::Place => &["", "abc", "70000", "-1", "0"],
        Kind::Port => &["", "0", "70000"],
        Kind::Addresses => &["", "a:0", "a:70000", "a:b", "::1", ":5"],
        Kind::Rule => &["", "x up", "x out 3", "x out 1 l/+ r/", "\"\" out 0 \"\" r", "\"x", "a# out"],
        Kind::Restart => &["", "a", "10 5", "4000", "10 9999"],
        Kind::Probes => &["", "1 2", "0 1 2", "1 2 3 4"],
        Kind::Versions => &["", "6", "3,x"],
    };
    let beyond = match entry.kind {
        Kind::Number(min, max) => vec![min.checked_sub(1), max.checked_add(1)],
        Kind::AtLeast(_, max) => vec![max.checked_add(1)],
        Kind::Flag | Kind::Text | Kind::Short | Kind::Prefix | Kind::Word(_) | Kind::Span | Kind::Place => Vec::new(),
        Kind::Port | Kind::Addresses | Kind::Rule | Kind::Restart | Kind::Probes | Kind::Versions => Vec::new(),
    };
    let beyond = beyond.into_iter().flatten().map(|number| number.to_string());
    texts.iter().map(|text| (*text).to_owned()).chain(beyond).collect()
}

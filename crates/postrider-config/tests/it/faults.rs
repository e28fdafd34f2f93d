//! What people are told.

use crate::keys::file;
use postrider_config::keys::{self, Key, Kind};
use postrider_config::native::{Beside, read};

fn faults(text: &str) -> Vec<String> {
    match read("a.toml", text, Beside::default()) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(ToString::to_string).collect(),
    }
}

/// Values that no key of this kind takes, in TOML.
fn bad(key: &Key) -> Vec<String> {
    let number = |range: keys::Range| {
        let below = range.min.checked_sub(1).map(|below| format!("'{below}{}'", small_unit(range.unit)));
        let above = range.max.checked_add(1).map(|above| format!("'{above}{}'", small_unit(range.unit)));
        let is_word = |text: &String| range.word.is_some_and(|(_, number)| text.contains(&number.to_string()));
        let ends = below.into_iter().chain(above).filter(|end| !is_word(end));
        ends.chain(["'a few'".to_owned(), "1.5".to_owned(), "-1".to_owned(), "'7 parsecs'".to_owned()]).collect()
    };
    let texts: &[&str] = match key.kind {
        Kind::Number(range) => return number(range),
        Kind::Flag | Kind::FlagOrAuto => &["1", "'yes'", "[true]"],
        Kind::Word(_) | Kind::WordOrAuto(_) => &["'no such word'", "1", "true"],
        Kind::Words(_) => &["['no such word']", "'error'", "[1]"],
        Kind::Text | Kind::Path => &["1", "true", "['a']", "{ a = 1 }", "1979-05-27"],
        Kind::Texts => &["'one'", "[1]", "[['a']]"],
        Kind::Form(_) => &["\"no\\u0000where\"", "1", "[]", "'999999'"],
        Kind::Forms(_) => &["'one'", "[1]", "['a b c d e f g']"],
        Kind::Secret => &["1", "['a']", "'(hidden)'"],
        Kind::Map => &["1", "'on'", "{ a = 'b' }", "{ a = [1] }"],
    };
    texts
        .iter()
        .filter(|text| !(key.name == "data.directory" && **text == "'999999'"))
        .map(|text| (*text).to_owned())
        .collect()
}

const fn small_unit(unit: keys::Unit) -> &'static str {
    match unit {
        keys::Unit::Count => "",
        keys::Unit::Bytes => "b",
        keys::Unit::Seconds => "s",
        keys::Unit::Milliseconds => "ms",
    }
}

#[test]
fn a_bad_value_of_every_key_is_told_with_its_line_and_column_and_what_is_allowed() {
    for key in keys::all() {
        for value in bad(key) {
            let text = file(key, &value);
            let told = faults(&text).join("\n");
            let column = key.name.len() + " = ".len() + 1;
            assert!(told.contains(&format!("a.toml:3:{column}: ")), "{text}{told}");
            let name = key.name.rsplit('.').next().unwrap_or_default();
            assert!(told.contains(name), "{text}{told}");
            assert!(told.contains(" not ") || told.contains("it is ") || told.contains("secrets"), "{text}{told}");
        }
    }
}

#[test]
fn every_fault_of_a_file_is_told() {
    let text = "\
[limits]
max_paket_size = 1000
max_qos = 3
[lmits]
a = 1
[log]
types = ['eror']
[[listener]]
bind = 'nowhere'
tls = 'on'
[[listener]]
protocol = 'mqtt'
[bridge]
name = 'x'
";
    let expected = [
        "a.toml:2:1: limits.max_paket_size: there is no such key; did you mean limits.max_packet_size?",
        "a.toml:4:2: lmits: there is no such key; docs/configuration.md lists them all",
        "a.toml:7:9: log.types: [\"eror\"] is not a list, each of error, warning, notice, information, debug, \
         subscribe, unsubscribe, websockets, internal",
        "a.toml:3:11: limits.max_qos: 3 is not a whole number, 0 to 2",
        "a.toml:10:7: listener.nowhere.tls: it is a table: [listener.nowhere.tls]",
        "a.toml:9:8: listener.nowhere.bind: it is `host:port`, `:port` for every address, `unix:/path` or \
         `systemd:name`",
        "a.toml:11:1: listener.bind: it is missing; say where, such as `127.0.0.1:1883`",
        "a.toml:13:1: bridge: there may be several: write [[bridge]]",
    ];
    assert_eq!(faults(text), expected);
}

#[test]
fn a_file_that_is_no_toml_is_told_with_its_place() {
    let told = faults("[limits]\nmax_qos = \n[log\n").join("\n");
    assert!(told.contains("a.toml:2:") && told.contains("a.toml:3:"), "{told}");
    let told = faults("[limits]\nmax_qos = 1\nmax_qos = 2\n").join("\n");
    assert!(told.starts_with("a.toml:3:1: "), "{told}");
}

#[test]
fn what_contradicts_itself_is_told_where_it_stands() {
    let listener = "[[listener]]\nname = 'x'\nbind = 'localhost:1883'\n";
    let cases = [
        ("tls.certificate = 'c'", "a.toml:1: listener.x.tls.key: it is missing; the certificate needs its key"),
        ("tls.key = 'k'", "a.toml:1: listener.x.tls.certificate: it is missing; the key needs its certificate"),
        (
            "tls = { certificate = 'c', key = 'k', client_certificate = 'required' }",
            "a.toml:4:60: listener.x.tls.client_certificate: nobody could vouch for one; set tls.client_ca_file",
        ),
        (
            "auth.username_from = 'subject'",
            "a.toml:4:22: listener.x.auth.username_from: clients are not asked for a certificate; set \
             tls.client_certificate",
        ),
        (
            "proxy.trusted = ['10.0.0.0/33']",
            "a.toml:4:17: listener.x.proxy.trusted: \"10.0.0.0/33\" is no network; write 10.0.0.0/8 or fd00::/8",
        ),
        (
            "limits.mount_point = 'a/#/'",
            "a.toml:4:22: listener.x.limits.mount_point: it is the beginning of topics, so it has no wildcard",
        ),
    ];
    for (line, expected) in cases {
        assert_eq!(faults(&format!("{listener}{line}\n")), [expected], "{line}");
    }
    let twin = format!("{listener}[[listener]]\nname = 'y'\nbind = 'localhost:1883'\n");
    assert_eq!(faults(&twin), ["a.toml:6:8: listener.y.bind: the listener x has the same address"]);
    let twin = format!("{listener}[[listener]]\nname = 'x'\nbind = 'localhost:1884'\n");
    assert_eq!(faults(&twin), ["a.toml:4:1: listener.x: there is a listener of that name already"]);
    let durable = format!("[data]\ndurability = 'os'\n{listener}limits.durability = 'fsync'\n");
    assert_eq!(faults(&durable).len(), 1);
}

//! The same as TOML.

use crate::names::{asker, may_publish};
use postrider_auth::acl::{Asker, Rules, Verdict, Wish};
use postrider_proto::Qos;

fn rules(text: &str) -> Rules {
    Rules::from_toml(text, "acl.toml").expect("rules")
}

fn fault(text: &str) -> String {
    Rules::from_toml(text, "acl.toml").expect_err(text).to_string()
}

#[test]
fn a_table_says_whom_and_what_it_is_about() {
    let rules = rules(FILE);
    let home = |address: &str| Asker { address: address.parse().ok(), listener: Some(1), ..asker(Some("ann"), "lamp") };
    assert!(may_publish(&rules, &home("10.1.2.3"), "homes/ann/x"));
    assert!(may_publish(&rules, &home("::ffff:10.1.2.3"), "homes/ann/x"));
    assert!(!may_publish(&rules, &home("11.1.2.3"), "homes/ann/x"));
    assert!(!may_publish(&rules, &Asker { listener: Some(2), ..home("10.1.2.3") }, "homes/ann/x"));
    assert!(!may_publish(&rules, &asker(Some("ann"), "lamp"), "homes/ann/x"), "from an unknown place");
    assert!(!may_publish(&rules, &Asker { user: None, ..home("10.1.2.3") }, "homes/ann/x"));
    assert!(may_publish(&rules, &asker(None, "guest"), "hall") && !may_publish(&rules, &asker(None, "c"), "hall"));
    let says = |qos, retain| {
        let wish = Wish::Publish { topic: "notes", qos, retain };
        rules.judge(&asker(None, "c"), &wish).verdict == Verdict::Allowed
    };
    assert!(says(Qos::AtLeastOnce, true) && !says(Qos::AtLeastOnce, false) && !says(Qos::ExactlyOnce, true));
    let lines: Vec<_> = rules.iter().map(|rule| rule.line()).collect();
    assert_eq!(lines, [7, 8, 13, 18, 23]);
    assert!(
        rules.iter().next().is_some_and(|rule| {
            rule.text() == "allow publish, user \"ann\", from 10.0.0.0/8, listener 1: homes/%u/#"
        })
    );
}

const FILE: &str = r#"
[[rule]]
allow = ["publish"]
user = "ann"
address = ["10.0.0.0/8"]
topics = [
  "homes/%u/#",
  "more",
]
listener = 1
[[rule]]
allow = ["readwrite"]
topics = ["hall"]
client = "guest"
anonymous = true
[[rule]]
allow = ["write"]
topics = ["notes"]
qos = [0, 1]
retain = true
[[rule]]
deny = ["read"]
topics = ["nothing"]
"#;

#[test]
fn to_subscribe_takes_leave_to_receive() {
    let may = |text: &str| {
        let wish = Wish::Subscribe { filter: "a/b", qos: Qos::AtMostOnce };
        rules(text).judge(&asker(None, "c"), &wish).verdict == Verdict::Allowed
    };
    assert!(may("[[rule]]\nallow = [\"read\"]\ntopics = [\"a/+\"]"));
    assert!(!may("[[rule]]\nallow = [\"subscribe\"]\ntopics = [\"a/+\"]"));
    assert!(!may("[[rule]]\nallow = [\"receive\"]\ntopics = [\"a/+\"]"));
    let both =
        "[[rule]]\nallow = [\"receive\"]\ntopics = [\"a/#\"]\n[[rule]]\nallow = [\"subscribe\"]\ntopics = [\"a/+\"]";
    assert!(may(both));
    for word in ["subscribe", "receive"] {
        assert!(!may(&format!("{both}\n[[rule]]\ndeny = [\"{word}\"]\ntopics = [\"a/b\"]")), "{word}");
    }
}

#[test]
fn what_is_not_known_of_a_client_opens_nothing() {
    let text = "[[rule]]\nallow = [\"write\"]\ntopics = [\"#\"]\n[[rule]]\ndeny = [\"write\"]\ntopics = [\"x\"]\naddress = [\"10.0.0.0/8\"]";
    let rules = rules(text);
    assert!(!may_publish(&rules, &asker(None, "c"), "x"), "it may come from there");
    let elsewhere = Asker { address: "192.0.2.1".parse().ok(), ..asker(None, "c") };
    assert!(may_publish(&rules, &elsewhere, "x"));
}

#[test]
fn what_is_wrong_is_named_with_its_line_and_what_is_allowed() {
    let with = |line: &str| fault(&format!("[[rule]]\nallow = [\"read\"]\ntopics = [\"a\"]\n{line}"));
    let unknown = with("colour = 1");
    assert!(
        unknown.starts_with("acl.toml:4: ") && unknown.contains("colour") && unknown.contains("topics"),
        "{unknown}"
    );
    assert!(fault("rules = 1").starts_with("acl.toml:1: "), "{}", fault("rules = 1"));
    assert_eq!(with("qos = [3]"), "acl.toml:4: there is no QoS 3; it is 0, 1 or 2");
    assert!(with("address = [\"10.0.0.0/33\"]").starts_with("acl.toml:4: \"10.0.0.0/33\": an address is "));
    assert_eq!(with("retain = true"), "acl.toml:4: retain goes with publish alone");
    assert_eq!(with("anonymous = false"), "acl.toml:4: anonymous is true or left out");
    assert_eq!(with("user = \"\""), "acl.toml:4: a user has a name");
    assert!(with("deny = [\"read\"]").contains("either allow or deny"));
    assert!(
        fault("[[rule]]\nallow = [\"red\"]\ntopics = [\"a\"]").starts_with("acl.toml:2: \"red\" is nothing to allow")
    );
    assert!(fault("[[rule]]\nallow = []\ntopics = [\"a\"]").contains("need one of"));
    assert!(
        fault("[[rule]]\nallow = [\"read\"]\ntopics = [\n\"a\",\n\"b/#/c\"]")
            .starts_with("acl.toml:5: \"b/#/c\" is no topic")
    );
    assert!(fault("[[rule]]\nallow = [\"read\"]\ntopics = []").contains("one filter at least"));
    assert!(fault("[[rule]\n").starts_with("acl.toml:1: "));
}

#[test]
fn a_file_without_tables_denies_everything() {
    assert!(rules("").is_empty() && !may_publish(&rules("# x"), &asker(None, "c"), "a"));
}

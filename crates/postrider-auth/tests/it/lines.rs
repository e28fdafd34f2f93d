//! Mosquitto's file.

use crate::names::{asker, may_publish, may_subscribe};
use postrider_auth::acl::{Effect, Rules, Users, Verdict, Wish};

fn fault(text: &str) -> String {
    Rules::from_lines(text, "acl").expect_err(text).to_string()
}

#[test]
fn rules_before_the_first_user_are_for_clients_without_a_name() {
    let rules = Rules::from_lines(FILE, "acl").expect("rules");
    let may = |user, topic| may_publish(&rules, &asker(user, "c"), topic);
    assert!(may(None, "open/x") && !may(Some("ann"), "open/x"));
    assert!(may(Some("ann"), "of ann/x") && !may(None, "of ann/x") && !may(Some("bob"), "of ann/x"));
    assert!(may(Some("bob"), "own/c") && may(None, "own/c"), "patterns are for everybody");
    assert!(!may(Some("ann"), "of ann/no"), "what denies comes first");
    assert!(!may(Some("ann"), "only/read") && may(Some("ann"), "only/write"));
    let lines: Vec<_> = rules.iter().map(|rule| (rule.line(), rule.effect(), rule.users().clone())).collect();
    let ann = || Users::Named("ann".into());
    let expected = [
        (3, Effect::Allow, Users::Anonymous),
        (7, Effect::Allow, ann()),
        (8, Effect::Deny, ann()),
        (9, Effect::Allow, ann()),
        (10, Effect::Allow, ann()),
        (11, Effect::Allow, Users::All),
    ];
    assert_eq!(lines, expected);
}

const FILE: &str = "\u{FEFF}# what it is

topic open/#\r
  # indented

user ann\n  topic readwrite of ann/#
topic deny of ann/no
topic read only/read\n\ttopic\twrite  only/write  \npattern own/%c\n";

#[test]
fn a_file_without_rules_denies_everything() {
    for text in ["", "\n\n", "# nothing\n", "user ann\n"] {
        let rules = Rules::from_lines(text, "acl").expect("rules");
        assert!(rules.is_empty());
        assert!(!may_subscribe(&rules, "a") && !may_publish(&rules, &asker(None, "c"), "a"), "{text:?}");
        assert!(!may_publish(&rules, &asker(Some("ann"), "c"), "a"), "{text:?}");
        let decision = rules.judge(&asker(None, "c"), &Wish::Receive { topic: "a" });
        assert_eq!((decision.verdict, decision.rule.is_none()), (Verdict::Denied, true));
    }
}

#[test]
fn what_is_wrong_is_named_with_its_line_and_what_is_allowed() {
    assert_eq!(fault("topic a\n\ntopic raed b"), "acl:3: \"raed\" is no access; it is read, write, readwrite or deny");
    assert_eq!(fault("topics a"), "acl:1: a line begins with topic, user, pattern or #, not with \"topics\"");
    assert_eq!(fault("user"), "acl:1: user needs a name: user NAME");
    assert_eq!(fault("# x\ntopic"), "acl:2: topic needs a topic filter: topic [read|write|readwrite|deny] FILTER");
    assert_eq!(fault("pattern read a#"), "acl:1: \"a#\" is no topic filter: # stands alone in its level, and last");
    assert!(fault("topic read $share/g/a").contains("write the filter behind $share/NAME/"));
    assert!(fault("topic read a\0b").contains("U+0000"));
}

#[test]
fn a_placeholder_in_a_topic_line_is_plain_text() {
    let rules = Rules::from_lines("topic write x/%c\n", "acl").expect("rules");
    assert!(may_publish(&rules, &asker(None, "c"), "x/%c") && !may_publish(&rules, &asker(None, "c"), "x/c"));
}

#[test]
fn every_decision_names_its_rule() {
    let rules = Rules::from_lines("topic read a/+\ntopic deny a/b\n", "etc/acl").expect("rules");
    let of = |topic| rules.judge(&asker(None, "c"), &Wish::Receive { topic });
    assert_eq!(of("a/c").rule.map(|rule| (rule.line(), rule.text())), Some((1, "topic read a/+")));
    let denied = of("a/b");
    assert_eq!(denied.rule.map(|rule| (rule.line(), rule.text())), Some((2, "topic deny a/b")));
    assert_eq!(denied.sentence(rules.file()), "denied by acl:2");
    assert_eq!(of("x").sentence(rules.file()), "no rule of acl allows it");
}

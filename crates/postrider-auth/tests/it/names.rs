//! Whose rule it is, and names in filters.

use postrider_auth::acl::{Asker, Rules, Verdict, Wish};
use postrider_proto::Qos;

pub(crate) fn asker<'a>(user: Option<&'a str>, client: &'a str) -> Asker<'a> {
    Asker { user, client, address: None, listener: None }
}

pub(crate) fn may_subscribe(rules: &Rules, filter: &str) -> bool {
    let wish = Wish::Subscribe { filter, qos: Qos::AtMostOnce };
    rules.judge(&asker(None, "c"), &wish).verdict == Verdict::Allowed
}

pub(crate) fn may_publish(rules: &Rules, asker: &Asker<'_>, topic: &str) -> bool {
    let wish = Wish::Publish { topic, qos: Qos::AtMostOnce, retain: false };
    rules.judge(asker, &wish).verdict == Verdict::Allowed
}

fn patterns(lines: &str) -> Rules {
    Rules::from_lines(lines, "acl").expect("rules")
}

#[test]
fn a_placeholder_stands_for_the_name_of_whoever_asks() {
    let rules = patterns("pattern write homes/%u/%c/+\npattern write d-%c\n");
    let may = |user, client, topic| may_publish(&rules, &asker(user, client), topic);
    assert!(may(Some("ann"), "lamp", "homes/ann/lamp/x") && may(None, "lamp", "d-lamp"));
    assert!(!may(Some("ann"), "lamp", "homes/bob/lamp/x"));
    assert!(!may(Some("ann"), "lamp", "homes/ann/fan/x"));
    // No user, no home.
    assert!(!may(None, "lamp", "homes//lamp/x") && !may(None, "lamp", "homes/%u/lamp/x"));
}

// A10
#[test]
fn a_name_that_cannot_be_a_level_opens_nothing_and_is_denied_all_that_may_be_meant() {
    let rules = patterns("pattern readwrite homes/%u/#\npattern readwrite by/%c\n");
    let guarded = patterns(
        "topic readwrite #\nuser +\ntopic readwrite #\nuser a/b\ntopic readwrite #\npattern deny secret/%u/x\n",
    );
    for name in ["+", "#", "a/b", "ann/#", "+/+", "", "/"] {
        let odd = asker(Some(name), name);
        for topic in ["homes/ann/x", "homes/+/x", "homes//x", "homes/a/b/x", "by/", "by/a", "homes"] {
            assert!(!may_publish(&rules, &odd, topic), "{name:?} to {topic}");
        }
        for filter in ["homes/#", "homes/+/#", "#", "by/+", "by/#", "homes/a/b/#"] {
            let wish = Wish::Subscribe { filter, qos: Qos::AtMostOnce };
            assert_eq!(rules.judge(&odd, &wish).verdict, Verdict::Denied, "{name:?} to {filter}");
        }
    }
    for name in ["+", "a/b"] {
        let odd = asker(Some(name), "c");
        assert!(!may_publish(&guarded, &odd, "secret/a/b/x") && !may_publish(&guarded, &odd, "secret/z"), "{name}");
        assert!(may_publish(&guarded, &odd, "open"), "{name}");
        let wish = Wish::Subscribe { filter: "#", qos: Qos::AtMostOnce };
        let decision = guarded.judge(&odd, &wish);
        let except: Vec<_> = decision.except.iter().map(|(filter, _)| &**filter).collect();
        assert_eq!((decision.verdict, except), (Verdict::Allowed, vec!["secret/#"]), "{name}");
    }
}

#[test]
fn a_user_called_dollar_sys_does_not_get_there_by_a_placeholder() {
    let rules = patterns("pattern readwrite %u/#\npattern readwrite %c\n");
    assert!(!may_publish(&rules, &asker(Some("$SYS"), "$x"), "$SYS/broker"));
    assert!(!may_publish(&rules, &asker(Some("$SYS"), "$x"), "$x"));
    assert!(may_publish(&rules, &asker(Some("ann"), "c"), "ann/x"));
}

#[test]
fn names_with_line_breaks_colours_and_percents_are_plain_names() {
    for name in ["a\nuser admin", "\u{1b}[31m", "%c", "%u", "..", "a${x}", "\u{FEFF}"] {
        let rules = patterns("pattern write %u/x\n");
        assert!(may_publish(&rules, &asker(Some(name), "c"), &format!("{name}/x")), "{name:?}");
        assert!(!may_publish(&rules, &asker(Some(name), "c"), "c/x"), "{name:?}");
    }
}

//! Sets of topics, compared with what trying every topic says.

use crate::names::{asker, may_subscribe};
use postrider_auth::acl::{Rules, Verdict, Wish};
use postrider_proto::{Filter, Qos, Topic};

/// Level names of filters; topics have one more, which stands for all that no filter names.
const NAMES: [&str; 4] = ["a", "b", "$x", ""];
const FRESH: &str = "fresh";

/// Every text of up to `depth` levels out of `alphabet`.
fn texts(alphabet: &[&str], depth: usize) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut last: Vec<String> = alphabet.iter().map(|level| (*level).to_owned()).collect();
    for _ in 1..depth {
        let longer = last.iter().flat_map(|text| alphabet.iter().map(move |level| format!("{text}/{level}"))).collect();
        all.extend(std::mem::replace(&mut last, longer));
    }
    all.extend(last);
    all.retain(|text| !text.is_empty());
    all
}

fn filters(depth: usize) -> Vec<String> {
    let plain = [&NAMES[..], &["+"]].concat();
    let mut all = texts(&plain, depth);
    let mut open = texts(&plain, depth - 1);
    open.push(String::new());
    all.extend(open.iter().map(|text| if text.is_empty() { "#".to_owned() } else { format!("{text}/#") }));
    // What begins with an empty level.
    all.extend(["/#".to_owned()]);
    all.sort();
    all.dedup();
    all
}

fn topics(depth: usize) -> Vec<String> {
    texts(&[&NAMES[..], &[FRESH]].concat(), depth)
}

/// Which topics a filter matches, a bit each.
fn matched(filter: &str, topics: &[String]) -> Vec<u64> {
    let filter = Filter::parse(filter.as_bytes()).expect("a filter");
    let mut bits = vec![0; topics.len().div_ceil(64)];
    for (at, topic) in topics.iter().enumerate() {
        if filter.matches(Topic::parse(topic.as_bytes()).expect("a topic")) {
            bits[at / 64] |= 1_u64 << (at % 64);
        }
    }
    bits
}

fn is_within(inner: &[u64], outer: &[u64]) -> bool {
    inner.iter().zip(outer).all(|(inner, outer)| inner & !outer == 0)
}

fn granting(filters: &[&str]) -> Rules {
    let lines: String = filters.iter().map(|filter| format!("topic read {filter}\n")).collect();
    Rules::from_lines(&lines, "acl").expect("rules")
}

#[test]
fn a_subscription_is_allowed_exactly_if_every_topic_of_it_is() {
    let (filters, topics) = (filters(4), topics(5));
    let sets: Vec<_> = filters.iter().map(|filter| matched(filter, &topics)).collect();
    let mut allowed = 0_u32;
    for (grant, granted) in filters.iter().zip(&sets) {
        let rules = granting(&[grant]);
        for (asked, wanted) in filters.iter().zip(&sets) {
            let expected = is_within(wanted, granted);
            assert_eq!(may_subscribe(&rules, asked), expected, "{asked} with a grant of {grant}");
            allowed += u32::from(expected);
        }
    }
    assert!(filters.len() > 900 && allowed > 10_000, "{} filters, {allowed} allowed", filters.len());
}

#[test]
fn several_grants_together_allow_exactly_what_they_contain_together() {
    let (filters, topics) = (filters(3), topics(4));
    let sets: Vec<_> = filters.iter().map(|filter| matched(filter, &topics)).collect();
    // A plain sequence of numbers that hits every filter: 2^32 is no multiple of it.
    let (mut number, mut joint) = (1_u32, 0_u32);
    let mut next = |bound: usize| {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (number >> 8) as usize % bound
    };
    let wild: Vec<usize> = (0..filters.len()).filter(|at| filters[*at].ends_with(['#', '+'])).collect();
    for _ in 0..2_000 {
        let chosen: Vec<usize> =
            (0..3).map(|_| if next(2) == 0 { wild[next(wild.len())] } else { next(filters.len()) }).collect();
        let rules = granting(&chosen.iter().map(|at| filters[*at].as_str()).collect::<Vec<_>>());
        let union: Vec<u64> =
            (0..sets[0].len()).map(|word| chosen.iter().fold(0, |bits, at| bits | sets[*at][word])).collect();
        for (asked, wanted) in filters.iter().zip(&sets) {
            let expected = is_within(wanted, &union);
            let chosen = || chosen.iter().map(|at| &filters[*at]).collect::<Vec<_>>();
            assert_eq!(may_subscribe(&rules, asked), expected, "{asked} with {:?}", chosen());
            joint += u32::from(expected && !chosen().iter().any(|filter| **filter == *asked));
        }
    }
    assert!(joint > 1_000, "{joint}");
    assert!(may_subscribe(&granting(&["a", "a/+/#"]), "a/#"));
    assert!(!may_subscribe(&granting(&["a", "a/+"]), "a/#"));
}

#[test]
fn a_denied_part_of_a_subscription_is_exactly_what_is_not_delivered() {
    let (filters, topics) = (filters(3), topics(4));
    let sets: Vec<_> = filters.iter().map(|filter| matched(filter, &topics)).collect();
    for (denied, gone) in filters.iter().zip(&sets) {
        let rules = format!("topic read #\ntopic read $x/#\ntopic deny {denied}\n");
        let rules = Rules::from_lines(&rules, "acl").expect("rules");
        for (at, topic) in topics.iter().enumerate() {
            let is_denied = gone[at / 64] >> (at % 64) & 1 == 1;
            let verdict = rules.judge(&asker(None, "c"), &Wish::Receive { topic }).verdict;
            assert_eq!(verdict == Verdict::Denied, is_denied, "{topic} without {denied}");
        }
        for (asked, wanted) in filters.iter().zip(&sets) {
            let decision = rules.judge(&asker(None, "c"), &Wish::Subscribe { filter: asked, qos: Qos::AtMostOnce });
            let meets = wanted.iter().zip(gone).any(|(wanted, gone)| wanted & gone != 0);
            match decision.verdict {
                Verdict::Denied => assert!(is_within(wanted, gone), "{asked} without {denied}"),
                // What is left out beyond that is not in the subscription anyway.
                Verdict::Allowed if meets => assert_eq!(decision.except.len(), 1, "{asked} without {denied}"),
                Verdict::Allowed => {}
            }
            for (filter, _) in &decision.except {
                assert!(**filter == **denied || matched(filter, &topics) == *gone, "{filter} for {denied}");
            }
        }
    }
}

// [MQTT-4.7.2-1], A16, A17
#[test]
fn a_leading_wildcard_does_not_open_what_begins_with_a_dollar() {
    for grant in ["#", "+/#", "+/broker/#"] {
        let rules = granting(&[grant]);
        for filter in ["$SYS/#", "$SYS/broker/#", "$SYS/broker/load", "$CONTROL/+"] {
            assert!(!may_subscribe(&rules, filter), "{filter} with {grant}");
        }
    }
    assert!(may_subscribe(&granting(&["$SYS/#"]), "$SYS/broker/+"));
}

#[test]
fn a_shared_subscription_is_judged_as_what_it_shares_and_needs_all_of_it() {
    let rules = Rules::from_lines("topic read a/#\ntopic deny a/secret\n", "acl").expect("rules");
    let may = |filter| may_subscribe(&rules, filter);
    assert!(may("$share/group/a/b") && may("a/#"));
    assert!(!may("$share/group/b") && !may("$share/group/#"));
    // A message for the group that its member may not have would be lost.
    assert!(!may("$share/group/a/#") && !may("$share/group/a/+"));
}

#[test]
fn a_filter_of_many_levels_is_judged_and_one_of_too_many_is_no_rule() {
    let rules = granting(&["a/#"]);
    let deep = vec!["x"; 30_000].join("/");
    assert!(may_subscribe(&rules, &format!("a/{deep}/#")) && !may_subscribe(&rules, &deep));
    let error = Rules::from_lines(&format!("topic read {deep}"), "acl").expect_err("too deep");
    assert!(error.what().contains("128 levels"), "{error}");
}

//! Topic names and filters.

use postrider_proto::{Filter, FilterError, Share, Text, Topic, TopicError};
use proptest::prelude::*;

fn matches(filter: &str, topic: &str) -> bool {
    let filter = Filter::parse(filter.as_bytes()).expect("legal filter");
    filter.matches(Topic::parse(topic.as_bytes()).expect("legal topic"))
}

// Both editions have the same rules and one parser. [MQTT-4.7.1-1], [MQTT-4.7.1-2], [MQTT-4.7.1-2] of 3.1.1,
// [MQTT-4.7.1-3] of 3.1.1, [MQTT-4.7.3-1] to [MQTT-4.7.3-3], [MQTT-4.7.3-1] to [MQTT-4.7.3-3] of 3.1.1
#[test]
fn filters_are_legal_only_with_wildcards_in_their_places() {
    for good in
        ["#", "+", "/", "//", "a", "a/#", "+/#", "/+", "+/tennis/#", "sport/+/player1", "a b", "$SYS/#", "日本/+"]
    {
        assert!(Filter::parse(good.as_bytes()).is_ok(), "{good}");
    }
    for (bad, why) in [
        ("", FilterError::Empty),
        ("sport/tennis#", FilterError::HashMisplaced),
        ("sport/tennis/#/ranking", FilterError::HashMisplaced),
        ("#/", FilterError::HashMisplaced),
        ("sport+", FilterError::PlusMisplaced),
        ("+a/b", FilterError::PlusMisplaced),
        ("a\0b", FilterError::HasNul),
        ("$share/", FilterError::ShareFilterMissing),
        ("$share/g", FilterError::ShareFilterMissing),
        ("$share/g/", FilterError::ShareFilterMissing),
        ("$share//a", FilterError::ShareNameEmpty),
        ("$share/g+/a", FilterError::ShareNameWildcard),
        ("$share/#/a", FilterError::ShareNameWildcard),
        ("$share/g/a#", FilterError::HashMisplaced),
    ] {
        assert_eq!(Filter::parse(bad.as_bytes()), Err(why), "{bad}");
    }
    assert_eq!(Filter::parse(b"a/\xff"), Err(FilterError::NotUtf8));
    assert_eq!(Filter::parse(b"\xed\xa0\x80"), Err(FilterError::NotUtf8), "a surrogate");
    assert_eq!(Filter::parse(&vec![b'a'; 65_536]), Err(FilterError::TooLong));
}

// [MQTT-4.7.0-1], [MQTT-4.7.3-1] to [MQTT-4.7.3-3], [MQTT-1.5.4-3], [MQTT-4.7.1-1] of 3.1.1,
// [MQTT-4.7.3-1] to [MQTT-4.7.3-3] of 3.1.1
#[test]
fn topic_names_are_legal_only_without_wildcards() {
    for good in ["a", "/", "a/b c/ü", "$SYS/x", "\u{FEFF}a"] {
        assert!(Topic::parse(good.as_bytes()).is_ok(), "{good}");
    }
    assert_eq!(Topic::parse(b""), Err(TopicError::Empty));
    assert_eq!(Topic::parse(b"a/+"), Err(TopicError::HasWildcard));
    assert_eq!(Topic::parse("ü#".as_bytes()), Err(TopicError::HasWildcard));
    assert_eq!(Topic::parse(b"a\0"), Err(TopicError::HasNul));
    assert_eq!(Topic::parse(b"\xff"), Err(TopicError::NotUtf8));
    assert_eq!(Topic::parse(&vec![b'a'; 65_536]), Err(TopicError::TooLong));
    assert!(Topic::parse(&vec![b'/'; 65_535]).is_ok());
}

// [MQTT-4.7.2-1], [MQTT-4.7.3-4], [MQTT-3.3.2-3], [MQTT-4.7.2-1] of 3.1.1, [MQTT-4.7.3-4] of 3.1.1
#[test]
fn filters_match_as_the_examples_of_the_specification_do() {
    for (filter, topic) in [
        ("sport/tennis/player1/#", "sport/tennis/player1"),
        ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon"),
        ("sport/#", "sport"),
        ("#", "a/b/c"),
        ("+/+", "/finance"),
        ("/+", "/finance"),
        ("sport/+", "sport/"),
        ("$SYS/#", "$SYS/broker"),
        ("$SYS/monitor/+", "$SYS/monitor/Clients"),
        ("+/b", "/b"),
    ] {
        assert!(matches(filter, topic), "{filter} should match {topic}");
    }
    for (filter, topic) in [
        ("+", "/finance"),
        ("sport/+", "sport"),
        ("sport/tennis/+", "sport/tennis/player1/ranking"),
        ("#", "$SYS/broker"),
        ("+/monitor/Clients", "$SYS/monitor/Clients"),
        ("ACCOUNTS", "Accounts"),
        ("a", "a/"),
        ("a/", "a"),
    ] {
        assert!(!matches(filter, topic), "{filter} should not match {topic}");
    }
}

// [MQTT-4.8.2-1], [MQTT-4.8.2-2]
#[test]
fn a_shared_filter_falls_into_group_and_filter() {
    let filter = Filter::parse(b"$share/g/a/+/#").expect("legal");
    assert_eq!(filter.share(), Some(Share { group: b"g", filter: Filter::parse(b"a/+/#").expect("legal") }));
    assert_eq!(Filter::parse(b"a/$share/g").expect("legal").share(), None);
}

proptest! {
    #[test]
    fn a_topic_matches_itself_as_filter(topic in "[a-z/]{1,20}") {
        prop_assert!(matches(&topic, &topic));
    }

    #[test]
    fn levels_are_what_stands_between_slashes(raw in "[a-z/é.0\u{1}]{0,60}") {
        let expected: Vec<&[u8]> = raw.as_bytes().split(|byte| *byte == b'/').collect();
        prop_assert_eq!(Topic::trusted(raw.as_bytes()).levels().collect::<Vec<_>>(), &expected[..]);
        prop_assert_eq!(Filter::trusted(raw.as_bytes()).levels().collect::<Vec<_>>(), &expected[..]);
    }

    #[test]
    fn parsing_arbitrary_bytes_agrees_with_the_rules(raw in proptest::collection::vec(prop_oneof![20 => b'!'..=b'"', 20 => b'a'..=b'z', 1 => Just(b'/'), 1 => Just(b'+'), 1 => Just(b'#'), 1 => Just(0u8), 1 => any::<u8>()], 0..40)) {
        let text = std::str::from_utf8(&raw).ok().filter(|text| !text.contains('\0') && !text.is_empty());
        prop_assert_eq!(Text::parse(&raw).is_ok(), text.is_some() || raw.is_empty());
        prop_assert_eq!(Filter::trusted(&raw).has_wildcard(), raw.iter().any(|byte| b"+#".contains(byte)));
        let legal_topic = text.is_some_and(|text| !text.contains(['+', '#']));
        prop_assert_eq!(Topic::parse(&raw).is_ok(), legal_topic);
        if !raw.starts_with(b"$share/") {
            let legal_filter = text.is_some_and(|text| {
                let levels: Vec<&str> = text.split('/').collect();
                levels.iter().enumerate().all(|(at, level)| match *level {
                    "+" => true,
                    "#" => at + 1 == levels.len(),
                    level => !level.contains(['+', '#']),
                })
            });
            prop_assert_eq!(Filter::parse(&raw).is_ok(), legal_filter);
        }
    }
}

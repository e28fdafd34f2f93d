//! Fuzz targets; each is an ordinary test that replays its corpus and then tries random input.

use crate::folder::Folder;
use crate::names::asker;
use postrider_auth::PasswordFile;
use postrider_auth::acl::{Asker, Rules, Verdict, Wish};
use postrider_auth::dynamic::{Dynamic, Settings};
use postrider_proto::{Filter, Qos, Topic};

/// Whatever is in a file: an answer, no panic; who is in it is found, and an error names a line that is there.
#[test]
fn password_file() {
    bolero::check!().with_iterations(5_000).with_max_len(4096).for_each(
        |input: &[u8]| match PasswordFile::with_contents("f", input) {
            Ok(file) => assert!(file.len() <= input.len() / 40, "a user takes some forty bytes"),
            Err(error) => {
                let lines = input.split(|byte| *byte == b'\n').count();
                assert!(error.line.is_none_or(|line| (1..=lines).contains(&line)), "{error}");
                assert!(error.to_string().len() < 400, "{error}");
            }
        },
    );
}

/// Whatever is in a file: rules that decide, or a fault with a line; and no answer depends on the way to it.
fn judge_all(rules: &Rules) {
    let odd = Asker { address: "192.0.2.1".parse().ok(), listener: Some(1), ..asker(Some("a+/#"), "$c") };
    for asker in [asker(None, "c"), asker(Some("ann"), "%u"), odd] {
        for topic in ["a", "a/b", "/", "$SYS/x", "ann", "c/d"] {
            let publish = Wish::Publish { topic, qos: Qos::AtLeastOnce, retain: true };
            assert!(rules.judge(&asker, &publish).rule.is_none_or(|rule| rule.line() > 0));
            let one = rules.judge(&asker, &Wish::Subscribe { filter: topic, qos: Qos::AtMostOnce });
            let received = rules.judge(&asker, &Wish::Receive { topic });
            // Whoever may subscribe to a topic may receive it.
            assert!(one.verdict == Verdict::Denied || received.verdict == Verdict::Allowed, "{topic}");
        }
        for filter in ["#", "+/b", "a/#", "$SYS/#", "+/+/c"] {
            let decision = rules.judge(&asker, &Wish::Subscribe { filter, qos: Qos::AtMostOnce });
            let matching = ["a", "a/b", "x/b", "$SYS/x", "$SYS", "q/r/c"]
                .map(|name| Topic::parse(name.as_bytes()).expect("a topic"));
            let filter = Filter::parse(filter.as_bytes()).expect("a filter");
            for topic in matching.into_iter().filter(|topic| filter.matches(*topic)) {
                let except =
                    |(text, _): &(Box<str>, _)| Filter::parse(text.as_bytes()).expect("a filter").matches(topic);
                let is_delivered = decision.verdict == Verdict::Allowed && !decision.except.iter().any(except);
                let received = rules.judge(&asker, &Wish::Receive { topic: topic.as_str() });
                assert!(!is_delivered || received.verdict == Verdict::Allowed, "{topic} through {filter}");
            }
        }
    }
}

#[test]
fn acl_lines() {
    bolero::check!().with_iterations(5_000).with_max_len(4096).for_each(|input: &[u8]| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        match Rules::from_lines(text, "acl") {
            Ok(rules) => judge_all(&rules),
            Err(error) => assert!(error.line().is_some(), "{error}"),
        }
    });
}

#[test]
fn acl_tables() {
    bolero::check!().with_iterations(5_000).with_max_len(4096).for_each(|input: &[u8]| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        if let Ok(rules) = Rules::from_toml(text, "acl.toml") {
            judge_all(&rules);
        }
    });
}

fn dynamic(folder: &Folder, contents: &[u8]) -> Option<Dynamic> {
    std::fs::write(folder.at("ds.json"), contents).expect("a file");
    Dynamic::open(&folder.at("ds.json"), Settings { iterations: 1, ..Settings::default() }).ok()
}

/// Whatever is in a file: it is refused, or what is written for it is read again as the same.
#[test]
fn dynamic_file() {
    let folder = Folder::new("fuzz-dynamic-file");
    bolero::check!().with_iterations(300).with_max_len(4096).for_each(|input: &[u8]| {
        let Some(first) = dynamic(&folder, input) else { return };
        let changed = r#"{"commands":[{"command":"setDefaultACLAccess","acls":[]}]}"#;
        assert_eq!(*first.run(changed.as_bytes()), *br#"{"responses":[{"command":"setDefaultACLAccess"}]}"#);
        let written = std::fs::read(folder.at("ds.json")).expect("a file");
        let second = dynamic(&folder, &written).expect("what we write we read");
        let _ = second.run(changed.as_bytes());
        assert_eq!(std::fs::read(folder.at("ds.json")).expect("a file"), written);
    });
}

/// Whatever is published: a list of responses, and a file that is read again.
#[test]
fn dynamic_commands() {
    let folder = Folder::new("fuzz-dynamic-commands");
    let contents = br#"{"clients":[{"username":"a"}],"groups":[{"groupname":"a"}],"roles":[{"rolename":"a"}]}"#;
    bolero::check!().with_iterations(300).with_max_len(4096).for_each(|input: &[u8]| {
        let dynamic = dynamic(&folder, contents).expect("a file");
        let response: serde_json::Value = serde_json::from_slice(&dynamic.run(input)).expect("JSON");
        assert!(response["responses"].is_array(), "{response}");
        let path = folder.at("ds.json");
        assert!(Dynamic::open(&path, Settings::default()).is_ok(), "what we write we read");
    });
}

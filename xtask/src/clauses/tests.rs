use super::*;

const OLD: &str = "id\tbinds\tparaphrase\nMQTT-1.1.1-1\tboth\tOld one\nMQTT-1.1.1-2\tserver\tOld two\n";
const NEW: &str = "id\tbinds\tparaphrase\nMQTT-1.1.1-1\tclient\tNew one\nMQTT-2.2.2-1\tboth\tNew | two\n";
const NO_SAME: &str = "3.1.1\t5.0\n";
const NO_WAIVERS: &str = "edition\tid\treason\n";

fn lists(same: &str, waived: &str) -> Lists {
    lists_with_open(same, waived, "")
}

fn lists_with_open(same: &str, waived: &str, open: &str) -> Lists {
    let (same, waived) = (format!("{NO_SAME}{same}"), format!("{NO_WAIVERS}{waived}"));
    Lists::parse(OLD, NEW, &same, &waived, &format!("{NO_WAIVERS}{open}")).expect("legal lists")
}

/// Everything that is wrong but for clauses without a test.
fn wrong(lists: &Lists, found: &Found) -> Vec<String> {
    faults(lists, found).into_iter().filter(|fault| !fault.contains("neither")).collect()
}

fn found(comments: &[&str]) -> Found {
    let mut found = Found::default();
    for (number, comment) in comments.iter().enumerate() {
        found.read_source("x.rs", "x", &format!("// {comment}\n#[test]\nfn t{number}() {{}}\n"));
    }
    found
}

#[test]
fn a_name_that_does_not_exist_in_its_edition_is_found() {
    let found = found(&["[MQTT-1.1.1-1], [MQTT-1.1.1-2] of 3.1.1, [MQTT-2.2.2-1] of 3.1.1, [MQTT-1.1.1-2]"]);
    assert_eq!(
        wrong(&lists("", ""), &found),
        ["x.rs:1: there is no [MQTT-2.2.2-1] of 3.1.1", "x.rs:1: there is no [MQTT-1.1.1-2] of 5.0"]
    );
}

#[test]
fn an_excuse_for_nothing_and_one_for_a_clause_with_a_test_are_found() {
    let waived = "5.0\tMQTT-9.9.9-9\twhy\n5.0\tMQTT-1.1.1-1\twhy\n3.1.1\tMQTT-1.1.1-1\twhy\n";
    let lists = lists_with_open("", waived, "5.0\tMQTT-2.2.2-1\twhy\n");
    assert_eq!(
        wrong(&lists, &found(&["[MQTT-1.1.1-1], [MQTT-2.2.2-1]"])),
        [
            "waived.tsv: there is no [MQTT-9.9.9-9] of 5.0",
            "[MQTT-1.1.1-1] of 5.0 is waived and shown by a test",
            "[MQTT-2.2.2-1] of 5.0 is open and shown by a test"
        ]
    );
}

#[test]
fn a_clause_without_a_test_or_an_excuse_is_found() {
    let lists = lists_with_open("", "5.0\tMQTT-1.1.1-1\twhy\n", "3.1.1\tMQTT-1.1.1-2\twhy\n");
    assert_eq!(
        faults(&lists, &found(&["[MQTT-1.1.1-1] of 3.1.1"])),
        ["[MQTT-2.2.2-1] of 5.0 is neither shown by a test nor waived nor open"]
    );
}

#[test]
fn a_clause_of_3_1_1_is_shown_once_tests_in_3_1_1_show_every_clause_that_says_the_same() {
    let lists = lists("MQTT-1.1.1-2\tMQTT-1.1.1-1,MQTT-2.2.2-1\n", "");
    let run_in = |body: &str, comments: &[&str]| {
        let mut found = Found::default();
        for comment in comments {
            found.read_source("x.rs", "x", &format!("// {comment}\n#[test]\nfn t() {{\n    {body}\n}}\n"));
        }
        page::counts(&lists, &found)
    };
    assert!(run_in("VERSIONS", &["[MQTT-1.1.1-1]"]).starts_with("3.1.1: 0 shown"));
    assert!(run_in("VERSIONS", &["[MQTT-1.1.1-1]", "[MQTT-2.2.2-1]"]).starts_with("3.1.1: 1 shown"));
    assert!(run_in("V5", &["[MQTT-1.1.1-1]", "[MQTT-2.2.2-1]"]).starts_with("3.1.1: 0 shown"));
    let twice = format!("{NO_SAME}MQTT-1.1.1-2\tMQTT-1.1.1-1\nMQTT-1.1.1-2\tMQTT-2.2.2-1\n");
    assert!(Lists::parse(OLD, NEW, &twice, NO_WAIVERS, NO_WAIVERS).is_err());
}

#[test]
fn a_waiver_needs_an_edition_and_a_reason() {
    for waived in ["5\tMQTT-1.1.1-1\twhy\n", "5.0\tMQTT-1.1.1-1\t \n", "5.0\tMQTT-1.1.1-1\n"] {
        assert!(Lists::parse(OLD, NEW, NO_SAME, &format!("{NO_WAIVERS}{waived}"), NO_WAIVERS).is_err(), "{waived}");
    }
}

#[test]
fn the_page_counts_each_clause_once_in_its_chapter_and_names_three_tests() {
    let lists = lists_with_open("", "3.1.1\tMQTT-1.1.1-2\tcannot be seen\n", "5.0\tMQTT-1.1.1-1\tnot built yet\n");
    let page = page::write(&lists, &found(&["[MQTT-2.2.2-1]"; 5]));
    for line in [
        "| 3.1.1 | 2 | 0 | 1 | 1 |",
        "| 5.0 | 2 | 1 | 0 | 1 |",
        "## 5.0, 1 Data\n",
        "## 5.0, 2 Packets\n",
        "| 1.1.1-1 | both | Old one | **open** |",
        "| 1.1.1-2 | server | Old two | waived: cannot be seen |",
        "| 1.1.1-1 | client | New one | **open**: not built yet |",
        "| 2.2.2-1 | both | New \\| two | `x::t0`, `x::t1`, `x::t2` and 2 more |",
    ] {
        assert!(page.contains(line), "{line} is not in\n{page}");
    }
}

use super::*;

const OLD: &str = "id\tbinds\tparaphrase\nMQTT-1.1.1-1\tboth\tOld one\nMQTT-1.1.1-2\tserver\tOld two\n";
const NEW: &str = "id\tbinds\tparaphrase\nMQTT-1.1.1-1\tclient\tNew one\nMQTT-2.2.2-1\tboth\tNew | two\n";
const NO_SAME: &str = "3.1.1\t5.0\n";
const NO_WAIVERS: &str = "edition\tid\treason\n";

fn lists(same: &str, waived: &str) -> Lists {
    Lists::parse(OLD, NEW, &format!("{NO_SAME}{same}"), &format!("{NO_WAIVERS}{waived}")).expect("legal lists")
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
        faults(&lists("", ""), &found),
        ["x.rs:1: there is no [MQTT-2.2.2-1] of 3.1.1", "x.rs:1: there is no [MQTT-1.1.1-2] of 5.0"]
    );
}

#[test]
fn a_waiver_for_nothing_and_one_for_a_clause_with_a_test_are_found() {
    let lists = lists("", "5.0\tMQTT-9.9.9-9\twhy\n5.0\tMQTT-1.1.1-1\twhy\n3.1.1\tMQTT-1.1.1-1\twhy\n");
    assert_eq!(
        faults(&lists, &found(&["[MQTT-1.1.1-1]"])),
        ["waived.tsv: there is no [MQTT-9.9.9-9] of 5.0", "[MQTT-1.1.1-1] of 5.0 is waived and shown by a test"]
    );
}

#[test]
fn a_clause_of_3_1_1_is_shown_once_every_clause_that_says_the_same_is() {
    let lists = lists("MQTT-1.1.1-2\tMQTT-1.1.1-1,MQTT-2.2.2-1\n", "");
    assert!(page::counts(&lists, &found(&["[MQTT-1.1.1-1]"])).starts_with("3.1.1: 0 shown"));
    assert!(page::counts(&lists, &found(&["[MQTT-1.1.1-1]", "[MQTT-2.2.2-1]"])).starts_with("3.1.1: 1 shown"));
    let twice = format!("{NO_SAME}MQTT-1.1.1-2\tMQTT-1.1.1-1\nMQTT-1.1.1-2\tMQTT-2.2.2-1\n");
    assert!(Lists::parse(OLD, NEW, &twice, NO_WAIVERS).is_err());
}

#[test]
fn a_waiver_needs_an_edition_and_a_reason() {
    for waived in ["5\tMQTT-1.1.1-1\twhy\n", "5.0\tMQTT-1.1.1-1\t \n", "5.0\tMQTT-1.1.1-1\n"] {
        assert!(Lists::parse(OLD, NEW, NO_SAME, &format!("{NO_WAIVERS}{waived}")).is_err(), "{waived}");
    }
}

#[test]
fn the_page_counts_each_clause_once_and_names_three_tests() {
    let lists = lists("", "3.1.1\tMQTT-1.1.1-2\tnot built yet\n");
    let page = page::write(&lists, &found(&["[MQTT-2.2.2-1]"; 5]));
    for line in [
        "| 3.1.1 | all | 0 | 1 | 1 | 2 |",
        "| 5.0 | client | 0 | 0 | 1 | 1 |",
        "| 5.0 | both | 1 | 0 | 0 | 1 |",
        "| MQTT-1.1.1-2 | server | Old two | not built yet |",
        "| MQTT-1.1.1-1 | client | New one | **missing** |",
        "| MQTT-2.2.2-1 | both | New \\| two | `x::t0`, `x::t1`, `x::t2` and 2 more |",
    ] {
        assert!(page.contains(line), "{line} is not in\n{page}");
    }
}

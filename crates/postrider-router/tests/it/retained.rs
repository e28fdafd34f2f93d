use postrider_proto::{Filter, Topic};
use postrider_router::{Cursor, Keyed, Retained, Scan};
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Value(String, u32);

impl Keyed for Value {
    fn topic(&self) -> Topic<'_> {
        Topic::trusted(self.0.as_bytes())
    }
}

fn level() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&["a", "b", "ab", "", "$x", "ü", "!", "\u{1}", "eight by", "eight bytes", "eight b/"][..])
}

fn topic() -> impl Strategy<Value = String> {
    proptest::collection::vec(level(), 1..5)
        .prop_map(|levels| levels.join("/"))
        .prop_filter("not empty", |t| !t.is_empty())
}

fn filter() -> impl Strategy<Value = String> {
    let inner = prop_oneof![3 => level(), 2 => Just("+")];
    (proptest::collection::vec(inner, 0..5), any::<bool>())
        .prop_map(|(mut levels, hash)| {
            if hash || levels.is_empty() {
                levels.push("#");
            }
            levels.join("/")
        })
        .prop_filter("legal", |filter| Filter::parse(filter.as_bytes()).is_ok())
}

#[derive(Clone, Debug)]
enum Step {
    Insert(String),
    Remove(String),
    Get(String),
    /// Filter, steps a scan may take at a time, values it may see at a time.
    Scan(String, usize, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => topic().prop_map(Step::Insert),
        2 => topic().prop_map(Step::Remove),
        1 => topic().prop_map(Step::Get),
        4 => (filter(), 1usize..9, 1usize..5).prop_map(|(filter, steps, values)| Step::Scan(filter, steps, values)),
    ];
    proptest::collection::vec(step, 1..150)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn the_retained_store_agrees_with_a_map(steps in steps()) {
        let mut store = Retained::default();
        let mut model: BTreeMap<String, u32> = BTreeMap::new();
        for (number, step) in (0u32..).zip(steps) {
            match step {
                Step::Insert(topic) => {
                    let before = model.insert(topic.clone(), number);
                    prop_assert_eq!(store.insert(Value(topic, number)).map(|value| value.1), before);
                }
                Step::Remove(topic) => {
                    let before = model.remove(&topic);
                    prop_assert_eq!(store.remove(Topic::trusted(topic.as_bytes())).map(|value| value.1), before);
                }
                Step::Get(topic) => {
                    let got = store.get(Topic::trusted(topic.as_bytes())).map(|value| value.1);
                    prop_assert_eq!(got, model.get(&topic).copied());
                }
                Step::Scan(text, steps, values) => {
                    let filter = Filter::trusted(text.as_bytes());
                    let mut cursor = Cursor::new(filter);
                    let mut seen = BTreeMap::new();
                    loop {
                        let mut left = values;
                        let scan = store.scan(filter, &mut cursor, steps, |value| {
                            if left == 0 { return false }
                            left -= 1;
                            assert_eq!(seen.insert(value.0.clone(), value.1), None, "seen once");
                            true
                        });
                        if scan == Scan::Complete { break }
                    }
                    let expected: BTreeMap<String, u32> = model
                        .iter()
                        .filter(|(topic, _)| filter.matches(Topic::trusted(topic.as_bytes())))
                        .map(|(topic, number)| (topic.clone(), *number))
                        .collect();
                    prop_assert_eq!(seen, expected, "{}", text);
                }
            }
            prop_assert_eq!(store.len(), model.len());
        }
    }
}

#[test]
fn a_scan_looks_only_at_what_the_filter_leaves_open() {
    let mut store = Retained::default();
    for room in 0..1000 {
        for sensor in 0..10 {
            store.insert(Value(format!("house/{room}/sensor/{sensor}"), 0));
        }
    }
    let steps_of = |filter: &str| {
        let filter = Filter::trusted(filter.as_bytes());
        let mut cursor = Cursor::new(filter);
        let (mut steps, mut seen) = (0, 0);
        loop {
            steps += 1;
            let scan = store.scan(filter, &mut cursor, 1, |_| {
                seen += 1;
                true
            });
            if scan == Scan::Complete {
                return (steps, seen);
            }
        }
    };
    let (steps, seen) = steps_of("house/7/sensor/#");
    assert_eq!(seen, 10);
    assert!(steps < 20, "{steps} steps for ten values");
    let (steps, seen) = steps_of("house/+/sensor/3");
    assert_eq!(seen, 1000);
    assert!(steps < 4100, "{steps} steps for a thousand values");
    assert_eq!(steps_of("house/7").1, 0);
    assert!(steps_of("nothing/#").0 < 3);
}

//! The retained store: found by topic, and by filter with a cursor that stops and goes on.

use super::{Benchmark, Work};
use postrider_proto::{Filter, Topic};
use postrider_router::{Cursor, Keyed, Retained, Scan};
use std::hint::black_box;

pub(super) const ALL: &[Benchmark] = &[
    Benchmark::new("retained/below", "one of 1,000 topics that match site/17/# among 100,000", 32, || {
        scanning("site/17/#", 1000)
    })
    .units(1000),
    Benchmark::new("retained/across", "one of 100 topics that match site/+/device-17/state among 100,000", 64, || {
        scanning("site/+/device-17/state", 100)
    })
    .units(100),
    Benchmark::new("retained/one", "a lookup of one topic by cursor among 100,000", 32_000, || {
        scanning("site/17/device-17/state", 1)
    }),
    Benchmark::new("retained/replace", "a new value for one of 100,000 topics", 32_000, replacing),
];

/// Topics that one step of a scan looks at.
const STEPS: usize = 64;

struct Value(Box<[u8]>);

impl Keyed for Value {
    fn topic(&self) -> Topic<'_> {
        Topic::trusted(&self.0)
    }
}

fn value(number: u32) -> Value {
    let topic = format!("site/{}/device-{}/state", number / 1000, number % 1000);
    Value(topic.into_bytes().into())
}

fn store() -> Retained<Value> {
    let mut store = Retained::default();
    for number in 0..100_000 {
        store.insert(value(number));
    }
    store
}

/// How many values match, seen in slices.
fn scan(store: &Retained<Value>, filter: Filter<'_>) -> usize {
    let (mut cursor, mut seen) = (Cursor::new(filter), 0);
    let see = |value: &Value| {
        black_box(value);
        true
    };
    let mut count = |value: &Value| {
        seen += 1;
        see(value)
    };
    while store.scan(filter, &mut cursor, STEPS, &mut count) == Scan::Stopped {}
    seen
}

fn scanning(filter: &'static str, matching: usize) -> Work {
    let store = store();
    let filter = Filter::parse(filter.as_bytes()).expect("a filter");
    assert_eq!(scan(&store, filter), matching);
    Work::each(move || {
        black_box(scan(&store, black_box(filter)));
    })
}

fn replacing() -> Work {
    let mut store = store();
    // The value that was replaced is the next one's turn to replace.
    let mut values: Vec<Option<Value>> = (0..16).map(|turn| Some(value(turn * 6007))).collect();
    let mut turn = 0;
    Work::each(move || {
        turn = (turn + 1) % values.len();
        let fresh = values[turn].take();
        values[turn] = fresh.and_then(|fresh| store.insert(black_box(fresh)));
        black_box(&values[turn]);
    })
}

//! What a subscription and a retained topic cost, counted by the allocator.

use allocation_counter::measure;
use postrider_proto::{Filter, Qos, SubscribeOptions};
use postrider_router::{Grant, Router, SessionKey};

/// The mix of the benchmark: half exact, the rest with wildcards in every place.
fn filter(number: u32) -> String {
    let (room, sensor) = (number / 1000, number % 1000);
    match sensor % 10 {
        0..=4 => format!("b/{room}/{sensor}/t"),
        5 | 6 => format!("b/{room}/+/x{sensor}"),
        7 => format!("b/+/{sensor}/y{room}"),
        8 => format!("b/{room}/{sensor}/#"),
        _ => format!("+/{room}/{sensor}/z"),
    }
}

#[test]
fn a_hundred_thousand_filters_cost_less_than_150_bytes_each() {
    let grant = Grant::of(SubscribeOptions::of(Qos::AtMostOnce), None, Qos::ExactlyOnce);
    let mut router = Router::new(7);
    let info = measure(|| {
        for number in 0..100_000 {
            let text = filter(number);
            router.subscribe(Filter::trusted(text.as_bytes()), SessionKey(number % 100), grant);
        }
    });
    let each = info.bytes_current / 100_000;
    assert!(each < 150, "{each} bytes a filter");
    assert_eq!(router.len(), 100_000);
}

//! Who wants this topic: among many filters, since few are never the trouble.

use super::{Benchmark, Work};
use postrider_proto::{Filter, Qos, SubscribeOptions, Topic};
use postrider_router::{Grant, Matches, Router, SessionKey};
use std::hint::black_box;

pub(super) const ALL: &[Benchmark] = &[
    Benchmark::new("match/exact", "one exact filter among 100,000", 64_000, || {
        matching(exact(), "house/{}/lamp/state", 1)
    }),
    Benchmark::new("match/plus", "one filter with + among 10,000 wildcards", 64_000, || {
        matching(wild(), "site/{}/pump/state", 1)
    }),
    Benchmark::new("match/hash", "one filter with # among 10,000 wildcards", 64_000, || {
        matching(wild(), "area/{}/valve/17/state", 1)
    }),
    Benchmark::new("match/overlapping", "ten filters of five sessions, among 10,000 wildcards", 32_000, || {
        matching(overlapping(), "plant/line/cell/robot/{}/state", 5)
    }),
    Benchmark::new("match/none", "no filter among 100,000 exact ones and 10,000 wildcards", 64_000, || {
        let mut router = exact();
        fill_wild(&mut router);
        matching(router, "site/{}/pump/pressure", 0)
    }),
    Benchmark::new("match/subscribe-exact", "subscribe and unsubscribe beside 100,000 filters", 32_000, || {
        subscribing(exact(), "house/new/{}/state")
    }),
    Benchmark::new("match/subscribe-wild", "subscribe and unsubscribe beside 10,000 wildcards", 32_000, || {
        subscribing(wild(), "site/new/{}/+/state")
    }),
];

/// Topics or filters that take turns; a divisor of every number of iterations.
const TURNS: u32 = 16;

fn grant() -> Grant {
    Grant::of(SubscribeOptions::of(Qos::AtLeastOnce), None, Qos::ExactlyOnce)
}

fn add(router: &mut Router, filter: &str, session: u32) {
    let filter = Filter::parse(filter.as_bytes()).expect("a filter");
    router.subscribe(filter, SessionKey(session), grant());
}

fn exact() -> Router {
    let mut router = Router::new(7);
    for house in 0..100_000 {
        add(&mut router, &format!("house/{house}/lamp/state"), house % 1000);
    }
    router
}

fn wild() -> Router {
    let mut router = Router::new(7);
    fill_wild(&mut router);
    router
}

fn fill_wild(router: &mut Router) {
    for place in 0..5000 {
        add(router, &format!("site/{place}/+/state"), place % 1000);
        add(router, &format!("area/{place}/#"), place % 1000);
    }
}

fn overlapping() -> Router {
    let mut router = wild();
    let filters = [
        "plant/line/cell/robot/+/state",
        "plant/line/cell/+/+/state",
        "plant/line/+/robot/+/state",
        "plant/+/cell/robot/+/state",
        "+/line/cell/robot/+/state",
        "plant/line/cell/robot/#",
        "plant/line/cell/#",
        "plant/line/#",
        "plant/#",
        "#",
    ];
    for (session, filter) in (0..5).cycle().zip(filters) {
        add(&mut router, filter, session);
    }
    router
}

/// `{}` in a pattern, replaced by numbers that are far apart.
fn variants(pattern: &str) -> Vec<Vec<u8>> {
    (0..TURNS).map(|turn| pattern.replace("{}", &(turn * 301 + 11).to_string()).into_bytes()).collect()
}

fn matching(router: Router, pattern: &str, hits: usize) -> Work {
    let topics = variants(pattern);
    let mut matches = Matches::default();
    for topic in &topics {
        router.matches(Topic::parse(topic).expect("a topic"), None, &mut matches);
        assert_eq!(matches.hits().len(), hits);
    }
    let mut turn = 0;
    Work::each(move || {
        turn = (turn + 1) % topics.len();
        router.matches(Topic::trusted(black_box(&topics[turn])), None, &mut matches);
        black_box(matches.hits());
    })
}

fn subscribing(mut router: Router, pattern: &str) -> Work {
    let filters = variants(pattern);
    let before = router.len();
    let mut turn = 0;
    let mut once = move || {
        turn = (turn + 1) % filters.len();
        let filter = Filter::trusted(black_box(&filters[turn]));
        let met = router.subscribe(filter, SessionKey(5), grant());
        black_box(router.remove(met.filter, SessionKey(5)));
        router.len()
    };
    for _ in 0..TURNS {
        assert_eq!(once(), before);
    }
    Work::each(move || {
        black_box(once());
    })
}

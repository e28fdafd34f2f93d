//! One client that subscribes to as much as it can: it hears where it ends, and the broker stays small.

use crate::broker::Broker;
use crate::wire::Wire;
use postrider_proto::Version;
use postrider_testkit::{Hello, publish, subscribe};

/// What the subscriptions of one client may take, and what goes with them.
const GROWTH_KIB_MAX: u64 = 24 * 1024;
const AT_A_TIME: usize = 500;

/// Sends SUBSCRIBEs with `filters` and says how many were granted.
fn hoard(broker: &Broker, filters: impl Iterator<Item = String>) -> usize {
    let before = broker.memory().resident_kib;
    let mut client = Wire::client(broker, &Hello::new("hoarder"));
    let mut granted = 0;
    let mut filters = filters.peekable();
    while let Some(first) = filters.next() {
        let mut packet = subscribe(1, &first, 0);
        let mut bytes = first.len();
        for filter in filters.by_ref().take(AT_A_TIME - 1) {
            bytes += filter.len();
            packet = packet.and(&filter, 0);
            if bytes > 1_000_000 {
                break;
            }
        }
        client.send(&packet.bytes(Version::V5));
        let line = client.next();
        let codes: Vec<&str> = line.split(' ').skip(2).collect();
        assert!(codes.iter().all(|code| ["00", "97", "8f"].contains(code)), "{line}");
        granted += codes.iter().filter(|code| **code == "00").count();
    }
    let grown = broker.memory().resident_kib.saturating_sub(before);
    assert!(grown < GROWTH_KIB_MAX, "{grown} KiB for {granted} subscriptions");
    client.expect_silence();
    granted
}

/// Others are served meanwhile and after.
fn serves(broker: &Broker) {
    let mut client = Wire::client(broker, &Hello::new("other"));
    client.subscribed("other/a", 0);
    client.send(&publish("other/a", "x").bytes(Version::V5));
    assert_eq!(client.next(), "PUBLISH other/a q0 \"x\"");
}

// A8
#[test]
fn a_million_subscriptions_of_one_client_end_at_its_limit() {
    let broker = Broker::start();
    assert_eq!(hoard(&broker, (0..1_000_000).map(|number| format!("h/{number}"))), 10_000);
    serves(&broker);
}

// A5
#[test]
fn a_million_distinct_levels_and_filters_of_64_kib_end_at_the_memory_of_one_client() {
    let broker = Broker::start();
    let deep = |number: usize| {
        let levels: Vec<_> = (0..100).map(|level| format!("{number:x}-{level:x}")).collect();
        format!("+/{}", levels.join("/"))
    };
    let granted = hoard(&broker, (0..10_000).map(deep));
    assert!((500..2000).contains(&granted), "{granted}");
    let long = |number: usize| format!("{number:05}{}", "x".repeat(60_000));
    let granted = hoard(&broker, (0..1000).map(long));
    assert!((50..150).contains(&granted), "{granted}");
    assert_eq!(hoard(&broker, (0..20).map(|number| "/".repeat(65_000 + number))), 0);
    serves(&broker);
}

//! More connections than there are places.

use crate::ground::{broker, everywhere};
use crate::wire::{Wire, until};
use postrider::{Broker, Builder};
use postrider_testkit::Hello;
use std::time::Duration;

/// Hundredths of a second that this thread has computed.
fn thread_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").expect("Linux");
    // Behind the name, which may hold anything but ends with the last parenthesis.
    let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    fields[11..13].iter().map(|field| field.parse::<u64>().expect("a number")).sum()
}

async fn connected(broker: &Broker) -> u64 {
    broker.counters().await.expect("it runs").clients_connected
}

#[tokio::test]
async fn a_connection_beyond_the_maximum_waits_without_cost() {
    let broker = broker().connections_max(2).start().expect("a broker");
    let mut one = Wire::client(&broker, &Hello::new("one")).await;
    let two = Wire::client(&broker, &Hello::new("two")).await;
    let mut late = Wire::dial(broker.addresses()[0]).await;
    late.hail(&Hello::new("late")).await;
    let before = thread_ticks();
    // Everything of the broker is on this thread; a loop that asks again and again would fill this time.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let spent = thread_ticks() - before;
    assert!(spent <= 8, "{spent} of 30 ticks were spent on waiting");
    assert_eq!(connected(&broker).await, 2);
    one.expect_silence().await;
    drop(two);
    assert!(late.next().await.starts_with("CONNACK Success"));
    one.expect_silence().await;
}

#[test]
fn connections_beyond_the_maximum_are_served_one_by_one_as_others_end() {
    everywhere(async |builder: Builder| {
        let broker = builder.connections_max(3).start().expect("a broker");
        let mut waiting = tokio::task::JoinSet::new();
        for number in 0..20 {
            let address = broker.addresses()[0];
            waiting.spawn(async move {
                let mut wire = Wire::dial(address).await;
                wire.enter(&Hello::new(&format!("c{number}"))).await;
                wire.expect_silence().await;
            });
        }
        while let Some(result) = waiting.join_next().await {
            result.expect("it was served");
        }
        until(async || connected(&broker).await == 0).await;
    });
}

#[test]
fn a_listener_that_nobody_calls_takes_no_place_from_another() {
    everywhere(async |builder: Builder| {
        let second = "127.0.0.1:0".parse().expect("an address");
        let broker = builder.listen(second).connections_max(1).start().expect("a broker");
        for round in 0..4 {
            let mut wire = Wire::dial(broker.addresses()[round % 2]).await;
            wire.enter(&Hello::new("c")).await;
            drop(wire);
            until(async || connected(&broker).await == 0).await;
        }
    });
}

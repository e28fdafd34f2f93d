//! Work that the engine cuts into slices is finished, whoever has to go on with it.

use crate::ground::{broker, everywhere};
use crate::wire::Wire;
use postrider::{Broker, Builder, Limits, Qos, Version, defaults};
use postrider_testkit::{Hello, publish, subscribe};

const RETAINED: usize = 3000;

async fn fill(writer: &mut Wire) {
    for number in 0..RETAINED {
        writer.publish(&publish(&format!("r/{number}"), "kept").q1(1).retain()).await;
    }
}

#[test]
fn thousands_of_retained_messages_all_reach_a_subscriber_that_says_nothing_more() {
    everywhere(async |builder: Builder| {
        let broker = builder.start().expect("a broker");
        let mut writer = Wire::client(&broker, &Hello::new("w")).await;
        fill(&mut writer).await;
        for qos in [0, 1] {
            let mut reader = Wire::client(&broker, &Hello::new("r")).await;
            reader.send(&subscribe(1, "r/#", qos).bytes(Version::V5)).await;
            assert_eq!(reader.next().await, format!("SUBACK #1 0{qos}"));
            let mut seen = std::collections::BTreeSet::new();
            while seen.len() < RETAINED {
                let (topic, granted, _) = reader.receive().await;
                assert_eq!(granted, Qos::from_u8(qos).expect("0 or 1"));
                assert!(seen.insert(topic), "each once");
            }
            reader.expect_silence().await;
        }
    });
}

#[test]
fn a_long_fan_out_is_finished_when_its_publisher_leaves_at_once() {
    everywhere(async |builder: Builder| {
        let broker = builder.limits(Limits { fanout_slice: 2, ..defaults::limits() }).start().expect("a broker");
        let mut readers = Vec::new();
        for number in 0..50 {
            let mut reader = Wire::client(&broker, &Hello::new(&format!("r{number}"))).await;
            reader.subscribed("a", 0).await;
            readers.push(reader);
        }
        let mut writer = Wire::client(&broker, &Hello::new("w")).await;
        writer.send(&publish("a", "x").bytes(Version::V5)).await;
        drop(writer);
        for reader in &mut readers {
            assert_eq!(reader.receive().await.0, "a");
        }
    });
}

#[tokio::test]
async fn a_burst_for_many_lets_others_in_before_it_is_over() {
    let broker = broker().start().expect("a broker");
    let mut readers = Vec::new();
    for number in 0..500 {
        let mut reader = Wire::attach(&broker, 1 << 16);
        reader.enter(&Hello::new(&format!("r{number}"))).await;
        reader.subscribed("a", 0).await;
        readers.push(reader);
    }
    let mut writer = Wire::attach(&broker, 1 << 16);
    writer.enter(&Hello::new("w")).await;
    writer.send(&publish("a", "x").bytes(Version::V5).repeat(200)).await;
    tokio::task::yield_now().await;
    let received = broker.counters().await.expect("it runs").messages_received;
    assert!((1..200).contains(&received), "{received} messages at a stretch");
    for reader in &mut readers {
        for _ in 0..200 {
            assert_eq!(reader.receive().await.0, "a");
        }
    }
    writer.expect_silence().await;
}

/// A broker that brings a message for 500 clients to one at a time, and these.
async fn sliced() -> (Broker, Vec<Wire>) {
    let broker = broker().limits(Limits { fanout_slice: 1, ..defaults::limits() }).start().expect("a broker");
    let mut readers = Vec::new();
    for number in 0..500 {
        let mut reader = Wire::attach(&broker, 4096);
        reader.enter(&Hello::new(&format!("r{number}"))).await;
        reader.subscribed("a", 0).await;
        readers.push(reader);
    }
    (broker, readers)
}

async fn sent(broker: &Broker) -> u64 {
    broker.counters().await.expect("it runs").deliveries_sent
}

#[tokio::test]
async fn a_client_is_served_while_the_fan_out_of_another_goes_on() {
    let (broker, mut readers) = sliced().await;
    let mut writer = Wire::attach(&broker, 4096);
    writer.enter(&Hello::new("w")).await;
    let mut other = Wire::attach(&broker, 4096);
    other.enter(&Hello::new("o")).await;
    writer.send(&publish("a", "x").bytes(Version::V5)).await;
    for id in 1..=10 {
        other.publish(&publish("b", "y").q1(id)).await;
    }
    assert!(sent(&broker).await < 500, "it was held up by all of it");
    for reader in &mut readers {
        assert_eq!(reader.receive().await.0, "a");
    }
}

#[tokio::test]
async fn clients_that_come_while_a_fan_out_goes_on_do_not_each_do_a_part_of_it_first() {
    let (broker, mut readers) = sliced().await;
    let mut writer = Wire::attach(&broker, 4096);
    writer.enter(&Hello::new("w")).await;
    let mut others = Vec::new();
    for number in 0..100 {
        let mut other = Wire::attach(&broker, 4096);
        other.enter(&Hello::new(&format!("o{number}"))).await;
        others.push(other);
    }
    writer.send(&publish("a", "x").bytes(Version::V5)).await;
    for id in 1..=5 {
        for other in &mut others {
            other.send(&publish("b", "y").q1(id).bytes(Version::V5)).await;
        }
        for other in &mut others {
            other.expect(&format!("PUBACK #{id} NoMatchingSubscribers")).await;
        }
    }
    let sent = sent(&broker).await;
    assert!((1..250).contains(&sent), "{sent} deliveries in front of 500 small answers");
    for reader in &mut readers {
        assert_eq!(reader.receive().await.0, "a");
    }
}

#[tokio::test]
async fn a_socket_is_looked_at_between_any_two_slices() {
    let (broker, _readers) = sliced().await;
    let mut writer = Wire::attach(&broker, 4096);
    writer.enter(&Hello::new("w")).await;
    let mut other = Wire::client(&broker, &Hello::new("o")).await;
    writer.send(&publish("a", "x").bytes(Version::V5)).await;
    for id in 1..=4 {
        other.publish(&publish("b", "y").q1(id)).await;
    }
    let sent = sent(&broker).await;
    assert!((1..100).contains(&sent), "{sent} slices in front of four answers");
}

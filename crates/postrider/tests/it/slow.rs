//! Readers that do not keep up: what they cost, whom they disturb, and what they get in the end.

use crate::ground::{broker, everywhere};
use crate::wire::{Wire, patiently, until};
use postrider::{Bounds, Broker, Builder, Cause, DropReason, Event, Limits, Version, defaults};
use postrider_proto::{AckKind, Packet};
use postrider_testkit::{Hello, publish};
use std::sync::mpsc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Bytes of memory that this process has in use.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: u64 = status.split(' ').nth(1).and_then(|field| field.parse().ok()).expect("a number");
    pages * 4096
}

/// A megabyte for each mailbox.
fn limits() -> Limits {
    let limits = defaults::limits();
    let mailbox = Bounds { bytes_max: 1 << 20, messages_max: 400, ..limits.mailbox };
    Limits { mailbox, ..limits }
}

async fn queued(broker: &Broker, client_id: &str) -> usize {
    let session = broker.session(client_id).await.expect("it runs").expect("there");
    session.queued
}

const BATCH: u32 = 64;
const BATCHES: u32 = 100;

/// Sends 26 MB in batches; the next goes out when `fast` has all of the one before, so it is never behind.
async fn pour(publisher: &mut Wire, fast: &mut Wire) {
    let filling = "x".repeat(4096);
    for batch in 0..BATCHES {
        let numbers = batch * BATCH..(batch + 1) * BATCH;
        let packet = |number: u32| publish("t", &format!("{number} {filling}")).bytes(Version::V5);
        let packets: Vec<u8> = numbers.clone().flat_map(packet).collect();
        let (_, ()) = tokio::join!(publisher.send(&packets), async {
            for number in numbers {
                let (_, _, payload) = fast.receive().await;
                assert!(payload.starts_with(format!("{number} ").as_bytes()), "message {number} is not next");
            }
        });
    }
}

#[test]
fn a_reader_that_stops_disturbs_nobody_and_costs_no_more_than_its_mailbox() {
    everywhere(async |builder: Builder| {
        let broker = builder.limits(limits()).start().expect("a broker");
        let mut slow = Wire::client(&broker, &Hello::new("slow")).await;
        let mut fast = Wire::client(&broker, &Hello::new("fast")).await;
        let mut publisher = Wire::client(&broker, &Hello::new("p")).await;
        slow.subscribed("t", 0).await;
        fast.subscribed("t", 0).await;
        let before = resident_bytes();
        pour(&mut publisher, &mut fast).await;
        let grown = resident_bytes().saturating_sub(before);
        assert!(grown < 16 << 20, "{grown} bytes more than before");
        let session = broker.session("slow").await.expect("it runs").expect("there");
        assert!(session.is_connected);
        assert!(session.queued_bytes <= 1 << 20, "{} bytes wait", session.queued_bytes);
        let counters = broker.counters().await.expect("it runs");
        assert!(session.drops.of(DropReason::MailboxFull) > 0);
        assert_eq!(session.drops, counters.drops, "only the slow one lost anything");
        assert_eq!(counters.deliveries_owed, u64::from(BATCH * BATCHES * 2));
        let ends = counters.deliveries_sent + counters.deliveries_queued + counters.drops.total();
        assert_eq!(ends, counters.deliveries_owed);
        fast.expect_silence().await;
    });
}

// [MQTT-4.5.0-1], [MQTT-4.6.0-5]
#[test]
fn a_reader_that_stopped_gets_its_qos_1_messages_in_order_when_it_reads_again() {
    everywhere(async |builder: Builder| {
        let broker = builder.limits(limits()).start().expect("a broker");
        let mut slow = Wire::attach(&broker, 4096);
        slow.enter(&Hello::new("slow")).await;
        slow.subscribed("t/#", 1).await;
        let mut publisher = Wire::client(&broker, &Hello::new("p")).await;
        let filling = "x".repeat(2040);
        for number in 1..=400u16 {
            publisher.publish(&publish("t/0", &filling)).await;
            publisher.publish(&publish("t/1", &format!("{number} {filling}")).q1(number)).await;
        }
        assert!(queued(&broker, "slow").await > 200);
        let mut next = 1;
        while next <= 400u16 {
            let (topic, _, payload) = slow.receive().await;
            if topic == "t/1" {
                assert!(payload.starts_with(format!("{next} ").as_bytes()), "message {next} is not next");
                next += 1;
            }
        }
        until(async || queued(&broker, "slow").await == 0).await;
        let session = broker.session("slow").await.expect("it runs").expect("there");
        assert_eq!(session.drops.total(), 400 - qos0_seen(&mut slow, &broker).await, "only QoS 0 gave way");
    });
}

/// QoS 0 messages that were sent to `slow`, which reads until nothing is left.
async fn qos0_seen(slow: &mut Wire, broker: &Broker) -> u64 {
    slow.send(&postrider_testkit::pingreq()).await;
    while slow.next().await != "PINGRESP" {}
    broker.counters().await.expect("it runs").deliveries_sent - 400
}

#[tokio::test]
async fn payloads_that_wait_for_a_blocked_stream_do_not_hold_the_buffers_they_came_in() {
    let limits = Limits { outbox_bytes_max: 4 << 20, ..limits() };
    let broker = broker().limits(limits).start().expect("a broker");
    let mut slow = Wire::attach(&broker, 4096);
    slow.enter(&Hello::new("slow")).await;
    slow.subscribed("t", 0).await;
    let mut publisher = Wire::client(&broker, &Hello::new("p")).await;
    let before = resident_bytes();
    for number in 1..=1000 {
        // Each is read alone, into a buffer of 64 KiB.
        publisher.publish(&publish("t", "").sized(3000).q1(number)).await;
    }
    assert_eq!(queued(&broker, "slow").await, 0, "all of it is in the outbox");
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 16 << 20, "3 MB of payloads take {grown} bytes");
    for _ in 1..=1000 {
        assert_eq!(slow.receive().await.2.len(), 3000);
    }
}

// [MQTT-3.14.4-1] of the server: nothing follows its DISCONNECT.
#[test]
fn a_client_that_is_told_to_go_gets_the_messages_that_wait_for_its_stream_before_it_is_told() {
    everywhere(async |builder: Builder| {
        let broker = builder.start().expect("a broker");
        let mut slow = Wire::attach(&broker, 512);
        slow.enter(&Hello::new("slow")).await;
        slow.subscribed("t", 0).await;
        let mut publisher = Wire::client(&broker, &Hello::new("p")).await;
        for number in 1..=100 {
            publisher.publish(&publish("t", "").sized(100).q1(number)).await;
        }
        assert!(broker.disconnect("slow").await.expect("it runs"));
        for _ in 1..=100 {
            assert!(slow.take(|packet| matches!(packet, Packet::Publish(_))).await.expect("not the end"));
        }
        slow.expect("DISCONNECT AdministrativeAction").await;
        slow.expect_end().await;
    });
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_over_as_soon_as_its_last_words_are_written() {
    let broker = broker().start().expect("a broker");
    let mut slow = Wire::attach(&broker, 512);
    slow.enter(&Hello::new("slow")).await;
    slow.subscribed("t", 0).await;
    let mut publisher = Wire::attach(&broker, 512);
    publisher.enter(&Hello::new("p")).await;
    publisher.publish(&publish("t", "").sized(5000).q1(1)).await;
    let begin = Instant::now();
    assert!(broker.disconnect("slow").await.expect("it runs"));
    assert_eq!(slow.receive().await.2.len(), 5000);
    slow.expect("DISCONNECT AdministrativeAction").await;
    slow.expect_end().await;
    assert!(begin.elapsed().as_millis() < 100, "it took {:?} until the end", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_takes_nothing_for_30_s_is_closed() {
    let (events, heard) = mpsc::channel();
    let broker = broker().observe(Heard(events)).start().expect("a broker");
    let mut slow = Wire::attach(&broker, 4096);
    slow.enter(&Hello::new("slow").expiry(1000)).await;
    slow.subscribed("t", 1).await;
    let mut publisher = Wire::attach(&broker, 4096);
    publisher.enter(&Hello::new("p")).await;
    publisher.publish(&publish("t", "").sized(100_000).q1(1)).await;
    sleep(Duration::from_secs(29)).await;
    assert!(broker.session("slow").await.expect("it runs").expect("there").is_connected);
    sleep(Duration::from_secs(2)).await;
    assert!(!broker.session("slow").await.expect("it runs").expect("there").is_connected);
    let is_end = |event: &Event| matches!(event, Event::Disconnected { client_id, cause: Cause::Slow } if client_id.as_str() == "slow");
    assert!(heard.iter().any(|event| is_end(&event)));
    publisher.expect_silence().await;
}

struct Heard(mpsc::Sender<Event>);

impl postrider::Observe for Heard {
    fn observe(&mut self, event: &Event) {
        // The test may have heard enough.
        let _ = self.0.send(event.clone());
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_takes_little_but_never_stops_is_not_closed() {
    let broker = broker().start().expect("a broker");
    let mut slow = Wire::attach(&broker, 1024);
    slow.enter(&Hello::new("slow")).await;
    slow.subscribed("t", 1).await;
    let mut publisher = Wire::attach(&broker, 4096);
    publisher.enter(&Hello::new("p")).await;
    publisher.publish(&publish("t", "").sized(100_000).q1(1)).await;
    for _ in 0..40 {
        sleep(Duration::from_secs(5)).await;
        assert!(slow.sip(100).await > 0, "it was closed");
    }
    assert!(broker.session("slow").await.expect("it runs").is_some());
}

#[tokio::test]
async fn a_tcp_reader_that_takes_nothing_for_30_s_is_closed() {
    let limits = Limits { outbox_bytes_max: 64 << 20, ..defaults::limits() };
    let broker = broker().limits(limits).start().expect("a broker");
    let mut slow = Wire::client(&broker, &Hello::new("slow")).await;
    slow.subscribed("t", 1).await;
    let mut publisher = Wire::client(&broker, &Hello::new("p")).await;
    for number in 1..=16 {
        // More than the system keeps for a socket.
        publisher.publish(&publish("t", "").sized(1_900_000).q1(number)).await;
    }
    publisher.expect_silence().await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(31)).await;
    tokio::time::resume();
    until(async || broker.session("slow").await.expect("it runs").is_none()).await;
    patiently(publisher.acknowledge(AckKind::Puback, 9)).await;
    publisher.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn an_outbox_of_a_byte_passes_messages_one_by_one() {
    let limits = Limits { outbox_bytes_max: 1, ..defaults::limits() };
    let broker = broker().limits(limits).start().expect("a broker");
    let mut reader = Wire::attach(&broker, 4096);
    reader.enter(&Hello::new("r")).await;
    reader.subscribed("t", 1).await;
    let mut publisher = Wire::attach(&broker, 4096);
    publisher.enter(&Hello::new("p")).await;
    for id in 1..=20 {
        publisher.publish(&publish("t", "x").q1(id)).await;
    }
    for _ in 1..=20 {
        assert_eq!(reader.receive().await.0, "t");
    }
}

//! Another connection with the same client identifier, from another thread, in the middle of everything.

use crate::ground::{broker, everywhere};
use crate::wire::{Wire, until};
use postrider::{Builder, Version};
use postrider_proto::{AckKind, Packet};
use postrider_testkit::{Hello, publish};
use std::sync::Arc;
use std::sync::Mutex;
use tokio::task::JoinSet;

/// What all connections of one client were sent: numbers, and whether marked as sent before.
type Deliveries = Arc<Mutex<Vec<(u16, bool)>>>;

const MESSAGES: u16 = 900;
const CONNECTIONS: u16 = 6;

/// Reads and acknowledges until the end; says how the end was announced.
async fn read_to_the_end(mut wire: Wire, got: Deliveries) -> String {
    let mut last = String::new();
    loop {
        let look = |packet: &Packet<'_>| match packet {
            Packet::Publish(publish) => {
                let number = str::from_utf8(publish.payload).expect("digits").parse().expect("a number");
                let id = publish.packet_id.expect("QoS 1").as_u16();
                got.lock().expect("whole").push((number, publish.dup));
                Ok(id)
            }
            other => Err(postrider_testkit::describe(other, Version::V5)),
        };
        match wire.take(look).await {
            None => return last,
            Some(Err(line)) => last = line,
            Some(Ok(id)) => {
                let ack = postrider_testkit::ack(AckKind::Puback, id, postrider::ReasonCode::Success, Version::V5);
                // Whoever was taken over finds out when reading.
                wire.try_send(&ack).await;
            }
        }
    }
}

// [MQTT-3.1.4-3], [MQTT-4.4.0-1], [MQTT-3.3.1-1]
#[test]
fn clients_that_take_their_session_over_again_and_again_lose_no_qos_1_message() {
    everywhere(async |builder: Builder| {
        let broker = builder.start().expect("a broker");
        let mut first = Wire::client(&broker, &Hello::new("x").expiry(1000)).await;
        first.subscribed("t", 1).await;
        let mut publisher = Wire::client(&broker, &Hello::new("p")).await;
        let publishing = tokio::spawn(async move {
            for number in 1..=MESSAGES {
                publisher.publish(&publish("t", &number.to_string()).q1(number)).await;
            }
        });
        drop(first);
        let got = Deliveries::default();
        let mut readers = JoinSet::new();
        for connection in 1..=CONNECTIONS {
            let wire = Wire::client(&broker, &Hello::new("x").resume().expiry(1000)).await;
            readers.spawn(read_to_the_end(wire, got.clone()));
            let enough = usize::from(MESSAGES / CONNECTIONS * connection);
            until(async || got.lock().expect("whole").len() >= enough).await;
        }
        publishing.await.expect("all was published");
        until(async || {
            let session = broker.session("x").await.expect("it runs").expect("there");
            (session.in_flight, session.queued) == (0, 0)
        })
        .await;
        assert!(broker.disconnect("x").await.expect("it runs"));
        let mut ends = Vec::new();
        while let Some(end) = readers.join_next().await {
            ends.push(end.expect("it read on"));
        }
        ends.sort();
        let taken = |end: &&String| *end == "DISCONNECT SessionTakenOver";
        assert_eq!(ends.iter().filter(taken).count(), usize::from(CONNECTIONS - 1), "{ends:?}");
        check(&got.lock().expect("whole"));
    });
}

/// Every message came, none came twice unmarked.
fn check(got: &[(u16, bool)]) {
    for number in 1..=MESSAGES {
        let copies: Vec<bool> = got.iter().filter(|(got, _)| *got == number).map(|(_, is_dup)| *is_dup).collect();
        assert!(!copies.is_empty(), "message {number} is lost");
        assert!(copies.iter().filter(|is_dup| !**is_dup).count() <= 1, "message {number} came twice: {copies:?}");
    }
}

// [MQTT-3.1.4-3]
#[test]
fn a_storm_of_take_overs_ends_with_one_connection() {
    everywhere(async |builder: Builder| {
        let broker = builder.start().expect("a broker");
        let mut storm = JoinSet::new();
        for number in 0..50 {
            let address = broker.addresses()[0];
            storm.spawn(async move {
                let mut wire = Wire::dial(address).await;
                let hello = Hello::new("x");
                let hello = if number % 2 == 0 { hello.resume().expiry(9) } else { hello };
                wire.enter(&hello).await;
                let last = wire.next().await;
                wire.expect_end().await;
                last
            });
        }
        for _ in 1..50 {
            let last = storm.join_next().await.expect("one of fifty").expect("it was let in");
            assert_eq!(last, "DISCONNECT SessionTakenOver");
        }
        let counters = broker.counters().await.expect("it runs");
        assert_eq!((counters.clients_connected, counters.sessions), (1, 1));
        assert!(broker.disconnect("x").await.expect("it runs"));
        let last = storm.join_next().await.expect("the last").expect("it was let in");
        assert_eq!(last, "DISCONNECT AdministrativeAction");
        assert_eq!(broker.counters().await.expect("it runs").clients_connected, 0);
    });
}

// [MQTT-3.1.4-3]; 3.1.1 has no such packet.
#[tokio::test]
async fn a_client_of_3_1_1_that_is_taken_over_is_closed() {
    let broker = broker().threads(2).start().expect("a broker");
    let mut old = Wire::client(&broker, &Hello::new("x").v3()).await;
    let mut new = Wire::attach(&broker, 64);
    new.enter(&Hello::new("x")).await;
    old.expect_end().await;
    new.expect_silence().await;
}

//! The end of a broker: orderly, hurried, and at once.

use crate::ground::{broker, everywhere};
use crate::wire::{Wire, patiently, until};
use postrider::{Builder, Event, Version};
use postrider_testkit::{Hello, publish};
use std::sync::mpsc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::Instant;

const fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

// [0x8B]; 3.1.1 has no such packet.
#[test]
fn a_broker_that_stops_tells_its_clients_and_everything_said_before_arrives_first() {
    everywhere(async |builder: Builder| {
        let broker = builder.start().expect("a broker");
        let address = broker.addresses()[0];
        let mut five = Wire::client(&broker, &Hello::new("five")).await;
        let mut three = Wire::client(&broker, &Hello::new("three").v3()).await;
        let mut pipe = Wire::attach(&broker, 512);
        pipe.enter(&Hello::new("pipe")).await;
        let mut stranger = Wire::dial(address).await;
        for wire in [&mut five, &mut three, &mut pipe] {
            wire.subscribed("t", 0).await;
        }
        let mut publisher = Wire::client(&broker, &Hello::new("p")).await;
        for number in 1..=20 {
            publisher.publish(&publish("t", "").sized(5000).q1(number)).await;
        }
        drop(publisher);
        let clients = async {
            for (mut wire, version) in [(five, Version::V5), (three, Version::V3_1_1), (pipe, Version::V5)] {
                for _ in 1..=20 {
                    assert_eq!(wire.receive().await.2.len(), 5000);
                }
                if version.is_v5() {
                    wire.expect("DISCONNECT ServerShuttingDown").await;
                }
                wire.expect_end().await;
            }
            stranger.expect_end().await;
        };
        let (is_done, ()) = tokio::join!(broker.shutdown(secs(30)), clients);
        assert!(is_done, "everybody was there to read");
        assert!(patiently(TcpStream::connect(address)).await.is_err(), "nobody listens any more");
    });
}

#[test]
fn a_broker_that_stops_closes_clients_that_do_not_hang_up_themselves() {
    everywhere(async |builder: Builder| {
        let broker = builder.start().expect("a broker");
        let mut tcp = Wire::client(&broker, &Hello::new("tcp")).await;
        let mut pipe = Wire::attach(&broker, 512);
        pipe.enter(&Hello::new("pipe")).await;
        assert!(broker.shutdown(secs(30)).await);
        for wire in [&mut tcp, &mut pipe] {
            wire.expect("DISCONNECT ServerShuttingDown").await;
            wire.expect_end().await;
        }
    });
}

#[test]
fn connections_that_come_while_a_broker_stops_end_with_it() {
    everywhere(async |builder: Builder| {
        let broker = builder.start().expect("a broker");
        let address = broker.addresses()[0];
        let mut comers = tokio::task::JoinSet::new();
        for number in 0..60 {
            comers.spawn(async move {
                let Ok(stream) = TcpStream::connect(address).await else { return };
                let mut wire = Wire::over(stream);
                wire.try_send(&Hello::new(&format!("c{number}")).bytes()).await;
                while wire.next().await != "end" {}
            });
        }
        // In the middle of them.
        until(async || broker.counters().await.expect("it runs").clients_connected > 5).await;
        assert!(broker.shutdown(secs(30)).await);
        while let Some(result) = patiently(comers.join_next()).await {
            result.expect("it ends");
        }
    });
}

// [MQTT-3.1.2-8] A shutdown is no DISCONNECT of the client's.
#[tokio::test]
async fn a_broker_that_stops_publishes_the_wills_of_its_clients() {
    let (events, heard) = mpsc::channel();
    let broker = broker().observe(Heard(events)).start().expect("a broker");
    let mut client = Wire::client(&broker, &Hello::new("c").will(publish("will", "bye"))).await;
    assert!(broker.shutdown(secs(30)).await);
    client.expect("DISCONNECT ServerShuttingDown").await;
    // The observer's thread ends with the broker, so this does too.
    let is_will = |event: Event| matches!(event, Event::WillPublished { topic, .. } if &*topic == "will");
    assert!(heard.into_iter().any(is_will));
}

struct Heard(mpsc::Sender<Event>);

impl postrider::Observe for Heard {
    fn observe(&mut self, event: &Event) {
        // The test may have heard enough.
        let _ = self.0.send(event.clone());
    }
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_stops_waits_no_longer_than_it_may_for_a_client_that_does_not_read() {
    for (grace, is_cut) in [(secs(1), true), (secs(5), false)] {
        let broker = broker().start().expect("a broker");
        let mut slow = Wire::attach(&broker, 512);
        slow.enter(&Hello::new("slow")).await;
        slow.subscribed("t", 0).await;
        let mut publisher = Wire::attach(&broker, 512);
        publisher.enter(&Hello::new("p")).await;
        publisher.publish(&publish("t", "").sized(5000).q1(1)).await;
        drop(publisher);
        let begin = Instant::now();
        // A client gets 2 s for its last words, whatever the broker would allow.
        assert_eq!(broker.shutdown(grace).await, !is_cut);
        let waited = begin.elapsed();
        assert!(waited < secs(3) && waited >= grace.min(secs(2)), "{waited:?}");
        while slow.sip(100).await > 0 {}
    }
}

#[test]
fn a_broker_that_is_dropped_ends_its_connections() {
    everywhere(async |builder: Builder| {
        let broker = builder.start().expect("a broker");
        let address = broker.addresses()[0];
        let mut tcp = Wire::client(&broker, &Hello::new("tcp")).await;
        let mut pipe = Wire::attach(&broker, 512);
        pipe.enter(&Hello::new("pipe")).await;
        let mut stranger = Wire::attach(&broker, 512);
        drop(broker);
        for wire in [&mut tcp, &mut pipe, &mut stranger] {
            wire.expect_end().await;
        }
        patiently(async {
            while TcpStream::connect(address).await.is_ok() {
                tokio::task::yield_now().await;
            }
        })
        .await;
    });
}

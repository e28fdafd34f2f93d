//! What an observer hears, and that it can stop nothing.

use crate::ground::broker;
use crate::wire::{PATIENCE, Wire, patiently};
use postrider::{Cause, Event, Limits, ReasonCode, Version, defaults};
use postrider_testkit::{Hello, disconnect, publish, subscribe, unsubscribe};
use std::sync::mpsc;

/// Tells a test what it hears, and waits before each event if the test says so.
struct Ear {
    heard: mpsc::Sender<Event>,
    gate: Option<mpsc::Receiver<()>>,
}

impl postrider::Observe for Ear {
    fn observe(&mut self, event: &Event) {
        if let Some(gate) = &self.gate {
            // Open for good when the test drops its end.
            let _ = gate.recv();
        }
        // The test may have heard enough.
        let _ = self.heard.send(event.clone());
    }
}

/// What is heard until the observer's thread ends, which it does with the broker.
async fn all(events: mpsc::Receiver<Event>) -> Vec<Event> {
    let hearing = tokio::task::spawn_blocking(move || events.into_iter().collect());
    patiently(hearing).await.expect("it listens")
}

/// The same without the connections as such.
async fn rest(events: mpsc::Receiver<Event>) -> Vec<Event> {
    let all = all(events).await.into_iter();
    all.filter(|event| !matches!(event, Event::Opened { .. })).collect()
}

fn word(event: &Event) -> String {
    match event {
        Event::Connected { client_id, keep_alive_s, session_present, .. } => {
            format!("{client_id} connected {keep_alive_s} {session_present}")
        }
        Event::Refused { client_id, reason, .. } => format!("{client_id} refused {reason:?}"),
        Event::Disconnected { client_id, cause } => format!("{client_id} gone {cause:?}"),
        Event::SessionEnded { client_id } => format!("{client_id} ended"),
        Event::Subscribed { client_id, filter, granted, why: _ } => format!("{client_id} +{filter} {granted:?}"),
        Event::Unsubscribed { client_id, filter } => format!("{client_id} -{filter}"),
        Event::Dropped { client_id, reason } => format!("{client_id} lost {reason:?}"),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn an_observer_hears_what_happens_in_its_order() {
    let (heard, events) = mpsc::channel();
    let limits = Limits { keep_alive_s_max: 60, ..defaults::limits() };
    let broker = broker().limits(limits).observe(Ear { heard, gate: None }).start().expect("a broker");
    let mut refused = Wire::dial(broker.addresses()[0]).await;
    refused.hail(&Hello::new("v3").v3().keep_alive(90)).await;
    refused.next().await;
    let mut client = Wire::client(&broker, &Hello::new("c").keep_alive(30).expiry(7)).await;
    client.subscribed("a/+", 1).await;
    client.send(&unsubscribe(9, &["a/+"], Version::V5)).await;
    client.expect("UNSUBACK #9 00").await;
    client.send(&disconnect(ReasonCode::Success, Version::V5)).await;
    client.expect_end().await;
    let mut rude = Wire::client(&broker, &Hello::new("rude").keep_alive(1)).await;
    rude.send(b"\xff\xff\xff\xff\xff\xff").await;
    rude.next().await;
    assert!(broker.shutdown(PATIENCE).await);
    let words: Vec<String> = rest(events).await.iter().map(word).collect();
    let malformed = Cause::Violation(ReasonCode::MalformedPacket, "MQTT-1.5.5-1");
    assert_eq!(
        words,
        [
            "v3 refused ClientIdentifierNotValid",
            "c connected 30 false",
            "c +a/+ Ok(AtLeastOnce)",
            "c -a/+",
            "c gone Disconnect(Success)",
            "rude connected 1 false",
            &format!("rude gone {malformed:?}"),
            "rude ended",
        ]
    );
}

#[tokio::test]
async fn an_observer_that_does_not_keep_up_stops_nothing_and_hears_how_much_it_missed() {
    const FILTERS: usize = 9000;
    let (heard, events) = mpsc::channel();
    let (open, gate) = mpsc::channel();
    let ear = Ear { heard, gate: Some(gate) };
    let broker = broker().threads(1).observe(ear).start().expect("a broker");
    let mut client = Wire::client(&broker, &Hello::new("c")).await;
    let many = (1..FILTERS).fold(subscribe(1, "f/0", 0), |many, at| many.and(&format!("f/{at}"), 0));
    client.send(&many.bytes(Version::V5)).await;
    assert!(client.next().await.starts_with("SUBACK #1 00"));
    client.send(&publish("f/8999", "still works").bytes(Version::V5)).await;
    assert_eq!(client.receive().await.2, b"still works");
    drop(open);
    // Until the last one has been said or is known to be missed: one connection, its filters.
    let (mut count, mut missed) = (0, 0);
    while count + missed < 1 + FILTERS {
        match events.recv_timeout(PATIENCE).expect("more is to come") {
            Event::Missed(events) => missed += usize::try_from(events).expect("few"),
            Event::Connected { .. } | Event::Subscribed { .. } => count += 1,
            Event::Opened { .. } => {}
            other => panic!("{other:?} did not happen"),
        }
    }
    assert!(count >= 4096, "only {count} found room");
    assert!(missed > 0, "nothing was missed, so nothing was tested");
}

#[tokio::test]
async fn an_observer_hears_of_those_who_come_and_go_before_they_have_said_who_they_are() {
    let (heard, events) = mpsc::channel();
    let broker = broker().observe(Ear { heard, gate: None }).start().expect("a broker");
    let address = broker.addresses()[0];
    drop(Wire::dial(address).await);
    let mut rude = Wire::dial(address).await;
    rude.send(b"GET / HTTP/1.1\r\n\r\n").await;
    rude.expect_end().await;
    assert!(broker.shutdown(PATIENCE).await);
    let (mut opened, mut left) = (0, Vec::new());
    for event in all(events).await {
        match event {
            Event::Opened { port, .. } if port == address.port() => opened += 1,
            Event::Left { cause, .. } => left.push(cause),
            other => panic!("{other:?} did not happen"),
        }
    }
    assert_eq!(opened, 2);
    assert!(left.contains(&Cause::Closed), "{left:?}");
    assert!(left.iter().any(|cause| matches!(cause, Cause::Violation(..))), "{left:?}");
}

#[tokio::test]
async fn an_observer_hears_of_messages_that_are_dropped() {
    let (heard, events) = mpsc::channel();
    let mut limits = defaults::limits();
    limits.mailbox.messages_max = 2;
    let broker = broker().limits(limits).observe(Ear { heard, gate: None }).start().expect("a broker");
    let mut away = Wire::client(&broker, &Hello::new("away").expiry(100)).await;
    away.subscribed("t", 1).await;
    away.send(&disconnect(ReasonCode::Success, Version::V5)).await;
    away.expect_end().await;
    let mut publisher = Wire::client(&broker, &Hello::new("p")).await;
    for (id, answer) in [(1, ""), (2, ""), (3, " QuotaExceeded"), (4, " QuotaExceeded")] {
        publisher.send(&publish("t", "x").q1(id).bytes(Version::V5)).await;
        publisher.expect(&format!("PUBACK #{id}{answer}")).await;
    }
    assert!(broker.shutdown(PATIENCE).await);
    let drops = rest(events).await.iter().filter(|event| matches!(event, Event::Dropped { .. })).count();
    assert_eq!(drops, 2, "the first and the second of the series");
}

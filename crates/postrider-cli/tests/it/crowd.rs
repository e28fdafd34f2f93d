//! A thousand clients at once.

use crate::broker::Broker;
use crate::wire::{Received, Wire};
use postrider_proto::Version;
use postrider_testkit::{Hello, publish, subscribe};
use std::time::Instant;

const CLIENTS: usize = 1000;
const VERSIONS: [Version; 3] = [Version::V3_1, Version::V3_1_1, Version::V5];

#[test]
fn a_thousand_clients_each_get_their_own_messages_and_those_of_all() {
    let broker = Broker::with(&[]);
    let started = Instant::now();
    let mut clients: Vec<Wire> = (0..CLIENTS).map(|_| Wire::dial(&broker)).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        let version = VERSIONS[number % 3];
        client.hail(&Hello::new(&format!("client-{number}")).version(version));
        client.send(&subscribe(1, &format!("own/{number}"), 1).and("all", 1).bytes(version));
    }
    for client in &mut clients {
        assert!(client.next().starts_with("CONNACK Success"));
        client.expect("SUBACK #1 01 01");
    }
    println!("{CLIENTS} clients are in after {} ms", started.elapsed().as_millis());
    // Everybody writes to his neighbour, and then three write to all.
    for (number, client) in clients.iter_mut().enumerate() {
        let topic = format!("own/{}", (number + 1) % CLIENTS);
        let message = publish(&topic, &number.to_string()).q1(1);
        client.send(&message.bytes(VERSIONS[number % 3]));
    }
    let mut crier = Wire::client(&broker, &Hello::new("crier"));
    for round in 0..3u16 {
        crier.publish(&publish("all", &format!("round {round}")).q1(round + 1));
    }
    for (number, client) in clients.iter_mut().enumerate() {
        let neighbour = (number + CLIENTS - 1) % CLIENTS;
        expect_all(client, &format!("own/{number}"), &neighbour.to_string());
    }
    println!("all messages are there after {} ms", started.elapsed().as_millis());
}

/// Takes the PUBACK of its own message, one message from the neighbour, and those to all in order.
fn expect_all(client: &mut Wire, own_topic: &str, own_payload: &str) {
    let message =
        |topic: &str, payload: &str| Received { topic: topic.to_owned(), qos: 1, payload: payload.as_bytes().to_vec() };
    let mut rounds = 0;
    let mut own = 0;
    for _ in 0..4 {
        let received = client.receive();
        if received == message(own_topic, own_payload) {
            own += 1;
        } else {
            assert_eq!(received, message("all", &format!("round {rounds}")));
            rounds += 1;
        }
    }
    assert_eq!((own, rounds), (1, 3), "{own_topic}");
}

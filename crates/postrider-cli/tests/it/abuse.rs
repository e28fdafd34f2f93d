//! Twenty thousand malformed packets, while honest clients go about their business.

use crate::broker::Broker;
use crate::commands::client;
use crate::mutation::{Dice, VERSIONS, malformed, seed, shapes};
use crate::patience::until;
use crate::program::{Lines, Program};
use crate::wire::Wire;
use postrider_proto::Version;
use postrider_testkit::{Hello, publish};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

const PACKETS: usize = 20_000;
/// More at once than there are processors, so that connections overlap.
const ABUSERS: usize = 4;
/// What retained messages and sessions that were made by accident may take.
const GROWTH_KIB_MAX: u64 = 6 * 1024;

/// Sends bytes as the first thing or behind a CONNECT, nothing more, and waits for the end.
fn abuse(address: SocketAddr, hello: Option<&Hello>, bytes: &[u8]) {
    let mut wire = Wire::dial(address);
    let hello = hello.map(Hello::bytes).unwrap_or_default();
    wire.try_send(&[&hello[..], bytes].concat());
    wire.fall_silent();
    wire.drain();
}

/// The packet of this number: every fourth as the first of its connection, the others from a client that is in.
fn abuse_with(seed: u64, number: usize, address: SocketAddr) {
    let mut dice = Dice::new(seed, number);
    let version = *dice.pick(&VERSIONS);
    let bytes = malformed(&mut dice, version);
    // Some take the sessions of others.
    let hello = Hello::new(&format!("abuser-{}", dice.below(50))).version(version);
    abuse(address, (!number.is_multiple_of(4)).then_some(&hello), &bytes);
}

/// Two clients between whom messages of QoS 1 go, ten at a time.
struct RawPair {
    publisher: Wire,
    subscriber: Wire,
}

/// The same with mosquitto's commands.
struct MosquittoPair {
    publisher: Program,
    heard: Lines,
    _subscriber: Program,
}

impl RawPair {
    fn new(address: SocketAddr) -> Self {
        let mut subscriber = Wire::client(address, &Hello::new("honest-subscriber").version(Version::V3_1_1));
        subscriber.subscribed("honest/raw", 1);
        Self { publisher: Wire::client(address, &Hello::new("honest-publisher")), subscriber }
    }

    fn exchange(&mut self, first: usize) {
        for id in 1..=10u16 {
            let number = first + usize::from(id);
            self.publisher.send(&publish("honest/raw", &number.to_string()).q1(id).bytes(Version::V5));
        }
        for id in 1..=10 {
            assert_eq!(self.subscriber.receive().payload, (first + id).to_string().as_bytes());
            self.publisher.expect(&format!("PUBACK #{id}"));
        }
    }
}

impl MosquittoPair {
    fn new(broker: &Broker) -> Self {
        let mut subscribe = client("mosquitto_sub", broker, "-i honest-sub -t honest/mosquitto -q 1");
        let (subscriber, heard) = Program::start_and_hear(&mut subscribe);
        broker.hear("honest-sub subscribed to");
        let publisher =
            Program::start(&mut client("mosquitto_pub", broker, "-i honest-pub -t honest/mosquitto -q 1 -l"));
        broker.hear("honest-pub connected");
        Self { publisher, heard, _subscriber: subscriber }
    }

    fn exchange(&mut self, first: usize) {
        let lines: String = (first..first + 10).map(|number| format!("{number}\n")).collect();
        self.publisher.tell(lines.as_bytes());
        for number in first..first + 10 {
            assert_eq!(self.heard.next(), Some(number.to_string()));
        }
    }
}

/// Exchanges until it is over; how many messages that were.
fn repeat(mut exchange: impl FnMut(usize), is_over: impl Fn() -> bool) -> usize {
    let mut count = 0;
    while !is_over() {
        exchange(count);
        count += 10;
    }
    count
}

#[test]
fn twenty_thousand_malformed_packets_neither_end_nor_fill_the_broker_nor_disturb_honest_clients() {
    let seed = seed();
    println!("POSTRIDER_SEED={seed}");
    let broker = Broker::start();
    let address = SocketAddr::from(&broker);
    let (mut mosquitto, mut raw) = (MosquittoPair::new(&broker), RawPair::new(address));
    let descriptors = broker.descriptors();
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let is_over = || done.load(Ordering::Relaxed) >= PACKETS;
    let (early, late) = std::thread::scope(|scope| {
        for _ in 0..ABUSERS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= PACKETS {
                        break;
                    }
                    abuse_with(seed, number, address);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let raw = scope.spawn(|| repeat(|first| raw.exchange(first), is_over));
        let mosquitto = scope.spawn(|| repeat(|first| mosquitto.exchange(first), is_over));
        until("a quarter is sent", || done.load(Ordering::Relaxed) >= PACKETS / 4);
        let early = broker.memory().resident_kib;
        until("all are sent", is_over);
        let counts = [raw.join(), mosquitto.join()].map(|count| count.expect("every message arrives in order"));
        println!("{counts:?} honest messages arrived meanwhile");
        (early, broker.memory().resident_kib)
    });
    println!("resident: {early} KiB after a quarter, {late} KiB at the end");
    assert!(late.saturating_sub(early) < GROWTH_KIB_MAX, "it grows: {early} KiB, {late} KiB");
    until("every descriptor is given back", || broker.descriptors() <= descriptors);
    RawPair::new(address).exchange(0);
}

#[test]
fn shapes_that_ended_other_servers_end_nobody_here() {
    let broker = Broker::with(&[]);
    let address = SocketAddr::from(&broker);
    let mut honest = RawPair::new(address);
    let descriptors = broker.descriptors();
    let shapes = shapes();
    assert!(shapes.len() > 150, "{} shapes", shapes.len());
    for (name, versions, bytes) in &shapes {
        abuse(address, None, bytes);
        for version in versions {
            let hello = Hello::new(name).version(*version);
            abuse(address, Some(&hello), bytes);
            // Behind a packet that is right, and twice.
            abuse(address, Some(&hello), &[&publish("a", "x").bytes(*version), &bytes[..], bytes].concat());
        }
        honest.exchange(0);
    }
    until("every descriptor is given back", || broker.descriptors() <= descriptors);
}

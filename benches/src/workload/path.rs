//! The whole way of the pure half: bytes in, decode, engine, bytes out.

use super::driver::Driver;
use super::wire::{message, rich_message};
use super::{Benchmark, Work};
use bytes::Bytes;
use postrider_proto::{AckKind, Packet, ReasonCode, Version, split};
use postrider_testkit::{Hello, ack, disconnect, subscribe};
use std::hint::black_box;

const V3: Version = Version::V3_1_1;

pub(super) const ALL: &[Benchmark] = &[
    Benchmark::new("path/q0", "QoS 0, 64 bytes, one to one", 50_000, || publishing(0, 1)),
    Benchmark::new("path/q0-burst", "QoS 0, 64 bytes, one to one, 32 in one read", 4000, || publishing(0, BURST))
        .units(BURST),
    Benchmark::new("path/q0-v5", "QoS 0, 64 bytes and three properties, one to one, 5.0", 50_000, rich),
    Benchmark::new("path/q0-16k", "QoS 0, 16 KiB, one to one", 64_000, large),
    Benchmark::new("path/q1", "QoS 1, 64 bytes, one to one, with both PUBACKs", 50_000, || publishing(1, 1)),
    Benchmark::new("path/q1-burst", "QoS 1, one to one, 32 in one read, with PUBACKs", 2000, || publishing(1, BURST))
        .units(BURST),
    Benchmark::new("path/q2", "QoS 2, 64 bytes, one to one, with all answers", 25_000, || publishing(2, 1)),
    Benchmark::new("path/q2-burst", "QoS 2, one to one, 32 in one read, with all answers", 1000, || {
        publishing(2, BURST)
    })
    .units(BURST),
    Benchmark::new("path/fanout", "one delivery of a fan-out to 1,000, QoS 0", 200, fanout).units(FANOUT),
    Benchmark::new("path/connect", "CONNECT, SUBSCRIBE, DISCONNECT", 16_000, connecting),
];

const BURST: usize = 32;
const FANOUT: usize = 1000;
/// Every packet identifier there is.
const IDS: usize = u16::MAX as usize;

/// One kind of acknowledgement for every identifier, so that a client's answer is a slice of it.
struct Acks {
    bytes: Bytes,
    next: usize,
}

impl Acks {
    fn of(kind: AckKind) -> Self {
        let ids = (1..=u16::MAX).cycle().take(IDS + BURST);
        Self { bytes: ids.flat_map(|id| ack(kind, id, ReasonCode::Success, V3)).collect(), next: 0 }
    }

    /// Acknowledges the next `count` identifiers.
    fn take(&mut self, count: usize) -> Bytes {
        let bytes = self.bytes.slice(self.next * 4..(self.next + count) * 4);
        self.next = (self.next + count) % IDS;
        bytes
    }
}

/// A publisher at 0 and a subscriber at 1.
fn pair(version: Version, qos: u8) -> Driver {
    let mut driver = Driver::new();
    driver.connect(&Hello::new("publisher").version(version));
    let at = driver.connect(&Hello::new("subscriber").version(version));
    driver.turn(at, &subscribe(1, "building/7/floor/3/temperature", qos).bytes(version).into());
    driver
}

/// The names of the packets in an outbox.
fn names(driver: &Driver, at: usize) -> Vec<&'static str> {
    let mut rest = driver.outbox(at);
    let mut names = Vec::new();
    while let Ok(Some(frame)) = split(rest, usize::MAX) {
        names.push(Packet::decode(frame, V3).map_or("nothing legal", |packet| packet.name()));
        rest = &rest[frame.len..];
    }
    names
}

/// Messages in one read, and every answer they need.
fn publishing(qos: u8, count: usize) -> Work {
    let mut driver = pair(V3, qos);
    let ids = 1..=u16::try_from(count).expect("a short burst");
    let burst: Bytes = ids
        .flat_map(|id| {
            match qos {
                0 => message(),
                1 => message().q1(id),
                _ => message().q2(id),
            }
            .bytes(V3)
        })
        .collect();
    let [mut pubacks, mut pubrecs, mut pubcomps] = [AckKind::Puback, AckKind::Pubrec, AckKind::Pubcomp].map(Acks::of);
    let pubrels = Acks::of(AckKind::Pubrel).take(count);
    let mut exchange = move |look: fn(&Driver, usize, &'static str, &'static str)| {
        let mut say = |at: usize, bytes: &Bytes, to_publisher, to_subscriber| {
            driver.receive(at, black_box(bytes));
            look(&driver, count, to_publisher, to_subscriber);
            driver.flush();
        };
        match qos {
            0 => say(0, &burst, "", "PUBLISH"),
            1 => {
                say(0, &burst, "PUBACK", "PUBLISH");
                say(1, &pubacks.take(count), "", "");
            }
            _ => {
                say(0, &burst, "PUBREC", "PUBLISH");
                say(0, &pubrels, "PUBCOMP", "");
                say(1, &pubrecs.take(count), "", "PUBREL");
                say(1, &pubcomps.take(count), "", "");
            }
        }
    };
    for _ in 0..3 {
        exchange(check);
    }
    Work::each(move || exchange(|_, _, _, _| {}))
}

/// Each outbox holds `count` packets of the name, or nothing.
fn check(driver: &Driver, count: usize, to_publisher: &'static str, to_subscriber: &'static str) {
    for (at, name) in [to_publisher, to_subscriber].into_iter().enumerate() {
        let expected = if name.is_empty() { Vec::new() } else { vec![name; count] };
        assert_eq!(names(driver, at), expected, "for {at}");
    }
}

fn rich() -> Work {
    let mut driver = pair(Version::V5, 0);
    let bytes: Bytes = rich_message().bytes(Version::V5).into();
    driver.receive(0, &bytes);
    assert_eq!(driver.outbox(1), bytes);
    driver.flush();
    Work::each(move || driver.turn(0, black_box(&bytes)))
}

fn large() -> Work {
    let mut driver = pair(V3, 0);
    let bytes: Bytes = message().sized(16 * 1024).bytes(V3).into();
    driver.receive(0, &bytes);
    assert_eq!(driver.outbox(1).len(), bytes.len() - 16 * 1024);
    driver.flush();
    Work::each(move || driver.turn(0, black_box(&bytes)))
}

fn fanout() -> Work {
    let mut driver = pair(V3, 0);
    for number in 1..FANOUT {
        let at = driver.connect(&Hello::new(&format!("subscriber-{number}")).v3());
        driver.turn(at, &subscribe(1, "building/7/floor/3/temperature", 0).bytes(V3).into());
    }
    let bytes: Bytes = message().bytes(V3).into();
    driver.receive(0, &bytes);
    assert!((1..=FANOUT).all(|at| driver.outbox(at) == bytes), "everybody has it");
    driver.flush();
    Work::each(move || driver.turn(0, black_box(&bytes)))
}

fn connecting() -> Work {
    let mut driver = Driver::new();
    let hello: Bytes = Hello::new("sensor-0815").v3().keep_alive(60).bytes().into();
    let wish: Bytes = subscribe(1, "building/7/floor/3/temperature", 1).bytes(V3).into();
    let bye: Bytes = disconnect(ReasonCode::Success, V3).into();
    let at = driver.open();
    let mut cycle = move |look: fn(&Driver, usize, &'static str)| {
        driver.reopen(at);
        for (bytes, answer) in [(&hello, "CONNACK"), (&wish, "SUBACK"), (&bye, "")] {
            driver.receive(at, black_box(bytes));
            look(&driver, at, answer);
            driver.flush();
        }
    };
    for _ in 0..2 {
        cycle(|driver, at, answer| assert_eq!(names(driver, at).concat(), answer));
    }
    Work::each(move || cycle(|_, _, _| {}))
}

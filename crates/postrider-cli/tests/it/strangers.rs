//! Connections of those who have not said who they are, and may never.

use crate::broker::Broker;
use crate::patience::until;
use crate::wire::Wire;
use postrider_proto::Version;
use postrider_testkit::{Hello, publish};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// `count` connections that have said `bytes`, all of them accepted.
fn strangers(broker: &Broker, count: usize, bytes: &[u8]) -> Vec<Wire> {
    let mut strangers: Vec<Wire> = (0..count).map(|_| Wire::dial(broker)).collect();
    strangers.iter_mut().for_each(|stranger| stranger.send(bytes));
    until("the broker accepts all of them", || broker.descriptors() > count);
    strangers
}

/// How long a client that comes now waits for its CONNACK.
fn entrance(to: impl Into<SocketAddr>) -> Duration {
    let started = Instant::now();
    Wire::client(to, &Hello::new("honest")).expect_silence();
    started.elapsed()
}

// Allocation from a length field.
#[test]
fn connects_that_announce_more_than_they_send_take_no_memory_for_it() {
    let broker = Broker::with(&[]);
    entrance(&broker);
    let base = broker.memory();
    // As much as a stranger may announce, of which seven bytes come.
    let strangers = strangers(&broker, 2000, b"\x10\xf0\xff\x03\x00\x04MQ");
    entrance(&broker);
    let taken = broker.memory();
    let resident = taken.resident_kib.saturating_sub(base.resident_kib);
    let virtual_ = taken.virtual_kib.saturating_sub(base.virtual_kib);
    println!("{} strangers take {resident} KiB, and {virtual_} KiB of addresses", strangers.len());
    assert!(resident < 2000 * 8, "{resident} KiB");
    assert!(virtual_ < 128 * 1024, "{virtual_} KiB of addresses");
}

// The same from clients that are in.
#[test]
fn publishes_that_announce_more_than_they_send_take_no_memory_for_it() {
    let broker = Broker::with(&[]);
    let mut clients: Vec<Wire> =
        (0..500).map(|number| Wire::client(&broker, &Hello::new(&format!("c{number}")))).collect();
    let base = broker.memory();
    // 1.9 MB each, nearly a gigabyte in all.
    clients.iter_mut().for_each(|client| client.send(b"\x30\xe0\xfb\x73\x00\x01a\x00begun"));
    entrance(&broker);
    let taken = broker.memory().resident_kib.saturating_sub(base.resident_kib);
    println!("500 messages that have begun take {taken} KiB");
    assert!(taken < 500 * 64, "{taken} KiB");
}

#[test]
fn lengths_beyond_every_limit_end_the_connection_when_they_are_known() {
    let broker = Broker::with(&[]);
    for bytes in
        [&b"\x10\xff\xff\xff\x7f"[..], b"\x10\xff\xff\xff\xff\x01", b"\x10\x80\x80\x80\x80\x00", b"\x10\x81\x80\x04"]
    {
        let mut stranger = Wire::dial(&broker);
        stranger.send(bytes);
        stranger.expect("end");
    }
    for version in [Version::V3_1, Version::V3_1_1, Version::V5] {
        for (bytes, reason) in [
            (&b"\x30\xff\xff\xff\x7f"[..], "PacketTooLarge"),
            (b"\x82\xff\xff\xff\x7f", "PacketTooLarge"),
            (b"\x30\xff\xff\xff\xff\x01", "MalformedPacket"),
        ] {
            let mut client = Wire::client(&broker, &Hello::new("c").version(version));
            client.send(bytes);
            if version.is_v5() {
                client.expect(&format!("DISCONNECT {reason}"));
            }
            client.expect("end");
        }
    }
}

// Slow ones hold a place for as long as silent ones, not for longer.
#[test]
fn silent_and_slow_strangers_are_closed_ten_seconds_after_they_came() {
    let broker = Broker::with(&[]);
    let started = Instant::now();
    let mut silent = Wire::dial(&broker);
    let mut slow = Wire::dial(&broker);
    let hello = Hello::new(&"slow".repeat(20)).bytes();
    let mut bytes = hello.iter();
    // A byte each quarter of a second: never silent for long, and never done.
    while slow.is_open() {
        assert!(started.elapsed() < Duration::from_secs(20), "it is held for as long as it likes");
        let byte = *bytes.next().expect("it is closed before it has said everything");
        slow.try_send(&[byte]);
        std::thread::sleep(Duration::from_millis(250));
    }
    let slow_took = started.elapsed();
    silent.expect("end");
    let silent_took = started.elapsed();
    println!("slow: {slow_took:?}, silent: {silent_took:?}");
    let right = Duration::from_secs(9)..Duration::from_secs(14);
    assert!(right.contains(&slow_took) && right.contains(&silent_took), "{slow_took:?}, {silent_took:?}");
}

#[test]
fn five_thousand_idle_strangers_take_little_memory_and_nobodys_place() {
    let broker = Broker::with(&[]);
    entrance(&broker);
    let (base, descriptors) = (broker.memory().resident_kib, broker.descriptors());
    let strangers = strangers(&broker, 5000, b"");
    let waited = entrance(&broker);
    let taken = broker.memory().resident_kib.saturating_sub(base);
    println!("5000 strangers take {taken} KiB; a client among them waits {waited:?}");
    assert!(taken < 5000 * 4, "{taken} KiB");
    assert!(waited < Duration::from_secs(2), "{waited:?}");
    drop(strangers);
    until("every descriptor is given back", || broker.descriptors() <= descriptors);
}

#[test]
fn a_flood_of_connections_leaves_nothing_behind_and_does_not_stop_clients() {
    let broker = Broker::with(&[]);
    entrance(&broker);
    let descriptors = broker.descriptors();
    let address = SocketAddr::from(&broker);
    let is_over = AtomicBool::new(false);
    let longest = std::thread::scope(|scope| {
        let flood = |bytes: &'static [u8]| {
            move || {
                for _ in 0..2500 {
                    Wire::dial(address).try_send(bytes);
                }
            }
        };
        let floods = [&b""[..], b"\x10", b"GET / HTTP/1.1\r\n\r\n", b"\x10\x0c\x00\x04MQTT"];
        let floods = floods.map(|bytes| scope.spawn(flood(bytes)));
        let honest = scope.spawn(|| {
            let mut steady = Wire::client(address, &Hello::new("steady"));
            let mut longest = Duration::ZERO;
            while !is_over.load(Ordering::Relaxed) {
                steady.publish(&publish("a", "x").q1(1));
                longest = longest.max(entrance(address));
            }
            longest
        });
        floods.into_iter().for_each(|flood| flood.join().expect("it ends"));
        is_over.store(true, Ordering::Relaxed);
        honest.join().expect("the broker serves")
    });
    println!("a client that came during the flood waited {longest:?} at most");
    assert!(longest < Duration::from_secs(5), "{longest:?}");
    until("every descriptor is given back", || broker.descriptors() <= descriptors);
}

// [MQTT-3.1.0-1]
#[test]
fn whatever_comes_before_connect_ends_the_connection() {
    let broker = Broker::with(&[]);
    for kind in (0..=15u8).filter(|kind| *kind != 1) {
        for flags in [0, 2, 15] {
            let mut stranger = Wire::dial(&broker);
            stranger.send(&[kind << 4 | flags, 2, 0, 1]);
            stranger.expect("end");
        }
    }
    entrance(&broker);
}

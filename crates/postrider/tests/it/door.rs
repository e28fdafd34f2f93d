//! Before a CONNECT succeeded: what a stranger may send, and that it changes nothing.

use crate::ground::{broker, everywhere, expect_nothing_changed};
use crate::wire::{Wire, until};
use postrider::{Builder, Version};
use postrider_testkit::{Hello, publish};

// [MQTT-3.1.0-1]
#[test]
fn strangers_that_speak_something_else_are_closed_without_an_answer() {
    let hellos: [&[u8]; 7] = [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS ClientHello",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\0\0\0\0\0\0\0\0",
        b"\xff\xff\xff\xff",
        b"\xc0\x00",
        b"\x10\x0c\x00\x04HTTP\x04\x02\x00\x0a\x00\x00",
    ];
    everywhere(async |builder: Builder| {
        let broker = builder.start().expect("a broker");
        for hello in hellos {
            let mut tcp = Wire::dial(broker.addresses()[0]).await;
            tcp.send(hello).await;
            tcp.expect_end().await;
            let mut pipe = Wire::attach(&broker, 4096);
            pipe.try_send(hello).await;
            pipe.expect_end().await;
        }
        expect_nothing_changed(&broker).await;
    });
}

// [MQTT-3.1.0-1], A3
#[tokio::test]
async fn whatever_comes_before_connect_ends_the_connection() {
    let broker = broker().start().expect("a broker");
    for kind in (0..=15u8).filter(|kind| *kind != 1) {
        for flags in [0, 2] {
            let mut wire = Wire::dial(broker.addresses()[0]).await;
            wire.send(&[kind << 4 | flags, 2, 0, 1]).await;
            wire.expect_end().await;
        }
    }
    expect_nothing_changed(&broker).await;
}

// A1
#[tokio::test]
async fn a_connect_of_256_mb_is_refused_when_its_length_is_known() {
    let broker = broker().start().expect("a broker");
    for header in
        [&b"\x10\xff\xff\xff\x7f"[..], b"\x10\x81\x80\x04", b"\x10\xff\xff\xff\xff", b"\x10\xff\xff\xff\xff\x01"]
    {
        let mut wire = Wire::dial(broker.addresses()[0]).await;
        wire.send(header).await;
        wire.expect_end().await;
    }
    expect_nothing_changed(&broker).await;
}

#[tokio::test]
async fn a_connect_of_64_kib_is_let_in_and_one_byte_more_is_not() {
    let broker = broker().start().expect("a broker");
    // Everything but the payload of the will.
    let frame = Hello::new("c").will(publish("w", "")).bytes().len() + 2;
    for (bytes, is_in) in [(65_536, true), (65_537, false)] {
        let hello = Hello::new("c").will(publish("w", "").sized(bytes - frame));
        assert_eq!(hello.bytes().len(), bytes);
        let mut wire = Wire::dial(broker.addresses()[0]).await;
        wire.try_send(&hello.bytes()).await;
        assert_eq!(wire.next().await.starts_with("CONNACK Success"), is_in);
    }
}

// Clients may send on without waiting for CONNACK. [3.1.4]
#[test]
fn packets_right_behind_a_connect_do_not_count_against_the_stranger_however_it_is_cut() {
    everywhere(async |builder: Builder| {
        let broker = builder.start().expect("a broker");
        let hello = Hello::new("c").bytes();
        let packet = |id: u16| publish("a", "").sized(10_000).q1(id).bytes(Version::V5);
        let packets: Vec<u8> = (1..=30).flat_map(packet).collect();
        let whole = [&hello[..], &packets].concat();
        for cut in [0, 1, 5, hello.len() - 1] {
            let mut pipe = Wire::attach_behind(&broker, &whole[..cut], &whole[cut..]);
            assert!(pipe.next().await.starts_with("CONNACK Success"));
            for id in 1..=30 {
                pipe.expect(&format!("PUBACK #{id} NoMatchingSubscribers")).await;
            }
        }
        let mut tcp = Wire::dial(broker.addresses()[0]).await;
        tcp.send(&hello[..5]).await;
        tokio::task::yield_now().await;
        tcp.send(&[&hello[5..], &packets].concat()).await;
        assert!(tcp.next().await.starts_with("CONNACK Success"));
        for id in 1..=30 {
            tcp.expect(&format!("PUBACK #{id} NoMatchingSubscribers")).await;
        }
    });
}

#[tokio::test]
async fn strangers_that_hang_up_in_the_middle_of_a_connect_leave_nothing_behind() {
    let broker = broker().connections_max(1).start().expect("a broker");
    let hello = Hello::new("c").bytes();
    for cut in 0..hello.len() {
        let mut wire = Wire::dial(broker.addresses()[0]).await;
        wire.send(&hello[..cut]).await;
    }
    expect_nothing_changed(&broker).await;
    // The only place is free again.
    let mut wire = Wire::client(&broker, &Hello::new("c")).await;
    wire.expect_silence().await;
    drop(wire);
    until(async || broker.counters().await.expect("it runs").clients_connected == 0).await;
}

// [MQTT-1.5.4-1], [MQTT-1.5.4-2], [MQTT-3.1.2-3], [MQTT-3.1.3-4], [MQTT-3.1.4-1], [MQTT-4.13.2-1],
// [MQTT-1.5.3-1] of 3.1.1, [MQTT-1.5.3-2] of 3.1.1, [MQTT-3.1.2-3] of 3.1.1, [MQTT-3.1.4-1] of 3.1.1,
// [MQTT-3.2.2-6] of 3.1.1
#[tokio::test]
async fn a_connect_that_does_not_conform_is_told_why_in_5_0_and_closed() {
    let broker = broker().start().expect("a broker");
    // The flags, what stands behind the keep alive but for the properties, and the reason in 5.0.
    let wrong: [(u8, &[u8], u8); 7] = [
        (0x03, &[0, 1, b'c'], 0x81),
        (0x0A, &[0, 1, b'c'], 0x81),
        (0x82, &[0, 1, b'c'], 0x81),
        (0x02, &[0, 2, 0xC3, 0x28], 0x81),
        (0x02, &[0, 3, 0xED, 0xA0, 0x80], 0x81),
        (0x02, &[0, 2, b'c', 0], 0x81),
        (0x02, &[0, 1, b'c', 0], 0x81),
    ];
    for (flags, rest, reason) in wrong {
        for version in [Version::V3_1_1, Version::V5] {
            let none: &[u8] = if version.is_v5() { &[0] } else { &[] };
            let body = [&[0, 4], &b"MQTT"[..], &[version.level(), flags, 0, 60], none, rest].concat();
            let mut wire = Wire::dial(broker.addresses()[0]).await;
            wire.send(&[&[0x10, u8::try_from(body.len()).expect("small")], &body[..]].concat()).await;
            let mut heard = Vec::new();
            wire.take_raw(&mut heard).await;
            let expected: &[u8] = if version.is_v5() { &[0x20, 3, 0, reason, 0] } else { &[] };
            assert_eq!(heard, expected, "{flags:02x} {rest:02x?} in {version}");
        }
    }
    expect_nothing_changed(&broker).await;
}

// [MQTT-3.1.2-2], [MQTT-3.1.4-1], [MQTT-3.1.2-2] of 3.1.1
#[tokio::test]
async fn editions_that_are_not_spoken_are_told_so() {
    let broker = broker().start().expect("a broker");
    for (level, answer) in [(6u8, &b"\x20\x03\x00\x84\x00"[..]), (2, b"\x20\x02\x00\x01")] {
        let mut bytes = Hello::new("c").v3().bytes();
        bytes[8] = level;
        let mut wire = Wire::dial(broker.addresses()[0]).await;
        wire.send(&bytes).await;
        let mut heard = Vec::new();
        wire.take_raw(&mut heard).await;
        assert_eq!(heard, answer);
    }
    expect_nothing_changed(&broker).await;
}

//! An embedder's own streams next to TCP, and packets however the bytes are cut.

use crate::ground::{broker, everywhere};
use crate::wire::Wire;
use postrider::{Builder, Qos, Version};
use postrider_testkit::{Hello, pingreq, publish, subscribe};

#[test]
fn attached_streams_and_tcp_clients_exchange_messages_of_every_qos() {
    everywhere(async |builder: Builder| {
        let broker = builder.start().expect("a broker");
        for version in [Version::V3_1, Version::V3_1_1, Version::V5] {
            let mut tcp = Wire::client(&broker, &Hello::new("tcp").version(version)).await;
            let mut pipe = Wire::attach(&broker, 4096);
            pipe.enter(&Hello::new("pipe").version(version)).await;
            tcp.subscribed("to/tcp", 2).await;
            pipe.subscribed("to/pipe", 2).await;
            expect_delivery(&mut tcp, &mut pipe, "to/pipe").await;
            expect_delivery(&mut pipe, &mut tcp, "to/tcp").await;
        }
    });
}

async fn expect_delivery(from: &mut Wire, to: &mut Wire, topic: &str) {
    let packets = [publish(topic, "0"), publish(topic, "1").q1(1), publish(topic, "2").q2(2)];
    for (packet, qos) in packets.iter().zip([Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce]) {
        from.publish(packet).await;
        let payload = qos.as_u8().to_string().into_bytes();
        assert_eq!(to.receive().await, (topic.to_owned(), qos, payload));
    }
    to.expect_silence().await;
    from.expect_silence().await;
}

/// CONNECT, SUBSCRIBE, two PUBLISH and PINGREQ.
fn script(version: Version) -> Vec<u8> {
    let mut script = Hello::new("cut").version(version).bytes();
    script.extend(subscribe(7, "a/+", 1).bytes(version));
    script.extend(publish("a/b", "one").q1(1).bytes(version));
    script.extend(publish("a/c", "two").bytes(version));
    script.extend(pingreq());
    script
}

async fn expect_the_answers(wire: &mut Wire) {
    let mut lines = Vec::new();
    for _ in 0..6 {
        lines.push(wire.next().await);
    }
    assert!(lines.remove(0).starts_with("CONNACK Success"));
    // In a narrow pipe, answers overtake messages.
    assert_eq!(lines[0], "SUBACK #7 01");
    let of = |name: &str| lines.iter().filter(|line| line.starts_with(name)).cloned().collect::<Vec<_>>();
    assert_eq!(of("PUBLISH"), ["PUBLISH a/b q1 #1 \"one\"", "PUBLISH a/c q0 \"two\""]);
    assert_eq!((of("PUBACK"), of("PINGRESP").len()), (vec!["PUBACK #1".to_owned()], 1));
}

#[tokio::test]
async fn packets_cut_anywhere_are_put_together_again() {
    let broker = broker().start().expect("a broker");
    let script = script(Version::V5);
    // A pipe of so many bytes cuts behind each of them: the next go in when the broker has read these.
    for bytes in 1..=script.len() {
        let mut pipe = Wire::attach(&broker, bytes);
        pipe.send_and_hear(&script).await;
        expect_the_answers(&mut pipe).await;
    }
}

#[test]
fn packets_that_come_byte_by_byte_over_tcp_are_put_together_again() {
    everywhere(async |builder: Builder| {
        let broker = builder.start().expect("a broker");
        let mut wire = Wire::dial(broker.addresses()[0]).await;
        for byte in script(Version::V5) {
            wire.send(&[byte]).await;
            tokio::task::yield_now().await;
        }
        expect_the_answers(&mut wire).await;
    });
}

#[test]
fn thousands_of_packets_in_one_write_are_answered_in_order() {
    everywhere(async |builder: Builder| {
        let broker = builder.start().expect("a broker");
        let mut reader = Wire::client(&broker, &Hello::new("r")).await;
        reader.subscribed("a", 0).await;
        let mut tcp = Wire::client(&broker, &Hello::new("tcp").v3()).await;
        let mut pipe = Wire::attach(&broker, 4096);
        pipe.enter(&Hello::new("pipe")).await;
        for (wire, version) in [(&mut tcp, Version::V3_1_1), (&mut pipe, Version::V5)] {
            let ids = 1..=3000;
            let packet = |id: u16| publish("a", &id.to_string()).q1(id).bytes(version);
            let packets: Vec<u8> = ids.clone().flat_map(packet).collect();
            wire.send_and_hear(&packets).await;
            for id in ids {
                wire.expect(&format!("PUBACK #{id}")).await;
                assert_eq!(reader.receive().await.2, id.to_string().into_bytes());
            }
        }
    });
}

// Control packets overtake messages in a pipe that is full, but never each other. [MQTT-3.2.0-1], [4.6]
#[tokio::test]
async fn answers_to_a_client_that_reads_late_come_in_their_order() {
    let broker = broker().start().expect("a broker");
    let mut pipe = Wire::attach(&broker, 10);
    let mut packets = Hello::new("c").bytes();
    packets.extend(subscribe(9, "a", 0).bytes(Version::V5));
    (1..=200).for_each(|id| packets.extend(publish("a", "x").q1(id).bytes(Version::V5)));
    pipe.send(&packets).await;
    assert!(pipe.next().await.starts_with("CONNACK Success"));
    let (mut answers, mut messages) = (Vec::new(), 0);
    while answers.len() + messages < 401 {
        match pipe.next().await {
            line if line.starts_with("PUBLISH") => messages += 1,
            line => answers.push(line),
        }
    }
    let expected = (1..=200).map(|id| format!("PUBACK #{id}"));
    assert!(answers.iter().cloned().eq(core::iter::once("SUBACK #9 00".to_owned()).chain(expected)), "{answers:?}");
}

#[test]
fn a_megabyte_passes_both_ways_over_tcp_and_through_a_narrow_pipe() {
    everywhere(async |builder: Builder| {
        let broker = builder.start().expect("a broker");
        let payload: String =
            (0..1_048_576u32).map(|at| char::from(b"0123456789abcdef"[(at / 7 % 251 % 16) as usize])).collect();
        let mut tcp = Wire::client(&broker, &Hello::new("tcp")).await;
        let mut pipe = Wire::attach(&broker, 4096);
        pipe.enter(&Hello::new("pipe")).await;
        tcp.subscribed("to/tcp", 1).await;
        pipe.subscribed("to/pipe", 1).await;
        for id in 1..=2 {
            let (one, other) = (publish("to/pipe", &payload).q1(id), publish("to/tcp", &payload).q1(id));
            let (_, got) = tokio::join!(tcp.publish(&one), pipe.receive());
            assert!(got.2 == payload.as_bytes(), "what came through the pipe is not what was sent");
            let (_, got) = tokio::join!(pipe.publish(&other), tcp.receive());
            assert!(got.2 == payload.as_bytes(), "what came over TCP is not what was sent");
        }
    });
}

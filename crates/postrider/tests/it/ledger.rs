//! Many clients on several threads at the same time: nothing is lost, nothing changes places, the sums are right.

use crate::ground::broker;
use crate::wire::{Wire, patiently, until};
use postrider::{Bounds, Broker, Limits, Version, defaults};
use postrider_proto::{Ack, AckKind, Packet, ReasonCode};
use postrider_testkit::{Hello, ack, disconnect, publish};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::task::JoinSet;

const CLIENTS: u16 = 10;
const BATCHES: u16 = 100;
/// QoS of the messages of a batch.
const BATCH: [u8; 20] = [0, 1, 2, 0, 1, 0, 1, 0, 2, 1, 0, 1, 0, 2, 0, 1, 1, 2, 0, 0];

/// Sends its share and goes through with every exchange, one batch at a time.
async fn publish_all(mut wire: Wire, name: u16) {
    let mut number = 0;
    for _ in 0..BATCHES {
        let mut packets = Vec::new();
        let mut open = 0;
        for qos in BATCH {
            number += 1;
            let packet = publish(&format!("load/{name}"), &format!("{name} {number}"));
            let packet = match qos {
                0 => packet,
                1 => packet.q1(number),
                _ => packet.q2(number),
            };
            open += u32::from(qos > 0);
            packets.extend(packet.bytes(Version::V5));
        }
        wire.send(&packets).await;
        while open > 0 {
            let Ack { kind, packet_id, reason, .. } = next_ack(&mut wire).await;
            assert_eq!(reason, ReasonCode::Success);
            match kind {
                AckKind::Pubrec => wire.acknowledge(AckKind::Pubrel, packet_id.as_u16()).await,
                _ => open -= 1,
            }
        }
    }
    wire.send(&disconnect(ReasonCode::Success, Version::V5)).await;
    wire.expect_end().await;
}

async fn next_ack(wire: &mut Wire) -> Ack<'static> {
    let look = |packet: &Packet<'_>| match packet {
        Packet::Ack(ack) => Ack::new(ack.kind, ack.packet_id, ack.reason),
        other => panic!("{other:?} is no acknowledgement"),
    };
    wire.take(look).await.expect("an acknowledgement")
}

/// Takes messages and keeps the order they came in, by publisher and QoS they were published with.
async fn take_all(mut wire: Wire, seen: Arc<AtomicU64>) -> HashMap<(u16, u8), Vec<u16>> {
    let mut got: HashMap<(u16, u8), Vec<u16>> = HashMap::new();
    let number = |packet: &Packet<'_>| match packet {
        Packet::Publish(publish) => {
            assert!(!publish.dup);
            let text = str::from_utf8(publish.payload).expect("text");
            let (name, number) = text.split_once(' ').expect("two numbers");
            let (name, number): (u16, u16) = (name.parse().expect("a number"), number.parse().expect("a number"));
            let qos = BATCH[usize::from(number - 1) % BATCH.len()];
            assert_eq!(publish.qos.as_u8(), qos.min(publish.qos.as_u8()));
            let answer = publish.packet_id.map(|id| {
                let kind = if publish.qos.as_u8() == 2 { AckKind::Pubrec } else { AckKind::Puback };
                ack(kind, id.as_u16(), ReasonCode::Success, Version::V5)
            });
            (Some((name, qos, number)), answer)
        }
        Packet::Ack(pubrel) if pubrel.kind == AckKind::Pubrel => {
            (None, Some(ack(AckKind::Pubcomp, pubrel.packet_id.as_u16(), ReasonCode::Success, Version::V5)))
        }
        Packet::Disconnect(_) => (None, None),
        other => panic!("{other:?} was not expected"),
    };
    while let Some((message, answer)) = wire.take(number).await {
        if let Some((name, qos, number)) = message {
            got.entry((name, qos)).or_default().push(number);
            seen.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(answer) = answer {
            wire.send(&answer).await;
        }
    }
    got
}

async fn expect_sums(broker: &Broker, seen: u64) {
    let counters = broker.counters().await.expect("it runs");
    let published = u64::from(CLIENTS * BATCHES) * BATCH.len() as u64;
    assert_eq!(counters.messages_received, published);
    assert_eq!(counters.deliveries_owed, published * 2);
    assert_eq!(counters.deliveries_sent, seen);
    let ends = counters.deliveries_sent + counters.deliveries_queued + counters.drops.total();
    assert_eq!(ends, counters.deliveries_owed);
    assert_eq!((counters.deliveries_queued, counters.stray_acks), (0, 0));
}

// [MQTT-4.6.0-5], [MQTT-4.6.0-6]
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn twenty_clients_on_two_threads_lose_nothing_keep_each_order_and_every_sum_is_right() {
    let bounds = Bounds { messages_max: 100_000, bytes_max: 64 << 20, ..defaults::limits().mailbox };
    let limits = Limits { mailbox: bounds, ..defaults::limits() };
    let broker = broker().limits(limits).threads(2).start().expect("a broker");
    let seen = Arc::new(AtomicU64::new(0));
    let (mut readers, mut writers) = (JoinSet::new(), JoinSet::new());
    for name in 0..CLIENTS {
        let mut wire = Wire::client(&broker, &Hello::new(&format!("reader {name}"))).await;
        // Every message goes to two, and every reader hears two publishers.
        wire.subscribed(&format!("load/{name}"), 2).await;
        wire.subscribed(&format!("load/{}", (name + 1) % CLIENTS), 1 + u8::from(name % 2 == 0)).await;
        readers.spawn(take_all(wire, seen.clone()));
    }
    for name in 0..CLIENTS {
        let wire = Wire::client(&broker, &Hello::new(&format!("writer {name}"))).await;
        writers.spawn(publish_all(wire, name));
    }
    while let Some(result) = patiently(writers.join_next()).await {
        result.expect("all was acknowledged");
    }
    let is_over = async || {
        let counters = broker.counters().await.expect("it runs");
        seen.load(Ordering::Relaxed) == counters.deliveries_sent && counters.deliveries_queued == 0
    };
    until(is_over).await;
    for name in 0..CLIENTS {
        let name = format!("reader {name}");
        until(async || broker.session(&name).await.expect("it runs").expect("there").in_flight == 0).await;
    }
    expect_sums(&broker, seen.load(Ordering::Relaxed)).await;
    let lost = broker.counters().await.expect("it runs").drops.total();
    assert!(broker.shutdown(crate::wire::PATIENCE).await);
    let mut missing = 0;
    while let Some(got) = readers.join_next().await {
        missing += check(&got.expect("it took all"));
    }
    assert_eq!(missing, lost, "what did not come was counted as dropped");
}

/// Every order is right and every message of QoS 1 and 2 is there; says how many of QoS 0 are not.
fn check(got: &HashMap<(u16, u8), Vec<u16>>) -> u64 {
    let mut missing = 0;
    let mut names: Vec<u16> = got.keys().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 2);
    for name in names {
        for qos in 0..3 {
            let numbers = got.get(&(name, qos)).cloned().unwrap_or_default();
            assert!(numbers.is_sorted_by(|one, other| one < other), "{name} at QoS {qos}: {numbers:?}");
            let sent = usize::from(BATCHES) * BATCH.iter().filter(|of| **of == qos).count();
            if qos > 0 {
                assert_eq!(numbers.len(), sent, "{name} at QoS {qos}");
            }
            missing += (sent - numbers.len()) as u64;
        }
    }
    missing
}

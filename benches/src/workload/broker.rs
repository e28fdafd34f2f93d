//! The engine alone: packets that are decoded already in, a tray of effects out.

use super::driver::{NOW, engine, limits};
use super::wire::{message, rich_message};
use super::{Benchmark, Work};
use bytes::Bytes;
use postrider_engine::{Effect, Engine, Input, Limits, LinkId, Tray};
use postrider_ports::Peer;
use postrider_proto::{Ack, AckKind, Packet, PacketId, ReasonCode, Version, split};
use postrider_testkit::{Hello, Pub, disconnect, publish, subscribe, unsubscribe};
use std::hint::black_box;

const V3: Version = Version::V3_1_1;
const TOPIC: &str = "building/7/floor/3/temperature";
const FANOUT: u32 = 1000;
const QUEUED: u32 = 100;

pub(super) const ALL: &[Benchmark] = &[
    Benchmark::new("engine/unwanted", "a publish that nobody wants", 50_000, unwanted),
    Benchmark::new("engine/q0", "a QoS 0 publish to one subscriber", 50_000, || q0(V3, &message())),
    Benchmark::new("engine/q0-v5", "a QoS 0 publish with three properties to one subscriber, 5.0", 50_000, || {
        q0(Version::V5, &rich_message())
    }),
    Benchmark::new("engine/q1", "a QoS 1 publish to one clean subscriber, with both PUBACKs", 50_000, || {
        q1(&Hello::new("subscriber").v3())
    }),
    Benchmark::new("engine/q1-durable", "the same to a subscriber whose session is kept", 50_000, || {
        q1(&Hello::new("subscriber").v3().resume())
    }),
    Benchmark::new("engine/q2", "a QoS 2 publish to one subscriber, with all answers", 25_000, q2),
    Benchmark::new("engine/fanout-q0", "one delivery of a fan-out to 1,000, QoS 0", 200, || fanout(0))
        .units(FANOUT as usize),
    Benchmark::new("engine/fanout-q1", "one delivery of a fan-out to 1,000, QoS 1, with its PUBACK", 200, || fanout(1))
        .units(FANOUT as usize),
    Benchmark::new("engine/queue", "a QoS 1 publish into the mailbox of a client that is away", 32_000, queueing),
    Benchmark::new("engine/queue-drain", "a message queued and, at the return of the client, drained", 500, draining)
        .units(QUEUED as usize),
    Benchmark::new("engine/replay", "one of 1,000 retained messages replayed at SUBSCRIBE, of 10,000", 64, replaying)
        .units(1000),
    Benchmark::new("engine/subscribe", "SUBSCRIBE and UNSUBSCRIBE", 32_000, subscribing),
    Benchmark::new("engine/connect", "CONNECT, SUBSCRIBE, DISCONNECT of a clean session", 16_000, connecting),
];

/// An engine at work.
struct Desk {
    engine: Engine,
    tray: Tray,
    source: Bytes,
    peer: Peer,
}

/// A packet whose bytes live as long as the process.
fn packet(bytes: Vec<u8>, version: Version) -> Packet<'static> {
    let frame = split(bytes.leak(), usize::MAX).expect("a frame").expect("a whole frame");
    Packet::decode(frame, version).expect("a packet")
}

const fn link(slot: u32) -> LinkId {
    LinkId { slot, epoch: 1 }
}

impl Desk {
    fn new() -> Self {
        // No room is ever reported here, so there is enough of it from the beginning.
        let limits = Limits { outbox_bytes_max: u32::MAX, ..limits() };
        Self { engine: engine(limits), tray: Tray::new(), source: Bytes::new(), peer: Peer::from("127.0.0.1:4711") }
    }

    /// A desk with a publisher at 0.
    fn with_publisher(version: Version) -> Self {
        let mut desk = Self::new();
        desk.join(0, &Hello::new("publisher").version(version));
        desk
    }

    fn join(&mut self, slot: u32, hello: &Hello) {
        self.connect(link(slot), &packet(hello.bytes(), hello.version));
        self.tray.clear();
    }

    fn subscribe(&mut self, slot: u32, filter: &str, qos: u8, version: Version) {
        self.hand(link(slot), &packet(subscribe(1, filter, qos).bytes(version), version));
        assert_eq!(self.said(version), [(slot, "SUBACK")]);
        self.tray.clear();
    }

    fn connect(&mut self, link: LinkId, packet: &Packet<'_>) {
        if let Packet::Connect(connect) = packet {
            self.engine.handle(NOW, Input::Linked { link, connect, peer: &self.peer }, &mut self.tray);
        }
    }

    #[inline]
    fn hand(&mut self, link: LinkId, packet: &Packet<'_>) {
        let input = Input::Received { link, packet: black_box(packet), source: &self.source };
        black_box(self.engine.handle(NOW, input, &mut self.tray));
    }

    fn acknowledge(&mut self, slot: u32, kind: AckKind, packet_id: PacketId) {
        self.hand(link(slot), &Packet::Ack(Ack::new(kind, packet_id, ReasonCode::Success)));
    }

    /// The end of one iteration: what there is to do is looked at and forgotten.
    #[inline]
    fn clear(&mut self) {
        black_box(&self.tray);
        self.tray.clear();
    }

    /// What is to be sent: to whom, which packet.
    fn said(&self, version: Version) -> Vec<(u32, &'static str)> {
        let mut said = Vec::new();
        for effect in &self.tray.effects {
            let Effect::Send { link, range, .. } = effect else { continue };
            let mut rest = &self.tray.bytes[range.start as usize..range.end as usize];
            while let Ok(Some(frame)) = split(rest, usize::MAX) {
                said.push((link.slot, Packet::decode(frame, version).map_or("?", |packet| packet.name())));
                rest = &rest[frame.len..];
            }
        }
        said
    }
}

fn unwanted() -> Work {
    let mut desk = Desk::with_publisher(V3);
    desk.join(1, &Hello::new("subscriber").v3());
    desk.subscribe(1, "building/+/floor/2/temperature", 0, V3);
    let publish = packet(message().bytes(V3), V3);
    desk.hand(link(0), &publish);
    assert!(desk.tray.is_empty(), "nobody wants it");
    Work::each(move || {
        desk.hand(link(0), &publish);
        desk.clear();
    })
}

fn q0(version: Version, message: &Pub) -> Work {
    let mut desk = Desk::with_publisher(version);
    desk.join(1, &Hello::new("subscriber").version(version));
    desk.subscribe(1, TOPIC, 0, version);
    let publish = packet(message.bytes(version), version);
    desk.hand(link(0), &publish);
    assert_eq!(desk.said(version), [(1, "PUBLISH")]);
    desk.clear();
    Work::each(move || {
        desk.hand(link(0), &publish);
        desk.clear();
    })
}

/// A subscriber, and what one iteration of a flow is to say. The engine gives packet identifiers in order.
fn flow(hello: &Hello, qos: u8, said: &[(u32, &str)], mut flow: impl FnMut(&mut Desk, PacketId) + 'static) -> Work {
    let mut desk = Desk::with_publisher(V3);
    desk.join(1, hello);
    desk.subscribe(1, TOPIC, qos, V3);
    let mut next = PacketId::FIRST;
    for _ in 0..3 {
        flow(&mut desk, next);
        next = next.next();
        assert_eq!(desk.said(V3), said);
        desk.clear();
    }
    Work::each(move || {
        flow(&mut desk, black_box(next));
        next = next.next();
        desk.clear();
    })
}

fn q1(hello: &Hello) -> Work {
    let publish = packet(message().q1(1).bytes(V3), V3);
    flow(hello, 1, &[(1, "PUBLISH"), (0, "PUBACK")], move |desk, packet_id| {
        desk.hand(link(0), &publish);
        desk.acknowledge(1, AckKind::Puback, packet_id);
    })
}

fn q2() -> Work {
    let publish = packet(message().q2(1).bytes(V3), V3);
    let said = [(1, "PUBLISH"), (0, "PUBREC"), (0, "PUBCOMP"), (1, "PUBREL")];
    flow(&Hello::new("subscriber").v3(), 2, &said, move |desk, packet_id| {
        desk.hand(link(0), &publish);
        desk.acknowledge(0, AckKind::Pubrel, PacketId::FIRST);
        desk.acknowledge(1, AckKind::Pubrec, packet_id);
        desk.acknowledge(1, AckKind::Pubcomp, packet_id);
    })
}

fn fanout(qos: u8) -> Work {
    let mut desk = Desk::with_publisher(V3);
    for slot in 1..=FANOUT {
        desk.join(slot, &Hello::new(&format!("subscriber-{slot}")).v3());
        desk.subscribe(slot, TOPIC, qos, V3);
    }
    let message = if qos == 0 { message() } else { message().q1(1) };
    let publish = packet(message.bytes(V3), V3);
    let mut next = PacketId::FIRST;
    let mut once = move || {
        desk.hand(link(0), &publish);
        if qos > 0 {
            (1..=FANOUT).for_each(|slot| desk.acknowledge(slot, AckKind::Puback, next));
            next = next.next();
        }
        let effects = black_box(desk.tray.effects.len());
        desk.clear();
        effects
    };
    for _ in 0..2 {
        assert_eq!(once(), FANOUT as usize + usize::from(qos));
    }
    Work::each(move || {
        black_box(once());
    })
}

/// A client that was here once, subscribed and left.
fn with_absentee() -> Desk {
    let mut desk = Desk::with_publisher(V3);
    desk.join(1, &Hello::new("subscriber").v3().resume());
    desk.subscribe(1, TOPIC, 1, V3);
    desk.hand(link(1), &packet(disconnect(ReasonCode::Success, V3), V3));
    desk.clear();
    desk
}

fn queueing() -> Work {
    let mut desk = with_absentee();
    let publish = packet(message().q1(1).bytes(V3), V3);
    desk.hand(link(0), &publish);
    assert_eq!(desk.said(V3), [(0, "PUBACK")]);
    Work::each(move || {
        desk.hand(link(0), &publish);
        desk.clear();
    })
}

fn draining() -> Work {
    let mut desk = with_absentee();
    let publish = packet(message().q1(1).bytes(V3), V3);
    let hello = packet(Hello::new("subscriber").v3().resume().bytes(), V3);
    let bye = packet(disconnect(ReasonCode::Success, V3), V3);
    let mut link_now = link(1);
    let mut cycle = move |look: fn(&Desk)| {
        (0..QUEUED).for_each(|_| desk.hand(link(0), &publish));
        desk.clear();
        link_now.epoch += 1;
        desk.connect(link_now, &hello);
        look(&desk);
        // Nothing is in flight when the client leaves, so its identifiers begin anew.
        let mut packet_id = PacketId::FIRST;
        for _ in 0..QUEUED {
            desk.hand(link_now, &Packet::Ack(Ack::new(AckKind::Puback, packet_id, ReasonCode::Success)));
            packet_id = packet_id.next();
        }
        desk.hand(link_now, &bye);
        desk.clear();
    };
    for _ in 0..2 {
        cycle(|desk| {
            let said = desk.said(V3);
            assert_eq!(said.iter().filter(|(_, name)| *name == "PUBLISH").count(), QUEUED as usize);
        });
    }
    Work::each(move || cycle(|_| {}))
}

fn replaying() -> Work {
    let mut desk = Desk::with_publisher(V3);
    for number in 0..10_000 {
        let topic = format!("site/{}/device-{}/state", number / 1000, number % 1000);
        desk.hand(link(0), &packet(publish(&topic, "").sized(64).retain().bytes(V3), V3));
    }
    desk.join(1, &Hello::new("subscriber").v3());
    let wish = packet(subscribe(1, "site/3/#", 0).bytes(V3), V3);
    let mut once = move |look: fn(&Desk)| {
        desk.hand(link(1), &wish);
        while desk.engine.has_work() {
            desk.engine.handle(NOW, Input::Continue, &mut desk.tray);
        }
        look(&desk);
        desk.clear();
    };
    for _ in 0..2 {
        once(|desk| assert_eq!(desk.said(V3).len(), 1001));
    }
    Work::each(move || once(|_| {}))
}

fn subscribing() -> Work {
    let mut desk = Desk::with_publisher(V3);
    let wish = packet(subscribe(1, TOPIC, 1).bytes(V3), V3);
    let regret = packet(unsubscribe(2, &[TOPIC], V3), V3);
    let mut once = move |look: fn(&Desk)| {
        desk.hand(link(0), &wish);
        desk.hand(link(0), &regret);
        look(&desk);
        desk.clear();
    };
    for _ in 0..2 {
        once(|desk| assert_eq!(desk.said(V3), [(0, "SUBACK"), (0, "UNSUBACK")]));
    }
    Work::each(move || once(|_| {}))
}

fn connecting() -> Work {
    let mut desk = Desk::new();
    let hello = packet(Hello::new("sensor-0815").v3().keep_alive(60).bytes(), V3);
    let wish = packet(subscribe(1, TOPIC, 1).bytes(V3), V3);
    let bye = packet(disconnect(ReasonCode::Success, V3), V3);
    let mut link_now = link(0);
    let mut cycle = move |look: fn(&Desk)| {
        link_now.epoch += 1;
        desk.connect(link_now, &hello);
        desk.hand(link_now, &wish);
        desk.hand(link_now, &bye);
        look(&desk);
        desk.clear();
    };
    for _ in 0..2 {
        cycle(|desk| assert_eq!(desk.said(V3), [(0, "CONNACK"), (0, "SUBACK")]));
    }
    Work::each(move || cycle(|_| {}))
}

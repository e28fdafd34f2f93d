//! What one conversation costs by itself: flows, mailbox, timers, messages.

use super::{Benchmark, Work};
use postrider_proto::{PacketId, Properties, Qos, Topic};
use postrider_session::flow::{Admission, Inbound, Outbound, Pubrec};
use postrider_session::{
    Bounds, Mailbox, Message, MessageParts, Mono, Offered, Overflow, Parcel, SubscriptionIds, Wheel,
};
use std::hint::black_box;

const TIMES: u64 = 50_000;

pub(super) const ALL: &[Benchmark] = &[
    Benchmark::new("session/message", "a message of 64 bytes, made and dropped", TIMES, making),
    Benchmark::new("session/qos1", "QoS 1 outbound: begin, PUBACK", TIMES, qos1),
    Benchmark::new("session/qos2", "QoS 2, both halves: PUBLISH, PUBREC, PUBREL, PUBCOMP", TIMES, qos2),
    Benchmark::new("session/mailbox", "push and pop in a mailbox where 100 wait", TIMES, || mailbox(100)),
    Benchmark::new("session/mailbox-empty", "push and pop in a mailbox where nothing waits", TIMES, || mailbox(0)),
    Benchmark::new("session/timer", "insert and cancel beside 10,000 timers", 64_000, timer),
];

fn parts() -> MessageParts<'static> {
    MessageParts {
        topic: Topic::trusted(b"building/7/floor/3/temperature"),
        payload: &[b'x'; 64],
        properties: Properties::NONE,
        qos: Qos::AtLeastOnce,
        expires: None,
        sequence: postrider_session::Sequence::NONE,
    }
}

fn parcel() -> Parcel {
    Parcel {
        message: Message::new(&parts()),
        qos: Qos::AtLeastOnce,
        retain: false,
        subscription_ids: SubscriptionIds::None,
        share: None,
    }
}

fn making() -> Work {
    let parts = parts();
    Work::each(move || {
        black_box(Message::new(black_box(&parts)));
    })
}

fn qos1() -> Work {
    let mut outbound = Outbound::default();
    outbound.connect(100);
    let parcel = parcel();
    let mut once = move || {
        let packet_id = outbound.begin(Qos::AtLeastOnce, Some(black_box(&parcel).clone()));
        outbound.on_puback(black_box(packet_id)).is_some()
    };
    assert!(once(), "a PUBACK that is known");
    Work::each(move || {
        black_box(once());
    })
}

fn qos2() -> Work {
    let (mut outbound, mut inbound) = (Outbound::default(), Inbound::default());
    outbound.connect(100);
    inbound.connect(100);
    let parcel = parcel();
    let mut once = move || {
        let packet_id = black_box(outbound.begin(Qos::ExactlyOnce, Some(black_box(&parcel).clone())));
        let is_new = inbound.on_publish(Qos::ExactlyOnce, packet_id) == Admission::New;
        let is_released = matches!(outbound.on_pubrec(packet_id, false), Pubrec::Release(Some(_)));
        let is_known = inbound.on_pubrel(packet_id);
        is_new & is_released & is_known & outbound.on_pubcomp(packet_id)
    };
    assert!(once(), "a flow to its end");
    Work::each(move || {
        black_box(once());
    })
}

fn mailbox(waiting: usize) -> Work {
    let bounds = Bounds {
        messages_max: 1000,
        qos0_max: 1000,
        bytes_max: 1 << 20,
        memory_bytes_max: 256 * 1024,
        overflow: Overflow::Reject,
    };
    let mut mailbox = Mailbox::default();
    let parcel = parcel();
    for _ in 0..waiting {
        assert!(matches!(mailbox.offer(Mono(0), parcel.clone(), &bounds), Offered::Queued), "room");
    }
    Work::each(move || {
        let offered = mailbox.offer(Mono(0), black_box(&parcel).clone(), black_box(&bounds));
        black_box((&offered, mailbox.pop()));
    })
}

fn timer() -> Work {
    let mut wheel = Wheel::default();
    for number in 0..10_000u64 {
        wheel.insert(Mono(number * 997), PacketId::FIRST);
    }
    let mut turn = 0;
    let mut once = move || {
        turn = (turn + 1) % 16;
        let key = wheel.insert(black_box(Mono(turn * 90_001)), PacketId::FIRST);
        wheel.cancel(black_box(key)).is_some()
    };
    assert!(once(), "a timer that was set");
    Work::each(move || {
        black_box(once());
    })
}

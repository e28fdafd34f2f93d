//! Fuzz targets; each is an ordinary test that replays its corpus and then tries random input.

use postrider_engine::{Recovery, Seeds, describe_record};
use postrider_ports::PartitionId;
use postrider_proto::AckKind::{Puback, Pubcomp, Pubrec, Pubrel};
use postrider_session::{Mono, Now, Sequence, Wall};
use postrider_testkit::{Found, Hello, Pace, Remains, World, limits, publish, subscribe, unsubscribe};

/// `kind, how far the number is from the last, length as two bytes, payload` again and again, for a record each.
fn records_in(mut input: &[u8]) -> Found {
    let (mut records, mut number) = (Found::new(), 0);
    while let Some((&[kind, step, low, high], rest)) = input.split_first_chunk() {
        let (payload, rest) = rest.split_at(usize::from(u16::from_le_bytes([low, high])).min(rest.len()));
        number += u64::from(step).max(1);
        records.insert(Sequence(number), (kind, payload.to_vec().into()));
        input = rest;
    }
    records
}

const NOW: Now = Now { mono: Mono(1_000_000), wall: Wall(1_700_000_000_000) };

/// Those that a recovery takes. One that it refuses changes nothing.
fn accepted(records: Found) -> Found {
    let mut recovery = Recovery::new(limits(), PartitionId(0), Seeds { hash: 1, ids: 1 }, NOW);
    let take = |(sequence, (kind, payload)): &(Sequence, (u8, bytes::Bytes))| {
        let said = describe_record(*kind, payload);
        let taken = recovery.replay(*sequence, *kind, payload);
        assert!(taken.is_err() || !said.contains("cannot be read"), "{said}");
        taken.is_ok()
    };
    records.into_iter().filter(take).collect()
}

/// A broker that begins with whatever records serves, and so does the one that begins with what that one leaves.
fn serve(found: &Found) {
    let mut world = World::durable(|_| {});
    world.now = NOW;
    let last = found.last_key_value().map_or(Sequence::NONE, |(last, _)| *last);
    world.driver.shelf.as_mut().expect("a log").log.forgive();
    world.driver.restart(world.now, found, last);
    assert_eq!(world.driver.broken, None);
    world.set_commits(Pace::AtOnce);
    for round in 0..2 {
        // A record may say that a session is somebody else's: then its client is refused.
        let publisher = world.dial(&Hello::new("publisher"));
        let clients = ["s", "t", "u"].map(|id| world.dial(&Hello::new(id).resume().expiry(1000)));
        world.publish(publisher, &publish("t/1", "one").q1(1));
        world.publish(publisher, &publish("t/1", "two").q2(2).retain());
        world.ack(publisher, Pubrel, 2);
        for client in clients {
            world.subscribe(client, &subscribe(9, "t/#", 2));
            for id in 1..4 {
                world.ack(client, if round == 0 { Puback } else { Pubrec }, id);
                world.ack(client, Pubcomp, id);
            }
            world.take(client);
        }
        let [first, second, _] = clients;
        world.cut(first);
        // It may have been thrown out for an acknowledgement that nobody waited for.
        if !world.is_closed(second) {
            world.raw(second, &unsubscribe(10, &["t/#"], second.version));
        }
        world.publish(publisher, &publish("t/1", ""));
        world.publish(publisher, &publish("t/2", "three").q1(3));
        world.advance(5);
        world.crash(if round == 0 { Remains::LEAST } else { Remains::MOST });
        world.advance(500);
    }
    world.advance(100_000);
    assert_eq!(world.driver.broken, None);
}

#[test]
fn records() {
    bolero::check!()
        .with_iterations(1_000)
        .with_max_len(4096)
        .for_each(|input: &[u8]| serve(&accepted(records_in(input))));
}

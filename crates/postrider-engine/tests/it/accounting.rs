use postrider_engine::Who;
use postrider_ports::{Access, Cause, DropReason, Event};
use postrider_proto::{Property, PropertyId, Version};
use postrider_testkit::{Client, Hello, World, publish, subscribe};

// D-04: owed = sent + queued + dropped, and the invariants look at it after every packet of every test.
#[test]
fn every_delivery_is_sent_waits_or_is_counted_as_dropped() {
    let mut world = World::with(|limits| limits.mailbox.messages_max = 2);
    let here = world.connect(&Hello::new("here"));
    world.subscribed(here, "a", 1);
    let away = world.connect(&Hello::new("away").expiry(100));
    world.subscribed(away, "a", 1);
    world.cut(away);
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("a", "zero"));
    for id in 1..=5 {
        world.publish(writer, &publish("a", "x").q1(id));
    }
    let counters = world.counters();
    assert_eq!(counters.messages_received, 6);
    assert_eq!(counters.deliveries_owed, 12);
    assert_eq!(counters.deliveries_sent, 6);
    assert_eq!(counters.deliveries_queued, 2);
    assert_eq!(counters.drops.of(DropReason::Offline), 1);
    assert_eq!(counters.drops.of(DropReason::MailboxFull), 3);
    world.advance(101);
    let counters = world.counters();
    assert_eq!(counters.deliveries_queued, 0);
    assert_eq!(counters.drops.of(DropReason::SessionEnded), 2);
}

#[test]
fn observers_hear_of_connections_subscriptions_and_their_ends() {
    let mut world = World::new();
    let client = world.connect(&Hello::new("c").expiry(5).will(publish("w", "dead")));
    world.subscribed(client, "a", 1);
    world.cut(client);
    world.advance(6);
    let kinds: Vec<&str> = world
        .driver
        .events
        .iter()
        .map(|event| match event {
            Event::Connected { .. } => "connected",
            Event::Subscribed { .. } => "subscribed",
            Event::Disconnected { cause: Cause::Closed, .. } => "closed",
            Event::WillPublished { .. } => "will",
            Event::SessionEnded { .. } => "ended",
            _ => "other",
        })
        .collect();
    assert_eq!(kinds, ["connected", "subscribed", "closed", "will", "ended"]);
}

/// Every PUBLISH and every other packet that a client was sent.
fn packets(world: &mut World, clients: &[Client]) -> (u64, u64) {
    let lines: Vec<String> = clients.iter().flat_map(|client| world.take(*client)).collect();
    let publishes = lines.iter().filter(|line| line.starts_with("PUBLISH")).count();
    (publishes as u64, (lines.len() - publishes) as u64)
}

// World::counters compares the bytes.
#[test]
fn every_packet_and_byte_is_counted_whatever_form_a_message_takes() {
    for (payload_bytes, qos, version) in [10, 5000]
        .into_iter()
        .flat_map(|len| [0, 1, 2].map(|qos| (len, qos)))
        .flat_map(|(len, qos)| [Version::V3_1_1, Version::V5].map(|version| (len, qos, version)))
    {
        let mut world = World::with(|limits| {
            limits.outbox_bytes_max = 1 << 20;
            limits.fanout_slice = 2;
        });
        let hello = |name: &str| Hello::new(name).version(version).resume();
        let names = ["one", "two", "three", "shared"];
        let mut clients: Vec<Client> = names.iter().map(|name| world.dial(&hello(name))).collect();
        for (client, filter) in clients.clone().into_iter().zip(["a", "+", "a", "$share/g/a"]) {
            world.subscribe(client, &subscribe(1, filter, qos));
        }
        let writer = world.dial(&Hello::new("writer"));
        let message = publish("a", "").sized(payload_bytes).retain();
        world.publish(writer, &if qos == 0 { message } else { message.q1(1) });
        // It is resent to those who come back, and one who comes late gets what is retained.
        world.cut(clients[0]);
        clients.push(world.dial(&hello("one").property(Property::TwoBytes(PropertyId::ReceiveMaximum, 5))));
        clients.push(world.dial(&Hello::new("late")));
        world.subscribe(clients[5], &subscribe(1, "#", qos));
        clients.push(writer);
        let counters = world.counters();
        let (publishes, others) = packets(&mut world, &clients);
        let what = format!("{payload_bytes} bytes, QoS {qos}, {version:?}");
        assert_eq!((counters.sent.publishes, counters.sent.packets), (publishes, publishes + others), "{what}");
        assert_eq!(counters.sent.payload_bytes, publishes * payload_bytes as u64, "{what}");
        assert!(publishes >= 5, "{what}");
    }
}

#[test]
fn a_packet_that_waits_for_a_plugin_is_counted_once() {
    let mut world = World::with(|limits| limits.authorize = Who::Plugin);
    let client = world.connect(&Hello::new("c"));
    let before = world.counters().received;
    let bytes = publish("a", "x").bytes(client.version);
    world.raw(client, &bytes);
    assert_eq!(world.counters().received, before, "it is not taken yet");
    world.authorize(&[Access::Allow]);
    let after = world.counters().received;
    assert_eq!((after.packets, after.bytes), (before.packets + 1, before.bytes + bytes.len() as u64));
    assert_eq!((after.publishes, after.payload_bytes), (1, 1));
}

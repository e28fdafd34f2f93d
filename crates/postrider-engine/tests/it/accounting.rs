use postrider_ports::{Cause, DropReason, Event};
use postrider_testkit::{Hello, World, publish};

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

use postrider_testkit::{Client, Hello, World, publish};

fn crowd(world: &mut World, count: usize, qos: u8) -> Vec<Client> {
    (0..count)
        .map(|number| {
            let client = world.connect(&Hello::new(&format!("r{number}")).expiry(60));
            world.subscribed(client, "news", qos);
            client
        })
        .collect()
}

#[test]
fn a_long_fan_out_is_done_in_slices_and_acknowledged_after_the_last() {
    let mut world = World::with(|limits| limits.fanout_slice = 10);
    world.driver.works_at_once = false;
    let readers = crowd(&mut world, 35, 1);
    let writer = world.connect(&Hello::new("w"));
    let other = world.connect(&Hello::new("other"));
    world.publish(writer, &publish("news", "1").q1(1));
    world.publish(writer, &publish("news", "2").q1(2));
    assert!(world.take(writer).is_empty(), "the acknowledgement waits");
    let served = |world: &mut World| -> usize { readers.iter().map(|reader| world.take(*reader).len()).sum() };
    assert_eq!(served(&mut world), 10);
    // Others have their turn in between.
    world.publish(other, &publish("elsewhere", "x").q1(1));
    assert_eq!(world.take(other), ["PUBACK #1 NoMatchingSubscribers"]);
    for expected in [10, 10] {
        world.driver.work(world.now);
        assert_eq!(served(&mut world), expected);
        assert!(world.take(writer).is_empty());
    }
    world.driver.work(world.now);
    assert_eq!(served(&mut world), 5 + 10, "the last slice, and the first of the next message");
    assert_eq!(world.take(writer), ["PUBACK #1"]);
    while world.driver.engine.has_work() {
        world.driver.work(world.now);
    }
    assert_eq!(world.take(writer), ["PUBACK #2"]);
    assert_eq!(served(&mut world), 25);
}

// The list is fixed at match: who comes later gets nothing, and who takes the place of somebody who left
// gets nothing that was meant for him.
#[test]
fn sessions_that_end_or_begin_during_a_fan_out_get_only_what_is_theirs() {
    let mut world = World::with(|limits| limits.fanout_slice = 5);
    world.driver.works_at_once = false;
    let readers = crowd(&mut world, 12, 0);
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("news", "x"));
    for gone in &readers[8..] {
        world.disconnect(*gone);
    }
    for number in 8..12 {
        world.connect(&Hello::new(&format!("r{number}")));
    }
    let strangers: Vec<Client> = (0..6).map(|number| world.connect(&Hello::new(&format!("s{number}")))).collect();
    while world.driver.engine.has_work() {
        world.driver.work(world.now);
    }
    for reader in &readers[..8] {
        assert_eq!(world.take(*reader), ["PUBLISH news q0 \"x\""]);
    }
    for stranger in strangers {
        assert!(world.take(stranger).is_empty());
    }
}

#[test]
fn a_publisher_that_leaves_during_its_fan_out_stops_nothing() {
    let mut world = World::with(|limits| limits.fanout_slice = 5);
    world.driver.works_at_once = false;
    let readers = crowd(&mut world, 12, 1);
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("news", "x").q1(1));
    world.cut(writer);
    while world.driver.engine.has_work() {
        world.driver.work(world.now);
    }
    for reader in readers {
        assert_eq!(world.take(reader), ["PUBLISH news q1 #1 \"x\""]);
    }
}

#[test]
fn everybody_is_served_in_his_own_dialect_and_qos() {
    let mut world = World::new();
    let mut readers = Vec::new();
    for number in 0..30 {
        let hello = Hello::new(&format!("r{number}"));
        let client = world.connect(&if number % 2 == 0 { hello } else { hello.v3() });
        world.subscribed(client, "news", number % 3);
        readers.push((client, number % 3));
    }
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("news", "x").q2(1));
    for (client, qos) in readers {
        let id = if qos == 0 { "" } else { " #1" };
        assert_eq!(world.take(client), [format!("PUBLISH news q{qos}{id} \"x\"")]);
    }
}

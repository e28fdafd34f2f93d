use postrider_proto::{Property, PropertyId};
use postrider_testkit::{Client, Hello, World, publish};

fn hello(name: &str, maximum: u16) -> Hello {
    Hello::new(name).property(Property::TwoBytes(PropertyId::TopicAliasMaximum, maximum))
}

fn say(world: &mut World, writer: Client, topics: &[&str]) {
    for topic in topics {
        world.publish(writer, &publish(topic, "x"));
    }
}

// [MQTT-3.1.2-26], [MQTT-3.3.2-8], [MQTT-3.3.2-10], [MQTT-3.3.2-11]
#[test]
fn a_client_that_allows_aliases_gets_each_name_once_and_the_oldest_alias_gives_way() {
    let mut world = World::new();
    let reader = world.connect(&hello("r", 2));
    world.subscribed(reader, "#", 0);
    let writer = world.connect(&Hello::new("w"));
    say(&mut world, writer, &["plant/1", "plant/2", "plant/1", "plant/3", "plant/1", "plant/2", "abc"]);
    let lines = [
        "PUBLISH plant/1 q0 \"x\" TopicAlias=1",
        "PUBLISH plant/2 q0 \"x\" TopicAlias=2",
        "PUBLISH  q0 \"x\" TopicAlias=1",
        "PUBLISH plant/3 q0 \"x\" TopicAlias=2",
        "PUBLISH  q0 \"x\" TopicAlias=1",
        "PUBLISH plant/2 q0 \"x\" TopicAlias=2",
        "PUBLISH abc q0 \"x\"",
    ];
    assert_eq!(world.take(reader), lines);
}

// [MQTT-3.1.2-27]
#[test]
fn a_client_that_allows_no_aliases_gets_none_whoever_else_does() {
    let mut world = World::new();
    let clients = [hello("a", 5), hello("b", 0), Hello::new("c"), Hello::new("d").v3()].map(|hello| {
        let client = world.connect(&hello);
        world.subscribed(client, "plant/#", 0);
        client
    });
    let writer = world.connect(&Hello::new("w"));
    say(&mut world, writer, &["plant/1", "plant/1"]);
    let plain = ["PUBLISH plant/1 q0 \"x\""; 2];
    assert_eq!(world.take(clients[0]), ["PUBLISH plant/1 q0 \"x\" TopicAlias=1", "PUBLISH  q0 \"x\" TopicAlias=1"]);
    for client in &clients[1..] {
        assert_eq!(world.take(*client), plain);
    }
}

// [MQTT-3.3.2-7]
#[test]
fn aliases_end_with_their_connection_and_what_is_sent_again_has_its_name() {
    let mut world = World::new();
    let durable = hello("r", 9).resume().expiry(100);
    let reader = world.connect(&durable);
    world.subscribed(reader, "plant/#", 1);
    let writer = world.connect(&Hello::new("w"));
    for id in 1..=3 {
        world.publish(writer, &publish("plant/1", "x").q1(id));
    }
    assert_eq!(world.take(reader)[1], "PUBLISH  q1 #2 \"x\" TopicAlias=1");
    world.cut(reader);
    world.publish(writer, &publish("plant/1", "y").q1(4));
    let reader = world.dial(&durable);
    let again = |id| format!("PUBLISH plant/1 q1 #{id} dup \"x\"");
    let lines = [again(1), again(2), again(3), "PUBLISH plant/1 q1 #4 \"y\" TopicAlias=1".to_owned()];
    assert_eq!(world.take(reader)[1..], lines);
}

#[test]
fn an_alias_never_makes_a_packet_larger_than_the_client_takes() {
    let mut world = World::new();
    let reader = world.connect(&hello("r", 9).property(Property::FourBytes(PropertyId::MaximumPacketSize, 40)));
    world.subscribed(reader, "plant/#", 0);
    let writer = world.connect(&Hello::new("w"));
    for size in 20..=30 {
        world.publish(writer, &publish("plant/1", "").sized(size));
    }
    let lines = world.take(reader);
    assert_eq!(lines.len(), 9, "7 bytes of name and 5 of lengths and flags: up to 28 bytes of payload fit");
    assert_eq!(lines.iter().filter(|line| line.contains("TopicAlias")).count(), 4);
}

#[test]
fn the_limit_of_the_broker_holds_too() {
    let mut world = World::with(|limits| limits.topic_alias_out_max = 0);
    let reader = world.connect(&hello("r", 9));
    world.subscribed(reader, "plant/#", 0);
    let writer = world.connect(&Hello::new("w"));
    say(&mut world, writer, &["plant/1", "plant/1"]);
    assert_eq!(world.take(reader), ["PUBLISH plant/1 q0 \"x\""; 2]);
}

// A7
#[test]
fn a_client_that_allows_every_alias_gets_no_more_than_the_broker_uses() {
    let mut world = World::new();
    let reader = world.connect(&hello("r", u16::MAX));
    world.subscribed(reader, "plant/#", 0);
    let writer = world.connect(&Hello::new("w"));
    let mut numbers = std::collections::BTreeSet::new();
    for number in 0..70_000 {
        world.publish(writer, &publish(&format!("plant/{number}"), "x"));
        for line in world.take(reader) {
            numbers.insert(line.split("TopicAlias=").nth(1).expect("an alias").parse::<u16>().expect("a number"));
        }
    }
    assert_eq!(numbers, (1..=16).collect());
}

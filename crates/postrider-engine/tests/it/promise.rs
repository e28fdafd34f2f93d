//! Listeners whose clients are promised less than the log could keep.

use postrider_engine::{Durability, Limits, ListenerLimits};
use postrider_proto::AckKind::{Puback, Pubrec, Pubrel};
use postrider_testkit::{Client, Hello, Pace, Remains, World, publish, subscribe};

/// The first listener is as durable as the broker, the second forgets.
fn world() -> World {
    World::durable(forgetful)
}

fn forgetful(limits: &mut Limits) {
    let own = ListenerLimits { durability: Some(Durability::Memory), ..ListenerLimits::default() };
    limits.durability = Durability::Fsync;
    limits.tells_durability = true;
    limits.listeners = vec![ListenerLimits::default(), own];
}

fn lasting(id: &str) -> Hello {
    Hello::new(id).resume().expiry(1000)
}

/// Through the durable listener; CONNACK and what it brings.
fn strictly(world: &mut World, hello: &Hello) -> (Client, Vec<String>) {
    world.through(0);
    let client = world.dial(hello);
    world.commit();
    let lines = world.take(client);
    (client, lines)
}

/// Through the one that forgets.
fn loosely(world: &mut World, hello: &Hello) -> (Client, Vec<String>) {
    world.through(1);
    let client = world.dial(hello);
    let lines = world.take(client);
    (client, lines)
}

fn is_resumed(lines: &[String]) -> bool {
    lines[0].contains("present")
}

/// `s` subscribes to `t` with QoS 2 through the durable listener.
fn with_subscriber(world: &mut World) -> Client {
    let (client, _) = strictly(world, &lasting("s"));
    world.subscribe(client, &subscribe(1, "t", 2));
    assert!(world.take(client).is_empty(), "SUBACK before the subscription is durable");
    world.commit();
    world.take(client);
    client
}

#[test]
fn a_session_that_begins_where_nothing_is_kept_stands_in_no_log_and_ends_with_the_process() {
    let mut world = world();
    let before = world.log().last();
    let (client, lines) = loosely(&mut world, &lasting("m"));
    assert!(lines[0].contains("memory"), "it is told so: {lines:?}");
    world.subscribe(client, &subscribe(1, "t", 1));
    assert_eq!(world.take(client), ["SUBACK #1 01"]);
    world.publish(client, &publish("t", "x").q2(7));
    assert_eq!(world.take(client), ["PUBLISH t q1 #1 \"x\"", "PUBREC #7"]);
    assert_eq!(world.log().last(), before, "nothing was appended");
    // It outlives its connection all the same.
    world.cut(client);
    let (_, lines) = loosely(&mut world, &lasting("m"));
    assert!(is_resumed(&lines) && lines[1].contains("dup"), "{lines:?}");
    world.crash(Remains::MOST);
    let (_, lines) = loosely(&mut world, &lasting("m"));
    assert!(!is_resumed(&lines), "{lines:?}");
}

#[test]
fn an_acknowledgement_waits_for_the_log_only_where_that_is_promised() {
    let mut world = world();
    with_subscriber(&mut world);
    let (loose, _) = loosely(&mut world, &Hello::new("loose"));
    let (strict, _) = strictly(&mut world, &Hello::new("strict"));
    for message in [publish("t", "x").q1(1), publish("t", "x").q1(2).retain(), publish("t", "x").q2(3)] {
        world.publish(loose, &message);
        assert_eq!(world.take(loose).len(), 1, "it does not wait");
        world.publish(strict, &message);
        assert!(world.take(strict).is_empty(), "it waits");
        world.commit();
        assert_eq!(world.take(strict).len(), 1);
    }
}

#[test]
fn what_is_acknowledged_where_the_log_is_waited_for_is_there_after_any_crash() {
    for remains in [Remains::LEAST, Remains::MOST] {
        let mut world = world();
        let subscriber = with_subscriber(&mut world);
        world.cut(subscriber);
        let (loose, _) = loosely(&mut world, &Hello::new("loose"));
        let (strict, _) = strictly(&mut world, &Hello::new("strict"));
        world.publish(strict, &publish("t", "kept").q1(1));
        world.publish(loose, &publish("t", "perhaps").q1(1));
        world.commit();
        assert_eq!(world.take(strict), ["PUBACK #1"]);
        world.publish(loose, &publish("t", "acknowledged and lost").q1(2));
        assert_eq!(world.take(loose), ["PUBACK #1", "PUBACK #2"]);
        world.crash(remains);
        let (_, lines) = strictly(&mut world, &lasting("s"));
        assert!(is_resumed(&lines));
        let heard: Vec<_> = lines[1..].iter().map(|line| line.split('"').nth(1).unwrap_or("")).collect();
        // What was appended before something durable is durable, too.
        assert_eq!(heard[..2], ["kept", "perhaps"]);
    }
}

#[test]
fn a_session_in_the_log_keeps_its_promises_wherever_its_client_comes_in() {
    let mut world = world();
    let subscriber = with_subscriber(&mut world);
    world.cut(subscriber);
    world.through(1);
    let client = world.dial(&lasting("s"));
    assert!(world.take(client).is_empty(), "CONNACK before the log knows");
    world.commit();
    assert!(is_resumed(&world.take(client)));
    let (strict, _) = strictly(&mut world, &Hello::new("strict"));
    world.publish(strict, &publish("t", "x").q2(1));
    assert!(world.take(client).is_empty(), "its packet identifier is in the log first");
    world.commit();
    assert_eq!(world.take(client), ["PUBLISH t q2 #1 \"x\""]);
    world.ack(client, Pubrec, 1);
    assert!(world.take(client).is_empty(), "PUBREL before the log knows");
    world.commit();
    assert_eq!(world.take(client), ["PUBREL #1"]);
}

#[test]
fn a_client_that_is_promised_more_than_its_session_can_hold_begins_anew() {
    let mut world = world();
    let (client, _) = loosely(&mut world, &lasting("m"));
    world.subscribed(client, "t", 1);
    let (client, lines) = strictly(&mut world, &lasting("m"));
    assert!(!is_resumed(&lines), "{lines:?}");
    world.subscribe(client, &subscribe(1, "t", 1));
    world.commit();
    world.take(client);
    // And this one is there after a crash.
    world.crash(Remains::LEAST);
    let (_, lines) = strictly(&mut world, &lasting("m"));
    assert!(is_resumed(&lines));
    assert_eq!(world.session("m").expect("there").subscriptions, 1);
}

#[test]
fn a_session_that_ended_does_not_come_back_when_its_client_began_anew_where_nothing_is_kept() {
    let mut world = world();
    let subscriber = with_subscriber(&mut world);
    world.cut(subscriber);
    world.commit();
    world.through(1);
    let client = world.dial(&Hello::new("s").expiry(1000));
    assert!(world.take(client).is_empty(), "CONNACK before the end of its session is durable");
    world.commit();
    assert!(!is_resumed(&world.take(client)));
    world.crash(Remains::LEAST);
    let (_, lines) = strictly(&mut world, &lasting("s"));
    assert!(!is_resumed(&lines), "{lines:?}");
}

#[test]
fn members_of_a_recorded_group_may_be_forgotten_and_its_messages_are_not() {
    let mut world = world();
    let (kept, _) = strictly(&mut world, &lasting("kept"));
    world.subscribe(kept, &subscribe(1, "$share/g/t", 1));
    world.commit();
    world.take(kept);
    world.cut(kept);
    let (loose, _) = loosely(&mut world, &lasting("loose"));
    world.subscribed(loose, "$share/g/t", 1);
    let (strict, _) = strictly(&mut world, &Hello::new("strict"));
    world.publish(strict, &publish("t", "x").q1(1));
    assert_eq!(world.take(loose), ["PUBLISH t q1 #1 \"x\""], "it waits for nothing");
    world.commit();
    assert_eq!(world.take(strict), ["PUBACK #1"]);
    world.crash(Remains::LEAST);
    let (_, lines) = strictly(&mut world, &lasting("kept"));
    assert_eq!(lines[1..], ["PUBLISH t q1 #1 \"x\""], "whoever had it is gone, and had not acknowledged it");
}

#[test]
fn a_backlog_a_will_and_a_changed_promise_agree_with_the_books() {
    let mut world = world();
    let subscriber = with_subscriber(&mut world);
    world.set_commits(Pace::AtOnce);
    let (loose, _) = loosely(&mut world, &lasting("m").will_after(publish("t", "gone").q1(1), 10));
    world.subscribed(loose, "t", 2);
    world.cut(subscriber);
    world.cut(loose);
    let (strict, _) = strictly(&mut world, &Hello::new("strict"));
    for id in 1..=20 {
        world.publish(strict, &publish("t", "backlog").q2(id));
        world.ack(strict, Pubrel, id);
    }
    assert_eq!(world.session("m").expect("there").queued, 10, "as much as a mailbox holds");
    world.advance(11);
    let (loose, lines) = loosely(&mut world, &lasting("m"));
    assert!(is_resumed(&lines) && lines.len() == 11, "{lines:?}");
    world.ack(loose, Puback, 1);
    // From now on nothing is forgotten there, so what is in memory alone ends with the next connection.
    world.adopt(|limits| limits.listeners[1].durability = None);
    let (_, lines) = loosely(&mut world, &lasting("m"));
    assert!(!is_resumed(&lines), "{lines:?}");
}

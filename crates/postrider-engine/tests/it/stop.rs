//! An orderly stop writes everything there is to know: what was heard last, who is away, what became of the wills.

use postrider_engine::{durable_state, is_settled};
use postrider_ports::{Answer, Question, Ticket};
use postrider_proto::AckKind::{Puback, Pubcomp, Pubrec};
use postrider_testkit::{Client, Hello, Pace, Remains, World, publish, subscribe};

fn durable(id: &str) -> Hello {
    Hello::new(id).resume().expiry(100)
}

/// A world whose log keeps up by itself.
fn world() -> World {
    let mut world = World::durable(|_| {});
    world.set_commits(Pace::AtOnce);
    world
}

/// The client connects; what it was sent then is taken.
fn arrive(world: &mut World, hello: &Hello) -> (Client, Vec<String>) {
    let client = world.dial(hello);
    let lines = world.take(client);
    assert!(lines[0].starts_with("CONNACK Success"), "{lines:?}");
    (client, lines[1..].to_vec())
}

/// The broker stops in order.
fn stop(world: &mut World) {
    world.ask(Question::Shutdown);
    assert!(is_settled(&world.driver.engine), "something was left unwritten");
}

/// So many seconds pass without a broker, then another begins with what is durable.
fn start_after(world: &mut World, seconds: u64) {
    let (found, last) = world.log().remains(Remains::LEAST);
    world.advance(seconds);
    world.driver.restart(world.now, &found, last);
}

#[test]
fn acknowledgements_of_the_last_moment_survive_an_orderly_stop() {
    let mut world = world();
    let (reader, _) = arrive(&mut world, &durable("s"));
    world.subscribed(reader, "t", 2);
    let (publisher, _) = arrive(&mut world, &Hello::new("p"));
    world.publish(publisher, &publish("t", "one").q1(1));
    world.publish(publisher, &publish("t", "two").q2(2));
    world.publish(publisher, &publish("t", "three").q1(3));
    world.take(reader);
    world.ack(reader, Puback, 1);
    world.ack(reader, Pubrec, 2);
    world.ack(reader, Pubcomp, 2);
    stop(&mut world);
    let before = durable_state(&world.driver.engine);
    start_after(&mut world, 0);
    assert_eq!(durable_state(&world.driver.engine), before);
    let (_, lines) = arrive(&mut world, &durable("s"));
    assert_eq!(lines, ["PUBLISH t q1 #3 dup \"three\""]);
}

#[test]
fn what_a_shared_subscription_was_relieved_of_stays_so_after_an_orderly_stop() {
    let mut world = world();
    let (member, _) = arrive(&mut world, &durable("m"));
    world.subscribe(member, &subscribe(1, "$share/g/t", 1));
    let (publisher, _) = arrive(&mut world, &Hello::new("p"));
    for id in 1..=3 {
        world.publish(publisher, &publish("t", &id.to_string()).q1(id));
    }
    world.take(member);
    world.ack(member, Puback, 1);
    world.ack(member, Puback, 3);
    stop(&mut world);
    start_after(&mut world, 0);
    let (_, lines) = arrive(&mut world, &durable("m"));
    assert_eq!(lines, ["PUBLISH t q1 #4 \"2\""]);
}

// [MQTT-4.1.0-2]
#[test]
fn a_session_that_lost_its_connection_at_the_stop_expires_as_if_the_broker_had_gone_on() {
    for cut_before in [true, false] {
        let mut world = world();
        let (client, _) = arrive(&mut world, &durable("s"));
        if cut_before {
            world.cut(client);
        }
        stop(&mut world);
        start_after(&mut world, 60);
        world.advance(50);
        assert!(world.session("s").is_none(), "it has been away for 110 of its 100 seconds");
    }
}

// [MQTT-3.1.2-10]
#[test]
fn a_will_that_went_out_or_was_taken_back_before_the_stop_does_not_go_out_after_the_start() {
    for says_good_bye in [true, false] {
        let mut world = world();
        let (watcher, _) = arrive(&mut world, &durable("w"));
        world.subscribed(watcher, "will", 1);
        let (client, _) = arrive(&mut world, &durable("c").will(publish("will", "gone").q1(1)));
        if says_good_bye {
            world.disconnect(client)
        } else {
            world.cut(client)
        }
        let heard = world.take(watcher).len();
        assert_eq!(heard, usize::from(!says_good_bye));
        if heard > 0 {
            world.ack(watcher, Puback, 1);
        }
        stop(&mut world);
        start_after(&mut world, 0);
        world.advance(40);
        let (_, lines) = arrive(&mut world, &durable("w"));
        assert!(lines.is_empty(), "{lines:?}");
    }
}

#[test]
fn a_stop_with_more_to_write_than_there_is_room_for_is_over_when_all_is_written() {
    const SESSIONS: usize = 600;
    let mut world = world();
    for number in 0..SESSIONS {
        arrive(&mut world, &durable(&format!("s{number}")));
    }
    world.set_commits(Pace::WhenTold);
    world.driver.shelf.as_mut().expect("a log").room = 0;
    world.commit();
    let before = world.log().last();
    world.driver.ask(world.now, Ticket(77), Question::Shutdown);
    assert!(world.driver.answers.is_empty(), "not everything is written");
    let mut most = 0;
    let mut last = before;
    while world.driver.answers.is_empty() {
        most = most.max(world.log().last().0 - last.0);
        last = world.log().last();
        assert!(last.0 - before.0 < 10 * SESSIONS as u64, "it goes on for ever");
        world.commit();
    }
    assert!(most <= 512, "{most} records at a stretch where there is no room");
    assert_eq!(world.driver.answers, [(Ticket(77), Answer::Ended(SESSIONS as u64))]);
    assert!(is_settled(&world.driver.engine));
}

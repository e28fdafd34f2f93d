//! What is acknowledged is in the log first, and what is in the log comes back.

use postrider_engine::{Durability, durable_state, is_settled};
use postrider_proto::AckKind::{Puback, Pubcomp, Pubrec, Pubrel};
use postrider_testkit::{Client, Hello, Pace, Released, Remains, World, publish, subscribe, unsubscribe};

fn durable(id: &str) -> Hello {
    Hello::new(id).resume().expiry(1000)
}

/// Connects where CONNACK has to wait for the log.
fn connect(world: &mut World, hello: &Hello) -> (Client, Vec<String>) {
    let client = world.dial(hello);
    assert!(world.take(client).is_empty(), "CONNACK before the session is durable");
    world.commit();
    let answer = world.take(client);
    assert!(answer.first().is_some_and(|line| line.starts_with("CONNACK Success")), "{answer:?}");
    (client, answer)
}

fn clean(world: &mut World, id: &str) -> Client {
    world.connect(&Hello::new(id))
}

/// A world in which `s` is subscribed to `t/#` with QoS 2 and durable, and gone.
fn with_subscriber(qos: u8) -> World {
    let mut world = World::durable(|_| {});
    let (client, _) = connect(&mut world, &durable("s"));
    world.subscribe(client, &subscribe(1, "t/#", qos));
    assert!(world.take(client).is_empty(), "SUBACK before the subscription is durable");
    world.commit();
    assert_eq!(world.take(client), [format!("SUBACK #1 {qos:02x}")]);
    world.cut(client);
    world.advance(1);
    world.commit();
    world
}

fn is_resumed(answer: &[String]) -> bool {
    answer[0].contains("Success present")
}

#[test]
fn a_message_for_a_durable_session_is_acknowledged_when_it_is_durable_and_survives() {
    let mut world = with_subscriber(1);
    let publisher = clean(&mut world, "p");
    world.publish(publisher, &publish("t/1", "hello").q1(1));
    assert!(world.take(publisher).is_empty(), "PUBACK before the message is durable");
    world.commit();
    assert_eq!(world.take(publisher), ["PUBACK #1"]);
    for remains in [Remains::LEAST, Remains::MOST] {
        world.crash(remains);
    }
    let (client, answer) = connect(&mut world, &durable("s"));
    assert!(is_resumed(&answer), "{answer:?}");
    assert_eq!(answer[1..], ["PUBLISH t/1 q1 #1 \"hello\""]);
    world.ack(client, Puback, 1);
    world.advance(1);
    world.commit();
    world.crash(Remains::LEAST);
    let (_, answer) = connect(&mut world, &durable("s"));
    assert_eq!(answer.len(), 1, "{answer:?}");
}

#[test]
fn a_message_that_no_durable_session_gets_never_touches_the_log() {
    let mut world = with_subscriber(1);
    let (publisher, reader) = (clean(&mut world, "p"), clean(&mut world, "r"));
    world.subscribed(reader, "other", 2);
    let before = world.log().last();
    for (id, qos) in [(1, 0), (2, 1), (3, 2)] {
        let message = publish("other", "x");
        world.publish(
            publisher,
            &match qos {
                0 => message,
                1 => message.q1(id),
                _ => message.q2(id),
            },
        );
    }
    assert_eq!(world.log().last(), before);
    assert_eq!(world.take(publisher), ["PUBACK #2", "PUBREC #3"]);
    assert_eq!(world.take(reader).len(), 3);
}

#[test]
fn nobody_sees_a_message_before_it_is_durable_and_later_ones_do_not_overtake_it() {
    let mut world = with_subscriber(1);
    let (publisher, reader) = (clean(&mut world, "p"), clean(&mut world, "r"));
    world.subscribed(reader, "#", 1);
    world.publish(publisher, &publish("t/1", "kept").q1(1));
    world.publish(publisher, &publish("u", "not kept"));
    assert!(world.take(reader).is_empty());
    world.commit();
    assert_eq!(world.take(reader), ["PUBLISH t/1 q1 #1 \"kept\"", "PUBLISH u q0 \"not kept\""]);
}

#[test]
fn what_was_not_durable_has_never_been() {
    let mut world = with_subscriber(1);
    let publisher = clean(&mut world, "p");
    world.publish(publisher, &publish("t/1", "lost").q1(1));
    world.crash(Remains::LEAST);
    let (_, answer) = connect(&mut world, &durable("s"));
    assert_eq!(answer.len(), 1, "{answer:?}");
}

#[test]
fn exactly_once_holds_across_crashes_of_the_broker_at_every_step() {
    // [MQTT-4.3.3-10], [MQTT-4.3.3-11]
    for crashes_at in 0..7 {
        let mut world = with_subscriber(2);
        let crash = |world: &mut World, step: usize| {
            if step == crashes_at {
                world.commit();
                world.crash(Remains::LEAST);
            }
            step == crashes_at
        };
        let (mut publisher, _) = connect(&mut world, &durable("p"));
        world.publish(publisher, &publish("t/1", "once").q2(7));
        if crash(&mut world, 0) {
            publisher = connect(&mut world, &durable("p")).0;
            world.publish(publisher, &publish("t/1", "once").q2(7).dup());
        }
        world.commit();
        assert_eq!(world.take(publisher).last().map(String::as_str), Some("PUBREC #7"));
        world.ack(publisher, Pubrel, 7);
        if crash(&mut world, 1) {
            publisher = connect(&mut world, &durable("p")).0;
            world.ack(publisher, Pubrel, 7);
        }
        world.commit();
        assert!(world.take(publisher).last().is_some_and(|line| line.starts_with("PUBCOMP #7")));
        let (mut client, mut answer) = connect(&mut world, &durable("s"));
        assert_eq!(answer[1..], ["PUBLISH t/1 q2 #1 \"once\""]);
        for (step, sent) in [(2, "PUBLISH t/1 q2 #1 dup \"once\""), (3, "PUBLISH t/1 q2 #1 dup \"once\"")] {
            if crash(&mut world, step) {
                (client, answer) = connect(&mut world, &durable("s"));
                assert_eq!(answer[1..], [sent], "crash at {step}");
            }
        }
        world.ack(client, Pubrec, 1);
        if crash(&mut world, 4) {
            (client, answer) = connect(&mut world, &durable("s"));
            assert_eq!(answer[1..], ["PUBREL #1"]);
        }
        world.commit();
        world.take(client);
        world.ack(client, Pubcomp, 1);
        if crash(&mut world, 5) {
            (client, answer) = connect(&mut world, &durable("s"));
            assert!(answer.len() == 1 || answer[1..] == ["PUBREL #1"], "{answer:?}");
        }
        world.advance(1);
        world.commit();
        if crash(&mut world, 6) {
            (client, answer) = connect(&mut world, &durable("s"));
            assert_eq!(answer.len(), 1, "{answer:?}");
        }
        // The identifier is free again and means another message.
        if crashes_at > 1 && crashes_at < 7 {
            publisher = connect(&mut world, &durable("p")).0;
        }
        world.publish(publisher, &publish("t/2", "twice").q2(7));
        world.commit();
        if crashes_at < 5 {
            assert_eq!(world.take(client).last().map(String::as_str), Some("PUBLISH t/2 q2 #2 \"twice\""));
        }
    }
}

#[test]
fn a_publish_with_qos_2_leaves_when_the_log_has_its_identifier() {
    let mut world = with_subscriber(2);
    let publisher = clean(&mut world, "p");
    world.publish(publisher, &publish("t/1", "a").q2(1));
    world.commit();
    let client = world.dial(&durable("s"));
    assert!(world.take(client).is_empty());
    world.commit();
    assert_eq!(world.take(client)[1..], ["PUBLISH t/1 q2 #1 \"a\""]);
    world.ack(client, Pubrec, 1);
    assert!(world.take(client).is_empty(), "PUBREL before the log knows of the PUBREC");
    world.commit();
    assert_eq!(world.take(client), ["PUBREL #1"]);
}

#[test]
fn an_identifier_of_a_durable_publisher_is_remembered_though_nobody_gets_the_message() {
    // [MQTT-4.3.3-10]
    let mut world = World::durable(|_| {});
    let (publisher, _) = connect(&mut world, &durable("p"));
    world.publish(publisher, &publish("u", "x").q2(5));
    assert!(world.take(publisher).is_empty(), "PUBREC before the identifier is durable");
    world.commit();
    assert_eq!(world.take(publisher), ["PUBREC #5 NoMatchingSubscribers"]);
    world.crash(Remains::LEAST);
    let (publisher, _) = connect(&mut world, &durable("p"));
    let reader = clean(&mut world, "r");
    world.subscribed(reader, "u", 2);
    world.publish(publisher, &publish("u", "x").q2(5).dup());
    assert!(world.take(reader).is_empty(), "a duplicate");
    world.ack(publisher, Pubrel, 5);
    world.commit();
    assert_eq!(world.take(publisher), ["PUBREC #5", "PUBCOMP #5"]);
}

#[test]
fn retained_messages_come_back_and_cleared_ones_do_not() {
    for released in [Released::Kept, Released::Dropped] {
        let remains = Remains { unsynced: 0, released };
        let mut world = World::durable(|_| {});
        let publisher = clean(&mut world, "p");
        for (topic, payload, id) in [("a", "1", 1), ("b", "1", 2), ("a", "2", 3), ("b", "", 4), ("c", "1", 5)] {
            world.publish(publisher, &publish(topic, payload).q1(id).retain());
        }
        assert!(world.take(publisher).is_empty());
        world.commit();
        world.publish(publisher, &publish("d", "short").retain().expiry(2));
        world.commit();
        world.crash(remains);
        world.advance(3);
        world.commit();
        world.crash(remains);
        let reader = clean(&mut world, "r");
        world.subscribe(reader, &subscribe(1, "#", 1));
        let mut heard = world.take(reader);
        heard.sort();
        assert_eq!(
            heard,
            ["PUBLISH a q1 #1 retain \"2\"", "PUBLISH c q1 #2 retain \"1\"", "SUBACK #1 01"],
            "{released:?}"
        );
    }
}

#[test]
fn a_session_that_was_ended_stays_ended_whatever_the_log_still_has() {
    for released in [Released::Kept, Released::Dropped] {
        let mut world = with_subscriber(1);
        let again = world.dial(&Hello::new("s"));
        assert!(world.take(again).is_empty(), "CONNACK without session before its end is durable");
        world.commit();
        assert!(!is_resumed(&world.take(again)));
        world.cut(again);
        world.crash(Remains { unsynced: 0, released });
        let (client, answer) = connect(&mut world, &durable("s"));
        assert!(!is_resumed(&answer), "{answer:?}");
        let publisher = clean(&mut world, "p");
        world.publish(publisher, &publish("t/1", "x").q1(1));
        world.commit();
        assert!(world.take(client).is_empty(), "an old subscription is back");
    }
}

#[test]
fn an_unsubscription_is_durable_before_its_unsuback() {
    let mut world = with_subscriber(1);
    let (client, _) = connect(&mut world, &durable("s"));
    world.raw(client, &unsubscribe(2, &["t/#"], client.version));
    assert!(world.take(client).is_empty());
    world.commit();
    assert_eq!(world.take(client), ["UNSUBACK #2 00"]);
    world.crash(Remains::LEAST);
    let (client, _) = connect(&mut world, &durable("s"));
    let publisher = clean(&mut world, "p");
    world.publish(publisher, &publish("t/1", "x").q1(1));
    world.commit();
    assert!(world.take(client).is_empty());
}

#[test]
fn sessions_expire_by_the_time_that_passed_while_nobody_looked() {
    let mut world = with_subscriber(1);
    world.crash(Remains::LEAST);
    world.advance(990);
    world.commit();
    world.crash(Remains::LEAST);
    let state = durable_state(&world.driver.engine);
    assert!(state.contains("session s"), "{state}");
    world.advance(15);
    world.commit();
    world.crash(Remains::LEAST);
    assert_eq!(durable_state(&world.driver.engine), "");
}

#[test]
fn the_will_of_a_client_that_does_not_come_back_after_a_crash_is_published_once() {
    let mut world = with_subscriber(1);
    let (_, _) = connect(&mut world, &durable("w").will_after(publish("t/w", "gone").q1(1), 5));
    let (_, _) = connect(&mut world, &durable("x").will_after(publish("t/x", "gone").q1(1), 60));
    world.crash(Remains::LEAST);
    world.advance(29);
    let (client, _) = connect(&mut world, &durable("s"));
    assert!(world.take(client).is_empty());
    world.advance(2);
    world.commit();
    assert_eq!(world.take(client), ["PUBLISH t/w q1 #1 \"gone\""]);
    let (_, _) = connect(&mut world, &durable("x"));
    world.advance(1000);
    world.commit();
    assert!(world.take(client).is_empty(), "the will of a client that came back");
    world.crash(Remains::LEAST);
    world.advance(60);
    world.commit();
    let (_, answer) = connect(&mut world, &durable("s"));
    assert_eq!(answer[1..], ["PUBLISH t/w q1 #1 dup \"gone\""], "the will again");
}

#[test]
fn a_will_of_which_a_crash_left_only_the_message_is_not_published_again_when_that_is_gone() {
    for advance_ms in [0, 500] {
        let mut world = World::durable(|_| {});
        let (client, _) = connect(&mut world, &durable("w").will(publish("r", "gone").q1(1).retain()));
        world.cut(client);
        // The message, and not the session that has no will any more.
        world.crash(Remains { unsynced: 1, released: Released::Dropped });
        world.advance_ms(advance_ms);
        let publisher = clean(&mut world, "p");
        world.publish(publisher, &publish("r", "here again").q1(1).retain());
        world.commit();
        world.crash(Remains::LEAST);
        world.advance(60);
        world.commit();
        let reader = clean(&mut world, "r");
        world.subscribe(reader, &subscribe(1, "r", 0));
        assert_eq!(world.take(reader), ["SUBACK #1 00", "PUBLISH r q0 retain \"here again\""]);
    }
}

#[test]
fn a_backlog_is_read_back_from_the_log_in_its_order() {
    let mut world = World::durable(|limits| {
        limits.mailbox.messages_max = 10_000;
        limits.mailbox.bytes_max = 1 << 30;
        limits.mailbox.memory_bytes_max = 2_000;
    });
    world.set_commits(Pace::AtOnce);
    let client = world.connect(&durable("s"));
    world.subscribed(client, "t", 1);
    world.cut(client);
    let publisher = clean(&mut world, "p");
    for number in 0..2_000u16 {
        world.publish(publisher, &publish("t", &number.to_string()).q1(number + 1));
    }
    let half = world.take(publisher).len();
    assert_eq!(half, 2_000);
    world.crash(Remains::LEAST);
    let client = world.dial(&durable("s"));
    let mut heard = world.take(client).into_iter().skip(1).collect::<Vec<_>>();
    for id in 1..=2_000 {
        world.ack(client, Puback, id);
        heard.append(&mut world.take(client));
    }
    let expected: Vec<_> = (0..2_000).map(|number| format!("PUBLISH t q1 #{} \"{number}\"", number + 1)).collect();
    assert_eq!(heard, expected);
}

#[test]
fn a_message_that_went_out_at_once_does_not_overtake_after_a_crash_what_had_gone_out_before_it() {
    // [MQTT-4.6.0-6]
    let mut world = with_subscriber(1);
    let publisher = clean(&mut world, "p");
    world.publish(publisher, &publish("t/1", "first").q1(1));
    world.commit();
    let (client, answer) = connect(&mut world, &durable("s"));
    assert_eq!(answer[1..], ["PUBLISH t/1 q1 #1 \"first\""]);
    // That it went out is not on record yet; that the next one does is part of the message's own record.
    world.publish(publisher, &publish("t/1", "second").q1(2));
    world.commit();
    assert_eq!(world.take(client), ["PUBLISH t/1 q1 #2 \"second\""]);
    world.crash(Remains::LEAST);
    let (_, answer) = connect(&mut world, &durable("s"));
    assert_eq!(answer[1..], ["PUBLISH t/1 q1 #3 \"first\"", "PUBLISH t/1 q1 #4 \"second\""]);
}

#[test]
fn what_the_log_says_is_what_the_engine_knows() {
    let mut world = with_subscriber(2);
    let (publisher, _) = connect(&mut world, &durable("p").will(publish("t/w", "w").q1(1)));
    let (client, _) = connect(&mut world, &durable("s"));
    world.publish(publisher, &publish("t/1", "a").q2(1).retain());
    world.publish(publisher, &publish("t/2", "b").q1(2));
    world.publish(publisher, &publish("t/3", "c").q2(3).retain());
    world.commit();
    world.ack(client, Pubrec, 1);
    world.ack(client, Puback, 2);
    world.commit();
    world.advance(1);
    world.commit();
    assert!(is_settled(&world.driver.engine));
    let before = durable_state(&world.driver.engine);
    for released in [Released::Kept, Released::Dropped] {
        world.crash(Remains { unsynced: usize::MAX, released });
        world.advance(1);
        world.commit();
        assert_eq!(durable_state(&world.driver.engine), before);
    }
}

#[test]
fn what_a_shared_subscription_is_owed_survives_and_goes_to_whoever_comes() {
    // [MQTT-4.8.2-4], [MQTT-4.8.2-5]
    let mut world = World::durable(|_| {});
    let (a, _) = connect(&mut world, &durable("a"));
    world.subscribe(a, &subscribe(1, "$share/g/t", 1));
    assert!(world.take(a).is_empty(), "SUBACK before the group is durable");
    world.commit();
    assert_eq!(world.take(a), ["SUBACK #1 01"]);
    let publisher = clean(&mut world, "p");
    for id in 1..=4 {
        world.publish(publisher, &publish("t", &id.to_string()).q1(id));
    }
    assert!(world.take(publisher).is_empty(), "PUBACK before the message is durable");
    world.commit();
    assert_eq!(world.take(publisher).len(), 4);
    assert_eq!(world.take(a).len(), 4);
    world.ack(a, Puback, 2);
    world.advance(1);
    world.commit();
    world.cut(a);
    world.publish(publisher, &publish("t", "5").q1(5));
    world.commit();
    let before = durable_state(&world.driver.engine);
    for released in [Released::Kept, Released::Dropped] {
        world.crash(Remains { unsynced: 0, released });
        world.advance(1);
        world.commit();
        assert_eq!(durable_state(&world.driver.engine), before);
    }
    let (b, _) = connect(&mut world, &durable("b"));
    world.subscribe(b, &subscribe(1, "$share/g/t", 1));
    world.commit();
    let heard: Vec<_> = world.take(b).into_iter().skip(1).collect();
    let expected = [(1, "1"), (2, "3"), (3, "4"), (4, "5")];
    assert_eq!(heard, expected.map(|(id, text)| format!("PUBLISH t q1 #{id} \"{text}\"")));
}

#[test]
fn a_group_of_which_a_crash_left_only_the_member_is_owed_what_is_acknowledged_from_then_on() {
    for stays_away in [true, false] {
        let mut world = World::durable(|_| {});
        let (a, _) = connect(&mut world, &durable("a"));
        world.subscribe(a, &subscribe(1, "$share/g/t", 1));
        // The subscription, and not the group that comes behind it.
        world.crash(Remains { unsynced: 1, released: Released::Dropped });
        if !stays_away {
            connect(&mut world, &durable("a"));
        }
        let publisher = clean(&mut world, "p");
        world.publish(publisher, &publish("t", "kept").q1(1));
        assert!(world.take(publisher).is_empty(), "PUBACK before the message is durable");
        world.commit();
        assert_eq!(world.take(publisher), ["PUBACK #1"]);
        world.crash(Remains::LEAST);
        let (_, answer) = connect(&mut world, &durable("a"));
        assert!(is_resumed(&answer), "{answer:?}");
        assert_eq!(answer[1..], ["PUBLISH t q1 #1 \"kept\""]);
    }
}

#[test]
fn a_group_is_over_only_when_its_last_member_is() {
    for unsynced in 0..=2 {
        let mut world = World::durable(|_| {});
        let (a, _) = connect(&mut world, &durable("a"));
        world.subscribe(a, &subscribe(1, "$share/g/t", 1));
        world.commit();
        world.cut(a);
        let publisher = clean(&mut world, "p");
        world.publish(publisher, &publish("t", "kept").q1(1));
        world.commit();
        assert_eq!(world.take(publisher), ["PUBACK #1"]);
        // A clean start, of which some records are left, and nobody has heard its answer.
        world.dial(&Hello::new("a"));
        world.crash(Remains { unsynced, released: Released::Dropped });
        let (_, answer) = connect(&mut world, &durable("a"));
        let owed: &[&str] = if is_resumed(&answer) { &["PUBLISH t q1 #1 \"kept\""] } else { &[] };
        assert_eq!(answer[1..], *owed, "behind a crash that left {unsynced} records");
    }
}

#[test]
fn a_message_with_qos_2_of_a_shared_subscription_stays_with_the_member_it_went_out_to() {
    // [MQTT-4.8.2-4]
    let mut world = World::durable(|_| {});
    let (a, _) = connect(&mut world, &durable("a"));
    world.subscribe(a, &subscribe(1, "$share/g/t", 2));
    world.commit();
    world.take(a);
    world.cut(a);
    let publisher = clean(&mut world, "p");
    world.publish(publisher, &publish("t", "waits").q2(1));
    world.commit();
    world.crash(Remains::LEAST);
    let (a, answer) = connect(&mut world, &durable("a"));
    assert_eq!(answer[1..], ["PUBLISH t q2 #1 \"waits\""]);
    world.take(a);
    world.crash(Remains::LEAST);
    let (b, _) = connect(&mut world, &durable("b"));
    world.subscribe(b, &subscribe(1, "$share/g/t", 2));
    world.commit();
    assert_eq!(world.take(b), ["SUBACK #1 02"], "it is another's");
    let (a, answer) = connect(&mut world, &durable("a"));
    assert_eq!(answer[1..], ["PUBLISH t q2 #1 dup \"waits\""]);
    world.ack(a, Pubrec, 1);
    world.commit();
    world.ack(a, Pubcomp, 1);
    world.advance(1);
    world.commit();
    world.crash(Remains::MOST);
    let (_, answer) = connect(&mut world, &durable("a"));
    assert_eq!(answer.len(), 1, "{answer:?}");
}

#[test]
fn a_client_can_be_told_what_an_acknowledgement_promises() {
    let mut world = World::durable(|limits| {
        limits.durability = Durability::Fsync;
        limits.tells_durability = true;
    });
    let (_, answer) = connect(&mut world, &durable("c"));
    assert!(answer[0].contains("durability=fsync") || answer[0].contains("durability:fsync"), "{answer:?}");
}

#[test]
fn the_will_of_the_only_member_waits_for_its_group() {
    let mut world = World::durable(|_| {});
    let (a, _) = connect(&mut world, &durable("a").will(publish("t", "w").q1(1)));
    world.subscribe(a, &subscribe(1, "$share/g/t", 0));
    world.commit();
    world.take(a);
    world.cut(a);
    world.commit();
    let before = durable_state(&world.driver.engine);
    assert!(before.contains("owed [4]"), "{before}");
    world.crash(Remains::MOST);
    assert_eq!(durable_state(&world.driver.engine), before);
}

#[test]
fn a_will_that_is_out_stays_out_when_the_record_of_its_message_is_gone() {
    let mut world = with_subscriber(1);
    let (_, _) = connect(&mut world, &durable("w").will(publish("t/w", "gone").q1(1)));
    world.crash(Remains::LEAST);
    world.advance(1);
    world.commit();
    world.advance(31);
    // The message is found, and not what says that its session has no will any more.
    world.crash(Remains { unsynced: 1, released: Released::Dropped });
    let (client, answer) = connect(&mut world, &durable("s"));
    assert_eq!(answer[1..], ["PUBLISH t/w q1 #1 \"gone\""]);
    world.ack(client, Puback, 1);
    world.advance(1);
    world.commit();
    world.crash(Remains::LEAST);
    world.advance(60);
    world.commit();
    let (_, answer) = connect(&mut world, &durable("s"));
    assert_eq!(answer.len(), 1, "the will again: {answer:?}");
}

#[test]
fn an_identifier_of_qos_2_is_on_record_also_for_what_a_group_was_owed_before_it_was() {
    // [MQTT-4.3.3-2]
    let mut world = World::durable(|_| {});
    let first = clean(&mut world, "first");
    world.subscribe(first, &subscribe(1, "$share/g/t", 1));
    world.take(first);
    let publisher = clean(&mut world, "p");
    world.publish(publisher, &publish("t", "early").q2(1));
    assert_eq!(world.take(first), ["PUBLISH t q1 #1 \"early\""]);
    let (a, _) = connect(&mut world, &durable("a"));
    world.subscribe(a, &subscribe(1, "$share/g/t", 2));
    world.commit();
    world.take(a);
    world.cut(first);
    assert!(world.take(a).is_empty(), "PUBLISH before its identifier is durable");
    world.commit();
    assert_eq!(world.take(a), ["PUBLISH t q2 #1 \"early\""]);
    world.crash(Remains::LEAST);
    let (a, answer) = connect(&mut world, &durable("a"));
    assert_eq!(answer[1..], ["PUBLISH t q2 #1 dup \"early\""], "or the identifier means another message");
    world.ack(a, Pubrec, 1);
    world.commit();
    world.ack(a, Pubcomp, 1);
    world.advance(1);
    world.commit();
    world.crash(Remains::MOST);
    let (_, answer) = connect(&mut world, &durable("a"));
    assert_eq!(answer.len(), 1, "{answer:?}");
}

#[test]
fn what_the_broker_says_of_itself_uses_no_identifier_that_means_another_message_behind_a_crash() {
    let mut world = World::durable(|limits| limits.sys_interval_s = 10);
    let (a, _) = connect(&mut world, &durable("a"));
    world.subscribe(a, &subscribe(1, "$SYS/#", 2));
    world.commit();
    world.take(a);
    world.advance(11);
    world.commit();
    let heard = world.take(a);
    assert!(heard.iter().any(|line| line.starts_with("PUBLISH $SYS/") && line.contains(" q1 ")), "{heard:?}");
    assert!(!heard.iter().any(|line| line.contains(" q2 ")), "a crash forgets that identifier: {heard:?}");
}

#[test]
fn what_waits_again_behind_another_message_is_owed_when_that_one_is_over() {
    let mut world = with_subscriber(1);
    let publisher = clean(&mut world, "p");
    world.publish(publisher, &publish("t/1", "first").q1(1));
    world.commit();
    let (_, answer) = connect(&mut world, &durable("s"));
    assert_eq!(answer[1..], ["PUBLISH t/1 q1 #1 \"first\""]);
    world.publish(publisher, &publish("t/1", "second").q1(2));
    world.commit();
    world.crash(Remains::LEAST);
    // A picture in which both wait.
    world.advance(1);
    world.commit();
    let (client, answer) = connect(&mut world, &durable("s"));
    assert_eq!(answer[1..], ["PUBLISH t/1 q1 #3 \"first\"", "PUBLISH t/1 q1 #4 \"second\""]);
    world.ack(client, Puback, 3);
    world.crash(Remains::LEAST);
    let (_, answer) = connect(&mut world, &durable("s"));
    assert!(answer[1..].iter().any(|line| line.contains("second")), "{answer:?}");
}

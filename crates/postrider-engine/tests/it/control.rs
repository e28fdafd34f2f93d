//! Commands under `$CONTROL`.

use postrider_engine::{Judge, Verdict, Who};
use postrider_ports::{Access, Answer, ControlRequest, Question, Ticket};
use postrider_proto::{AckKind, Property, PropertyId};
use postrider_testkit::{Client, Hello, World, publish, subscribe};

const TOPIC: &str = "$CONTROL/lamp/v1";

fn world() -> World {
    World::with(|limits| {
        limits.authorize = Who::Plugin;
        limits.controls = vec!["lamp".into()];
    })
}

/// A client that hears responses.
fn asker(world: &mut World, id: &str) -> Client {
    let client = world.connect(&Hello::new(id));
    world.subscribe(client, &subscribe(1, "$CONTROL/#", 0).and("#", 0));
    world.authorize(&[Access::Allow, Access::Allow]);
    world.take(client);
    client
}

fn command(world: &mut World) -> (Ticket, ControlRequest) {
    let (ticket, question) = world.question();
    let Judge::Control(request) = question else { panic!("{question:?}") };
    (ticket, request)
}

fn respond(world: &mut World, ticket: Ticket, text: &str) {
    world.driver.answer(world.now, ticket, Verdict::Control(Some(text.as_bytes().into())));
}

#[test]
fn a_command_goes_to_its_plugin_and_the_response_to_its_sender_alone() {
    let mut world = world();
    let (other, client) = (asker(&mut world, "other"), asker(&mut world, "c"));
    let correlation = Property::Binary(PropertyId::CorrelationData, b"42");
    world.publish(client, &publish(TOPIC, "on").q1(1).retain().property(correlation));
    world.authorize(&[Access::Allow]);
    assert_eq!(world.take(client), ["PUBACK #1"], "the plugin has it");
    let (ticket, request) = command(&mut world);
    assert_eq!((&*request.topic, &*request.payload), (TOPIC, &b"on"[..]));
    assert_eq!(request.subject.client_id.as_str(), "c");
    assert!(!format!("{request:?}").contains("on\""), "no payload in a log");
    respond(&mut world, ticket, "it is on");
    assert_eq!(world.take(client), ["PUBLISH $CONTROL/lamp/v1/response q0 \"it is on\" CorrelationData=42"]);
    assert!(world.take(other).is_empty(), "neither the command nor the response");
    assert_eq!(world.counters().retained, 0);
}

#[test]
fn commands_of_every_qos_come_once() {
    let mut world = world();
    let client = asker(&mut world, "c");
    world.publish(client, &publish(TOPIC, "0"));
    world.authorize(&[Access::Allow]);
    let (first, request) = command(&mut world);
    assert_eq!(*request.payload, *b"0");
    world.publish(client, &publish(TOPIC, "2").q2(2));
    world.authorize(&[Access::Allow]);
    world.publish(client, &publish(TOPIC, "2").q2(2).dup());
    world.ack(client, AckKind::Pubrel, 2);
    assert_eq!(world.take(client), ["PUBREC #2", "PUBREC #2", "PUBCOMP #2"]);
    let (second, request) = command(&mut world);
    assert_eq!(*request.payload, *b"2");
    assert!(world.driver.questions.is_empty());
    // Responses come in the order in which plugins give them; one that gives none leaves nothing behind.
    world.driver.answer(world.now, second, Verdict::Control(None));
    respond(&mut world, first, "done");
    respond(&mut world, first, "twice");
    assert_eq!(world.take(client), ["PUBLISH $CONTROL/lamp/v1/response q0 \"done\""]);
}

#[test]
fn what_nobody_serves_or_allows_is_refused() {
    let mut world = world();
    let client = asker(&mut world, "c");
    for topic in ["$CONTROL/fan/v1", "$CONTROL/lamp/v2", "$CONTROL/lamp", "$CONTROL/lamp/v1/response", "$CONTROL//v1"] {
        world.publish(client, &publish(topic, "x").q1(1));
        assert_eq!(world.take(client), ["PUBACK #1 TopicNameInvalid"], "{topic}");
    }
    world.publish(client, &publish(TOPIC, "x").q1(1));
    world.authorize(&[Access::Deny]);
    assert_eq!(world.take(client), ["PUBACK #1 NotAuthorized"]);
    assert!(world.driver.questions.is_empty());
    let mut open = World::with(|limits| limits.controls = vec!["lamp".into()]);
    let client = open.connect(&Hello::new("c"));
    open.take(client);
    open.publish(client, &publish(TOPIC, "x").q1(1));
    assert_eq!(open.take(client), ["PUBACK #1 TopicNameInvalid"], "nobody says who may");
}

#[test]
fn a_will_is_no_command() {
    let mut world = world();
    let client = world.dial(&Hello::new("c").will(publish(TOPIC, "x")));
    assert_eq!(world.take(client), ["CONNACK TopicNameInvalid"]);
    assert!(world.driver.questions.is_empty());
}

#[test]
fn a_response_to_a_connection_that_has_ended_goes_nowhere() {
    let mut world = world();
    let client = asker(&mut world, "c");
    world.publish(client, &publish(TOPIC, "x"));
    world.authorize(&[Access::Allow]);
    let (ticket, _) = command(&mut world);
    world.cut(client);
    let again = asker(&mut world, "c");
    respond(&mut world, ticket, "late");
    assert!(world.take(again).is_empty());
    // A review in between does not take a response away.
    world.publish(again, &publish(TOPIC, "x"));
    world.authorize(&[Access::Allow]);
    let (ticket, _) = command(&mut world);
    assert_eq!(world.ask(Question::Review), Answer::Reviewing(1));
    world.authorize(&[Access::Allow, Access::Allow]);
    respond(&mut world, ticket, "now");
    assert_eq!(world.take(again), ["PUBLISH $CONTROL/lamp/v1/response q0 \"now\""]);
    let silent = world.connect(&Hello::new("silent"));
    world.take(silent);
    world.publish(silent, &publish(TOPIC, "x"));
    world.authorize(&[Access::Allow]);
    let (ticket, _) = command(&mut world);
    respond(&mut world, ticket, "nobody listens");
    assert!(world.take(silent).is_empty(), "it does not subscribe");
}
